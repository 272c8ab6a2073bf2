"""The tools of the assistant, and the only place where a tool is registered.

A tool is a function of a `Desk` and its checked arguments. To add one: write its argument model, write the function,
put ``@tool`` on it. The chat model, offline or hosted, sees its name, docstring and arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shopping_assistant.assistant.context import Settings
from shopping_assistant.assistant.reasons import reason
from shopping_assistant.assistant.session_log import SessionLog
from shopping_assistant.assistant.shelf import NO_ROUTE, Ranked, Shelf
from shopping_assistant.assistant.wishes import FORGET_ALL, TEXT, accumulate
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Product
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import Event

# What a chat model needs to speak of a product; the page reads the rest from the catalogue.
BRIEF = ("product_id", "title", "brand", "category", "color", "material", "price", "currency")
# A description is shortened for the model: it is the seller's text, and long ones crowd out the question.
DESCRIPTION_SHOWN = 400


class ToolError(ShopError):
    """A call that cannot be carried out; the model reads why and may try again."""


@dataclass(frozen=True)
class Desk:
    """What a tool may use in one turn."""

    shelf: Shelf
    log: SessionLog
    settings: Settings
    thread_id: str
    user_id: str
    constraints: tuple[Constraint, ...]
    previous: tuple[Constraint, ...]
    shown: tuple[str, ...]
    seen: tuple[str, ...]
    query: str = ""

    def history(self) -> tuple[Event, ...]:
        """This shopper's events, oldest first: the shop's log, earlier conversations, this one.

        Events on products that the catalogue no longer has are left out.
        """
        chats = self.log.events(thread_id=self.thread_id)
        if self.user_id != self.thread_id:
            before = [e for e in self.log.events(user_id=self.user_id) if e.session_id != self.thread_id]
            known = {(e.session_id, e.timestamp) for e in (*before, *chats)}
            # A chat that the shop has taken in stands in its log and among the conversations.
            logged = [e for e in self.shelf.log_of(self.user_id) if (e.session_id, e.timestamp) not in known]
            chats = [*logged, *before, *chats]
        return tuple(e for e in chats if e.product_id is None or e.product_id in self.shelf.catalog)

    def event(self, action: str, query: str | None = None, product_id: str | None = None) -> Event:
        """Something this shopper does just now, for the recommender's eyes; the log is written elsewhere."""
        return Event(self.thread_id, self.user_id, self.log.now(), action, query, product_id)

    def known(self, product_ids: Sequence[str]) -> list[Product]:
        unknown = [p for p in product_ids if p not in self.shelf.catalog]
        if unknown:
            raise ToolError(
                f"product {unknown[0]!r} is not in this shop; use the product_id of a product that was shown"
            )
        return [self.shelf.catalog.product(p) for p in dict.fromkeys(product_ids)]


@dataclass(frozen=True)
class Offer:
    """One product on a card: its id, why it is there, and its rank on each road that led to it."""

    product_id: str
    reason: str
    route: dict[str, int | None]


