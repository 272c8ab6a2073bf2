"""How the wishes changed with the newest sentence, and what they are: what was replaced, what is gone, what holds."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.assistant.answers.wording import described, listed, money, name_of, pick

_GONE = ("{what} no longer counts.", "I have dropped {what}.", "{what} is off the list.")
_GONE_SEVERAL = ("{what} no longer count.", "I have dropped {what}.", "{what} are off the list.")
_ANY = ("Any {name}, then.", "All right, the {name} stays open.", "Fine, no {name} in particular.")
_NOTED = ("So far I have noted: {what}.", "Your wishes at the moment: {what}.", "I am looking for {what}.")
_NOTHING_NOTED = (
    "I have noted nothing: you have told me no wishes yet. What are you looking for?",
    "There are no wishes on my list so far. What may I look for?",
)
_NOTHING_TO_UNDO = (
    "There is nothing to take back. What shall I look for?",
    "I have nothing noted that could be taken back. What are you after?",
)
_NOTHING_TO_REDO = (
    "There is nothing that I could bring back. What shall I look for?",
    "Nothing was taken back just now, so there is nothing to bring back.",
)
_BACK = ("{what} counts again.", "{what} is back.", "I go by {what} again.")
_BACK_TO = ("We are back where we were.", "As it was before, then.", "One step back.")
_BACK_SEVERAL = ("{what} count again.", "{what} are back.", "I go by {what} again.")
_NO_MATTER = ("{name} no longer matters.", "The {name} no longer matters.", "Any {name} will do now.")
_ALLOWED = ("{what} may be there again.", "I no longer leave out {what}.", "I look at {what} again, too.")
_LEANS_NO_MORE = ("{what} no longer counts.", "I have dropped {what}.", "{what} is off the list.")
_NOTHING_LEFT = (
    "That was the last wish on my list: say a kind, a colour, a price or an occasion, like “a red dress under 80”.",
    "No wish is left. What are you looking for? A kind, a colour or a budget is a good beginning.",
)
_NOT_THERE = (
    "{what} is not among your wishes any more, so nothing has changed.",
    "There is no {what} on the list any more; all stays as it was.",
)
_STILL = "I am still looking for {what}."
_NOTHING_HOLDS = "What are you looking for?"
_UNDONE = (
    "Done, {what} {are} gone. What shall I look for?",
    "All right, without {what}. What are you looking for instead?",
)


def changed(state: dict) -> str:
    """What the newest sentence or tap turned round, took back, brought back or left open; "" where it only added."""
    said = []
    if state.get("declined"):
        said.append(pick(_ANY, state).format(name=name_of(state["declined"])))
    if tapped := _tapped_away(state):
        said.append(_no_matter(tapped, state))
    turned = [c for c in state.get("conflicts") or [] if not _still_holds(c["old"], state.get("wishes") or [])]
    replaced = [_replaced(c["old"], c["new"], state.get("currency")) for c in turned]
    if replaced := [r for r in replaced if r]:
        said.append(_capital(f"{listed(replaced)}."))
    if state.get("act") == "undo" and (what := gone(state)):
        said.append(_capital(pick(_GONE_SEVERAL if _several_gone(state) else _GONE, state).format(what=what)))
    if state.get("act") == "undo" and (what := _back(state)):
        # All of another subject at once is not read out: the answer to the search says it.
        many = len(state.get("back") or []) + len(state.get("leans_again") or [])
        form = _BACK_TO if many > 2 else _BACK_SEVERAL if many == 2 else _BACK
        said.append(_capital(pick(form, state).format(what=what)))
    return " ".join(said)


def gone(state: dict) -> str:
    """The wishes that the newest sentence took back: "the price (under €120)"."""
    named = [_named(c, state) for c in state.get("gone") or []]
    return listed([*named, *(f"“{said}”" for said in state.get("leans_no_more") or [])])


def _several_gone(state: dict) -> bool:
    return len(state.get("gone") or []) + len(state.get("leans_no_more") or []) > 1


def _back(state: dict) -> str:
    """The wishes of earlier that hold again."""
    named = [_named(c, state) for c in state.get("back") or []]
    return listed([*named, *(f"“{said}”" for said in state.get("leans_again") or [])])


def _named(c: dict, state: dict) -> str:
    value = _value(c, state.get("currency"))
    return f"the {name_of(c['attribute'])} ({'not ' if c['op'] == 'not in' else ''}{value})"


def undone(state: dict) -> str:
    """The answer to an undo that leaves nothing to search for, or that had nothing to take back."""
    if "redo" in (state.get("tapped") or {}) or state.get("redo"):
        return pick(_NOTHING_TO_REDO, state)
    what = gone(state)
    are = "are" if _several_gone(state) else "is"
    return pick(_UNDONE, state).format(what=what, are=are) if what else pick(_NOTHING_TO_UNDO, state)


def not_there(state: dict) -> str:
    """The answer to a tap on what is no longer there: what holds, and that nothing was changed."""
    tapped = _tapped_away(state)
    if tapped is None:
        return undone(state)
    wishes = state.get("wishes") or []
    holds = _STILL.format(what=described(wishes, state.get("currency"))) if wishes else _NOTHING_HOLDS
    return f"{pick(_NOT_THERE, state).format(what=_tapped_words(tapped, state))} {holds}"


def _tapped_away(state: dict) -> dict | None:
    return (state.get("tapped") or {}).get("drop")


def _no_matter(tapped: dict, state: dict) -> str:
    """ "Colour no longer matters." of a chip that was tapped away; what was excluded may be there again."""
    what, attribute = _tapped_words(tapped, state), tapped["attribute"]
    if "direction" in tapped:
        form = _LEANS_NO_MORE
    elif tapped["op"] == "not in":
        form = _ALLOWED
    else:
        # One colour of two that was tapped away: the other still matters.
        holds = any((w["attribute"], w["op"]) == (attribute, tapped["op"]) for w in state.get("wishes") or [])
        form = _GONE if holds or attribute == "category" else _NO_MATTER
    text = pick(form, state).format(what=what, name=name_of(attribute))
    left = state.get("wishes") or state.get("leanings") or state.get("query")
    return _capital(text) if left else f"{_capital(text)} {pick(_NOTHING_LEFT, state)}"


def _tapped_words(tapped: dict, state: dict) -> str:
    if "direction" in tapped:
        return f"“{tapped.get('said') or name_of(tapped['attribute'])}”"
    value = _value(tapped, state.get("currency"))
    return listed(value.split(", "), "or" if tapped["op"] == "in" else "and")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def noted(state: dict) -> str:
    """All wishes that hold, each with the words it came from."""
    wishes, currency = state.get("wishes") or [], state.get("currency")
    leanings = [x["said"] for x in state.get("leanings") or [] if x.get("said")]
    if not wishes and not leanings:
        return pick(_NOTHING_NOTED, state)
    text = pick(_NOTED, state).format(what=described(wishes, currency)) if wishes else ""
    words = list(dict.fromkeys(w["said"] for w in wishes if w.get("said")))
    if words:
        text += f" In your words: {listed([f'“{w}”' for w in words])}."
    if leanings:
        text += f" And rather {listed(leanings)}."
    last = name_of(wishes[-1]["attribute"]) if wishes else "last one"
    return f"{text} Take one back with “forget the {last}”.".strip()


def _still_holds(old: dict, wishes: Sequence[dict]) -> bool:
    """ "Also in beige" joins two wishes: nothing gave way."""
    same = [w for w in wishes if (w["attribute"], w["op"]) == (old["attribute"], old["op"])]
    return old["op"] == "in" and any(set(old["values"]) <= set(w["values"]) for w in same)


def _replaced(old: dict, new: dict, currency: str | None) -> str:
    """ "in brown now instead of black"; "" for a change of subject, which the answer tells anyway."""
    if old["attribute"] == "category" and new["attribute"] == "category":
        return ""
    if new["op"] == "not in":
        return f"without {_value(new, currency)} now"
    if old["op"] == "not in":
        return f"{_value(new, currency)} after all"
    now, before = _value(new, currency), _value(old, currency)
    if now == before:
        return ""
    if new["attribute"] in ("color", "material"):
        return f"in {now} now instead of {before}"
    if new["op"] == old["op"] == "<=":
        return f"{now} now instead of {before.removeprefix('up to ')}"
    return f"{name_of(new['attribute'])} {now} now instead of {before}"


def _value(c: dict, currency: str | None) -> str:
    values: Sequence = c["values"]
    if c["op"] in ("<=", ">="):
        bound = money(float(values[0]), currency) if c["attribute"] == "price" else f"{float(values[0]):g}"
        return f"{'up to' if c['op'] == '<=' else 'from'} {bound}"
    if c["attribute"] == "size":
        return listed([str(v).upper() if len(str(v)) < 4 else str(v) for v in values], "or")
    said = c.get("said", "").removeprefix("not ").strip()
    return said or listed([str(v) for v in values[:3]], "or")
