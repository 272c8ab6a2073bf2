"""The one good question when a wish is too wide: about the attribute whose answer would tell most of what is wanted.

With T the product the shopper would take, as likely as the search ranks it, and A the choice they would tap, a question
is worth the mutual information I(A; T) = H(A) - H(A | T) in bits, times how readily shoppers of this shop name the
attribute. For an attribute of one value a product H(A | T) is 0 and what is left is how evenly the choices split the
candidates; sizes, of which a product has many, split next to nothing and are asked about last.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shopping_assistant.assistant.answers.wording import money, name_of
from shopping_assistant.assistant.language.understanding import Before, Understanding, Understood
from shopping_assistant.assistant.language.wishes import FORGET_ALL, steps_back
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Catalog, split_values

if TYPE_CHECKING:
    from shopping_assistant.assistant.agent_tools.desk import ToolResult
    from shopping_assistant.assistant.state import ConversationState

# The best candidates stand for all: what ranks behind them weighs little, and a question must not take long.
MOST_CANDIDATES = 500
# A candidate at rank r weighs 1 / (RANK_OFFSET + r): the first ten weigh as much as the next twenty.
RANK_OFFSET = 10
# Below this share of the candidates' weight the catalogue says too little to ask about an attribute.
STATED_SHARE = 0.7
MOST_CHOICES, FEWEST_CHOICES = 4, 2
# What four choices and "any other" can tell at most; how many attributes are tried to be put into words.
MOST_BITS, MOST_TRIED = float(np.log2(MOST_CHOICES + 1)), 3
# A question that halves the candidates is worth one bit; one worth much less is a nuisance.
LEAST_BITS = 0.8
# Seen in this many of the shop's own searches, an attribute's share counts as much as what is usual for it.
USUAL_WEIGHT = 100
# Choices read back are kept: (attribute, value, kind talked of) to choice.
READ_BACK_KEPT = 2_000
# How readily an attribute is named, where the shop's own log does not say. Other attributes: the last.
USUAL = {
    "category": 0.9, "color": 0.5, "price": 0.4, "material": 0.3, "occasion": 0.3, "department": 0.3, "pattern": 0.2,
}  # fmt: skip
USUAL_OTHER = 0.1
# Whoever passed over so many questions in a row is not asked again before the subject changes.
MOST_PASSED_OVER = 2
# Values that say nothing.
_SILENT = frozenset(("", "unknown", "other", "others", "undefined", "none", "n/a", "no", "yes"))
# More values than this are names, not kinds: nobody chooses from four of two hundred.
MOST_VALUES = 120

_TEXTS = {
    "category": ("What kind of piece shall it be?", "What shall it be?"),
    "color": ("Which colour would you like?", "Do you have a colour in mind?"),
    "price": ("What would you like to spend?", "Do you have a budget in mind?"),
    "material": ("Which material do you prefer?", "Is there a material you would like?"),
    "size": ("Which size do you need?", "What size shall it be?"),
    "brand": ("Is there a brand you like?", "Do you have a favourite brand?"),
    "occasion": ("What is the occasion?", "What will you wear it for?"),
    "season": ("For which season shall it be?", "Which time of the year is it for?"),
    "department": ("Who is it for?", "For whom shall it be?"),
}
_OTHER_TEXTS = ("Which {name} would you like?", "Do you have a preference for the {name}?")


@dataclass(frozen=True)
class Choice:
    """One answer to tap: what stands on it, and the sentence that it says."""

    label: str
    say: str


@dataclass(frozen=True)
class Question:
    """A question about one attribute, with the last of its choices leaving it open."""

    attribute: str
    text: str
    choices: tuple[Choice, ...]
    bits: float = 0.0

    def as_dict(self) -> dict:
        return {
            "attribute": self.attribute, "text": self.text,
            "choices": [{"label": c.label, "say": c.say} for c in self.choices],
        }  # fmt: skip


@dataclass(frozen=True)
class _Column:
    """One attribute's values for every product: those of row r are ``codes[starts[r]:starts[r + 1]]``."""

    values: tuple[str, ...]
    starts: np.ndarray
    codes: np.ndarray


