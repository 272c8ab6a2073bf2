"""Why a product is shown, in words that its own cells and the shopper's own events bear out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shopping_assistant.assistant.answers.evidence_words import REMEMBERED, did, short_of
from shopping_assistant.assistant.answers.wording import listed, money, name_of, plural, with_article
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Catalog, Product, split_values
from shopping_assistant.tools.outfits import Partner

if TYPE_CHECKING:  # evidence is found on the shelf, and the shelf needs no sentences
    from shopping_assistant.assistant.evidence import Evidence

# What two products may share that a shopper would call a reason, strongest first.
_SHARED = ("line", "brand", "color", "pattern", "material", "look")
_NO_PATTERN = ("solid", "plain", "unknown")


@dataclass(frozen=True)
class Beside:
    """What a product is to be worn with, and how often each kind was bought with it."""

    product: Product
    partners: Sequence[Partner] = ()


def reason(
    product: Product,
    catalog: Catalog,
    constraints: Sequence[Constraint],
    found: Sequence[Evidence],
    route: dict[str, int | None],
    by: str,
    beside: Beside | None = None,
) -> str:
    """One short sentence part; empty when nothing true is worth saying.

    Args:
        found: clicks and purchases without which the product would stand lower; no others are told.
        beside: what it is to be worn with.
    """
    parts = []
    if beside is not None:
        parts.append(_goes_with(product, beside))
    elif by == "recommender":
        parts.append(_after(product, catalog, found))
    asked = met(product, constraints)
    if asked:
        parts.append(asked)
    excluded = [
        c.said.removeprefix("not ")
        for c in constraints
        if c.is_exclusion and c.said and product.get(c.attribute) is not None
    ]
    if excluded and not asked and by != "recommender":
        parts.append(f"without {listed(dict.fromkeys(excluded), 'or')}")
    if route.get("memory"):
        parts.append(REMEMBERED)
    if by == "popular":
        parts.append("bought often in this shop")
    text = "; ".join(p for p in parts if p)
    return text[:1].upper() + text[1:]


# The department and the kind say nothing that all the others beside it do not.
_UNTOLD = ("category", "department", "text")


def met(product: Product, constraints: Sequence[Constraint]) -> str:
    """The wishes that a product meets, by its own values: "for a wedding, in green, under €150"; "" for none."""
    told: dict[str, str] = {}
    for c in constraints:
        if c.is_exclusion or not c.said or c.attribute in _UNTOLD:
            continue
        phrase = _met(product, c)
        if phrase:
            told[c.attribute] = phrase
    if "color" in told and "material" in told:
        told["color"] += told.pop("material").removeprefix("in")  # "in navy cashmere"
    order = [a for a in (*_MET_FIRST, *told, "price") if a in told and a != "price"] + ["price"] * ("price" in told)
    return ", ".join(told[a] for a in dict.fromkeys(order))


_MET_FIRST = ("occasion", "season", "color", "material", "pattern", "size")


def _met(product: Product, c: Constraint) -> str:
    """One wish in the words of the product's own cell."""
    cell, name = product.get(c.attribute), name_of(c.attribute)
    if cell is None or isinstance(cell, bool):
        return ""
    if c.op in ("<=", ">="):
        value = float(c.values[0])
        if c.attribute == "price":
            return f"{'within' if c.op == '<=' else 'from'} {money(value, product.currency)}"
        return f"rated {cell:g}" if name == "rating" and isinstance(cell, (int, float)) else ""
    wished = {str(v).lower() for v in c.values}
    own = [v for v in split_values(cell) if v.lower() in wished or str(cell).lower() in wished]
    if not own:
        return ""
    value = listed(own[:2])
    if c.attribute == "occasion":
        return f"for {listed([with_article(v) for v in own[:2]])}"
    if c.attribute == "season":
        return f"for {value}"
    if c.attribute == "size":
        return f"in size {listed([v.upper() if len(v) < 4 else v for v in own[:3]])}"
    if c.attribute == "brand":
        return f"by {product.brand}"
    if c.attribute in ("color", "material"):
        return f"in {value}"
    return value if name.split()[-1] in value or c.attribute in ("pattern", "look") else f"{value} {name}"


def _goes_with(product: Product, beside: Beside) -> str:
    """In how many sessions of this shop the two kinds were bought together; without any, what the two share."""
    to = f"to go with the {short_title(beside.product)}"
    own = (product.category or "").strip().lower()
    sessions = next((p.sessions for p in beside.partners if p.category == own), 0)
    if sessions:
        other = plural(beside.product.category or "")
        return f"{to}: {plural(own)} and {other} were bought together {sessions} times here"
    same = shared(product, beside.product)
    return to + (f": same {listed(map(name_of, same[:2]))}" if same else "")


def _after(product: Product, catalog: Catalog, found: Sequence[Evidence]) -> str:
    """What the product shares with the click or purchase that counts."""
    e = told_of(product, catalog, found)
    if e is None:
        return ""
    other = catalog.product(e.product_id)
    same, verb = shared(product, other), did(e.kind)
    if not same:
        return f"after the {short_title(other)} you {verb}"
    kind = "like" if product.category == other.category else "goes with"
    return f"{kind} the {short_title(other)} you {verb}: same {listed(name_of(a) for a in same[:2])}"


def told_of(product: Product, catalog: Catalog, found: Sequence[Evidence]) -> Evidence | None:
    """The click or purchase that is told: without it the product would fall furthest.

    One that shares something goes before one that does not: a shopper sees why it counts.
    """
    others = [e for e in found if e.product_id in catalog and e.product_id != product.product_id]
    return max(others, key=lambda e: (bool(shared(product, catalog.product(e.product_id))), e.fall), default=None)


def shared(product: Product, other: Product) -> list[str]:
    """The attributes worth telling that two products share, strongest first."""
    same = [a for a in _SHARED if _same(product, other, a)]
    if "pattern" in same and str(product.get("pattern")).lower() in _NO_PATTERN:
        same.remove("pattern")
    if "brand" in same and "line" in same:
        same.remove("brand")
    return same


def _same(a: Product, b: Product, attribute: str) -> bool:
    x, y = a.get(attribute), b.get(attribute)
    return (
        x is not None
        and y is not None
        and not isinstance(x, bool)
        and bool(set(split_values(x)) & set(split_values(y)))
    )


def short_title(product: Product) -> str:
    """The title up to its colour and material: "Norrvik Juno Loafers in White Leather" is "Norrvik Juno Loafers"."""
    return short_of(product.title)
