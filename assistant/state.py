"""The state of one conversation: plain JSON-ready values and product ids, so that a checkpoint stays small."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, TypedDict

from langchain_core.messages import AnyMessage

from shopping_assistant.assistant.language.references import Scene
from shopping_assistant.assistant.language.understanding import Before, Understood
from shopping_assistant.tools.attribute_filter import Constraint

# Products a shopper can still point at by description after newer ones were shown.
SEEN_KEPT = 60


class ConversationState(TypedDict, total=False):
    """What is kept between turns, then what one turn works with."""

    turn: int
    constraints: list[dict]
    previous: list[dict]  # constraints a turn earlier, for "undo"
    words: list[str]
    shown: list[str]
    reasons: dict[str, str]
    made: dict[str, Any]  # how the products shown were found, for who asks why
    seen: list[str]
    question: dict[str, Any]  # put with the last answer
    unasked: list[str]  # attributes not to ask about: asked before, or of no matter to the shopper
    passed_over: int  # questions in a row that the shopper did not answer
    focus: list[str]
    messages: list[AnyMessage]

    text: str
    understood: dict[str, Any]
    query: str
    clicked: list[str]
    bag: list[str]
    answer: dict[str, Any]
    calls: int
    tools: list[dict]
    parts_ms: dict[str, float]
    model_error: str | None
    reply: str


def constraints_of(dicts: list[dict] | None) -> tuple[Constraint, ...]:
    return tuple(Constraint.from_dict(d) for d in dicts or ())


def before(state: ConversationState, bag: list[str], clicked: list[str], known: Container[str]) -> Before:
    """What understanding needs of the state; a click since the last turn is what "it" means now.

    Args:
        known: the products there are; a chat may be older than the catalogue.
    """
    understood = state.get("understood") or {}
    focus = clicked[-1:] or state.get("focus") or []
    pointable = (state.get("shown") or [], bag, focus, state.get("seen") or [])
    scene = Scene(*(tuple(p for p in products if p in known) for products in pointable))
    question = (state.get("question") or {}).get("attribute", "")
    return Before(
        constraints_of(state.get("constraints")), constraints_of(state.get("previous")), scene,
        tuple(state.get("words") or ()), understood.get("act", ""), tuple(understood.get("asked", ())),
        question=question,
    )  # fmt: skip


def turned_back(old: tuple[Constraint, ...], u: Understood) -> dict[str, Any]:
    """What a sentence that takes something back changed: ``gone``, the wishes it left without a successor."""
    if not u.forgot:
        return {"gone": [], "turned_back": False}
    held = {(c.attribute, c.op) for c in u.constraints}
    gone = [c.as_dict() for c in old if (c.attribute, c.op) not in held]
    return {"gone": gone, "turned_back": bool(gone) or set(old) != set(u.constraints)}


def search_query(constraints: list[Constraint] | tuple[Constraint, ...], words: list[str] | tuple[str, ...]) -> str:
    """What to search for, in words: the wishes as said, without prices, sizes and exclusions, in a shopper's order."""
    order = ("department", "season", "color", "pattern", "material")
    last = ("category",)
    said = {c.attribute: c.said.removeprefix("the ") for c in constraints if c.op == "in" and c.attribute != "size"}
    middle = [a for a in said if a not in order and a not in last and a not in ("brand", "occasion")]
    names = [a for a in (*order, *middle) if a in said]
    if "department" in said:
        said["department"] = next(str(c.values[0]) for c in constraints if c.attribute == "department" and c.op == "in")
    parts = [said[a] for a in names] + list(words) + [said[a] for a in last if a in said]
    parts += [f"for {said['occasion']}"] if "occasion" in said else []
    parts += [said["brand"]] if "brand" in said else []
    return " ".join(parts).strip()
