"""Two watches over a simulated shopper: that nothing of the target leaks, and that it says and does what is true.

Both read sentences and products by themselves and share no code with the shopper's decisions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from rapidfuzz.distance import OSA

from shopping_assistant.eval.hidden_wish import ROUND, UNISEX, Wish
from shopping_assistant.eval.protocol import LeakError
from shopping_assistant.eval.shopper_words import OWN_WORDS
from shopping_assistant.tools.attribute_filter import Constraint, mask
from shopping_assistant.tools.catalog import Catalog, Product

_WORD = re.compile(r"[a-z0-9]+")
# Attributes whose values mean the same wherever they stand in a sentence; "slim" is a fit and a width.
_PLAIN = frozenset({"category", "color", "material", "brand", "pattern"})
_REFUSING = re.compile(
    r"\b(?:not|no|nothing|without|don't|except|anything but|leave out|another brand)\b[^,;.!?]*$|\bno\b[^,;.!?]*$"
)
_REFUSED_AFTER = re.compile(r"^(?: ones)? is not for me\b")
_INDIFFERENT = re.compile(
    r"\bdon't (?:mind|care)\b|\bdoesn't matter\b|\bno preference\b|\bany \w|\bup to you\b|\bnot impo"
)
_STATING = ("open", "vague", "add", "repeat", "answer", "but", "exclude")


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


class LeakGuard:
    """Reads every sentence for what only the target has.

    A word may be said when it is one of the wordings' own or belongs to a value that several products share. What is
    left of the target's title, attributes and description may not, nor its id; a slip of the pen does not hide it.

    Args:
        shared: attribute → values that several products have, see `hidden_wish.Wishes.shared`.
    """

    def __init__(self, shared: dict[str, frozenset[str]]):
        values = {w for of_attribute in shared.values() for value in of_attribute for w in words_of(value)}
        names = {w for attribute in shared for w in words_of(attribute)}
        # Places on a page and round budgets are the shopper's own figures.
        figures = {str(n) for n in (*range(1, 13), *ROUND, *range(100, 10_000, 100))}
        self._free = frozenset(values | names | {f"{w}s" for w in values | names} | OWN_WORDS | figures)

    def refuse(self, sentence: str, target: Product) -> None:
        """
        Raises:
            LeakError: the sentence holds the target's id, or a word of it that several products do not share.
        """
        said = words_of(sentence)
        product_id = "".join(words_of(target.product_id))
        if product_id and (product_id in said or (len(product_id) > 3 and product_id in "".join(said))):
            self._leak(target.product_id, sentence, target)
        own = self._only_of(target)
        for word in said:
            if word in own or (self._is_no_slip(word) and any(_near(word, w) for w in own)):
                self._leak(word, sentence, target)

    def _only_of(self, target: Product) -> set[str]:
        row = target.as_dict()
        attributes = row.pop("attributes")
        cells = [str(v) for name, v in {**attributes, **row}.items() if name not in ("price", "currency", "available")]
        return {w for cell in cells for w in words_of(cell) if w not in self._free and len(w) > 1}

    def _is_no_slip(self, word: str) -> bool:
        """Whether this is no free word, well or badly typed."""
        return word not in self._free and not word.isdigit() and not any(_near(word, free) for free in self._free)

    @staticmethod
    def _leak(word: str, sentence: str, target: Product) -> None:
        raise LeakError(
            f"a simulated shopper said {sentence!r}: {word!r} is of the target {target.product_id!r} alone; the words "
            "of a shopper may hold only values that several products share"
        )


def _near(word: str, other: str) -> bool:
    return len(word) >= 4 and abs(len(word) - len(other)) <= 1 and OSA.distance(word, other, score_cutoff=1) <= 1


@dataclass
class Truth:
    """How often a shopper was checked, and how often it was wrong; ``examples`` keeps what was wrong."""

    checks: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("statements", "purchases", "rejections"), 0))
    errors: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("statements", "purchases", "rejections"), 0))
    examples: list[str] = field(default_factory=list)

    def count(self, kind: str, wrong: bool, what: str) -> None:
        self.checks[kind] += 1
        if wrong:
            self.errors[kind] += 1
            self.examples.append(f"{kind}: {what}")


class TruthCheck:
    """Reads a whole conversation and holds it against the wish, by the catalogue's columns and the sentences' words."""

    def __init__(self, catalog: Catalog):
        self._catalog = catalog
        self._values: dict[str, set[str]] = {}
        for attribute in catalog.attribute_names:
            for value in catalog.values(attribute) if not catalog.is_numeric(attribute) else ():
                if "," not in value:
                    self._values.setdefault(value, set()).add(attribute)
        # The longest first: "faux leather" names no leather, a denim jacket may be of cotton, a tie neck is no tie.
        names = sorted(self._values, key=len, reverse=True)
        self._named = re.compile(r"\b(" + "|".join(re.escape(v) for v in names) + r")(?:e?s)?\b") if names else None

    def of(self, line: dict) -> Truth:
        """Check one conversation, as `simulate` writes it."""
        truth, wish = Truth(), Wish.from_dict(line["wish"])
        for turn in line["turns"]:
            self._statements(turn, wish, truth)
        self._deeds(line, wish, truth)
        return truth

    def _statements(self, turn: dict, wish: Wish, truth: Truth) -> None:
        said, kind = turn["shopper"].lower().rstrip("."), turn["meant"]["kind"]
        for m in self._named.finditer(said) if self._named and kind in _STATING else ():
            if not self._values[m[1]] & _PLAIN:
                continue
            refused = _REFUSING.search(said[: m.start()]) or _REFUSED_AFTER.search(said[m.end() :])
            listed = {(t.attribute, t.value) for t in (wish.unwanted if refused else wish.traits)}
            truth.count("statements", not any((a, m[1]) in listed for a in self._values[m[1]]), said)
        for figure in re.findall(r"\b\d+(?:\.\d+)?\b", said) if turn["meant"].get("price") is not None else ():
            sizes = {w for t in wish.of("size") for w in words_of(t.value)}
            if figure not in sizes:
                truth.count("statements", wish.price is None or float(figure) != wish.price, said)
        if kind in ("indifferent", "waive"):
            insisted = {t.attribute for t in wish.traits if t.must or kind == "indifferent"}
            insisted |= {t.attribute for t in wish.unwanted} | ({"price"} if wish.price is not None else set())
            unclear = kind == "indifferent" and not _INDIFFERENT.search(said)
            truth.count("statements", unclear or turn["meant"]["attribute"] in insisted, said)

    def _deeds(self, line: dict, wish: Wish, truth: Truth) -> None:
        musts, everything = self._meeting(wish, musts_only=True), self._meeting(wish, musts_only=False)
        seen: list[str] = []
        for number, turn in enumerate(line["turns"], 1):
            last = number == line["turns_taken"]
            if turn["meant"]["kind"] in ("buy", "choose"):
                continue
            perfect = [p for p in turn["shown"] if everything[self._catalog.index(p)] or p == line["target"]]
            seen += turn["shown"]
            if turn["shown"]:
                passed = perfect and not (last and line["bought"] is not None)
                truth.count("rejections", bool(passed), f"{perfect[:1]} was passed over in turn {number}")
        if line["bought"] is not None:
            truth.count("purchases", not musts[self._catalog.index(line["bought"])], f"{line['bought']} was bought")
        else:
            found = next((p for p in seen if musts[self._catalog.index(p)]), None)
            truth.count("rejections", found is not None, f"{found} would have done, and the shopper gave up")

    def _meeting(self, wish: Wish, musts_only: bool) -> np.ndarray:
        """``(n,)`` bool, by the columns."""
        held = [t for t in wish.traits if t.must or not musts_only]
        constraints = [
            Constraint(t.attribute, "in", (t.value, UNISEX) if t.attribute == "department" else (t.value,))
            for t in held
        ]
        constraints += [Constraint(t.attribute, "not in", (t.value,)) for t in wish.unwanted]
        if wish.price is not None and (wish.price_must or not musts_only):
            constraints.append(Constraint("price", "<=", (wish.price,)))
        return mask(self._catalog, constraints)


def total(found: Iterable[Truth]) -> dict:
    """Counts over all conversations, and ``error_rate``: the share of the checks that found an error."""
    sums, most = Truth(), 10
    for truth in found:
        for kind in sums.checks:
            sums.checks[kind] += truth.checks[kind]
            sums.errors[kind] += truth.errors[kind]
        sums.examples += truth.examples
    checks, errors = sum(sums.checks.values()), sum(sums.errors.values())
    by_kind = {kind: {"checks": sums.checks[kind], "errors": sums.errors[kind]} for kind in sums.checks}
    return {
        "error_rate": errors / checks if checks else 0.0, "checks": checks, "errors": errors, **by_kind,
        "examples": sums.examples[:most],
    }  # fmt: skip
