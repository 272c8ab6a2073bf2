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
_UNDONE = (
    "Done, {what} is gone. What shall I look for?",
    "All right, without {what}. What are you looking for instead?",
)


def changed(state: dict) -> str:
    """What the newest sentence turned round, took back or left open; "" where it only added."""
    said = []
    if state.get("declined"):
        said.append(pick(_ANY, state).format(name=name_of(state["declined"])))
    turned = [c for c in state.get("conflicts") or [] if not _still_holds(c["old"], state.get("wishes") or [])]
    replaced = [_replaced(c["old"], c["new"], state.get("currency")) for c in turned]
    if replaced := [r for r in replaced if r]:
        text = listed(replaced)
        said.append(f"{text[0].upper()}{text[1:]}.")
    if state.get("act") == "undo" and (what := gone(state)):
        several = len(state["gone"]) > 1
        text = pick(_GONE_SEVERAL if several else _GONE, state).format(what=what)
        said.append(text[0].upper() + text[1:])
    return " ".join(said)


def gone(state: dict) -> str:
    """The wishes that the newest sentence took back: "the price (under €120)"."""
    currency = state.get("currency")
    return listed([f"the {name_of(c['attribute'])} ({_value(c, currency)})" for c in state.get("gone") or []])


def undone(state: dict) -> str:
    """The answer to an undo that leaves nothing to search for, or that had nothing to take back."""
    what = gone(state)
    return pick(_UNDONE, state).format(what=what) if what else pick(_NOTHING_TO_UNDO, state)


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
