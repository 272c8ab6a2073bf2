"""What a tool is, and what it may use: its checked arguments, and the desk of one turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shopping_assistant.assistant import feedback
from shopping_assistant.assistant.context import Settings
from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.picture_search import with_vectors
from shopping_assistant.assistant.session_log import SessionLog
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import Event

# Where a schema lists the attributes of the catalogue at hand, and how many at most: some catalogues have hundreds.
_OF_CATALOGUE = "(of the catalogue)"
_ATTRIBUTES_LISTED = 80

# Products of a page as `Desk.as_pages` makes it. On validation sessions of the demo shop 12 gave ndcg@10 0.50, 24 gave
# 0.56 and 36 0.57.
PAGE = 24


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
    #: How the products shown now were found, as `ToolResult.made` told it.
    made: dict[str, Any] = field(default_factory=dict)
    leanings: tuple[Leaning, ...] = ()  # wishes that order products and shut none out
    added: tuple[Constraint, ...] = ()  # those of this sentence, among ``constraints``
    measures: tuple[dict[str, Any], ...] = ()  # what the shopper said of their body and usual size, in this chat
    measures_asked: bool = False  # whether they were asked for it
    photos: Mapping[str, str] = field(default_factory=dict)  # what photos look like, by the name their wish has

    @cached_property
    def judged(self) -> feedback.Judged:
        """The thumbs that stand in this conversation."""
        return feedback.standing(self.log.judgements(self.thread_id))

    @cached_property
    def ordering(self) -> tuple[Leaning, ...]:
        """All that orders products and shuts none out: `leanings`, which were said or shown, and thumbs."""
        replies = {}
        if "down" in self.judged.turns.values():
            turns = self.log.turns(self.thread_id)
            replies = {t["turn"]: [p["product_id"] for p in t["products"]] for t in turns}
        return (*with_vectors(self.leanings, self.photos), *feedback.orders(self.judged, replies))

    def put_away(self, query: str = "") -> tuple[str, ...]:
        """Products the shopper does not want to see again; what ``query`` names in full is wanted after all."""
        catalog = self.shelf.catalog
        down = [p for p in self.judged.products_judged("down") if p in catalog]
        return feedback.put_away(self.judged, {p: catalog.product(p).title for p in down}, query)

    def history(self, until: str | None = None) -> tuple[Event, ...]:
        """This shopper's events, oldest first: the shop's log, earlier conversations, this one.

        Events on products that the catalogue no longer has are left out. Searches typed into a chat list what a page of
        the shop's own search would have, see `as_pages`. What was liked in a chat counts as a click.

        Args:
            until: a moment, ISO 8601 in UTC, as if nothing had been done or judged since.
        """
        chats = self._until(until, self.log.events(thread_id=self.thread_id))
        chats = self.as_pages(self._with_likes(chats, (self.thread_id,), until))
        if self.user_id != self.thread_id:
            others = [e for e in self.log.events(user_id=self.user_id) if e.session_id != self.thread_id]
            threads = [t for t in self.log.threads_judged_by(self.user_id) if t != self.thread_id]
            before = self.as_pages(self._with_likes(self._until(until, others), threads, until))
            known = {(e.session_id, e.timestamp) for e in (*before, *chats)}
            # A chat that the shop has taken in stands in its log and among the conversations.
            logged = [e for e in self.shelf.log_of(self.user_id) if (e.session_id, e.timestamp) not in known]
            chats = [*logged, *before, *chats]
        return tuple(e for e in chats if e.product_id is None or e.product_id in self.shelf.catalog)

    @staticmethod
    def _until(moment: str | None, events: Sequence[Event]) -> list[Event]:
        return [e for e in events if moment is None or e.timestamp.isoformat(timespec="microseconds") <= moment]

    def _with_likes(self, events: Sequence[Event], threads: Iterable[str], until: str | None = None) -> list[Event]:
        """Chat events with the thumbs that were given in these conversations, see `feedback.as_interest`."""
        for thread in threads:
            if judgements := [j for j in self.log.judgements(thread) if until is None or j.at <= until]:
                own = [e for e in events if e.session_id == thread]
                others = [e for e in events if e.session_id != thread]
                judged = feedback.as_interest(own, judgements, thread, self.user_id)
                events = sorted([*others, *judged], key=lambda e: e.timestamp)
        return list(events)

    def as_pages(self, events: Iterable[Event]) -> list[Event]:
        """Chat events whose searches list what past shoppers were shown for such words, then what the chat showed.

        The recommender learned from logged pages that what is bought stands on them; a chat shows fewer products, in an
        order of its own. On replayed sessions of the demo shop 0.37 of the chat's lists held what was bought next, and
        0.89 of these do (docs/experiments.md, 21 November 2026).
        """
        memory = self.shelf.memory
        if not memory.size:
            return list(events)
        return [
            replace(e, shown=tuple(dict.fromkeys([*memory.products([e.query], PAGE)[0], *e.shown])))
            if e.action == "search" and e.query else e for e in events
        ]  # fmt: skip

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
    """One product on a card: its id, why it is there, its rank on each road that led to it, and what bears that out."""

    product_id: str
    reason: str
    route: dict[str, int | None]
    evidence: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class ToolResult:
    """``content`` is what the model reads; ``offers`` what the shopper sees, None when the cards stay as they are.

    ``told`` are keys of the turn object beyond the cards (`comparison`, `explained`); ``made`` says how the offers were
    found, in plain values, so that a later turn can find them again and see what they hang on. ``pool`` are the rows
    of all
    that would do, best first, for a question back.
    """

    content: dict[str, Any]
    offers: tuple[Offer, ...] | None = None
    relaxed: tuple[Constraint, ...] = ()
    constraints: tuple[Constraint, ...] | None = None
    query: str | None = None
    parts_ms: dict[str, float] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    pool: np.ndarray | None = field(default=None, compare=False, repr=False)


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


#: An attribute of the catalogue by name: the schema lists those that the shop at hand has.
AttributeName = Annotated[str, Field(json_schema_extra={"enum": [_OF_CATALOGUE]})]


def _as_list(values: Any) -> Any:
    # A model that means one value often writes it without the brackets.
    return values if isinstance(values, (list, tuple)) else [values]


class Wish(Arguments):
    """One condition on a product attribute."""

    attribute: AttributeName = Field(description="attribute as the catalogue names it")
    op: Literal["in", "not in", "<=", ">="] = Field(
        description="'in': has one of the values; 'not in': has none of them; '<=' and '>=' for figures such as price"
    )
    values: Annotated[list[str | float], BeforeValidator(_as_list)] = Field(
        min_length=1,
        max_length=200,
        description="values as the catalogue writes them, in lower case; one figure, without currency, for <= and >=",
    )
    said: str = Field(default="", max_length=200, description="the shopper's words for it; may be left out")


class Nothing(Arguments):
    """For a tool that takes no arguments."""


@dataclass(frozen=True)
class Tool:
    """A function that the chat model may call, with the arguments it takes and what it is told of it.

    Args:
        hears: sentences that a shopper may say to get it, each with the arguments it stands for; the offline model
            calls
            the tool for these and for sentences that mean the same. The tools of searching and buying need none: what
            a shopper wants of them is worked out word by word.
        says: the offline model's reply, made of the result's content.
        changes: whether it changes something that stays, such as the bag.
    """

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Desk, Any], ToolResult]
    hears: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    says: Callable[[dict[str, Any]], str] | None = None
    changes: bool = False

    @property
    def schema(self) -> dict:
        """The tool as an OpenAI-style function, which every LangChain chat model can bind."""
        return self._function(())

    def schema_for(self, catalog: Catalog) -> dict:
        """The same with the attributes of this catalogue to choose from."""
        return self._function(catalog.attribute_names)

    def _function(self, attributes: Sequence[str]) -> dict:
        parameters = self.arguments.model_json_schema()
        parameters = _plain(parameters, parameters.pop("$defs", {}), list(attributes[:_ATTRIBUTES_LISTED]))
        parameters.pop("description", None)
        parameters.setdefault("properties", {})
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": parameters},
        }


def _plain(schema: Any, definitions: dict, attributes: list[str]) -> Any:
    """A schema that small models and their servers read: nothing referred to, no titles, attributes listed."""
    if isinstance(schema, list):
        return [_plain(s, definitions, attributes) for s in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions, attributes)
    if schema.get("enum") == [_OF_CATALOGUE]:
        schema = {k: v for k, v in schema.items() if k != "enum"} | ({"enum": attributes} if attributes else {})
    return {
        k: {name: _plain(s, definitions, attributes) for name, s in v.items()} if k == "properties"
        else v if k in ("enum", "required", "default", "const") else _plain(v, definitions, attributes)
        for k, v in schema.items() if k != "title"
    }  # fmt: skip


def tool(
    arguments: type[Arguments], hears: Mapping[str, dict[str, Any]] | None = None,
    says: Callable[[dict[str, Any]], str] | None = None, changes: bool = False,
) -> Callable[[Callable[[Desk, Any], ToolResult]], Tool]:  # fmt: skip
    """Make a function a tool under its own name; its docstring is what the chat model reads. See `Tool`."""

    def made(run: Callable[[Desk, Any], ToolResult]) -> Tool:
        description = " ".join((run.__doc__ or "").split())
        return Tool(run.__name__, description, arguments, run, dict(hears or {}), says, changes)

    return made
