"""Conversations through the assistant's own understanding, while what the shop shows and says comes from the data.

The nodes of the assistant's graph that read a sentence and that close a turn are called as the graph calls them, on the
state they keep. Only what lies between, planning and the tools, is replaced by what a data set says happened.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime

from shopping_assistant.assistant.context import Settings, TurnContext
from shopping_assistant.assistant.graph import Agent
from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.session_log import SessionLog
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.assistant.state import constraints_of, leanings_of
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.store import Store


@dataclass(frozen=True)
class Heard:
    """What the assistant made of one sentence; ``added`` are its own wishes, ``ms`` what reading it took."""

    act: str
    constraints: tuple[Constraint, ...]
    added: tuple[Constraint, ...]
    asked: tuple[str, ...]
    targets: tuple[str, ...]
    query: str
    words: tuple[str, ...]
    ms: float


class Listener:
    """One shop's assistant that only listens. It writes into the store: give it one of its own (`scratch.own_copy`)."""

    def __init__(self, store: Path):
        opened = Store.open(store)
        self.shelf = Shelf(opened)
        self.log = SessionLog(opened.conversations_path)
        self._agent = Agent(self.shelf, self.log, Settings())
        self._conversations = 0

    def conversation(self) -> Listening:
        self._conversations += 1
        return Listening(self._agent, self.log, f"heard-{self._conversations}")


class Listening:
    """One conversation: `hear` a sentence, then tell with `answered` what the shop did."""

    def __init__(self, agent: Agent, log: SessionLog, thread_id: str):
        self._agent, self._log, self._thread = agent, log, thread_id
        self._state: dict[str, Any] = {}
        log.know(thread_id)

    def hear(self, text: str) -> Heard:
        """Read one sentence, knowing all that was heard and shown before."""
        start = time.perf_counter()
        state = {**self._state, "text": " ".join(text.split()), "turn": self._state.get("turn", 0) + 1}
        runtime = Runtime(context=TurnContext(self._thread, self._thread))
        self._state = {**state, **self._agent.understand(state, runtime)}
        ms = (time.perf_counter() - start) * 1000
        u = self._state["understood"]
        return Heard(
            u["act"], constraints_of(self._state["constraints"]), constraints_of(u["added"]), tuple(u["asked"]),
            tuple(u["targets"]), self._state["query"], tuple(self._state["words"]), ms,
        )  # fmt: skip

    def planned(self) -> list[tuple[str, dict[str, Any], tuple[Constraint, ...]]]:
        """The tools that the planner would call now, none of them called: name, arguments, and the wishes that hold."""
        runtime = Runtime(context=TurnContext(self._thread, self._thread))
        message = self._agent.plan(self._state, runtime)["messages"][-1]
        held = constraints_of(self._state["constraints"])
        calls = [(c["name"], c["args"], constraints_of(c["args"].get("constraints"))) for c in message.tool_calls]
        return [(name, given, (*held, *(c for c in more if c not in held))) for name, given, more in calls]

    @property
    def leanings(self) -> tuple[Leaning, ...]:
        """The wishes that order products and shut none out."""
        return leanings_of(self._state.get("leanings"))

    def answered(self, shown: Sequence[str] | None = None, question: bool = False, bagged: Sequence[str] = ()) -> None:
        """The shop's part of the turn.

        Args:
            shown: products on the cards now; None leaves them as they were.
            question: the shop asked back in place of doing something.
            bagged: what went into the bag.
        """
        for product in bagged:
            self._log.bagged(self._thread, product)
        answer = {} if shown is None else {"offers": [{"product_id": p, "reason": ""} for p in shown]}
        state = {**self._state, "answer": answer, "tools": [] if question else [{"name": "data"}]}
        runtime = Runtime(context=TurnContext(self._thread, self._thread))
        self._state = {**state, **self._agent.finish(state, runtime)}
