"""The tool that takes wishes back."""

from __future__ import annotations

from pydantic import Field

from shopping_assistant.assistant.agent_tools.desk import Arguments, Desk, ToolResult, tool
from shopping_assistant.assistant.language.wishes import FORGET_ALL, accumulate


class Forget(Arguments):
    attributes: list[str] = Field(
        description=f'attributes whose wishes are taken back; ["{FORGET_ALL}"] for all', max_length=20
    )


@tool(Forget, changes=True)
def forget_wishes(desk: Desk, given: Forget) -> ToolResult:
    """Take back wishes that the shopper no longer has. What the shopper excluded stays excluded."""
    kept, _ = accumulate(desk.shelf.vocabulary, desk.constraints, desk.previous, (), tuple(given.attributes), False)
    # Only the shopper's own words lift an exclusion, and what they said just now is not taken back for them.
    held = (*kept, *(c for c in desk.constraints if c not in kept and (c.is_exclusion or c in desk.added)))
    return ToolResult({"wishes": [c.as_dict() for c in held]}, constraints=held)
