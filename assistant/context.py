"""Settings of a run and of a turn; frozen, so that no node changes them under another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shopping_assistant.assistant.guests import GUEST_SECONDS

if TYPE_CHECKING:
    from shopping_assistant.assistant.shelf import Shelf

# Shown in one answer: what Recall@10 counts, and two rows of cards on a wide screen.
SHOWN = 10
# A model that calls tools in circles is stopped here and the offline model answers.
TOOL_CALLS_A_TURN = 6
# How long a hosted model may take for one turn, its tool calls together; the offline model answers then.
MODEL_SECONDS = 60.0
# Messages of earlier turns a chat model still sees; the state it gets as JSON holds the rest.
MESSAGES_KEPT = 12


@dataclass(frozen=True)
class Settings:
    """One assistant. ``model`` names a LangChain chat model ("openai:gpt-5-mini"); None is the offline one.

    ``base_url`` is where a server of one's own speaks the OpenAI protocol; ``asks_back`` whether a wide wish is
    answered with a question beside the products; ``guest_seconds`` how long a silent guest is remembered.
    """

    model: str | None = None
    base_url: str | None = None
    shown: int = SHOWN
    tool_calls: int = TOOL_CALLS_A_TURN
    messages_kept: int = MESSAGES_KEPT
    model_seconds: float = MODEL_SECONDS
    asks_back: bool = True
    guest_seconds: float = GUEST_SECONDS

    @property
    def planner(self) -> str:
        """Who plans, for the trace."""
        return self.model or self.base_url or "offline"


@dataclass(frozen=True)
class TurnContext:
    """Who speaks in this turn, and the shop as it was when it began; None is the agent's own shelf."""

    thread_id: str
    user_id: str
    shelf: Shelf | None = field(default=None, compare=False, repr=False)
