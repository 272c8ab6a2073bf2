"""What a chat model writes, held against what the tools and the state gave it: no invented product, price or id.

The reply is read sentence by sentence while it is written. A sentence that names a price, a product id or a product
which
nothing gave is left out, before the shopper sees it. What cannot be told from a reply alone stays unchecked: a wrong
count, or an attribute of the right product told wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shopping_assistant.tools.catalog import Catalog

# A reply is a sentence or two; a model that does not end is cut off here (characters).
LONGEST_REPLY = 1_500
_SENTENCE = re.compile(r"""[.!?…]+["”’')\]*]*(?=\s)|\n+""")
_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.S | re.I)
_THINKING_TAGS = ("<thinking>", "<reasoning>", "<think>")
_UNIT = r"(?:[$€£¥]|(?:EUR|USD|GBP|CHF|SEK|NOK|DKK|JPY|INR)\b|(?:euros?|dollars?|pounds?|quid|bucks)\b)"
_FIGURE = r"\d+(?:[.,\u202f ]\d{3})*(?:[.,]\d{1,2})?"
_PRICE = re.compile(rf"{_UNIT}\s?(?P<before>{_FIGURE})|(?<![\w.,])(?P<after>{_FIGURE})\s?{_UNIT}", re.I)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_COMPARED = re.compile(r"\b(?:cheaper|dearer|less|more|differen\w+|sav\w+|apart|off|total|together|left)\b", re.I)
_TOKEN = re.compile(r"[A-Za-z0-9](?:[\w-]*[A-Za-z0-9])?")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
# "And" parts two names; brands that have it write "&".
_NAME = re.compile(r"(?:[A-ZÀ-Þ][\w'’-]*|&)(?:\s+(?:(?:in|of|with|de|the|&)\s+)?[A-ZÀ-Þ][\w'’-]*)+")
_JOINING = frozenset("in of with and de the a an".split())
_LONGEST_TITLE = 16  # words
# "Leather belt" is a title somewhere, and English everywhere.
_SHORTEST_TITLE = 3


@dataclass(frozen=True)
class Titles:
    """The titles of a catalogue as words, to tell a product's name in a sentence; made once a catalogue."""

    catalog: Catalog

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(_plain(t) for t in self.catalog.frame["title"].drop_nulls().to_list())

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The last words of all categories, in the singular: boot, dress, coat."""
        return frozenset(_stem(str(c).split()[-1]) for c in self.catalog.values("category") if str(c).split())

    @cached_property
    def shapes(self) -> frozenset[str]:
        """How this catalogue's ids look, digits as 0 and letters as a: those with a digit in them."""
        return frozenset(_shape(i) for i in self.catalog.ids[:20_000] if _like_an_id(i))