def may_ask(state: ConversationState, result: ToolResult, shown: int) -> bool:
    """Whether these cards leave room for a question: a search of the shopper's own that found more than is shown.

    Args:
        shown: how many products an answer shows.
    """
    u = state["understood"]
    plain_search = u["act"] in ("search", "refine", "undo") and not (u["more"] or u["advice"] or u["targets"])
    found = result.pool is not None and result.content.get("count", 0) > shown
    patient = (state.get("passed_over") or 0) < MOST_PASSED_OVER
    return plain_search and patient and found and not result.relaxed


def after_question(state: ConversationState, u: Understood) -> dict:
    """What is remembered of questions once the next sentence is understood: ``unasked`` and ``passed_over``."""
    put = (state.get("question") or {}).get("attribute")
    unasked, passed_over = list(state.get("unasked") or ()), state.get("passed_over") or 0
    # What a shopper takes back ("the colour doesn't matter") is no matter to ask about.
    taken_back = () if steps_back(u.forgot) else u.forgot
    settled = [put, *(f for f in taken_back if f != FORGET_ALL and not f.startswith("not "))]
    if put and not u.talk:
        answered = bool(u.declined) or any(c.attribute == put for c in u.added)
        passed_over = 0 if answered else passed_over + 1
    if u.new_subject:
        passed_over = 0
    return {"unasked": list(dict.fromkeys([*unasked, *(a for a in settled if a)])), "passed_over": passed_over}


