"""The recommendation prompt: instruction, input (what the shopper did), response; and reading an answer back.

One wording of an item serves the prompt, the pre-training text and the catalogue's own description of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.item_codes import CODE, ItemCodes
from shopping_assistant.tools.sessions import Event, current_query

# What a language model is told, as published: the task, how to do it, what to write.
INSTRUCTION_SENTENCES = (
    "You recommend fashion.",
    " Below is what one shopper searched, clicked and bought, oldest first; predict the product bought next.",
    " Mind the order: what came last says most.",
    " Attributes that vary between the compared items show fine preferences; those that stay show what is settled.",
    " Consider season, occasion and trend.",
    " Prefer items that top the results of the search query.",
    " Write the id of the product, then its title, nothing else.",
)
INSTRUCTION = "".join(INSTRUCTION_SENTENCES)
# Every event is a line that opens with one of these; the answer follows the last one.
SESSION, SEARCH, CLICK, BUY = "\nsession:", "\nsearch:", "\nclick:", "\nbuy:"
QUERY, RESULTS, ANSWER = "\nquery:", "\nresults:", "\nrecommend:"
ITEM, TEXT = "\nitem:", "\ntext:"
MARKERS = (SESSION, SEARCH, CLICK, BUY, QUERY, RESULTS, ANSWER, ITEM, TEXT)
MONTHS = "january february march april may june july august september october november december".split()
# Long queries are pasted text, not requests; long values are lists of everything ("spring, summer, autumn, winter").
QUERY_WORDS = 16
VALUE_WORDS = 4


@dataclass(frozen=True)
class PromptStyle:
    """How much of an item and of a history is written.

    Attributes:
        attributes: the key-value pairs that follow a title, where the title does not say them already.
        full_items: how many of the latest items are written with title and attributes; older ones by their id.
        memory_products: how many of the query-product memory's items are given for the current query.
        title_words: a title is cut after this many words.
        max_events: how many of the latest events are read at all.
    """

    attributes: tuple[str, ...] = (
        "brand", "category", "color", "material", "department", "season", "occasion", "price",
    )  # fmt: skip
    full_items: int = 6
    memory_products: int = 8
    title_words: int = 12
    max_events: int = 60

    def as_dict(self) -> dict:
        return {**asdict(self), "attributes": list(self.attributes)}

    @classmethod
    def from_dict(cls, values: dict) -> PromptStyle:
        return cls(**{**values, "attributes": tuple(values["attributes"])})


def short_title(title: str, words: int = 12) -> str:
    """The title as it is written: lower case, one line, the first words, nothing that reads as a code."""
    return " ".join(CODE.sub(" ", title).lower().split()[:words])


def described(product: Product, style: PromptStyle) -> str:
    """Title and key-value attributes; a value whose words stand in the text already is not repeated."""
    text = short_title(product.title, style.title_words)
    said = set(_words(text))
    for name in style.attributes:
        value = product.get(name)
        if isinstance(value, (int, float)):
            text += f", {name} {value:.0f}" if abs(value) >= 10 else f", {name} {value:.2g}"
            continue
        parts = [value] if isinstance(value, str) else list(value) if isinstance(value, tuple) else []
        words = [word for part in parts for word in _words(part)]
        if words and not said.issuperset(words):
            text += f", {name} {' '.join(words[:VALUE_WORDS])}"
            said.update(words)
    return text


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def query_text(query: str) -> str:
    """A query as it is written. What shoppers type is data: nothing of it may read as a code or a line of ours."""
    return " ".join(CODE.sub(" ", query).lower().split()[:QUERY_WORDS])


class PromptWriter:
    """Histories, products and answers of one shop as text, every product worded once.

    Args:
        budget: tokens a prompt may have, the instruction included; None for no limit.
        count: how many tokens a text has; needed with a budget.
    """

    def __init__(
        self,
        catalog: Catalog,
        codes: ItemCodes,
        style: PromptStyle | None = None,
        budget: int | None = None,
        count: Callable[[str], int] | None = None,
    ):
        self.catalog, self.codes, self.style = catalog, codes, style or PromptStyle()
        # Bounded: a catalogue may have a million products.
        self._described = lru_cache(200_000)(lambda row: described(catalog.at(row), self.style))
        self._count = lru_cache(200_000)(count) if count else None
        self._budget = None if budget is None or count is None else budget - count(INSTRUCTION)

    def item(self, row: int, full: bool = True) -> str:
        """``<a12><b3> red wool scarf, season winter, price 19``, or the id alone."""
        return f"{self.codes.text(row)} {self._described(row)}" if full else self.codes.text(row)

    def response(self, row: int) -> str:
        """What the model is to answer for this product."""
        return response(self.codes.text(row), self.catalog.titles[row], self.style.title_words)

    def input(self, history: Sequence[Event], memory_products: Sequence[str] = ()) -> str:
        """The prompt without the instruction: the events, oldest first, then the current query and its products.

        Cut from the oldest event to fit the budget, never inside an event; it ends with the marker the answer follows.
        """
        query = current_query(history)
        tail = self._request(query, memory_products) if query else ANSWER
        left = None if self._budget is None else self._budget - self._count(tail)
        kept: list[str] = []
        for text in reversed(self._events(history[-self.style.max_events :])):
            if left is not None:
                left -= self._count(text)
                if left < 0:
                    break
            kept.append(text)
        return "".join(reversed(kept)) + tail

    def sequence(
        self,
        events: Sequence[Event],
        results: Callable[[str], Sequence[str]] = lambda query: (),
        full_share: float = 0.25,
        asked_share: float = 0.75,
        seed: int = 0,
    ) -> str:
        """A whole history as pre-training text: the same lines, with the purchases as answers to be predicted.

        Args:
            results: a query's products in the query-product memory.
            full_share: share of the items written with title and attributes.
            asked_share: share of the purchases written as question and answer, as the prompt asks.
        """
        chance = random.Random(seed)
        events = _without_clicks_on_bought(events)
        texts, seen = [], []
        for event, opening in _with_sessions(events, self.catalog):
            seen.append(event)
            asked = event.action == "purchase" and chance.random() < asked_share
            texts.append(opening)
            if asked:
                query = current_query(seen)
                row = self.catalog.index(event.product_id)
                texts.append((self._request(query, results(query)) if query else ANSWER) + self.response(row))
            else:
                texts.append(self._line(event, full=chance.random() < full_share))
        return "".join(texts)

    def facts(self, row: int) -> tuple[str, str]:
        """What a product is, both ways round: from its id to its words, and from its words to its id."""
        return f"{ITEM}{self.item(row)}", f"{TEXT} {self._described(row)}{ITEM}{self.codes.text(row)}"

    def _request(self, query: str, products: Sequence[str]) -> str:
        known = [p for p in products if p in self.catalog][: self.style.memory_products]
        ids = "".join(self.codes.text(self.catalog.index(p)) for p in known)
        return f"{QUERY} {query_text(query)}{RESULTS + ids if ids else ''}{ANSWER}"

    def _line(self, event: Event, full: bool) -> str:
        if event.action == "search":
            return f"{SEARCH} {query_text(event.query)}"
        return (CLICK if event.action == "click" else BUY) + self.item(self.catalog.index(event.product_id), full)

    def _events(self, history: Sequence[Event]) -> list[str]:
        """One text an event; the latest items are written in full, each once, the older ones by their id."""
        texts, written = [], set()
        for event, opening in reversed(list(_with_sessions(history, self.catalog))):
            full = event.action != "search" and len(written) < self.style.full_items and event.product_id not in written
            if full:
                written.add(event.product_id)
            texts.append(opening + self._line(event, full))
        return texts[::-1]


def _with_sessions(history: Sequence[Event], catalog: Catalog) -> list[tuple[Event, str]]:
    """The events that can be written, each with the line that opens its session where one begins."""
    out, session = [], None
    for event in history:
        if not (event.query if event.action == "search" else event.product_id in catalog):
            continue
        opening = "" if event.session_id == session else f"{SESSION} {MONTHS[event.timestamp.month - 1]}"
        session = event.session_id
        out.append((event, opening))
    return out


def _without_clicks_on_bought(events: Sequence[Event]) -> list[Event]:
    """As in the prompt: no click in a session on what that session ends up buying."""
    bought = {(e.session_id, e.product_id) for e in events if e.action == "purchase"}
    return [e for e in events if e.action != "click" or (e.session_id, e.product_id) not in bought]


def prompt_input(
    history: Sequence[Event],
    catalog: Catalog,
    codes: ItemCodes,
    memory_products: Sequence[str] = (),
    style: PromptStyle | None = None,
) -> str:
    """One history as the prompt's input; ``PromptWriter`` does many, within a token budget."""
    return PromptWriter(catalog, codes, style).input(history, memory_products)


def sequence_text(events: Sequence[Event], catalog: Catalog, codes: ItemCodes, seed: int = 0) -> str:
    """One history as pre-training text; ``PromptWriter.sequence`` has the settings."""
    return PromptWriter(catalog, codes).sequence(events, seed=seed)


def response(code_text: str, title: str, words: int = 12) -> str:
    """The answer: the id, then the title."""
    return f"{code_text} {short_title(title, words)}"


def parse_response(text: str, codes: ItemCodes) -> tuple[int | None, str]:
    """Read an answer back: ``(product row, title)``; the row is None when the id is malformed or nobody's."""
    found = re.match(r"\s*((?:<[a-z]\d+>)*)", text)
    title = CODE.split(text[found.end() :])[0].split("\n")[0].strip()
    return codes.row_of(found.group(1)), title
