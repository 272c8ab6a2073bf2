"""Products as a tool offers them: under the shopper's wishes, each with its reason, and briefly told to the model."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.assistant.agent_tools.desk import Desk, Offer, ToolError, ToolResult, Wish
from shopping_assistant.assistant.answers.reasons import Beside, reason, short_title
from shopping_assistant.assistant.answers.wording import listed
from shopping_assistant.assistant.language.leanings import JUDGED
from shopping_assistant.assistant.language.wishes import TEXT, accumulate
from shopping_assistant.assistant.leaning_order import truly
from shopping_assistant.assistant.shelf import NO_ROUTE, Ranked
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Product

# What a chat model needs to speak of a product; the page reads the rest from the catalogue.
BRIEF = ("product_id", "title", "brand", "category", "color", "material", "price", "currency")


def all_wishes(desk: Desk, further: Sequence[Wish]) -> tuple[Constraint, ...]:
    """The shopper's wishes and the model's further ones. What was excluded stays so, whatever the model asks."""
    new = [c for c in checked(desk, further) if not same_wish(c, desk.constraints)]
    joined, _ = accumulate(desk.shelf.vocabulary, desk.constraints, (), new, (), True)
    excluded = [c for c in desk.constraints if c.is_exclusion]
    return (*(c for c in joined if not c.is_exclusion or c not in excluded), *(c for c in excluded))


def checked(desk: Desk, wishes: Sequence[Wish]) -> tuple[Constraint, ...]:
    names = [*desk.shelf.catalog.attribute_names, TEXT]
    for w in wishes:
        if w.attribute not in names:
            raise ToolError(f"this catalogue has no attribute {w.attribute!r}; it has {', '.join(names)}")
    return tuple(Constraint.from_dict(w.model_dump()) for w in wishes)


def same_wish(c: Constraint, others: Sequence[Constraint]) -> bool:
    return any((c.attribute, c.op, c.values) == (o.attribute, o.op, o.values) for o in others)


def offered(
    desk: Desk, ranked: Ranked, constraints: Sequence[Constraint], query: str | None = None,
    like: str | None = None, beside: Beside | None = None, exclude: Sequence[str] = (),
) -> ToolResult:  # fmt: skip
    """Products as cards and as a model reads them, and how they were found, for who asks why.

    Args:
        exclude: what was left out of the list, beside the bag.
    """
    kept = [c for c in constraints if c not in ranked.relaxed]
    catalog = desk.shelf.catalog
    offers, lines = [], []
    for number, scored in enumerate(ranked.products, 1):
        product = catalog.product(scored.product_id)
        found = ranked.evidence.get(scored.product_id, ())
        why = _first_said(
            _by_degree(desk, product), reason(product, catalog, kept, found, scored.route, ranked.by, beside)
        )  # fmt: skip
        offers.append(Offer(scored.product_id, why, {**NO_ROUTE, **scored.route}, tuple(e.as_dict() for e in found)))
        lines.append({"number": number, **brief(product), "reason": why})
    content = {
        "count": ranked.count, "by": ranked.by, "products": lines, "wishes": [c.as_dict() for c in kept],
        "relaxed": [c.as_dict() for c in ranked.relaxed],
    }  # fmt: skip
    if like:
        content["like"] = brief(catalog.product(like))
    at = desk.log.now().isoformat(timespec="microseconds")
    made = {"by": ranked.by, "constraints": [c.as_dict() for c in kept], "at": at}
    # Of a photo its name alone: what it looks like stands in the conversation's state.
    thumbs = [w for w in desk.ordering if w.attribute == JUDGED]
    made |= {"leanings": [w.as_dict() for w in (*desk.leanings, *thumbs)], "exclude": list(exclude)}
    # What is taken out of the bag again leaves no event behind.
    made["chosen"] = [
        [e.product_id, e.timestamp.isoformat(timespec="microseconds")]
        for e in desk.log.events(thread_id=desk.thread_id) if e.action == "purchase"
    ]  # fmt: skip
    made = {k: v for k, v in made.items() if v} | {k: v for k, v in (("query", query), ("like", like)) if v}
    return ToolResult(
        content, tuple(offers), ranked.relaxed, query=query, parts_ms=ranked.parts_ms, pool=ranked.pool, made=made
    )


def _by_degree(desk: Desk, product: Product) -> str:
    """ "longer than the Maren Trench Coat": the wishes by degree that this product meets, as the catalogue has it."""
    catalog, told = desk.shelf.catalog, {}
    for wish in desk.leanings:
        if how := truly(wish, desk.shelf.understanding.scales, product.product_id):
            told.setdefault(wish.than, []).append(how)
    return "; ".join(f"{listed(how)} than the {short_title(catalog.product(than))}" for than, how in told.items())


def _first_said(first: str, more: str) -> str:
    if not first:
        return more
    return f"{first[0].upper()}{first[1:]}" + (f"; {more[0].lower()}{more[1:]}" if more else "")


def brief(product: Product) -> dict:
    """What a chat model is told of a product."""
    return {name: getattr(product, name) for name in BRIEF}
