"""The tools of the assistant: the only place where a tool is registered.

To add one, write its file in `agent_tools/` and its line here.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from shopping_assistant.assistant.agent_tools import bag, forgetting, product_facts, recommending, searching
from shopping_assistant.assistant.agent_tools.desk import Desk, Tool, ToolError, ToolResult
from shopping_assistant.assistant.hosted_model import UNREADABLE
from shopping_assistant.tools.catalog import Catalog

_REGISTERED = (
    searching.search_products,
    searching.refine,
    searching.similar,
    searching.popular,
    recommending.recommend,
    product_facts.product_details,
    product_facts.compare,
    bag.add_to_bag,
    bag.remove_from_bag,
    bag.show_bag,
    forgetting.forget_wishes,
)
TOOLS: dict[str, Tool] = {t.name: t for t in _REGISTERED}


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
        checked = chosen.arguments.model_validate(arguments)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise ToolError(f"{name}: argument {where or '(all)'}: {first['msg']}") from None
    return chosen.run(desk, checked)
