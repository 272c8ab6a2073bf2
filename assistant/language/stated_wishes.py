"""The wishes that a sentence states plainly: conditions on attributes, prices, sizes, ratings, and exclusions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from shopping_assistant.assistant.language import amounts
from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.language.references import Reference, Scene
from shopping_assistant.assistant.language.relative import Relative
from shopping_assistant.assistant.language.sentence import Sentence
from shopping_assistant.assistant.language.sentence_reader import SentenceReader, named_categories
from shopping_assistant.assistant.language.sizes import age_in
from shopping_assistant.assistant.language.stated import Stated
from shopping_assistant.assistant.language.understood import Before
from shopping_assistant.assistant.language.vocabulary import Match, Vocabulary
from shopping_assistant.tools.attribute_filter import Constraint, mask

# Which share of the prices of what is talked of counts as cheap, or as expensive.
CHEAP_SHARE = 0.33
DEAR_SHARE = 0.67
GOOD_RATING_SHARE = 0.5


# Who may be a child or grown up.
_GROWN = {"son": "men", "nephew": "men", "grandson": "men", "daughter": "women", "niece": "women"}


class StatedWishes:
    """Makes conditions of what a reader found in a sentence."""

    def __init__(self, reader: SentenceReader, stated: Stated):
        self.reader, self.vocabulary, self.stated = reader, reader.vocabulary, stated

    def constraints(self, sentence, prices, sizes, act, described, before: Before, text: str) -> tuple[Constraint, ...]:
        """The wishes this sentence states, exclusions among them."""
        made: list[Constraint] = []
        used = {i for a, b, _ in sizes for i in range(a, b)}
        context = before.categories
        named = named_categories(sentence)
        for m, negated in zip(sentence.matches, sentence.negated, strict=True):
            if used & set(range(m.start, m.end)) or (m in described and not negated):
                continue
            if any(
                sentence.tokens[m.start].start < p.end
                and p.start < sentence.tokens[m.end - 1].end
                and p.op not in ("cheap", "dear")
                for p in prices
            ):
                continue
            if any(start <= sentence.tokens[m.start].start < end for start, end in sentence.taken_back):
                continue
            made.append(self._constraint(m, negated, named or context))
            if negated:
                made += self._also_excluded(m)
        made += self.reader.words_excluded(sentence)
        made = _joined(made, sentence.matches, self.vocabulary)
        for _, _, size in sizes:
            made.append(Constraint("size", "in", (size,), f"size {size.upper() if len(size) < 4 else size}"))
        made = _merged_sizes(made)
        made += self._of_a_child(sentence, made)
        made += self._amounts(sentence, prices, made, before)
        return tuple(made)

    def _constraint(self, m: Match, negated: bool, categories: Sequence[str]) -> Constraint:
        meaning = m.meanings[0]
        if len(m.meanings) > 1 and categories and meaning.attribute not in ("category", "color", "material"):
            # "slim" is a fit of jeans and a width of ties: the attribute that the category has.
            meaning = max(m.meanings, key=lambda x: self.reader.share(x.attribute, x.values, categories))
        if meaning.attribute == "department" and (grown := self._grown(m.said, categories)):
            meaning = replace(meaning, values=grown)
        said = ("not " if negated else "") + m.said
        return Constraint(meaning.attribute, "not in" if negated else "in", meaning.values, said)

    def _grown(self, said: str, categories: Sequence[str]) -> tuple[str, ...]:
        """ "My son needs a suit": where no child's size of it is sold, the son is a man."""
        adults = next((v for name, v in _GROWN.items() if name in said.split()), None)
        kids = [v for v in self.vocabulary.children if not v.startswith("unisex")]
        if adults is None or not categories or not kids or self.reader.share("department", kids, categories):
            return ()
        known = self.vocabulary.values.get("department", {})
        return tuple(v for v in (adults, "unisex") if v in known) if adults in known else ()

    def _also_excluded(self, m: Match) -> list[Constraint]:
        """ "No heels" is said of shoes that have any: the catalogue's heel heights but the flat one go too.

        A kind that is named by its material ("no denim") goes with all that is made of it.
        """
        made_of = m.means("material")
        if made_of and m.meanings[0].attribute == "category":
            return [Constraint("material", "not in", made_of.values, f"not {m.said}")]
        if m.said.strip().endswith(("heels", "heel")) and "heel height" in self.vocabulary.values:
            values = tuple(v for v in self.vocabulary.values["heel height"] if v not in ("flat", "none"))
            return [Constraint("heel height", "not in", values, f"not {m.said}")] if values else []
        return []

    def _of_a_child(self, sentence: Sentence, made: Sequence[Constraint]) -> list[Constraint]:
        """ "My six year old" is served in the children's department; which size that is, is only guessed."""
        age = age_in(sentence.text)
        kids = self.vocabulary.children
        if not age or not kids or any(c.attribute == "department" and c.op == "in" for c in made):
            return []
        return [Constraint("department", "in", kids, age[1])]

    def _amounts(self, sentence, prices, made: Sequence[Constraint], before: Before) -> list[Constraint]:
        out = []
        if "price" in self.vocabulary.attributes:
            for p in prices:
                bound = self._price_bound(p, made, before)
                if bound is not None:
                    out.append(Constraint("price", bound[0], (bound[1],), p.said))
        rated = amounts.rating_amount(sentence.text) if self.vocabulary.rating else None
        if rated:
            numbers = self.vocabulary.catalog.numbers(self.vocabulary.rating)
            value = (
                rated.value if rated.value is not None else round(float(np.nanquantile(numbers, GOOD_RATING_SHARE)), 1)
            )
            out.append(Constraint(self.vocabulary.rating, ">=", (value,), rated.said))
        return out

    def _price_bound(self, p: amounts.Amount, made: Sequence[Constraint], before: Before) -> tuple[str, float] | None:
        if p.op in ("<=", ">="):
            return p.op, p.value
        shown = [self.vocabulary.catalog.product(i).price for i in before.scene.focus[:1] or before.scene.shown]
        shown = sorted(x for x in shown if x is not None)
        if p.op == "cheaper" and shown:
            below = [x for x in shown if x < float(np.median(shown))]
            return "<=", below[-1] if below else _next(shown[0], -1)
        if p.op == "dearer" and shown:
            above = [x for x in shown if x > float(np.median(shown))]
            return ">=", above[0] if above else _next(shown[-1], 1)
        categories = [c for c in made if c.attribute == "category" and c.op == "in"] or [
            c for c in before.constraints if c.attribute == "category" and c.op == "in"
        ]
        rows = mask(self.vocabulary.catalog, categories)
        cheap = p.op in ("cheap", "cheaper")
        price = self.vocabulary.price_of(rows, CHEAP_SHARE if cheap else DEAR_SHARE)
        return None if price is None else ("<=" if cheap else ">=", round(price, 2) if price >= 1 else price)

    def conditions(self, made: Sequence[Constraint]) -> tuple[tuple[Constraint, ...], tuple[Leaning, ...]]:
        """The wishes that can shut a product out, and those about what the catalogue says only now and then."""
        soft = [c for c in made if c.op == "in" and not self.stated.can_filter(c.attribute)]
        return tuple(c for c in made if c not in soft), tuple(
            Leaning(c.attribute, "like", tuple(map(str, c.values)), c.said) for c in soft
        )

    def not_of_the_brand(self, reference: Reference, scene: Scene) -> tuple[Constraint, ...]:
        """Any brand but that of what is pointed at, or was talked of last."""
        meant = (reference.targets or scene.focus or (scene.shown if len(scene.shown) == 1 else ()))[:1]
        brands = [self.vocabulary.catalog.product(p).brand for p in meant]
        return tuple(Constraint("brand", "not in", (b.lower(),), f"not {b}") for b in brands if b)

    def of_the_brand(self, reference: Reference) -> tuple[Constraint, ...]:
        """More of the maker of what is pointed at."""
        found = [self.vocabulary.catalog.product(p).brand for p in reference.targets[:1]]
        return tuple(Constraint("brand", "in", (brand.lower(),), brand) for brand in found if brand)


