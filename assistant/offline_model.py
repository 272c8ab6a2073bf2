"""The embedded chat model: it plans from the state of the conversation and answers from what the tools returned.

It is a LangChain chat model like any other, needs no key, no service and no network, and gives the same answer twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from shopping_assistant.assistant.answers import replies
from shopping_assistant.assistant.answers.photo import shown_a_photo
from shopping_assistant.assistant.prompts import state_in
from shopping_assistant.assistant.toolbox import TOOLS

Call = tuple[str, dict[str, Any]]
# Tools that bring products to choose from.
BRINGING = ("search_products", "recommend", "similar", "refine", "popular")
#: How the ids of its calls begin: those of other models are told from them.
OFFLINE_CALL = "offline_"
#: And those that waited for what other calls of the same turn brought.
THEN_CALL = f"{OFFLINE_CALL}then_"


class OfflineChatModel(BaseChatModel):
    """Plans one tool call for an act, then writes the reply. ``bind_tools`` limits it to the tools there are."""

    @property
    def _llm_type(self) -> str:
        return "offline-shopping"

    def bind_tools(self, tools: Sequence[dict[str, Any] | type | Callable], **kwargs: Any):
        return self.bind(tools=[_tool_name(t) for t in tools], **kwargs)

    def _generate(self, messages: list[BaseMessage], stop=None, run_manager=None, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=_answer(messages, kwargs.get("tools") or ()))])

    def _stream(
        self, messages: list[BaseMessage], stop=None, run_manager=None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        message = _answer(messages, kwargs.get("tools") or ())
        if message.tool_calls:
            chunks = [
                {"name": c["name"], "args": json.dumps(c["args"]), "id": c["id"], "index": i, "type": "tool_call_chunk"}
                for i, c in enumerate(message.tool_calls)
            ]
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=chunks))
            return
        for piece in re.findall(r"\S+\s*", message.text):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))


def _tool_name(tool: Any) -> str:
    if isinstance(tool, dict):
        return tool.get("function", tool).get("name", "")
    return getattr(tool, "name", None) or tool.__name__


def _answer(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:
    """The next message: a tool call when nothing was called for this act yet, else the reply."""
    system = next((m for m in reversed(messages) if isinstance(m, SystemMessage)), None)
    state = state_in(system.text) if system else {}
    last_human = max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=-1)
    results = [m for m in messages[last_human + 1 :] if isinstance(m, ToolMessage)]
    calls = [c for c in (_next(state) if results else plan(state)) if c[0] in tools]
    if calls and not any((r.tool_call_id or "").startswith(THEN_CALL) for r in results):
        prefix = THEN_CALL if results else OFFLINE_CALL
        named = [
            {"name": n, "args": a, "id": f"{prefix}{state.get('turn', 0)}_{i}", "type": "tool_call"}
            for i, (n, a) in enumerate(calls)
        ]
        return AIMessage(content="", tool_calls=named)
    if not results:
        return AIMessage(content=replies.without_tools(state))
    told = replies.from_results(state, [(r.name or "", _content(r)) for r in results], _sayings())
    return AIMessage(content=" ".join([told, *_left_open(state)]))


# What is said of one act and not of those beside it.
_OF_ONE_ACT = {"question": None, "best": False, "saving": ""}


def acts_of(state: dict) -> list[dict]:
    """The state once for each act of the sentence, in order, as if it were the only one."""
    added = state.get("added", [])
    further = [
        {**state, "added": added if t.get("act") == "outfit" else [], **_OF_ONE_ACT, **t}
        for t in state.get("then") or ()
    ]
    if state.get("act") == "outfit":
        # "Nothing over 60, please" said of an outfit narrows it, and looks for nothing else.
        further = [t for t in further if t.get("act") != "refine"]
    return [state, *further]


def plan(state: dict) -> list[Call]:
    """The tool calls for all that the shopper did; none when a sentence will do.

    An act about what the acts before it will bring ("and add the cheapest") waits for them: `_next`.
    """
    if state.get("tool"):
        name, arguments = state["tool"]
        return [(name, arguments)]
    first, *further = acts_of(state)
    calls = plan_one(first)
    return calls + [c for t in further if not _waits(t, calls) for c in plan_one(t)]


def _next(state: dict) -> list[Call]:
    """The calls that waited for products to choose from."""
    first, *further = acts_of(state)
    calls = plan_one(first)
    return [c for t in further if _waits(t, calls) for c in plan_one(t)]


def _waits(further: dict, calls: Sequence[Call]) -> bool:
    return bool(further.get("superlative")) and any(name in BRINGING for name, _ in calls)


def _left_open(state: dict) -> list[str]:
    """What is asked back for an act of the sentence that could not be carried out beside another one that was."""
    first, *further = acts_of(state)
    may_ask = ("add_to_bag", "remove_from_bag", "similar", "ask", "compare", "explain", "save")
    some = [t for t in (first, *further) if t.get("act") in may_ask and not plan_one(t)]
    return [replies.without_tools(t) for t in some]


def _sayings() -> dict[str, Callable[[dict], str]]:
    """The replies that tools bring along."""
    return {name: t.says for name, t in TOOLS.items() if t.says is not None}


def _content(message: ToolMessage) -> dict:
    try:
        content = json.loads(message.text)
    except ValueError:
        content = {"error": message.text}
    return content if isinstance(content, dict) else {"error": str(content)}


def plan_one(state: dict) -> list[Call]:
    """The tool calls for one act of the shopper's; none when a sentence will do."""
    act = state.get("act", "other")
    if state.get("talk") or (act == "undo" and not state.get("turned_back")) or not state.get("there", True):
        return []
    targets, shown = state.get("targets", []), [p["product_id"] for p in state.get("shown", [])]
    focus, asked, wishes = state.get("focus", []), state.get("asked", []), state.get("wishes", [])
    if act == "disambiguate":
        # The answer to "which one?": do what was asked before.
        act = state.get("open_act") or "ask" if state.get("was_open") else "ask"
        # "And the second?" after advice on a size is about that one's size.
        act = "size_advice" if state.get("previous_act") == "size_advice" else act
    if act in ("search", "refine", "undo"):
        return _looking(state, wishes)
    if act == "recommend":
        return [("recommend", {"constraints": wishes, "more": bool(state.get("more"))})]
    if act == "similar":
        chosen = targets or focus or state.get("liked") or (shown[:1] if not state.get("vague") else [])
        return [("similar", {"product_id": chosen[0], "constraints": state.get("added", [])})] if chosen else []
    if act == "size_advice":
        return _on_size(state, targets or focus or shown[:1])
    if act == "ask":
        chosen = targets or focus or shown[:1]
        attributes = [a for a in asked if a not in ("description",)]
        return [("product_details", {"product_ids": chosen[:10], "attributes": attributes})] if chosen else []
    if act == "explain":
        chosen = targets or ([] if state.get("vague") else focus or shown[:1])
        return [("explain", {"product_ids": chosen[:3]})] if chosen else []
    if act == "compare":
        if state.get("best") and targets:
            return [("product_details", {"product_ids": targets, "attributes": asked or ["price"]})]
        chosen = targets if len(targets) > 1 else list(dict.fromkeys([*targets, *focus, *shown]))[:2]
        return (
            [("compare", {"product_ids": chosen[:6], "attributes": [a for a in asked if a != "description"]})]
            if len(chosen) > 1
            else []
        )
    if act == "outfit":
        around = [state["goes_with"]] if state.get("goes_with") else []
        chosen = targets or focus or around or [p["product_id"] for p in state.get("bag", [])][-1:] or shown[:1]
        return (
            [("recommend", {"goes_with": chosen[0], "constraints": state.get("added", [])})]
            if chosen
            else [("recommend", {"constraints": []})]
        )
    if act == "save" or state.get("saving") == "to_bag":
        return _saving(state, targets, focus)
    if act in ("add_to_bag", "remove_from_bag"):
        return [(act, {"product_ids": targets})] if targets and not replies.unclear(state) else []
    return [("show_bag", {})] if act == "show_bag" else []


