"""What a tool is, and what it may use: its checked arguments, and the desk of one turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shopping_assistant.assistant.context import Settings
from shopping_assistant.assistant.session_log import SessionLog
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Product
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import Event


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
    """One product on a card: its id, why it is there, its rank on each road that led to it, and what bears that out."""

    product_id: str
    reason: str
    route: dict[str, int | None]
    evidence: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class ToolResult:
    """``content`` is what the model reads; ``offers`` what the shopper sees, None when the cards stay as they are.

    ``told`` are keys of the turn object beyond the cards (`comparison`, `explained`); ``made`` says how the offers were
    found, in plain values, so that a later turn can find them again and see what they hang on.
    """

    content: dict[str, Any]
    offers: tuple[Offer, ...] | None = None
    relaxed: tuple[Constraint, ...] = ()
    constraints: tuple[Constraint, ...] | None = None
    query: str | None = None
    parts_ms: dict[str, float] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Wish(Arguments):
    """One condition on a product attribute."""

    attribute: str = Field(description="attribute as the catalogue names it, such as category, color, price, material")
    op: Literal["in", "not in", "<=", ">="]
    values: list[str | float] = Field(min_length=1, max_length=200)
    said: str = Field(default="", description="the shopper's words for it")


class Nothing(Arguments):
    """For a tool that takes no arguments."""


@dataclass(frozen=True)
class Tool:
    """A function that the chat model may call, with the arguments it takes and what it is told of it."""

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


def tool(arguments: type[Arguments]) -> Callable[[Callable[[Desk, Any], ToolResult]], Tool]:
    """Make a function a tool under its own name; its docstring is what the chat model reads."""

    def made(run: Callable[[Desk, Any], ToolResult]) -> Tool:
        return Tool(run.__name__, " ".join((run.__doc__ or "").split()), arguments, run)

    return made
