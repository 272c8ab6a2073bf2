"""The recommendation prompt: instruction, input (what the shopper did), response; and reading an answer back.

One wording of an item serves the prompt, the pre-training text and the catalogue's own description of it.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Literal

from shopping_assistant.tools.catalog import AttributeValue, Catalog, Product
from shopping_assistant.tools.errors import ShopError
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
SESSION, PAUSE, SEARCH, CLICK, BUY = "\nsession:", "\npause:", "\nsearch:", "\nclick:", "\nbuy:"
QUERY, RESULTS, ANSWER = "\nquery:", "\nresults:", "\nrecommend:"
ITEM, TEXT = "\nitem:", "\ntext:"
MARKERS = (SESSION, PAUSE, SEARCH, CLICK, BUY, QUERY, RESULTS, ANSWER, ITEM, TEXT)
MONTHS = "january february march april may june july august september october november december".split()
# Long queries are pasted text, not requests; long values are lists of everything ("spring, summer, autumn, winter").
QUERY_WORDS = 16
VALUE_WORDS = 4
# In UTF-8, because a tokenizer may spend a token on every byte: 12 words of emoji would otherwise fill the budget.
TITLE_BYTES = QUERY_BYTES = 160
VALUE_BYTES = 48
# Longer texts than anyone reads are not even searched for what may not be written.
READ_CHARACTERS = 4000
# Tags of any kind (codes, a tokenizer's own "<|endoftext|>"), then what is left of them, then controls, the marks
# that turn the direction of writing, and halves of a surrogate pair.
FORGED = re.compile(r"<[^<>\s]*>|[<>\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# Used where neither the settings nor the shop's own data name others.
ATTRIBUTES = ("brand", "category", "color", "material", "department", "season", "occasion", "price")
# The least days of a gap that is called so, the longest first.
GAPS = ((365, "years later"), (30, "months later"), (7, "weeks later"), (1, "days later"))
# Within a session a shorter pause is reading, not leaving.
PAUSE_SECONDS = 3600


class PromptError(ShopError):
    """A wording or a budget no prompt can be made with."""


@dataclass(frozen=True)
class PromptStyle:
    """How much of an item and of a history is written.

    Attributes:
        attributes: the key-value pairs that follow a title, where the title does not say them already. None or
            "auto": chosen at training by their usefulness in the shop's own data; a writer given None takes
            ``ATTRIBUTES``.
        full_items: how many of the latest items are written with title and attributes; older ones by their id.
        memory_products: how many of the query-product memory's items are given for the current query.
        title_words: a title is cut after this many words.
        max_events: how many of the latest events are read at all.
        time_gaps: say how long after the last event a session began, and where a session paused.
    """

    attributes: tuple[str, ...] | Literal["auto"] | None = None
    full_items: int = 6
    memory_products: int = 8
    title_words: int = 12
    max_events: int = 60
    time_gaps: bool = False

    def __post_init__(self):
        if self.attributes == "auto":
            object.__setattr__(self, "attributes", None)
        least = {"full_items": 0, "memory_products": 0, "title_words": 1, "max_events": 1}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected {smallest} or more")

    def as_dict(self) -> dict:
        return {**asdict(self), "attributes": None if self.attributes is None else list(self.attributes)}

    @classmethod
    def from_dict(cls, values: dict) -> PromptStyle:
        """Read what ``as_dict`` gave; settings an older file does not have keep their defaults.

        Raises:
            PromptError: there is a setting this version does not know.
        """
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise PromptError(f"prompt style, {name}: unknown, expected one of {', '.join(known)}; train again")
        attributes = values.get("attributes")
        return cls(**{**values, "attributes": tuple(attributes) if isinstance(attributes, list) else attributes})


def short_title(title: str, words: int = 12) -> str:
    """The title as it is written: lower case, one line, the first words, nothing that reads as a code."""
    return _plain(title, words, TITLE_BYTES)


def query_text(query: str) -> str:
    """A query as it is written. What shoppers type is data: nothing of it may read as a code or a line of ours."""
    return _plain(query, QUERY_WORDS, QUERY_BYTES)


def _plain(text: str, words: int, most: int) -> str:
    """The first words in lower case, on one line, without tags; at most ``most`` bytes."""
    text = FORGED.sub(" ", text[:READ_CHARACTERS].lower())
    return _clipped(" ".join(text.split()[:words]), most)


def _clipped(text: str, most: int) -> str:
    """At most ``most`` bytes of UTF-8, whole words where there are several."""
    written = text.encode()
    if len(written) <= most:
        return text
    cut = written[:most].decode("utf-8", "ignore")
    return cut.rsplit(" ", 1)[0] if " " in cut else cut


def described(product: Product, style: PromptStyle) -> str:
    """Title and key-value attributes; a value whose words stand in the text already is not repeated."""
    text = short_title(product.title, style.title_words)
    said = set(word_list(text))
    for name in ATTRIBUTES if style.attributes is None else style.attributes:
        value, key = product.get(name), attribute_key(name)
        if not key:
            continue
        if isinstance(value, (int, float)):
            text += f", {key} {number_text(value)}" if math.isfinite(value) else ""
            continue
        words = value_words(value)
        if words and not said.issuperset(words):
            text += f", {key} {_clipped(' '.join(words[:VALUE_WORDS]), VALUE_BYTES)}"
            said.update(words)
    return text


def attribute_key(name: str) -> str:
    """An attribute's name as it is written: a shop's own names are data too."""
    return _clipped(" ".join(re.findall(r"\w+", name.lower())), VALUE_BYTES)


def value_words(value: AttributeValue | bool | None) -> list[str]:
    """The words of a text value, or of a list of them; none for numbers and where nothing is given."""
    parts = [value] if isinstance(value, str) else value if isinstance(value, (tuple, list)) else ()
    return [word for part in parts for word in word_list(part[:READ_CHARACTERS])]


def number_text(value: float) -> str:
    """A number as it is written: whole from ten on, at most seven digits."""
    return f"{value:.0f}" if 10 <= abs(value) < 1e7 else f"{value:.2g}"


def word_list(text: str) -> list[str]:
    """Letters and digits between anything else, in lower case."""
    return re.findall(r"[^\W_]+", text.lower())


class PromptWriter:
    """Histories, products and answers of one shop as text, every product worded once.

    Args:
        budget: tokens a prompt may have, the instruction included, the answer not; None for no limit.
        count: how many tokens a text has; needed with a budget.

    Raises:
        PromptError: the budget has no room for the instruction and the marker the answer follows.
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
        self._budget, self._tokens = budget, count
        if budget is None:
            return
        if count is None:
            raise PromptError(f"prompt budget {budget}: expected the tokenizer's count of tokens with it; give `count`")
        self._count = lru_cache(200_000)(count)
        # Callers read the instruction apart; a tokenizer that needs more where the two meet gets that room too.
        self._instruction = max(count(INSTRUCTION), *(count(INSTRUCTION + m) - count(m) for m in MARKERS))
        self._check(ANSWER)

    def item(self, row: int, full: bool = True) -> str:
        """``<a12><b3> red wool scarf, season winter, price 19``, or the id alone."""
        return f"{self.codes.text(row)} {self._described(row)}" if full else self.codes.text(row)

    def response(self, row: int) -> str:
        """What the model is to answer for this product."""
        return response(self.codes.text(row), self.catalog.titles[row], self.style.title_words)

    def input(self, history: Sequence[Event], memory_products: Sequence[str] = ()) -> str:
        """The prompt without the instruction: the events, oldest first, then the current query and its products.

        Cut from the oldest event to fit the budget, never inside an event; with no event left, from the last of the
        query's products. It ends with the marker the answer follows.

        Raises:
            PromptError: the budget has no room for the query and the marker.
        """
        query = query_text(current_query(history) or "")
        results = self._codes_of(memory_products) if query else []
        events = self._events(history)
        if self._budget is None:
            return "".join(events) + self._request(query, results)
        return self._within_budget(events, query, results)

    def _within_budget(self, events: list[str], query: str, results: list[str]) -> str:
        """The latest events there is room for; with none left fewer results, and the query always."""
        left = self._budget - self._instruction - self._count(self._request(query, results))
        kept = 0
        for text in reversed(events):
            left -= self._count(text)
            if left < 0:
                break
            kept += 1
        events = events[len(events) - kept :]
        # Pieces are counted apart, once each; what a tokenizer makes of the whole is what counts.
        while self._size(text := "".join(events) + self._request(query, results)) > self._budget:
            if events:
                events = events[1:]
            elif results:
                results = results[:-1]
            else:
                self._check(text)
        return text

    def _size(self, text: str) -> int:
        """Tokens of the instruction and this text."""
        return self._instruction + self._tokens(text)

    def _check(self, text: str) -> None:
        if (least := self._size(text)) > self._budget:
            raise PromptError(
                f"prompt budget {self._budget}: expected at least {least} tokens, for the instruction"
                f"{', the query' if QUERY in text else ''} and the answer's marker; raise `prompt_tokens`"
            )

    def sequence(
        self,
        events: Sequence[Event],
        results: Callable[[str], Sequence[str]] = lambda query: (),
        full_share: float = 0.25,
        asked_share: float = 0.75,
        results_share: float = 0.0,
        seed: int = 0,
        answer_titles: float = 1.0,
    ) -> str:
        """A whole history as pre-training text: the same lines, with the purchases as answers to be predicted.

        Args:
            results: a query's products in the query-product memory.
            full_share: share of the items written with title and attributes.
            asked_share: share of the purchases written as question and answer, as the prompt asks.
            results_share: share of the searches that their results follow, as in the prompt's question.
            answer_titles: share of those answers that have a title after the id.
        """
        chance = random.Random(seed)
        events = _without_clicks_on_bought(events)
        texts, seen = [], []
        for event, opening in _with_sessions(events, self.catalog, self.style.time_gaps):
            seen.append(event)
            asked = event.action == "purchase" and chance.random() < asked_share
            texts.append(opening)
            if asked:
                query = current_query(seen)
                found = self._codes_of(results(query)) if query else []
                asking = self._request(query_text(query or ""), found)
                row = self.catalog.index(event.product_id)
                # Drawn only where it decides: with all titles the same seed gives the text it always gave.
                titled = answer_titles >= 1 or chance.random() < answer_titles
                texts.append(asking + (self.response(row) if titled else self.codes.text(row)))
            else:
                texts.append(self._line(event, full=chance.random() < full_share))
            if event.action == "search" and chance.random() < results_share:
                found = self._codes_of(results(event.query))
                texts += [RESULTS, *found] if found else []
        return "".join(texts)

    def facts(self, row: int) -> tuple[str, str]:
        """What a product is, both ways round: from its id to its words, and from its words to its id."""
        return f"{ITEM}{self.item(row)}", f"{TEXT} {self._described(row)}{ITEM}{self.codes.text(row)}"

    def _codes_of(self, products: Sequence[str]) -> list[str]:
        """The ids of the products of this catalogue among these, each once, at most as many as the style gives."""
        rows = dict.fromkeys(self.catalog.index(p) for p in products if p in self.catalog)
        return [self.codes.text(row) for row in rows][: self.style.memory_products]

    def _request(self, query: str, results: Sequence[str]) -> str:
        if not query:
            return ANSWER
        return f"{QUERY} {query}{RESULTS + ''.join(results) if results else ''}{ANSWER}"

    def _line(self, event: Event, full: bool) -> str:
        if event.action == "search":
            return f"{SEARCH} {query_text(event.query)}"
        return (CLICK if event.action == "click" else BUY) + self.item(self.catalog.index(event.product_id), full)

    def _events(self, history: Sequence[Event]) -> list[str]:
        """One text an event; the latest items are written in full, each once, the older ones by their id."""
        texts, written = [], set()
        history = history[-self.style.max_events :]
        for event, opening in reversed(_with_sessions(history, self.catalog, self.style.time_gaps)):
            full = event.action != "search" and len(written) < self.style.full_items and event.product_id not in written
            if full:
                written.add(event.product_id)
            texts.append(opening + self._line(event, full))
        return texts[::-1]


def _with_sessions(history: Sequence[Event], catalog: Catalog, time_gaps: bool) -> list[tuple[Event, str]]:
    """The events that can be written, each with the line that opens its session or says that it paused."""
    out, session, last = [], None, None
    for event in history:
        if not (query_text(event.query or "") if event.action == "search" else event.product_id in catalog):
            continue
        if event.session_id != session:
            opening = f"{SESSION} {MONTHS[event.timestamp.month - 1]}"
            if time_gaps and last:
                opening += f" {gap_words(last, event.timestamp)}"
        elif time_gaps and (event.timestamp - last).total_seconds() >= PAUSE_SECONDS:
            opening = f"{PAUSE} {gap_words(last, event.timestamp)}"
        else:
            opening = ""
        session, last = event.session_id, event.timestamp
        out.append((event, opening))
    return out


def gap_words(before: datetime, after: datetime) -> str:
    """How long after, in calendar days and two coarse words: ``same day``, ``days later``, ``weeks later``."""
    days = (after.date() - before.date()).days
    return next((words for least, words in GAPS if days >= least), "same day")


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