class Questions:
    """Asks about one shop's products. Safe for several threads; the catalogue is read when first needed.

    Args:
        searches: gives some of the shop's logged searches, for how readily an attribute is named.
    """

    def __init__(
        self, understanding: Understanding, currency: str | None, searches: Callable[[], Sequence[str]] = tuple
    ):
        self._understanding, self._vocabulary = understanding, understanding.vocabulary
        self._catalog: Catalog = self._vocabulary.catalog
        self._currency, self._searches = currency, searches
        self._columns: dict[str, _Column] = {}
        self._readiness: dict[str, float] | None = None
        self._askable: list[str] = []  # the most readily named first
        self._read_back: dict[tuple, Choice | None] = {}
        self._reading = threading.Lock()

    def warm(self) -> None:
        """Read what a question needs first."""
        self._prepare()
        for attribute in self._askable[: 2 * MOST_TRIED]:
            if attribute != "price":
                self._column(attribute)

    def best(
        self, rows: np.ndarray, constraints: Sequence[Constraint], unasked: Collection[str], turn: int = 0
    ) -> Question | None:
        """The question worth most about these candidates; None when none is worth asking.

        Args:
            rows: candidates, ``(m,)`` rows of the catalogue, the most relevant first.
            constraints: the wishes that hold; an attribute with a wish is not asked about.
            unasked: attributes that were asked about before, or that the shopper does not want to choose.
            turn: chooses the wording.
        """
        self._prepare()
        rows = np.asarray(rows)[:MOST_CANDIDATES]
        weights = 1 / (RANK_OFFSET + np.arange(len(rows)))
        weights /= weights.sum()
        taken = {c.attribute for c in constraints} | set(unasked)
        worth: list[tuple[float, float, str]] = []
        for attribute in self._askable:
            # The most readily named come first: what cannot be worth as much as the best few is not looked at.
            if len(worth) >= MOST_TRIED and self._readiness[attribute] * MOST_BITS < worth[MOST_TRIED - 1][0]:
                break
            bits = self._bits(attribute, rows, weights) if attribute not in taken else 0.0
            if bits >= LEAST_BITS:
                worth.append((bits * self._readiness[attribute], bits, attribute))
                worth.sort(key=lambda w: (-w[0], w[2]))
        # Only of the best few are the choices put into words and read back.
        for _, bits, attribute in worth[:MOST_TRIED]:
            choices = self._choices(attribute, rows, weights, constraints)
            if len(choices) >= FEWEST_CHOICES:
                texts = _TEXTS.get(attribute) or tuple(t.format(name=name_of(attribute)) for t in _OTHER_TEXTS)
                return Question(attribute, texts[turn % len(texts)], (*choices, _open(attribute)), bits)
        return None

    # -- what a question is worth

    def _bits(self, attribute: str, rows: np.ndarray, weights: np.ndarray) -> float:
        if attribute == "price":
            bands = self._bands(rows, weights)
            return _information(_in_bands(self._vocabulary.prices[rows], bands), weights) if bands else 0.0
        outcomes = self._outcomes(attribute, rows, weights)
        return 0.0 if outcomes is None else _information(outcomes[0], weights)

    def _outcomes(self, attribute: str, rows: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, list[int]] | None:
        """The chance of each choice for each candidate, ``(m, choices + 1)``, and the values' codes.

        The last column is for any other value; a row of zeros is a product that the catalogue says nothing of. None
        where too many are.
        """
        column = self._column(attribute)
        counts = column.starts[rows + 1] - column.starts[rows]
        if weights[counts > 0].sum() < STATED_SHARE:
            return None
        row_of = np.repeat(np.arange(len(rows)), counts)
        within = np.arange(len(row_of)) - np.repeat(np.cumsum(counts) - counts, counts)
        codes = column.codes[np.repeat(column.starts[rows], counts) + within]
        chance = 1 / counts[row_of]
        mass = np.bincount(codes, weights[row_of] * chance, minlength=len(column.values))
        chosen = np.argsort(-mass, kind="stable")[:MOST_CHOICES]
        chosen = [int(c) for c in chosen if mass[c] > 0]
        place = np.full(len(column.values), len(chosen))
        place[chosen] = np.arange(len(chosen))
        width = len(chosen) + 1
        flat = np.bincount(row_of * width + place[codes], chance, minlength=len(rows) * width)
        return flat.reshape(len(rows), width), chosen

    def _column(self, attribute: str) -> _Column:
        # Two threads may read the same column at once; both read the same.
        if attribute not in self._columns:
            self._columns[attribute] = _column(self._catalog, attribute)
        return self._columns[attribute]

    def _bands(self, rows: np.ndarray, weights: np.ndarray) -> list[float]:
        """Round prices that cut the candidates into three or four parts of like weight; empty where there are none."""
        prices = self._vocabulary.prices[rows]
        known = ~np.isnan(prices)
        if not known.any() or weights[known].sum() < STATED_SHARE:
            return []
        order = np.argsort(prices[known], kind="stable")
        ordered, summed = prices[known][order], np.cumsum(weights[known][order])
        cuts = [ordered[np.searchsorted(summed, share * summed[-1])] for share in (0.25, 0.5, 0.75)]
        bands: list[float] = []
        for cut in dict.fromkeys(_round_price(float(c)) for c in cuts):
            # Rounding may leave a band without a product.
            inside = (ordered <= cut) & (ordered > (bands[-1] if bands else -np.inf))
            if inside.any() and cut < ordered[-1]:
                bands.append(cut)
        return bands

    # -- choices

    def _choices(
        self, attribute: str, rows: np.ndarray, weights: np.ndarray, constraints: Sequence[Constraint]
    ) -> tuple[Choice, ...]:
        if attribute == "price":
            return self._price_choices(self._bands(rows, weights), constraints)
        found = self._outcomes(attribute, rows, weights)
        values = [self._column(attribute).values[c] for c in found[1]] if found else []
        kind = next((c.values for c in constraints if c.attribute == "category" and c.op == "in"), ())
        made = []
        for value in values:
            key = (attribute, value, kind)
            if key not in self._read_back:
                if len(self._read_back) >= READ_BACK_KEPT:
                    self._read_back.clear()
                self._read_back[key] = self._worded(attribute, value, constraints)
            made.append(self._read_back[key])
        return tuple(c for c in made if c is not None)

    def _price_choices(self, bands: Sequence[float], constraints: Sequence[Constraint]) -> tuple[Choice, ...]:
        if not bands:
            return ()
        out = []
        for low, high in zip([None, *bands], [*bands, None], strict=True):
            if low is None:
                label, say = f"under {money(high, self._currency)}", f"under {high:g}"
            elif high is None:
                label, say = f"over {money(low, self._currency)}", f"over {low:g}"
            else:
                label = f"{money(low, self._currency)} to {money(high, self._currency)}"
                say = f"between {low:g} and {high:g}"
            wanted = {("<=", high), (">=", low)} - {("<=", None), (">=", None)}
            heard = self._understanding.understand(say, Before(tuple(constraints)))
            if {(c.op, c.values[0]) for c in heard.added if c.attribute == "price"} == wanted == {
                (c.op, c.values[0]) for c in heard.added
            }:
                out.append(Choice(label, say))
        return tuple(out)

    def _worded(self, attribute: str, value: str, constraints: Sequence[Constraint]) -> Choice | None:
        """The shortest sentence by which exactly this value of this attribute is understood; None for none."""
        name = attribute.replace("_", " ")
        forms = ("{v}", "{v} {n}", "with {v} {n}", "in {v}", "by {v}", "for {v}", "{n} {v}")
        for form in ("size {v}", *forms) if attribute == "size" else forms:
            say = form.format(v=value, n=name)
            heard = self._understanding.understand(say, Before(tuple(constraints)))
            if len(heard.added) == 1 and not heard.forgot and not heard.words:
                (c,) = heard.added
                if (c.attribute, c.op) == (attribute, "in") and value in c.values:
                    return Choice(self._label(attribute, value), say)
        return None

    def _label(self, attribute: str, value: str) -> str:
        if attribute == "size":
            return value.upper() if len(value) < 4 else value
        return value.title() if attribute == "brand" else value

    # -- what is known of the shop

    def _prepare(self) -> None:
        if self._readiness is not None:
            return
        with self._reading:
            if self._readiness is None:
                readiness = self._named_readily()
                self._askable = sorted(readiness, key=lambda a: (-readiness[a], a))
                self._readiness = readiness

    def _named_readily(self) -> dict[str, float]:
        """For each attribute the chance that a shopper of this shop names it, from the log's searches."""
        searches = self._searches()
        count: Counter[str] = Counter()
        for words in searches:
            count.update({c.attribute for c in self._understanding.understand(words).added})
        return {
            a: (count[a] + USUAL_WEIGHT * USUAL.get(a, USUAL_OTHER)) / (len(searches) + USUAL_WEIGHT)
            for a in [
                *(a for a, values in self._vocabulary.values.items() if 1 < len(values) <= MOST_VALUES),
                *(["price"] if "price" in self._vocabulary.attributes else []),
            ]
        }