class Evidence:
    """What a reply may name: products, prices and figures of the state, the tools' results and the shopper's words.

    Args:
        told: the state and the contents of this turn's tools, as plain JSON values.
        said: what was said in this conversation, by the shopper and, approved, by the assistant.
    """

    def __init__(self, titles: Titles, told: Iterable[Any], said: Iterable[str]):
        self._titles = titles
        self._products: list[dict] = []
        self._numbers: set[float] = set()
        self._prices: set[float] = set()
        self._texts: list[str] = []
        for value in told:
            self._take(value)
        for text in said:
            self._texts.append(_plain(text))
            self._numbers.update(x for figure in _NUMBER.findall(text) for x in _readings(figure))

    def _take(self, value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            if "title" in value and "product_id" in value:
                self._products.append(value)
            for key, inner in value.items():
                self._take(inner, key)
        elif isinstance(value, (list, tuple)):
            for inner in value:
                self._take(inner, name)
        elif isinstance(value, bool) or value is None:
            return
        elif isinstance(value, (int, float)):
            self._numbers.add(float(value))
            if name in ("price", "total", "values"):
                self._prices.add(float(value))
        else:
            text = str(value)
            self._texts.append(_plain(text))
            self._numbers.update(x for figure in _NUMBER.findall(text) for x in _readings(figure))

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(str(p["product_id"]).lower() for p in self._products)

    @cached_property
    def _words(self) -> list[frozenset[str]]:
        """The words of each product that was given, one set a product."""
        fields = ("title", "brand", "color", "material", "category")
        return [frozenset(_stem(w) for f in fields for w in _words(str(p.get(f) or ""))) for p in self._products]

    def invented(self, sentence: str) -> Iterator[str]:
        """What of a sentence nothing gave, as a reader would name it."""
        for m in _PRICE.finditer(sentence):
            if not self._has_price(m["before"] or m["after"], sentence):
                yield f"price {m[0].strip()}"
        for token in _TOKEN.findall(sentence):
            if _like_an_id(token) and token.lower() not in self._ids and self._names_a_product(token):
                yield f"product id {token}"
        yield from self._invented_titles(sentence)
        yield from self._invented_names(sentence)

    def _has_price(self, figure: str, sentence: str) -> bool:
        for x in _readings(figure):
            if any(_rounds_to(x, n) for n in self._numbers):
                return True
            # "€20 less than the second" is worked out of two prices, "together" of their sum.
            if _COMPARED.search(sentence) and any(
                _rounds_to(x, y) for a in self._prices for b in self._prices for y in (abs(a - b), a + b)
            ):
                return True
        return False

    def _names_a_product(self, token: str) -> bool:
        said = _plain(token)
        if any(f" {said} " in f" {text} " for text in self._texts):
            return False
        return token in self._titles.catalog or _shape(token) in self._titles.shapes

    def _invented_titles(self, sentence: str) -> Iterator[str]:
        words = _words(sentence)
        at = 0
        while at < len(words):
            for end in range(min(len(words), at + _LONGEST_TITLE), at + _SHORTEST_TITLE - 1, -1):
                name = " ".join(words[at:end])
                if name in self._titles.known:
                    if not any(f" {name} " in f" {text} " for text in self._texts):
                        yield f"product “{name}”"
                    at = end - 1
                    break
            at += 1

    def _invented_names(self, sentence: str) -> Iterator[str]:
        """Names in capitals with a kind of this shop ("Aurelia Chelsea Boots") that are no product given."""
        for m in _NAME.finditer(sentence):
            words = [w for w in _words(m[0]) if w not in _JOINING]
            readings = [words]
            if m.start() == len(sentence) - len(sentence.lstrip(" \"“'*")):
                # The capital of a first word says nothing: in a short name it is no part, in a long one it may be.
                readings = [words[1:]] if len(words) < 4 else [words, words[1:]]
            if not any(self._names_goods(r) for r in readings) or any(self._given(r) for r in readings):
                continue
            yield f"product “{m[0]}”"

    def _names_goods(self, words: list[str]) -> bool:
        stems = {_stem(w) for w in words}
        return len(words) > 1 and bool(self._titles.kinds & stems)

    def _given(self, words: list[str]) -> bool:
        stems, name = {_stem(w) for w in words}, " ".join(words)
        return any(stems <= known for known in self._words) or any(name in t for t in self._texts)


class CarefulReply:
    """A reply as it comes in: whole sentences are checked, then written; what fails is withheld.

    Args:
        evidence: makes what the reply may name, when there is a sentence to check.
        write: takes each piece that may be shown.
    """

    def __init__(self, evidence: Callable[[], Evidence], write: Callable[[str], None]):
        self._evidence_of, self._write = evidence, write
        self._evidence: Evidence | None = None
        self._raw = ""
        self._read = 0
        self.text = ""
        self.withheld: list[str] = []

    @property
    def full(self) -> bool:
        return len(self._raw) > 4 * LONGEST_REPLY or len(self.text) >= LONGEST_REPLY

    def add(self, piece: str) -> None:
        """More of the reply; sentences that are complete now are checked and written."""
        self._raw += piece
        visible = _without_thinking(self._raw)
        if visible.lstrip().startswith(("{", "[", "```", "<tool", "<|")):
            return  # perhaps a call written as text: nobody reads that aloud
        while m := _SENTENCE.search(visible, self._read):
            self._sentence(visible[self._read : m.end()])
            self._read = m.end()

    def end(self) -> str:
        """The last sentence, too; the whole reply as it was written."""
        visible = _without_thinking(self._raw)
        # A reply that was cut off ends with its last whole sentence.
        if not (self.full and self.text):
            self._sentence(visible[self._read :][:LONGEST_REPLY])
        self._read = len(visible)
        self.text = self.text.strip()
        return self.text

    @property
    def raw(self) -> str:
        """All that came, without the model's thinking."""
        return _without_thinking(self._raw)

    def _sentence(self, sentence: str) -> None:
        if not sentence.strip() or len(self.text) >= LONGEST_REPLY:
            return
        self._evidence = self._evidence or self._evidence_of()
        invented = list(self._evidence.invented(sentence))
        if invented:
            self.withheld += invented
            return
        piece = sentence if self.text else sentence.lstrip()
        self.text += piece
        self._write(piece)


def _without_thinking(text: str) -> str:
    """A local model's thinking out loud is not for the shopper; a tag that is just being written is held back."""
    text = _THINKING.sub("", text)
    at = text.rfind("<")
    if at >= 0 and any(tag.startswith(text[at:].lower()) for tag in _THINKING_TAGS):
        text = text[:at]
    return text


def _words(text: str) -> list[str]:
    return [w.lower() for w in _WORD.findall(text)]


def _plain(text: str) -> str:
    return " ".join(_words(text))


def _stem(word: str) -> str:
    word = word.lower().removesuffix("'s").removesuffix("’s")
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _shape(token: str) -> str:
    return re.sub(r"[A-Za-z]", "a", re.sub(r"\d", "0", token))


def _like_an_id(token: str) -> bool:
    """Whether it can be told from a word, a size and a figure: two digits with letters, or many digits."""
    digits = sum(ch.isdigit() for ch in token)
    letters = sum(ch.isalpha() for ch in token)
    return (digits >= 1 and letters >= 1 and len(token) >= 3) or (letters == 0 and digits >= 6)


def _readings(figure: str) -> Sequence[float]:
    """A figure as people write it: "1,299.50", "1.299,50", "49,99"; each way it can be read."""
    figure = figure.replace("\u202f", "").replace(" ", "")
    ways = {figure.replace(",", ""), figure.replace(".", "").replace(",", ".")}
    out = []
    for way in ways:
        try:
            out.append(float(way))
        except ValueError:
            continue
    return out


def _rounds_to(said: float, given: float) -> bool:
    """Whether a price is the one given, or that one without its cents."""
    return abs(said - given) < 0.005 or (said.is_integer() and abs(said - given) < 1)
