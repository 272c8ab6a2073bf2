"""A simulated shopper: looks at what is shown, says what is missing, answers, buys or gives up.

Three parts that know different things. The `Shopper` decides: it knows its wish, recognises the product it fell for
when it sees it, and turns what it sees into an `Intent`. The `Writer` (`shopper_words`) makes a sentence of the intent
and knows no product. The `Ear` reads the assistant's questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shopping_assistant.eval.hidden_wish import Trait, Wish, has, meets_all, meets_musts
from shopping_assistant.eval.shopper_words import Intent
from shopping_assistant.tools.catalog import Catalog, Product

# After so many answers in a row without anything to live with a shopper leaves; drawn for each. While there are musts
# left to say, only answers that pass over what was said count.
PATIENCE = (3, 4, 5)
OPENS_WITH = (0.6, 0.3, 0.1)  # how often the first sentence names none, one or two wishes beside the thing itself
VAGUE_SHARE = 0.15  # begins with an occasion and no thing
ASIDE_RATE, MOST_ASIDES = 0.12, 2  # asks about or compares what is shown, at a turn; in a conversation
EXCLUDE_RATE, BUT_RATE, CLICK_RATE, TWO_AT_ONCE = 0.9, 0.35, 0.5, 0.25
TAP_RATE = 0.7  # taps the choice that fits where one is offered; the others type
SPOKEN_PURCHASE = 0.5  # says it; the others press the button on the card
MOST_MORE, MOST_REPEATS = 2, 2
# How an attribute is asked about, beside its own name.
_ASKING = {
    "color": r"\bcolou?rs?\b|\bshades?\b", "material": r"\bmaterials?\b|\bfabrics?\b|\bmade of\b|\bleather or\b",
    "size": r"\bsizes?\b", "price": r"\bbudget\b|\bprice\b|\bspend\b|\bhow much\b|\bexpensive\b",
    "brand": r"\bbrands?\b|\blabels?\b", "season": r"\bseasons?\b|\btime of (?:the )?year\b|\bweather\b",
    "occasion": r"\boccasions?\b|\bwhat (?:is it|are they) for\b|\bwear (?:it|them) (?:to|for)\b|\bevent\b",
    "department": r"\bfor (?:a )?(?:wom[ae]n|m[ae]n|kids?)\b|\bwho (?:is it|are they) for\b|\bfor whom\b",
    "category": r"\bwhat (?:kind|sort|type) of\b|\bwhat are you (?:looking|after|shopping)|\bhave in mind\b"
    r"|\blooking for\b|\bfind for you\b|\bshall i look for\b",
}  # fmt: skip
# Intents that state a wish.
STATING = ("open", "vague", "add", "repeat", "answer", "but", "tap")
_WHICH = re.compile(r"\bwhich (?:one|of (?:them|these|those))\b|\bdo you mean\b", re.I)
_SET_ASIDE = re.compile(r"\bset\b.*\baside\b|\btake back\b|\bgive up\b|\bdrop\b|\bdo without\b", re.I)
_QUESTION = re.compile(r"[^.!?…]*\?")


@dataclass(frozen=True)
class Heard:
    """One answer as the shopper meets it. ``products`` is empty where the cards stayed as they were."""

    reply: str
    act: str
    products: tuple[str, ...]
    relaxed: tuple[dict, ...] = ()
    constraints: tuple[dict, ...] = ()
    error: str | None = None
    question: dict | None = None


@dataclass(frozen=True)
class Question:
    """What the assistant asked: an attribute's name, "which one" with the numbers offered, "set aside", or "other".

    ``choices``: what is offered to tap, the label and the sentence that it says.
    """

    about: str
    text: str
    numbers: tuple[int, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()

    def place(self, words: str) -> int | None:
        """Where the choice with these words on it stands, from 1; None without one."""
        return next((i for i, (label, _) in enumerate(self.choices, 1) if label.lower() == words), None)


@dataclass(frozen=True)
class Move:
    """What the shopper does next: says something, buys (``product_id``; said or by the button), or leaves."""

    intent: Intent
    product_id: str | None = None
    spoken: bool = True
    clicks: tuple[tuple[str, int], ...] = ()  # cards looked at before, with their places


class Ear:
    """Reads questions, for one catalogue's attributes."""

    def __init__(self, attributes: Sequence[str]):
        patterns = {a: _ASKING.get(a, rf"\b{re.escape(a.lower())}\b") for a in attributes}
        self._patterns = {a: re.compile(p, re.I) for a, p in patterns.items()}

    def question(self, reply: str, put: dict | None = None) -> Question | None:
        """The last question in a reply, if it asks any; ``put`` is the one that has choices to tap."""
        if put:
            choices = tuple((c["label"], c["say"]) for c in put["choices"])
            return Question(put["attribute"], put["text"], choices=choices)
        asked = [m[0].strip() for m in _QUESTION.finditer(reply)]
        if not asked:
            return None
        text = asked[-1]
        if _WHICH.search(text):
            return Question("which one", text, tuple(int(n) for n in re.findall(r"\bnumber (\d+)", reply)))
        if _SET_ASIDE.search(text):
            return Question("set aside", text)
        return Question(next((a for a, p in self._patterns.items() if p.search(text)), "other"), text)


