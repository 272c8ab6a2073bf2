"""A turn that failed before there was an answer, as the data that every turn is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shopping_assistant.assistant import trace
from shopping_assistant.assistant.answers import failures


def failed_turn(
    number: int, text: str, tapped: dict | None, error: Exception, state: Mapping[str, Any], ms: float
) -> dict[str, Any]:
    """The turn object: what was said, a sentence on what to do next, the cause, and the wishes as they still hold.

    Args:
        tapped: the tap in the place of a sentence.
        state: of the conversation, as far as it can be read.
        ms: how long the turn took, milliseconds.
    """
    turn = {
        "turn": number,
        "shopper": text,
        "reply": failures.of_turn(error),
        "act": "other",
        "constraints": list(state.get("constraints") or ()),
        "asked": [],
        "targets": [],
        "products": [],
        "tools": [{"name": "assistant", "arguments": {}, "ms": round(ms, 1), "error": trace.cause(error)}],
    }
    beside = {"tapped": tapped, "leanings": state.get("leanings"), "measures": state.get("measures")}
    return {**turn, **{key: value for key, value in beside.items() if value}, "ms": round(ms, 1)}
