"""The wishes in force, as chips under the box: each goes away by a tap, and the last change can be taken back."""

from __future__ import annotations

from shopping_assistant.assistant.language.leanings import PHOTO
from shopping_assistant.ui.page.markup import button, data, icon, text
from shopping_assistant.ui.page.words import Words


def wish_words(wish: dict, words: Words) -> str:
    """A constraint or leaning as a shopper would say it: "not leather", "up to 120", "black or navy"."""
    if wish.get("attribute") == PHOTO:
        return words("like_photo")
    if "op" not in wish:
        return str(wish.get("said") or wish.get("attribute") or "")
    attribute, op, values = wish["attribute"], wish["op"], wish["values"]
    if op in ("<=", ">="):
        bound = values[0]
        amount = _bound(bound, attribute == "price", words) if isinstance(bound, (int, float)) else str(bound)
        name = "" if attribute == "price" else f"{words.column(attribute)} "
        return name + words("at_most" if op == "<=" else "at_least", amount=amount)
    if len(values) > 2 and wish.get("said") and op == "in":
        return str(wish["said"])  # "dresses", not the eight kinds of them
    listed = [words.number(v, grouped=False) if isinstance(v, float) else str(v) for v in values]
    if attribute == "category":
        listed = [v.split(">")[-1].strip() or v for v in listed]  # of a path, its end
    said = f" {words('or')} ".join(listed[:3]) + (f" +{len(listed) - 3}" if len(listed) > 3 else "")
    if attribute == "size":
        said = words("in_size", size=said)
    return words("without", what=said) if op == "not in" else said


def _bound(figure: float, is_price: bool, words: Words) -> str:
    if not is_price:
        return words.number(figure, grouped=False)
    return words.number(figure, None if figure == int(figure) else 2)


def wishes_bar(turn: dict | None, words: Words) -> str:
    """The chips of the latest turn, and the buttons that take the last change back and bring it again.

    Args:
        turn: the latest turn object; None in a new conversation.
    """
    if not turn:
        return ""
    chips = [
        _chip(w, "no" if w.get("op") == "not in" or w.get("direction") in ("less", "unlike") else kind, words)
        for kind, wishes in (("yes", turn.get("constraints") or ()), ("leaning", turn.get("leanings") or ()))
        for w in wishes
    ]
    undo = button(words("undo"), "undo", "quiet") if turn.get("turn", 0) > 1 or chips else ""
    undo += button(words("redo"), "redo", "quiet") if turn.get("act") == "undo" else ""
    label = text(words("wishes"))
    listed = f'<ul aria-label="{label}">{"".join(chips)}</ul>' if chips else f'<span class="unseen">{label}</span>'
    return f"{listed}{undo}" if chips or undo else ""


def _chip(wish: dict, kind: str, words: Words) -> str:
    shown = wish_words(wish, words)
    label = text(words("remove_wish", wish=shown))
    dropped = data(do="drop", wish=wish)
    return (
        f'<li><button type="button" class="wish {kind}" aria-label="{label}" title="{label}"{dropped}>'
        f"{text(shown)}{icon('close')}</button></li>"
    )
