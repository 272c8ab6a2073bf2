"""An outfit around one product: kinds that complete it, a few products of each, ranked for this shopper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.language.wishes import wished_category
from shopping_assistant.assistant.shelf import Ranked, Shelf
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Product, split_values
from shopping_assistant.tools.mixup import Scored
from shopping_assistant.tools.outfits import Partner
from shopping_assistant.tools.sessions import Event

# Of one kind a shopper is shown a choice, not a list: two belts and three pairs of shoes, not ten belts.
MOST_OF_A_KIND = 3
# Kinds of one outfit. With ten cards more kinds would leave one of each and no choice.
MOST_KINDS = 6
# Fewer kinds than this from the log are completed by the general order.
FEWEST_KINDS = 3
# How deep the recommender's list is read to find some of every kind.
DEPTH = 80


@dataclass(frozen=True)
class Outfit:
    """Products to combine, best first, and by kind how it is known that the kind goes with the product."""

    ranked: Ranked
    partners: tuple[Partner, ...]
    learned: bool


def outfit(
    shelf: Shelf, product: Product, history: Sequence[Event], k: int, constraints: Sequence[Constraint],
    exclude: Sequence[str] = (), leanings: Sequence[Leaning] = (),
) -> Outfit:  # fmt: skip
    """What to wear with a product.

    Kinds come from what was bought in one session in this shop's log; where the log says too little, from the general
    order of an outfit. Nothing that is worn in the same place as the product, nothing of another department. The slots
    go to the kinds by how often they were bought with the product's (Sainte-Laguë), at most `MOST_OF_A_KIND` each.

    Args:
        constraints: wishes that hold for the outfit, a wished kind among them; none of them is ever set aside.
    """
    own = (product.category or "").strip().lower()
    wanted = wished_category(constraints)
    held = [*constraints, *same_department(shelf, product, constraints)]
    able = shelf.mask(held)
    able[[shelf.catalog.index(p) for p in {product.product_id, *exclude} if p in shelf.catalog]] = False
    partners = _partners(shelf, own, wanted, able)
    kinds = tuple(p.category for p in partners)
    if not kinds:
        return Outfit(Ranked((), "recommender" if shelf.can_recommend else "popular"), (), False)
    held = [c for c in held if c is not wanted] + [Constraint("category", "in", kinds, "")]
    ranked = shelf.recommend(history, DEPTH, held, [product.product_id, *exclude], leanings)
    chosen = _dealt(shelf, ranked.products, partners, k)
    count = int((able & shelf.mask(held)).sum())
    made = Ranked(chosen, ranked.by, count, (), ranked.parts_ms)
    return Outfit(made, partners, any(p.sessions for p in partners))


def outfit_history(history: Sequence[Event], look: Event) -> tuple[Event, ...]:
    """What an outfit is ranked by: the search that led to the product is done, what goes with it starts from ``look``,
    the click on it.
    """
    return (*(e for e in history if e.action != "search"), look)


def holds_beside(c: Constraint) -> bool:
    """What was refused, who it is for and what it may cost hold for all that is worn together."""
    return c.is_exclusion or c.attribute == "department" or (c.attribute == "price" and c.op == "<=")


def same_department(shelf: Shelf, product: Product, constraints: Sequence[Constraint]) -> list[Constraint]:
    """For a women's coat what women or everybody wears; nothing where the product is for everybody itself."""
    own = [v for v in split_values(product.department)]
    if not own or any(v.startswith("unisex") for v in own) or any(c.attribute == "department" for c in constraints):
        return []
    everybody = [v for v in shelf.vocabulary.values.get("department", {}) if v.startswith("unisex")]
    return [Constraint("department", "in", (*own, *everybody), "")]


def _partners(shelf: Shelf, own: str, wanted: Constraint | None, able: np.ndarray) -> tuple[Partner, ...]:
    """Kinds that complete the outfit and of which there is something, the most often combined first."""
    if wanted is not None:
        # What is asked for by name is shown, whatever the log says: scarves to a scarf, if that is the wish.
        known = {p.category: p for p in shelf.outfits.partners(own)}
        found = [known.get(v, Partner(v, 0, 0.0)) for v in map(str, wanted.values)]
        found.sort(key=lambda p: -p.sessions)
        return tuple(p for p in found if _some(shelf, p.category, able))
    # The log knows that shirts go under suits; only a second piece of the very same kind is never an outfit.
    same = shelf.vocabulary.same_place(own) if own else ()
    found = [p for p in shelf.outfits.partners(own, same) if _some(shelf, p.category, able)][:MOST_KINDS]
    if len(found) < FEWEST_KINDS:
        taken = {*(shelf.places.taken_by(own) if own else ()), *(p.category for p in found)}
        found += _usual(shelf, taken, able, FEWEST_KINDS - len(found) if found else MOST_KINDS, found)
    return tuple(found)


def _usual(shelf: Shelf, without: set[str], able: np.ndarray, number: int, found: Sequence[Partner]) -> list[Partner]:
    """What an outfit lacks by the general order: of each place the kind that is bought most, else of most products."""
    covered = {c for p in found for c in shelf.places.taken_by(p.category)}
    out = []
    for group in shelf.places.in_order(without | covered):
        kinds = [c for c in group if _some(shelf, c, able)]
        if kinds and len(out) < number:
            out.append(Partner(max(kinds, key=lambda c: _demand(shelf, c, able)), 0, 0.0))
    return out


def _rows(shelf: Shelf, category: str, able: np.ndarray) -> np.ndarray:
    rows = shelf.catalog.rows_with("category", category)
    return rows[able[rows]]


def _some(shelf: Shelf, category: str, able: np.ndarray) -> bool:
    return bool(len(_rows(shelf, category, able)))


def _demand(shelf: Shelf, category: str, able: np.ndarray) -> tuple[float, int]:
    rows = _rows(shelf, category, able)
    return float(shelf.popularity[rows].sum()), len(rows)


def _dealt(shelf: Shelf, products: Sequence[Scored], partners: Sequence[Partner], k: int) -> tuple[Scored, ...]:
    """``k`` products: every kind gets its slots by the sessions that combine it, filled in the list's order."""
    queues: dict[str, list[Scored]] = {p.category: [] for p in partners}
    for scored in products:
        kind = (shelf.catalog.product(scored.product_id).category or "").strip().lower()
        if kind in queues:
            queues[kind].append(scored)
    most = k if len(partners) == 1 else MOST_OF_A_KIND
    given = dict.fromkeys(queues, 0)
    # A kind without sessions behind it gets a slot after those that have some.
    weight = {p.category: p.sessions + 0.5 for p in partners}
    out: list[Scored] = []
    while len(out) < k:
        open_ = [c for c in queues if given[c] < min(most, len(queues[c]))]
        if not open_:
            break
        best = max(open_, key=lambda c: weight[c] / (2 * given[c] + 1))
        out.append(queues[best][given[best]])
        given[best] += 1
    return tuple(out)
