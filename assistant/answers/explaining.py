"""Why a product is shown, in a sentence: each reason with the place it would fall to without it."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.assistant.answers.evidence_words import because, fall, most_telling
from shopping_assistant.assistant.answers.wording import listed, name_of

# Reasons told in words; the rest stands in `explained`.
TOLD = 2


def explained(content: dict) -> str:
    """One sentence a product; that nothing is known to have brought it there where that is so."""
    products = content["explained"]
    if len(products) > 1 and (together := _together(products)):
        return together
    return " ".join(_one(p) for p in products)


def _together(products: Sequence[dict]) -> str:
    """One sentence for products that stand there for the same reasons; "" where they differ."""
    whys = [[(e["kind"], e.get("attribute"), e.get("words")) for e in p["evidence"][:TOLD]] for p in products]
    if not whys[0] or any(sorted(map(str, w)) != sorted(map(str, whys[0])) for w in whys[1:]):
        return ""
    if any(kind not in ("attribute", "query") for kind, *_ in whys[0]):
        return ""
    reasons = listed([_bare(e) for e in products[0]["evidence"][:TOLD]])
    places = [p["evidence"][0].get("rank_without") for p in products]
    told = f": without that they would stand at places {listed(map(str, places))}" if all(places) else ""
    many = "Both" if len(products) == 2 else f"The first {len(products)}"
    return f"{many} are there because {reasons}{told}."


def _bare(e: dict) -> str:
    if e["kind"] == "query":
        return because(e)
    said = f" (“{e['words']}”)" if e.get("words") else ""
    return f"you wished for the {name_of(e['attribute'])}{said}"


def _one(product: dict) -> str:
    title, place = product["title"], product.get("place")
    reasons = [because(e) + fall(e, place) for e in most_telling(product["evidence"], TOLD)]
    if reasons:
        return f"{title} stands where it does because {listed(reasons)}."
    if place is None:
        return f"I am not showing {title} now, so there is no place of it to explain."
    return f"{title}: {product['plainly']}"
