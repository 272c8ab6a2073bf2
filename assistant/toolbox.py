"""The tools of the assistant: the only place where a tool is registered.

To add one, write its file in `agent_tools/` and its line here; docs/add-a-tool.md walks through one.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pydantic import ValidationError

from shopping_assistant.assistant.agent_tools.desk import Desk, Tool, ToolError, ToolResult
from shopping_assistant.assistant.hosted_model import UNREADABLE
from shopping_assistant.tools.catalog import Catalog

#: Files of `agent_tools/`: all tools that are written in them.
FILES = (
    "searching",
    "recommending",
    "product_facts",
    "explaining",
    "size_advice",
    "bag",
    "saving",
    "judging",
    "forgetting",
)


def _tools_of(file: str) -> list[Tool]:
    module = import_module(f"shopping_assistant.assistant.agent_tools.{file}")
    return [t for t in vars(module).values() if isinstance(t, Tool) and t.run.__module__ == module.__name__]


TOOLS: dict[str, Tool] = {t.name: t for file in FILES for t in _tools_of(file)}


def schemas(catalog: Catalog) -> list[dict]:
    """All tools as OpenAI functions, with the attributes that this catalogue has."""
    return [t.schema_for(catalog) for t in TOOLS.values()]


def call(desk: Desk, name: str, arguments: dict[str, Any]) -> ToolResult:
    """Check the arguments of a call and carry it out.

    Raises:
        ToolError: there is no such tool, or the arguments do not fit it.
    """
    chosen = TOOLS.get(name)
    if chosen is None:
        raise ToolError(f"no tool named {name!r}; there are {', '.join(TOOLS)}")
    if UNREADABLE in arguments:
        raise ToolError(f"{name}: the arguments are no JSON object: {arguments[UNREADABLE]}; write them as one")
    try:
        # A model that has nothing to say for an argument often says null.
        checked = chosen.arguments.model_validate({k: v for k, v in arguments.items() if v is not None})
    except ValidationError as error:
        told = "; ".join(f"argument {'.'.join(map(str, e['loc'])) or '(all)'}: {e['msg']}" for e in error.errors()[:4])
        taken = ", ".join(chosen.arguments.model_fields) or "none"
        raise ToolError(f"{name}: {told}; its arguments are: {taken}") from None
    return chosen.run(desk, checked)