@dataclass(frozen=True)
class ToolResult:
    """``content`` is what the model reads; ``offers`` what the shopper sees, None when the cards stay as they are."""

    content: dict[str, Any]
    offers: tuple[Offer, ...] | None = None
    relaxed: tuple[Constraint, ...] = ()
    constraints: tuple[Constraint, ...] | None = None
    query: str | None = None
    parts_ms: dict[str, float] = field(default_factory=dict)


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Wish(Arguments):
    """One condition on a product attribute."""

    attribute: str = Field(description="attribute as the catalogue names it, such as category, color, price, material")
    op: Literal["in", "not in", "<=", ">="]
    values: list[str | float] = Field(min_length=1, max_length=200)
    said: str = Field(default="", description="the shopper's words for it")


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Desk, Any], ToolResult]

    @property
    def schema(self) -> dict:
        """The tool as an OpenAI-style function, which every LangChain chat model can bind."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        parameters.pop("description", None)
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": parameters},
        }


TOOLS: dict[str, Tool] = {}


def tool(arguments: type[Arguments]):
    """Register a function as a tool under its own name; its docstring is what the chat model reads."""

    def register(run: Callable[[Desk, Any], ToolResult]):
        TOOLS[run.__name__] = Tool(run.__name__, " ".join((run.__doc__ or "").split()), arguments, run)
        return run

    return register


def call(desk: Desk, name: str, arguments: dict[str, Any]) -> ToolResult:
    """Check the arguments of a call and carry it out.

    Raises:
        ToolError: there is no such tool, or the arguments do not fit it.
    """
    chosen = TOOLS.get(name)
    if chosen is None:
        raise ToolError(f"no tool named {name!r}; there are {', '.join(TOOLS)}")
    try:
        checked = chosen.arguments.model_validate(arguments)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise ToolError(f"{name}: argument {where or '(all)'}: {first['msg']}") from None
    return chosen.run(desk, checked)


class Search(Arguments):
    query: str = Field(max_length=400, description="what is looked for, in a few words")
    constraints: list[Wish] = Field(default=[], max_length=20)
    more: bool = Field(default=False, description="leave out what was shown before")


@tool(Search)
def search_products(desk: Desk, given: Search) -> ToolResult:
    """Find products by words and conditions. The shopper's own wishes always apply; give only further ones."""
    constraints = _wishes(desk, given.constraints)
    ranked = desk.shelf.search(given.query, desk.settings.shown, constraints, desk.seen if given.more else ())
    return _shown(desk, ranked, constraints, query=given.query)


class Refine(Arguments):
    constraints: list[Wish] = Field(min_length=1, max_length=20)
    query: str = Field(default="", max_length=400)


@tool(Refine)
def refine(desk: Desk, given: Refine) -> ToolResult:
    """Narrow what is being looked at by further conditions, keeping the shopper's wishes so far."""
    constraints = _wishes(desk, given.constraints)
    return _shown(
        desk, desk.shelf.search(given.query, desk.settings.shown, constraints), constraints, query=given.query or None
    )


class Recommend(Arguments):
    constraints: list[Wish] = Field(default=[], max_length=20)
    goes_with: str | None = Field(default=None, description="product_id of a product to combine with, for an outfit")
    more: bool = Field(default=False, description="leave out what was shown before")


@tool(Recommend)
def recommend(desk: Desk, given: Recommend) -> ToolResult:
    """What this shopper will want next, from all they searched, clicked and chose. Their wishes always apply."""
    if given.goes_with is not None:
        return _outfit(desk, given)
    constraints, history = _wishes(desk, given.constraints), desk.history()
    if desk.query:
        # "Recommend me a dress" says what is looked for now, before it stands in the log.
        history = (*history, desk.event("search", query=desk.query))
    exclude = [*desk.log.bag(desk.thread_id), *(desk.seen if given.more else ())]
    ranked = desk.shelf.recommend(history, desk.settings.shown, constraints, exclude)
    result = _shown(desk, ranked, constraints, history=history)
    return replace(result, content={**result.content, "goes_by": _evidence(history)})


def _outfit(desk: Desk, given: Recommend) -> ToolResult:
    """What to wear with one product: nothing of its kind, and the wishes that were about it set aside."""
    (product,) = desk.known([given.goes_with])
    now = _checked(desk, given.constraints)
    held = _wishes(desk, given.constraints)
    kept = tuple(c for c in held if c.is_exclusion or c.attribute == "department" or _same_wish(c, now))
    set_aside = tuple(c for c in held if c not in kept)
    if product.category and not any(c.attribute == "category" and c.op == "in" for c in kept):
        kept = (*kept, Constraint("category", "not in", desk.shelf.vocabulary.same_place(product.category.lower()), ""))
    # The search that led to the product is done; what goes with it starts from the product itself.
    history = tuple(e for e in desk.history() if e.action != "search")
    history = (*history, desk.event("click", product_id=product.product_id))
    ranked = desk.shelf.recommend(history, desk.settings.shown, kept, desk.log.bag(desk.thread_id))
    result = _shown(desk, ranked, kept, beside=product)
    return replace(result, relaxed=(*result.relaxed, *set_aside))


