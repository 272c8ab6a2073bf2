"""The state of one conversation: plain JSON-ready values and product ids, so that a checkpoint stays small."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from typing import Any, TypedDict

from langchain_core.messages import AnyMessage

from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.language.references import Scene
from shopping_assistant.assistant.language.understanding import Before, Understood
from shopping_assistant.assistant.language.understood import Held
from shopping_assistant.assistant.language.wishes import steps_back
from shopping_assistant.tools.attribute_filter import Constraint

# Products a shopper can still point at by description after newer ones were shown.
SEEN_KEPT = 60


class ConversationState(TypedDict, total=False):
    """What is kept between turns, then what one turn works with."""

    turn: int  # its number in the conversation, as it is logged
    constraints: list[dict]
    leanings: list[dict]
    earlier: list[dict]  # the wishes before each change, the latest last: what "undo" goes back to, see `steps`
    undone: list[dict]  # those taken back since, the latest last
    previous: list[dict]  # of files from before there was `earlier`: constraints a turn earlier
    previous_leanings: list[dict]  # and the leanings
    words: list[str]
    shown: list[str]
    reasons: dict[str, str]
    made: dict[str, Any]  # how the products shown were found, for who asks why
    seen: list[str]
    question: dict[str, Any]  # put with the last answer
    unasked: list[str]  # attributes not to ask about: asked before, or of no matter to the shopper
    passed_over: int  # questions in a row that the shopper did not answer
    focus: list[str]
    measures: list[dict]  # what the shopper said of their body and usual size
    measures_asked: bool  # they were asked for it; nobody is asked twice
    photos: dict[str, str]  # what photos that were shown look like, by the name their wish has; never the photos
    messages: list[AnyMessage]

    text: str
    tap: dict | None  # what was tapped instead of a sentence, see `taps`
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


def leanings_of(dicts: list[dict] | None) -> tuple[Leaning, ...]:
    return tuple(Leaning.from_dict(d) for d in dicts or ())


def held_of(step: dict) -> Held:
    """One step of `earlier` or `undone` read back."""
    words = tuple(step.get("words") or ())
    return Held(constraints_of(step.get("constraints")), leanings_of(step.get("leanings")), words)


def as_step(held: Held) -> dict[str, Any]:
    """What was wished at one moment, as plain values, without what is empty: twenty of them are kept."""
    step = {
        "constraints": [c.as_dict() for c in held.constraints], "leanings": [w.as_dict() for w in held.leanings],
        "words": list(held.words),
    }  # fmt: skip
    return {key: value for key, value in step.items() if value}


def _earlier(state: ConversationState, words: tuple[str, ...]) -> tuple[Held, ...]:
    if "earlier" in state or "previous" not in state:
        return tuple(map(held_of, state.get("earlier") or ()))
    # A conversation from before there were steps knows one, and not its words.
    return (Held(constraints_of(state["previous"]), leanings_of(state.get("previous_leanings")), words),)


def before(
    state: ConversationState, bag: list[str], clicked: list[str], known: Container[str], saved: Sequence[str] = ()
) -> Before:
    """What understanding needs of the state; a click since the last turn is what "it" means now.

    Args:
        known: the products there are; a chat may be older than the catalogue.
    """
    understood = state.get("understood") or {}
    focus = clicked[-1:] or state.get("focus") or []
    pointable = (state.get("shown") or [], bag, focus, state.get("seen") or [], saved)
    scene = Scene(*(tuple(p for p in products if p in known) for products in pointable))
    question = (state.get("question") or {}).get("attribute", "")
    words = tuple(state.get("words") or ())
    return Before(
        constraints_of(state.get("constraints")), _earlier(state, words), scene,
        words, understood.get("act", ""), tuple(understood.get("asked", ())),
        leanings_of(state.get("leanings")), tuple(map(held_of, state.get("undone") or ())), question=question,
        was_open=bool(understood.get("open")),
    )  # fmt: skip


def further(u: Understood, known: Before, previous: dict) -> dict[str, Any]:
    """What a sentence does beside its first act, what it replaced, and which act the answer to "which one?" serves.

    Args:
        previous: what was understood a turn earlier, with whether its answer was that question.
    """
    open_act = previous.get("open_act") or known.last_act
    return {
        "then": [
            {
                "act": t.act, "targets": list(t.targets), "vague": t.vague, "asked": list(t.asked), "more": t.more,
                "values": [[a, list(v)] for a, v in t.values], "singular": t.singular, "best": t.best,
                "question_word": t.question_word, **({"superlative": list(t.superlative)} if t.superlative else {}),
                **({"saving": t.saving} if t.saving else {}),
            } for t in u.then
        ],
        "conflicts": [{"old": old.as_dict(), "new": new.as_dict()} for old, new in u.conflicts],
        "saving": u.saving or (previous.get("saving", "") if known.was_open and u.act == "disambiguate" else ""),
        "open_act": open_act if known.was_open and u.act == "disambiguate" else u.act,
        # "The same in white" after a list of similar ones is still about the product they are similar to.
        "liked": list(u.targets[:1]) if u.act == "similar" and u.targets else previous.get("liked", []),
    }  # fmt: skip


def last_meant(understood: dict, shown: Sequence[str] | None) -> list[str]:
    """What "it" is after a turn: what the last of its acts was about; of a new list only if it stands in it."""
    meant = [t["targets"] for t in (understood, *understood.get("then", ())) if t["targets"]]
    if shown is None:
        return meant[-1] if meant else []
    return meant[-1] if meant and set(meant[-1]) <= set(shown) and understood.get("then") else []


def chosen_of_new(understood: dict, products: Sequence[tuple[str, float | None]]) -> dict:
    """``understood`` with what its further acts mean, now that the acts before them brought these products.

    Args:
        products: id and price (or whatever the superlative is about) in the order shown; None where the catalogue does
            not say.
    """
    if not any(t.get("superlative") for t in understood.get("then", ())):
        return understood
    known = [(value, p) for p, value in products if isinstance(value, (int, float))]
    then = []
    for t in understood["then"]:
        if t.get("superlative") and known:
            best = (min if t["superlative"][1] == "min" else max)(value for value, _ in known)
            chosen = next(p for value, p in known if value == best)
            t = {**t, "targets": [chosen], "vague": False, "singular": True, "best": True}
        then.append(t)
    return {**understood, "then": then}


def turned_back(known: Before, u: Understood) -> dict[str, Any]:
    """What a sentence or a tap that takes something back changed.

    ``gone``: the wishes it left without a successor; ``back``: those of earlier that hold again; ``leans_no_more`` and
    ``leans_again``: the words of wishes that only order.
    """
    if not u.forgot:
        return {"gone": [], "turned_back": False}
    held, was = Held(u.constraints, u.leanings, u.words), known.held
    places = {(c.attribute, c.op) for c in held.constraints}
    told = {"gone": [c.as_dict() for c in was.constraints if (c.attribute, c.op) not in places]}
    if steps_back(u.forgot):
        returned = [c for c in held.constraints if c not in was.constraints and c not in u.added]
        told["back"] = [c.as_dict() for c in returned]
        told["redo"] = steps_back(u.forgot) < 0
        told["leans_again"] = [w.said for w in held.leanings if w.said and w not in was.leanings]
    told["leans_no_more"] = [w.said for w in was.leanings if w.said and w not in held.leanings]
    return {**{k: v for k, v in told.items() if v or k == "gone"}, "turned_back": not held.same_as(was)}


_DENIED = re.compile(r"\b(?:not|nothing|no|never|less|without|hardly)\b|n't\b", re.I)


def search_query(
    constraints: Sequence[Constraint], words: Sequence[str], leanings: Sequence[Leaning] = ()
) -> str:  # fmt: skip
    """What to search for, in words: the wishes as said, without prices, sizes and exclusions, in a shopper's order."""
    order = ("department", "season", "color", "pattern", "material")
    last = ("category",)
    said = {c.attribute: c.said.removeprefix("the ") for c in constraints if c.op == "in" and c.attribute != "size"}
    middle = [a for a in said if a not in order and a not in last and a not in ("brand", "occasion")]
    names = [a for a in (*order, *middle) if a in said]
    if "department" in said:
        said["department"] = next(str(c.values[0]) for c in constraints if c.attribute == "department" and c.op == "in")
    # What would be liked and is no condition is looked for by its words; "not so colourful" would find the colourful.
    liked = [
        w.said for w in leanings
        if w.direction == "like" and w.values and w.than is None and w.attribute and not _DENIED.search(w.said)
    ]  # fmt: skip
    parts = [said[a] for a in names] + list(dict.fromkeys(liked)) + list(words) + [said[a] for a in last if a in said]
    parts += [f"for {said['occasion']}"] if "occasion" in said else []
    parts += [said["brand"]] if "brand" in said else []
    return " ".join(parts).strip()