def _saving(state: dict, targets: list[str], focus: list[str]) -> list[Call]:
    """What is done with things kept for later; those that are to be taken off or bought and are not named are shown."""
    how = state.get("saving") or "keep"
    if how in ("keep", "from_bag"):
        chosen = targets or ([] if state.get("vague") else focus[:1])
        further = {"out_of_bag": True} if how == "from_bag" else {}
        return [("save_for_later", {"product_ids": chosen, **further})] if chosen and not replies.unclear(state) else []
    if how == "show" or not targets or replies.unclear(state):
        return [("show_saved", {})]
    return [("unsave" if how == "drop" else "bag_saved", {"product_ids": targets})]


def _on_size(state: dict, chosen: list[str]) -> list[Call]:
    """Advice on a product; telling one's measures without pointing at any calls for none."""
    told = state.get("about_self")
    if told and told["alone"] and (told["asks"] or not state.get("focus")):
        return []
    sizes = told["sizes"][:6] if told else []
    return [("size_advice", {"product_ids": chosen[:3], "sizes": sizes})] if chosen else []


def _looking(state: dict, wishes: list[dict]) -> list[Call]:
    query, more = state.get("query", ""), bool(state.get("more"))
    if not wishes and not query and "drop" not in (state.get("tapped") or {}) and not shown_a_photo(state):
        return []
    if state.get("advice") and state.get("can_recommend"):
        return [("recommend", {"constraints": wishes, "more": more})]
    return [("search_products", {"query": query, "constraints": wishes, "more": more})]