def _evidence(history: Sequence[Event]) -> str:
    """The strongest thing a recommendation can go by: chosen, clicked, searched, or nothing."""
    done = {e.action for e in history}
    words = (("purchase", "chosen"), ("click", "clicked"), ("search", "searched"))
    return next((word for action, word in words if action in done), "nothing")


class Similar(Arguments):
    product_id: str
    constraints: list[Wish] = Field(default=[], max_length=20)


@tool(Similar)
def similar(desk: Desk, given: Similar) -> ToolResult:
    """Products like one product that meet the shopper's wishes and the further conditions given."""
    desk.known([given.product_id])
    constraints = _wishes(desk, given.constraints)
    ranked = desk.shelf.similar(given.product_id, desk.settings.shown, constraints)
    return _shown(desk, ranked, constraints, like=given.product_id)


class Popular(Arguments):
    constraints: list[Wish] = Field(default=[], max_length=20)


@tool(Popular)
def popular(desk: Desk, given: Popular) -> ToolResult:
    """The products that were bought most in this shop, meeting the shopper's wishes."""
    constraints = _wishes(desk, given.constraints)
    return _shown(desk, desk.shelf.popular(desk.settings.shown, constraints), constraints)


class Details(Arguments):
    product_ids: list[str] = Field(min_length=1, max_length=20)
    attributes: list[str] = Field(default=[], max_length=20, description="what is asked; all when empty")


@tool(Details)
def product_details(desk: Desk, given: Details) -> ToolResult:
    """What the catalogue says about products. A null means that the catalogue does not say."""
    products = desk.known(given.product_ids)
    return ToolResult({"products": [_facts(p, given.attributes) for p in products], "asked": given.attributes})


class Compare(Arguments):
    product_ids: list[str] = Field(min_length=2, max_length=10)
    attributes: list[str] = Field(default=[], max_length=20)


@tool(Compare)
def compare(desk: Desk, given: Compare) -> ToolResult:
    """Products side by side: only where they differ, unless attributes are asked for."""
    products = desk.known(given.product_ids)
    names = given.attributes or [
        a for a in desk.shelf.catalog.attribute_names if len({str(p.get(a)) for p in products}) > 1
    ]
    names = [a for a in names if a not in ("style", "launched", "line", "look", "group")][:6]
    return ToolResult({"products": [_facts(p, names) for p in products], "asked": given.attributes, "differ": names})


class Items(Arguments):
    product_ids: list[str] = Field(min_length=1, max_length=20)


@tool(Items)
def add_to_bag(desk: Desk, given: Items) -> ToolResult:
    """Put products into the shopper's bag."""
    products = desk.known(given.product_ids)
    in_bag = set(desk.log.bag(desk.thread_id))
    added, already, gone = [], [], []
    for p in products:
        if p.product_id in in_bag:
            already.append(p)
        elif not p.available:
            gone.append(p)
        else:
            place = desk.shown.index(p.product_id) + 1 if p.product_id in desk.shown else None
            desk.log.bagged(desk.thread_id, p.product_id, place)
            added.append(p)
    lists = {"added": added, "already_in_bag": already, "sold_out": gone}
    return ToolResult({**{k: [brief(p) for p in v] for k, v in lists.items()}, "bag": _bag(desk)})


@tool(Items)
def remove_from_bag(desk: Desk, given: Items) -> ToolResult:
    """Take products out of the shopper's bag."""
    products = desk.known(given.product_ids)
    removed = [p for p in products if desk.log.unbagged(desk.thread_id, p.product_id)]
    missing = [p for p in products if p not in removed]
    return ToolResult(
        {"removed": [brief(p) for p in removed], "not_in_bag": [brief(p) for p in missing], "bag": _bag(desk)}
    )


class Nothing(Arguments):
    pass


@tool(Nothing)
def show_bag(desk: Desk, given: Nothing) -> ToolResult:
    """What is in the shopper's bag, and what it costs."""
    return ToolResult({"bag": _bag(desk)})