def _next(price: float, direction: int) -> float:
    """The nearest price below or above: a cent further, or a thousandth where prices are shares of one."""
    return round(price + direction * 0.01, 2) if price >= 1 else price * (1 + direction / 1000)


def _joined(made: list[Constraint], matches: Sequence[Match], vocabulary: Vocabulary) -> list[Constraint]:
    """One constraint an attribute and direction: "black or navy" is either, "black and white" both where such exist."""
    out: list[Constraint] = []
    for c in made:
        at = next((i for i, o in enumerate(out) if (o.attribute, o.op) == (c.attribute, c.op)), None)
        if at is None:
            out.append(c)
            continue
        old = out[at]
        values = tuple(dict.fromkeys([*old.values, *c.values]))
        said = old.said if c.said == old.said else f"{old.said}, {c.said.removeprefix('not ')}"
        out[at] = Constraint(c.attribute, c.op, values, said)
    return [
        _both_colors(c, vocabulary) if c.attribute == "color" and c.op == "in" and len(c.values) > 1 else c for c in out
    ]


def _both_colors(c: Constraint, vocabulary: Vocabulary) -> Constraint:
    wanted = set(c.values)
    whole = tuple(v for v in vocabulary.values["color"] if "," in v and {p.strip() for p in v.split(",")} == wanted)
    return replace(c, values=whole) if whole else c


def _merged_sizes(made: list[Constraint]) -> list[Constraint]:
    sizes = [c for c in made if c.attribute == "size"]
    if len(sizes) < 2:
        return made
    values = tuple(dict.fromkeys(v for c in sizes for v in c.values))
    return [c for c in made if c.attribute != "size"] + [
        Constraint("size", "in", values, ", ".join(c.said for c in sizes))
    ]


def without_opposed(
    held: Sequence[Constraint], relative: Relative, added: Sequence[Constraint]
) -> tuple[Constraint, ...]:
    """Who wants it longer no longer wants it short. What was excluded stays so."""
    gives_way = relative.instead - {c.attribute for c in added}
    return tuple(c for c in held if c.is_exclusion or c.attribute not in gives_way)