class Shopper:
    """One shopper in one conversation.

    Args:
        target: the product that is bought on sight. It is compared with what is shown and used for nothing else.
        rng: this conversation's chance.
    """

    def __init__(self, catalog: Catalog, wish: Wish, target: str, rng: np.random.Generator):
        self._catalog, self._wish, self._target, self._rng = catalog, wish, target, rng
        self.patience = int(rng.choice(PATIENCE))
        self._said: list[Trait] = []
        self._excluded: list[Trait] = []
        self._priced = self._cheaper = False
        self._fruitless = self._asides = self._mores = self._advised = 0
        self._repeats: dict[Trait, int] = {}
        self._cards: tuple[str, ...] = ()
        self._acceptable: str | None = None
        self._pending: Intent | None = None

    def begin(self) -> Move:
        """The first sentence: the thing with up to two of its traits, or only what it is for."""
        first, rest = self._wish.traits[0], list(self._wish.traits[1:])
        occasion = next((t for t in rest if t.attribute == "occasion"), None)
        if occasion is not None and self._rng.random() < VAGUE_SHARE:
            return self._say(Intent("vague", (occasion,)))
        chosen = [rest[i] for i in sorted(self._rng.permutation(len(rest))[: _drawn(self._rng, OPENS_WITH)])]
        priced = self._wish.price is not None and self._rng.random() < 0.2
        return self._say(Intent("open", (first, *chosen), self._wish.price if priced else None))

    def next(self, heard: Heard, question: Question | None, last_turn: bool) -> Move:
        """What follows an answer. On its last turn a shopper takes what it can live with, or leaves."""
        if heard.products:
            self._cards = heard.products
        shown = [self._catalog.product(p) for p in self._cards]
        best = self._best(shown)
        if best is not None:
            return self._buy(best)
        fitting = next((p.product_id for p in shown if meets_musts(p, self._wish)), None)
        self._acceptable = fitting or self._acceptable
        if heard.products or heard.act not in ("ask", "compare", "explain"):
            self._fruitless = 0 if fitting or self._is_heard(shown) else self._fruitless + 1
        if last_turn or self._fruitless >= self.patience:
            return self._settle()
        intent = self._answer(question) if question else None
        intent = intent or self._aside(shown) or self._complaint(shown) or self._refinement(shown) or self._more(shown)
        return self._say(intent, self._looked_at(fitting)) if intent else self._settle()

    def confirm(self, product_id: str, question: Question | None) -> Intent | None:
        """The answer to "which one do you mean?" while buying; None when there is none to give."""
        if question is None or question.about != "which one" or product_id not in self._cards:
            return None
        return Intent("choose", position=self._cards.index(product_id) + 1)

    def _is_heard(self, shown: Sequence[Product]) -> bool:
        """Whether something shown has all that was said so far, while there are musts left to say."""
        left = [t for t in self._wish.traits if t.must and t not in self._said]
        heard = Wish(tuple(t for t in self._said if t.must), tuple(self._excluded))
        return bool(left) and any(meets_musts(p, heard) for p in shown)

    def _best(self, shown: Sequence[Product]) -> str | None:
        if any(p.product_id == self._target for p in shown):
            return self._target
        return next((p.product_id for p in shown if meets_all(p, self._wish)), None)

    def _buy(self, product_id: str) -> Move:
        place = self._cards.index(product_id) + 1 if product_id in self._cards else None
        spoken = place is not None and self._rng.random() < SPOKEN_PURCHASE
        return Move(Intent("buy", position=place), product_id, spoken)

    def _settle(self) -> Move:
        return self._buy(self._acceptable) if self._acceptable else Move(Intent("leave"))

    def _say(self, intent: Intent, clicks: tuple[tuple[str, int], ...] = ()) -> Move:
        self._said += [t for t in intent.traits if intent.kind in STATING and t not in self._said]
        self._excluded += [t for t in intent.traits if intent.kind == "exclude"]
        self._priced |= intent.price is not None
        return Move(intent, clicks=clicks)

    def _looked_at(self, fitting: str | None) -> tuple[tuple[str, int], ...]:
        """A card that nearly fits is clicked now and then."""
        if fitting is None or self._rng.random() >= CLICK_RATE:
            return ()
        return ((fitting, self._cards.index(fitting) + 1),)

    def _answer(self, question: Question) -> Intent | None:
        """The truth about what was asked. A question the shopper cannot place is passed over."""
        wish = self._wish
        if question.about == "which one":
            pending, self._pending = self._pending, None
            number = next((n for n in question.numbers if n == (pending.position if pending else None)), None)
            place = number or (pending.position if pending else None)
            return Intent("choose", position=place) if place else None
        if question.about == "set aside":
            nice = next((t for t in self._said if not t.must), None)
            if nice is None:
                return Intent("keep")
            return Intent("waive", attribute=nice.attribute)
        if question.about == "price":
            if wish.price is None:
                return Intent("indifferent", attribute="price")
            return Intent("price", price=wish.price)
        if question.about == "other":
            return None
        if traits := wish.of(question.about):
            place = question.place(traits[0].value)
            if place is not None and self._rng.random() < TAP_RATE:
                return Intent("tap", traits[:1], position=place)
            return Intent("open" if question.about == "category" else "answer", traits[:1])
        unwanted = next((t for t in wish.unwanted if t.attribute == question.about), None)
        return Intent("exclude", (unwanted,)) if unwanted else Intent("indifferent", attribute=question.about)

    def _aside(self, shown: Sequence[Product]) -> Intent | None:
        """A question about what is shown, or a comparison."""
        if not shown or self._asides >= MOST_ASIDES or self._rng.random() >= ASIDE_RATE:
            return None
        self._asides += 1
        place = int(self._rng.integers(min(4, len(shown)))) + 1
        size = next(iter(self._wish.of("size")), None)
        if len(shown) > 1 and self._rng.random() < 0.4:
            other = place % min(4, len(shown)) + 1
            self._pending = Intent("compare", position=place, other=other)
        elif size is not None and self._rng.random() < 0.5:
            self._pending = Intent("ask_has", (size,), position=place)
        else:
            about = ("price", "size", "material")[int(self._rng.integers(3))]
            self._pending = Intent("ask", position=place, attribute=about)
        return self._pending

    def _complaint(self, shown: Sequence[Product]) -> Intent | None:
        """What is shown has something that is not wanted, costs too much, or lacks what was said."""
        for t in self._wish.unwanted:
            said = self._excluded.count(t)
            if said <= MOST_REPEATS and any(has(p, t) for p in shown) and (said or self._rng.random() < EXCLUDE_RATE):
                return Intent("exclude", (t,))
        price = self._wish.price
        dear = [p for p in shown if price is not None and p.price is not None and p.price > price]
        if shown and 2 * len(dear) > len(shown):
            if not self._priced and (self._cheaper or self._rng.random() < 0.7):
                return Intent("price", price=price)
            if not self._cheaper:
                self._cheaper = True
                return Intent("cheaper")
        for t in self._said:
            missed = shown and not any(has(p, t) for p in shown)
            if t.must and missed and self._repeats.get(t, 0) < MOST_REPEATS:
                self._repeats[t] = self._repeats.get(t, 0) + 1
                return Intent("repeat", (t,))
        return None

    def _refinement(self, shown: Sequence[Product]) -> Intent | None:
        """One more wish: musts first, of these what most shown products lack; or a shown product but different."""
        for must in (True, False):
            left = [t for t in self._wish.traits if t.must is must and t not in self._said]
            if not left:
                continue
            left.sort(key=lambda t: (t.attribute != "category", sum(has(p, t) for p in shown)))
            first = left[0]
            if first.attribute == "category":
                return Intent("open", (first,))
            if first.attribute in ("color", "material") and self._rng.random() < BUT_RATE:
                place = self._all_but(first, shown)
                if place:
                    return Intent("but", (first,), position=place)
            two = len(left) > 1 and self._rng.random() < TWO_AT_ONCE
            return Intent("add", tuple(left[:2] if two else left[:1]))
        if self._wish.price is not None and not self._priced:
            return Intent("price", price=self._wish.price)
        return None

    def _all_but(self, trait: Trait, shown: Sequence[Product]) -> int | None:
        """Where a product is shown that has all the musts but this one, 1-based."""
        others = Wish(
            tuple(t for t in self._wish.traits if t != trait), self._wish.unwanted, self._wish.price,
            self._wish.price_must,
        )  # fmt: skip
        return next((i for i, p in enumerate(shown, 1) if not has(p, trait) and meets_musts(p, others)), None)

    def _more(self, shown: Sequence[Product]) -> Intent | None:
        """All is said: advice is asked for once, then for other products; None when there is no use in going on."""
        if not self._advised and self._rng.random() < 0.4:
            self._advised = 1
            return Intent("advice")
        if self._acceptable and self._mores:
            return None
        if self._mores >= MOST_MORE:
            return None
        self._mores += 1
        nothing = not any(meets_musts(p, self._wish) for p in shown)
        return Intent("reject") if nothing and self._rng.random() < 0.4 else Intent("more")


def _drawn(rng: np.random.Generator, shares: Sequence[float]) -> int:
    return int(rng.choice(len(shares), p=shares))