class Forget(Arguments):
    attributes: list[str] = Field(
        description=f'attributes whose wishes are taken back; ["{FORGET_ALL}"] for all', max_length=20
    )


@tool(Forget)
def forget_wishes(desk: Desk, given: Forget) -> ToolResult:
    """Take back wishes of the shopper, or start over."""
    kept, _ = accumulate(desk.shelf.vocabulary, desk.constraints, desk.previous, (), tuple(given.attributes), False)
    return ToolResult({"wishes": [c.as_dict() for c in kept]}, constraints=kept)


def _checked(desk: Desk, wishes: Sequence[Wish]) -> tuple[Constraint, ...]:
    names = [*desk.shelf.catalog.attribute_names, TEXT]
    for w in wishes:
        if w.attribute not in names:
            raise ToolError(f"this catalogue has no attribute {w.attribute!r}; it has {', '.join(names)}")
    return tuple(Constraint.from_dict(w.model_dump()) for w in wishes)


def _wishes(desk: Desk, further: Sequence[Wish]) -> tuple[Constraint, ...]:
    """The shopper's wishes and the model's further ones. What was excluded stays so, whatever the model asks."""
    new = [c for c in _checked(desk, further) if not _same_wish(c, desk.constraints)]
    joined, _ = accumulate(desk.shelf.vocabulary, desk.constraints, (), new, (), True)
    excluded = [c for c in desk.constraints if c.is_exclusion]
    return (*(c for c in joined if not c.is_exclusion or c not in excluded), *(c for c in excluded))


def _same_wish(c: Constraint, others: Sequence[Constraint]) -> bool:
    return any((c.attribute, c.op, c.values) == (o.attribute, o.op, o.values) for o in others)


def _shown(
    desk: Desk, ranked: Ranked, constraints: Sequence[Constraint], query: str | None = None,
    history: Sequence[Event] = (), like: str | None = None, beside: Product | None = None,
) -> ToolResult:  # fmt: skip
    kept = [c for c in constraints if c not in ranked.relaxed]
    catalog = desk.shelf.catalog
    offers, lines = [], []
    for number, scored in enumerate(ranked.products, 1):
        product = catalog.product(scored.product_id)
        why = reason(product, catalog, kept, history, scored.route, ranked.by, beside)
        offers.append(Offer(scored.product_id, why, {**NO_ROUTE, **scored.route}))
        lines.append({"number": number, **brief(product), "reason": why})
    content = {
        "count": ranked.count, "by": ranked.by, "products": lines, "wishes": [c.as_dict() for c in kept],
        "relaxed": [c.as_dict() for c in ranked.relaxed],
    }  # fmt: skip
    if like:
        content["like"] = brief(catalog.product(like))
    return ToolResult(content, tuple(offers), ranked.relaxed, query=query, parts_ms=ranked.parts_ms)


def brief(product: Product) -> dict:
    """What a chat model is told of a product."""
    return {name: getattr(product, name) for name in BRIEF}


def _facts(product: Product, attributes: Sequence[str]) -> dict:
    known = product.as_dict()
    every = {**known, **known.pop("attributes")}
    names = [*attributes, "available"] if attributes else [n for n in every if n not in ("image_url",)]
    facts = {n: every.get(n) for n in names if n not in ("product_id", "title")}
    text = (known.get("description") or "")[:DESCRIPTION_SHOWN]
    return {
        "product_id": product.product_id,
        "title": product.title,
        "currency": product.currency,
        **facts,
        "description": text,
    }


def _bag(desk: Desk) -> dict:
    catalog = desk.shelf.catalog
    bagged = [p for p in desk.log.bag(desk.thread_id) if p in catalog]
    products = [catalog.product(p) for p in bagged if not catalog.has_removed(p)]
    gone = [brief(catalog.product(p)) for p in bagged if catalog.has_removed(p)]
    prices = [p.price for p in products if p.price is not None]
    return {
        "products": [brief(p) for p in products],
        "total": round(sum(prices), 2) if prices else None,
        "currency": products[0].currency if products else None,
        **({"no_longer_sold": gone} if gone else {}),
    }
