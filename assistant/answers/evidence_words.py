"""Evidence in words, for cards, the spoken "why?" and the panel alike: what one says, the others do not deny."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.assistant.answers.wording import listed, name_of, plural

_DID = {"click": "clicked", "purchase": "chose"}
#: From so many times its place on a product would have come much later.
FAR_BELOW = 3
#: Of a product that the memory of past searches led to.
REMEMBERED = "often shown for searches like yours"


def did(kind: str) -> str:
    """What a shopper did with a product, as a verb: clicked, chose."""
    return _DID[kind]


def because(e: dict) -> str:
    """One thing that a product hangs on, as a clause: "you clicked the Norrvik Juno Loafers".

    Args:
        e: `Evidence.as_dict` with the ``title`` of its product, and what the two have in ``common``.
    """
    title = short_of(e.get("title") or "one before")
    same = f" (same {listed(name_of(a) for a in e['common'][:2])})" if e.get("common") else ""
    match e["kind"]:
        case "click" | "purchase":
            return f"you {did(e['kind'])} the {title}{same}"
        case "judged":
            return f"you liked the {title}{same}" if e.get("verdict") == "up" else f"you did not want the {title}"
        case "query":
            return f"you searched for “{e['words']}”"
        case "like":
            return f"it is like the {title}{same}"
        case "goes_with":
            return _together(e, title)
        case "photo":
            return "it looks like your photo"
        case "popular":
            return f"it was {bought(e['count'])}"
        case "leaning":
            return f"it is {e['words']}" if " than the " in (e.get("words") or "") else _wish(e)
        case _:
            return _wish(e)


def _wish(e: dict) -> str:
    if e.get("words"):
        return f"it meets your wish “{e['words']}”"
    what = "" if e["attribute"] in ("text", "") else f" for the {name_of(e['attribute'])}"
    return f"it meets your wish{what}"


def _together(e: dict, title: str) -> str:
    own, other = (plural(c) for c in e["categories"])
    if not e.get("count"):
        return f"{own or 'it'} can be worn with the {title}"
    return f"{own} and {other} were bought together in {e['count']} sessions of this shop"


def bought(count: int) -> str:
    """How often, as the shop's log has it: "bought 12 times in this shop"."""
    return f"bought {'once' if count == 1 else f'{count:,} times'} in this shop"


def fall(e: dict, place: int | None = None) -> str:
    """How far the product would fall: ", without which it would fall from place 2 to 9".

    Args:
        place: of its card. Where other things order the list too, the place it was found at is another one, and no
            figure is told.
    """
    if e["kind"] in ("like", "goes_with", "popular"):
        return ""
    if e.get("rank_without") is None:
        return ", without which it would not be among the first"
    if place is not None and place != e["rank"]:
        return ", without which it would stand further down"
    return f", without which it would fall from place {e['rank']} to {e['rank_without']}"


def sentence(e: dict, place: int | None = None) -> str:
    """The same as a sentence of its own, in plain words: how much it counts, not from which place to which."""
    clause = because(e)
    return f"{clause[:1].upper()}{clause[1:]}{_weight(e, place)}."


def _weight(e: dict, place: int | None) -> str:
    if e["kind"] in ("like", "goes_with", "popular"):
        return ""
    without = e.get("rank_without")
    if without is None:
        return "; without that you would not see it here"
    if place is None or place != e["rank"]:
        return "; without that it would come later"
    far = without >= FAR_BELOW * place and without - place >= 10
    return f"; without that it would come {'much ' if far else ''}later"


def most_telling(found: Sequence[dict], number: int) -> list[dict]:
    """What is told of a product's evidence, best first: the strongest of what was done, said and searched for each.

    Of clicks and purchases one that has something in common with the product goes first, as on its card.
    """
    best: dict[str, dict] = {}
    for e in found:
        of = "done" if e["kind"] in _DID else e["kind"]
        if of not in best or (of == "done" and e.get("common") and not best[of].get("common")):
            best[of] = e
    first = [e for e in found if any(e is b for b in best.values())]
    return [*first, *(e for e in found if not any(e is b for b in first))][:number]


def nothing_particular(by: str, met: str = "", count: int = 0, known: bool = True) -> str:
    """What is said of a product for which no single thing speaks.

    Args:
        by: how the list was found, see `Ranked`.
        met: the wishes that the product meets all the same: "in green, under €150".
        count: how often it was bought in this shop.
        known: whether the shopper had done or said anything yet.
    """
    if by == "saved":
        return "You saved it for later."
    if by == "listed" or (by == "popular" and not count):
        return "Nothing you did or said put it there: it is part of this shop's range."
    if by == "popular" or not known:
        popular = f"it was {bought(count)}" if count else "it is a first guess"
        return f"Nothing you did or said put it there: {popular}."
    fits = f"It simply fits: {met}. " if met else ""
    if by == "recommender":
        return f"{fits}No single thing you did or said put it there: it keeps its place without any one of them."
    return f"{fits}It came closest in words, and keeps its place without any single word of yours."


def short_of(title: str) -> str:
    """The title up to its colour and material: "Norrvik Juno Loafers in White Leather" is "Norrvik Juno Loafers"."""
    head = title.split(" in ")[0].strip()
    return head if 3 <= len(head) <= 60 else title[:60].strip()
