"""Why a product is shown, in a sentence: each reason with the place it would fall to without it."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.assistant.answers.reasons import short_of
from shopping_assistant.assistant.answers.wording import listed, name_of, plural

# Reasons told in words; the rest stands in `explained`.
TOLD = 2


def explained(content: dict) -> str:
    """One sentence a product; that nothing is known to have brought it there where that is so."""
    products = content["explained"]
    if len(products) > 1 and (together := _together(products)):
        return together
    return " ".join(_one(p, content.get("by", "")) for p in products)


def _together(products: Sequence[dict]) -> str:
    """One sentence for products that stand there for the same reasons; "" where they differ."""
    whys = [[(e["kind"], e.get("attribute"), e.get("words")) for e in p["evidence"][:TOLD]] for p in products]
    if not whys[0] or any(sorted(map(str, w)) != sorted(map(str, whys[0])) for w in whys[1:]):
        return ""
    if any(kind not in ("attribute", "query") for kind, *_ in whys[0]):
        return ""
    reasons = listed([_bare(e) for e in products[0]["evidence"][:TOLD]])
    places = [p["evidence"][0].get("rank_without") for p in products]
    fall = f": without that they would stand at places {listed(map(str, places))}" if all(places) else ""
    many = "Both" if len(products) == 2 else f"The first {len(products)}"
    return f"{many} are there because {reasons}{fall}."


def _bare(e: dict) -> str:
    if e["kind"] == "query":
        return f"you searched for “{e['words']}”"
    said = f" (“{e['words']}”)" if e.get("words") else ""
    return f"you wished for the {name_of(e['attribute'])}{said}"


def _one(product: dict, by: str) -> str:
    title = product["title"]
    reasons = [_reason(e) for e in product["evidence"][:TOLD]]
    if reasons:
        return f"{title} stands where it does because {listed(reasons)}."
    if product.get("place") is None:
        return f"I am not showing {title} now, so there is no place of it to explain."
    if by in ("popular", "listed") or not by:
        why = "it is one of those bought most here" if by == "popular" else "it is part of this shop's range"
        return f"{title} is there because {why}; nothing you did or said put it there."
    if by == "recommender":
        return f"No single thing you did or said put {title} there: it keeps its place without any one of them."
    return f"{title} came closest in words; it keeps its place without any single word of yours."


def _reason(e: dict) -> str:
    if e.get("categories"):
        own, other = (plural(c) for c in e["categories"])
        return f"{own} and {other} were bought together in {e['sessions']} sessions of this shop"
    fall = _fall(e)
    if e["kind"] in ("click", "purchase"):
        did = "clicked" if e["kind"] == "click" else "chose"
        return f"you {did} the {short_of(e.get('title', 'one before'))}{fall}"
    if e["kind"] == "query":
        return f"you searched for “{e['words']}”{fall}"
    said = f" (“{e['words']}”)" if e.get("words") else ""
    return f"it meets your wish for the {name_of(e['attribute'])}{said}{fall}"


def _fall(e: dict) -> str:
    if e.get("rank_without") is None:
        return ", without which it would not be among the first"
    return f", without which it would fall from place {e['rank']} to {e['rank_without']}"