def _column(catalog: Catalog, attribute: str) -> _Column:
    code: dict[str, int] = {}
    starts, codes = [0], []
    read: dict[object, list[int]] = {}
    for cell in catalog.cells(attribute):
        key = tuple(cell) if isinstance(cell, list) else cell
        if key not in read:
            parts = [v for v in split_values(key) if "," not in v and v not in _SILENT]
            read[key] = [code.setdefault(v, len(code)) for v in dict.fromkeys(parts)]
        codes += read[key]
        starts.append(len(codes))
    return _Column(tuple(code), np.array(starts), np.array(codes, dtype=np.int64))


def _information(outcomes: np.ndarray, weights: np.ndarray) -> float:
    """I(A; T) in bits of ``outcomes`` ``(m, choices)``, each row the chances of the choices given that candidate.

    Candidates with a row of zeros tell nothing, and take their share of the weight with them.
    """
    stated = weights * outcomes.any(1)
    share = float(stated.sum())
    if share <= 0:
        return 0.0
    given = stated / share
    # One value a product: knowing the product there is nothing left to ask.
    left = float(given @ _entropy(outcomes)) if ((outcomes > 0) & (outcomes < 1)).any() else 0.0
    return share * (_entropy(given @ outcomes) - left)


def _entropy(chances: np.ndarray) -> np.ndarray | float:
    """Entropy in bits along the last axis."""
    logs = np.log2(chances, out=np.zeros_like(chances), where=chances > 0)
    return -(chances * logs).sum(-1)


def _in_bands(prices: np.ndarray, bands: Sequence[float]) -> np.ndarray:
    out = np.zeros((len(prices), len(bands) + 1))
    known = ~np.isnan(prices)
    out[np.flatnonzero(known), np.searchsorted(bands, prices[known])] = 1.0
    return out


def _round_price(price: float) -> float:
    """The nearest price that people say: 7, 25, 60, 150, 1200."""
    magnitude = 10 ** np.floor(np.log10(price)) if price > 0 else 1.0
    step = magnitude / (2 if price / magnitude < 3 else 1)
    return float(round(round(price / step) * step, 6))


def _open(attribute: str) -> Choice:
    name = name_of(attribute)
    return Choice("No preference", f"any {name} is fine")
