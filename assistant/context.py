"""Settings of a run and of a turn; frozen, so that no node changes them under another."""

from __future__ import annotations

from dataclasses import dataclass

# Shown in one answer: what Recall@10 counts, and two rows of cards on a wide screen.
SHOWN = 10
# A model that calls tools in circles is stopped here and the offline model answers.
TOOL_CALLS_A_TURN = 6
# Messages of earlier turns a chat model still sees; the state it gets as JSON holds the rest.
MESSAGES_KEPT = 12


@dataclass(frozen=True)
class Settings:
    """One assistant. ``model`` names a LangChain chat model ("openai:gpt-5-mini"); None is the offline one."""

    model: str | None = None
    shown: int = SHOWN
    tool_calls: int = TOOL_CALLS_A_TURN
    messages_kept: int = MESSAGES_KEPT


@dataclass(frozen=True)
class TurnContext:
    """Who speaks in this turn."""

    thread_id: str
    user_id: str
