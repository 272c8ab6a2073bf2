"""What a catalogue can be asked for: every phrase that names one of its values, made once when a shop opens."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from rapidfuzz.distance import OSA

from shopping_assistant.assistant.language import fashion_words as words
from shopping_assistant.tools.catalog import Catalog, split_values

TOKEN = re.compile(r"t[\s-]?shirts?\b|tee[\s-]?shirts?\b|#\d+|[a-z0-9]+(?:[.'][a-z0-9]+)*|[&€$£<>,;.!?()]")
# A word of two forms that means two things keeps its s: shorts are no short, flats are not flat.
KEEPS_ITS_S = frozenset(
    "shorts tights flats briefs overalls glasses sunglasses gas bus plus this is was as us yes less".split()
)
ENDS_IN_IE = frozenset("hoodies beanies booties onesies undies sunnies panties selfies ties".split())
SPELLINGS = {
    "gray": "grey",
    "colour": "color",
    "jewellery": "jewelry",
    "jewelery": "jewelry",
    "pyjama": "pajama",
    "&": "and",
    "coloured": "colored",
    "colorful": "multicolored",
    "sleeved": "sleeve",
    "heeled": "heel",
    "scarve": "scarf",
    "tee": "tee",
    "aluminum": "aluminium",
    "woolen": "wool",
    "woollen": "wool",
    "trouser": "trouser",
    "collared": "collar",
}
# A phrase that names values of several attributes means the first of these, then the catalogue's own attributes.
ATTRIBUTE_ORDER = ("category", "color", "material", "brand", "department", "season", "occasion", "size")
# An attribute with a value of its own for nearly every product describes nothing that shoppers ask for.
MOST_DISTINCT = 400
LONGEST_PHRASE = 6


@dataclass(frozen=True)
class Token:
    """One word as typed (lower case), what it is looked up by, and where it stands in the text."""

    text: str
    key: str
    start: int
    end: int


@dataclass(frozen=True)
class Meaning:
    attribute: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """Tokens ``start`` to ``end`` (exclusive) name these values; ``said`` is what was typed."""

    start: int
    end: int
    said: str
    meanings: tuple[Meaning, ...]

    def means(self, attribute: str) -> Meaning | None:
        return next((m for m in self.meanings if m.attribute == attribute), None)


def plain(text: str) -> str:
    """Lower case, without accents, typographic quotes straightened; every character keeps its place."""
    out = []
    for c in text.replace("’", "'").replace("‘", "'").replace("´", "'").replace("–", "-").replace("—", "-"):
        base = unicodedata.normalize("NFKD", c)[0] if c not in "€£" else c
        low = base.lower()
        out.append(low if len(low) == 1 else c)
    return "".join(out)


def key_of(word: str) -> str:
    """What a word is looked up by: singular, without 's, one spelling."""
    word = word.removesuffix("'s").replace("'", "")
    if word.startswith(("t-shirt", "t shirt", "tshirt", "tee shirt", "tee-shirt", "teeshirt")):
        return "tshirt"
    return SPELLINGS.get(word) or SPELLINGS.get(singular(word)) or singular(word)


def singular(word: str) -> str:
    if len(word) <= 3 or word in KEEPS_ITS_S or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word in ENDS_IN_IE:
        return word[:-1]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1]


def tokens_of(text: str) -> list[Token]:
    low = plain(text)
    return [Token(m.group(), key_of(m.group()), m.start(), m.end()) for m in TOKEN.finditer(low)]


def phrase_key(phrase: str) -> str:
    """A phrase as the vocabulary stores it: "Knee-high Boots" is "knee high boot"."""
    return " ".join(t.key for t in tokens_of(phrase.replace("_", " ")) if t.key[0].isalnum())


def _listed(text: str) -> list[str]:
    return [p.strip() for p in text.split(",")]


class Vocabulary:
    """Phrases of one catalogue: ``matches(tokens)`` finds the values they name."""

    def __init__(self, catalog: Catalog):
        self.catalog = catalog
        self.attributes = catalog.attribute_names
        self.numeric = tuple(a for a in self.attributes if catalog.is_numeric(a))
        self.rating = next((a for a in self.numeric if a.lower() in words.RATING_NAMES), None)
        self.prices = catalog.numbers("price")
        self.values = {a: self._values_of(a) for a in self.attributes if a not in self.numeric}
        self._phrases: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
        self._add_values()
        self._add_categories()
        self._add_colors()
        self._add_materials()
        self._add_brands()
        self._add_sizes()
        self._add_departments()
        self._add_related("occasion", words.OCCASION_WORDS)
        self._add_related("season", words.SEASON_WORDS)
        self._add_groups("pattern", words.PATTERN_SYNONYMS)
        self.asking = self._asking()
        self.known_words = self._known_words()
        self._spellable = sorted(
            {w for p in self._phrases for w in p.split() if len(w) >= 4 and w.isalpha()} | words.SPELLED
        )
        heads = {name.split()[-1] for names in self.values.get("category", {}) for name in names.split("/") if name}
        self._plurals = {key_of(h) for h in heads if h.endswith("s") and key_of(h) != h} | {
            key_of(w) for w in words.COVERING
        }

    def _values_of(self, attribute: str) -> dict[str, int]:
        """`Catalog.values`, counted over distinct cells: a catalogue of 100,000 has a few hundred of them."""
        cells = (tuple(c) if isinstance(c, list) else c for c in self.catalog.cells(attribute))
        count: Counter[str] = Counter()
        for cell, n in Counter(cells).items():
            for value in split_values(cell):
                count[value] += n
        if attribute not in ATTRIBUTE_ORDER and len(count) > MOST_DISTINCT:
            return {}
        return dict(sorted(count.items(), key=lambda item: (-item[1], item[0])))

    def _add(self, phrase: str, attribute: str, values: Iterable[str]) -> None:
        """The first meaning of a phrase within an attribute stays: callers add the exact ones first."""
        key, values = phrase_key(phrase), tuple(dict.fromkeys(values))
        if key and values and not key.isdigit():
            self._phrases[key].setdefault(attribute, values)

    def _add_values(self) -> None:
        """The catalogue's own words, and those of its own attributes with their noun: "long sleeves", "slim fit"."""
        for attribute, values in self.values.items():
            if attribute in ("size", "category"):
                continue
            same: dict[str, list[str]] = defaultdict(list)
            for value in values:
                same[phrase_key(value)].append(value)
            nouns = [w for w in phrase_key(attribute).split() if w not in ("of", "length", "height", "type")]
            for key, equal in same.items():
                if any(c.isdigit() for c in key) and attribute not in ATTRIBUTE_ORDER:
                    continue
                own = attribute not in ATTRIBUTE_ORDER
                if not (own and (key in words.NEED_THEIR_NOUN or set(key.split()) & {"unknown", "other"})):
                    self._add(key, attribute, equal)
                if own:
                    for noun in nouns:
                        if noun not in key.split():
                            self._add(f"{key} {noun}", attribute, equal)

    def _add_categories(self) -> None:
        names: dict[str, list[str]] = defaultdict(list)
        heads: dict[str, list[str]] = defaultdict(list)
        for value in self.values.get("category", {}):
            for name in {value, *value.split("/")}:
                key = phrase_key(name)
                if not key:
                    continue
                names[key].append(value)
                if " " in key:
                    names.setdefault(key.replace(" ", ""), [value])  # tanktop, handbag
                    heads[key.split()[-1]].append(value)
        self._category_names = names
        for key, values in names.items():
            self._add(key, "category", values)
        for group in words.CATEGORY_SYNONYMS:
            meant = [v for name in group for v in names.get(phrase_key(name), ())]
            for name in group:
                self._add(name, "category", meant)
        for word, covered in words.COVERING.items():
            meant = [
                v for c in _listed(covered) for v in (*names.get(phrase_key(c), ()), *heads.get(phrase_key(c), ()))
            ]
            self._add(word, "category", [*heads.get(phrase_key(word), ()), *meant])
        for key, values in heads.items():
            self._add(key, "category", values)

    def wider_categories(self, values: Sequence[str]) -> list[tuple[str, ...]]:
        """Ever wider groups of categories around these: those of the same head, then those one word covers."""
        heads = {phrase_key(v).split()[-1] for v in values if phrase_key(v)}
        found = [
            tuple(
                v for v in self.values["category"] if phrase_key(v).split()[-1:] and phrase_key(v).split()[-1] in heads
            )
        ]
        for word in words.COVERING:
            covered = self._phrases.get(phrase_key(word), {}).get("category", ())
            if set(values) <= set(covered):
                found.append(covered)
        return [group for group in found if set(group) > set(values)]

    def same_place(self, category: str) -> tuple[str, ...]:
        """Categories worn in place of this one: with boots nobody wears other shoes."""
        head = phrase_key(category).split()[-1:]
        found = {v for v in self.values.get("category", {}) if phrase_key(v).split()[-1:] == head}
        for word in words.ONE_AT_A_TIME:
            covered = self._phrases.get(phrase_key(word), {}).get("category", ())
            found |= set(covered) if category in covered else set()
        return tuple(sorted(found | {category}))

    def _add_groups(self, attribute: str, groups: Sequence[Sequence[str]]) -> None:
        values: dict[str, list[str]] = defaultdict(list)
        for value in self.values.get(attribute, {}):
            values[phrase_key(value)].append(value)
        for group in groups:
            meant = [v for name in group for v in values.get(phrase_key(name), ())]
            for name in group:
                self._add(name, attribute, meant)

    def _add_colors(self) -> None:
        self._add_groups("color", words.COLOR_SYNONYMS)
        shades: dict[str, list[str]] = defaultdict(list)
        for value in self.values.get("color", {}):
            key = phrase_key(value)
            if " " in key and "," not in value:
                shades[key.split()[-1]].append(value)
        for word, values in shades.items():
            self._add(word, "color", values)

    def _add_materials(self) -> None:
        """A material covers its kinds: wool is merino wool and lambswool too, leather never faux leather."""
        values = [v for v in self.values.get("material", {}) if "," not in v]
        keys = {v: phrase_key(v) for v in values}
        for word in {k.split()[-1] for k in keys.values() if k}:
            kinds = [
                v for v, k in keys.items()
                if k.endswith(word) and (k == word or not set(k.split()) & set(words.IMITATION))
            ]  # fmt: skip
            if kinds:
                self._phrases[word]["material"] = tuple(kinds)

    def _add_brands(self) -> None:
        first: dict[str, list[str]] = defaultdict(list)
        for brand in self.values.get("brand", {}):
            parts = [p for p in phrase_key(brand).split() if p != "and"]
            if len(parts) > 1:
                self._add(" ".join(parts), "brand", [brand])
                first[parts[1] if parts[0] == "the" else parts[0]].append(brand)
        for word, brands in first.items():
            # One word of a longer name will do when nothing else bears it.
            if len(brands) == 1 and len(word) > 4 and word not in words.COMMON and word not in self._phrases:
                self._add(word, "brand", brands)

    def _add_sizes(self) -> None:
        """Sizes are looked up apart: a bare "m" or "40" means a size only where the sentence says so."""
        self.sizes: dict[str, str] = {}
        for value in self.values.get("size", {}):
            self.sizes.setdefault(phrase_key(value), value)
        for value, spoken in words.SIZE_WORDS.items():
            if value in self.sizes:
                for phrase in _listed(spoken):
                    self.sizes.setdefault(phrase_key(phrase), value)

    def _add_departments(self) -> None:
        values = self.values.get("department", {})
        unisex = [v for v in values if v.startswith("unisex")]
        for name, (beginnings, spoken) in words.DEPARTMENTS.items():
            meant = [v for v in values if any(w.startswith(beginnings) for w in re.findall(r"[a-z]+", v))]
            if name in ("girls", "boys") and not meant:
                meant = [v for v in values if v.startswith(("kid", "child"))]
            if meant and name != "unisex":
                meant += [v for v in unisex if v not in meant]
            for phrase in _listed(spoken):
                if meant:
                    self._phrases[phrase_key(phrase)]["department"] = tuple(meant)

    def _add_related(self, attribute: str, related: dict[str, str]) -> None:
        values = self.values.get(attribute, {})
        for value, spoken in related.items():
            if value in values:
                for phrase in _listed(spoken):
                    self._add(phrase, attribute, [value])

    def _asking(self) -> dict[str, str]:
        """Phrase → the attribute asked about, as this catalogue names it."""
        out = {}
        for attribute in self.attributes:
            out[phrase_key(attribute)] = attribute
        for attribute, spoken in words.ASKING_WORDS.items():
            name = (self.rating or "rating") if attribute == "rating" else attribute
            for phrase in _listed(spoken):
                out.setdefault(phrase_key(phrase), name)
        return out

    def _known_words(self) -> frozenset[str]:
        """Words of titles: they may be searched for, and are no misspellings."""
        titles = self.catalog.frame["title"].filter(pl.Series(self.catalog.listed))
        found = titles.str.to_lowercase().str.extract_all(r"[a-z0-9]+").explode().drop_nulls()
        common = found.value_counts().filter((pl.col("count") > 1) | (len(self.catalog) < 50))
        return frozenset(key_of(w) for w in common[found.name].to_list())

    def matches(self, tokens: Sequence[Token], text: str) -> list[Match]:
        """Values named in the sentence, longest phrase first, left to right, none overlapping."""
        found, at = [], 0
        while at < len(tokens):
            for end in range(min(len(tokens), at + LONGEST_PHRASE), at, -1):
                meanings = self._phrases.get(" ".join(t.key for t in tokens[at:end]))
                if meanings:
                    said = text[tokens[at].start : tokens[end - 1].end]
                    found.append(Match(at, end, said, self._ordered(meanings)))
                    at = end
                    break
            else:
                at += 1
        return found

    def _ordered(self, meanings: dict[str, tuple[str, ...]]) -> tuple[Meaning, ...]:
        order = [*ATTRIBUTE_ORDER, *self.attributes]
        return tuple(Meaning(a, meanings[a]) for a in sorted(meanings, key=order.index))

    def spelled(self, text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The text with words nobody knows replaced by the nearest word of this catalogue, and what was replaced."""
        corrected = []
        for token in reversed(tokens_of(text)):
            word = self._spell(token)
            if word is not None:
                text = text[: token.start] + word + text[token.end :]
                corrected.append((token.text, word))
        return text, tuple(reversed(corrected))

    def _spell(self, token: Token) -> str | None:
        word = token.key
        if len(token.text) < 4 or not word.isalpha() or self._knows(word) or self._knows(token.text):
            return None
        allowed = 1 if len(word) < 7 else 2
        # In a short word one slip leaves little; its first letter is hardly ever wrong.
        candidates = [
            w for w in self._spellable if abs(len(w) - len(word)) <= allowed and (len(word) > 4 or w[0] == word[0])
        ]
        near = [(OSA.distance(word, w, score_cutoff=allowed), w) for w in candidates]
        distance, best = min(((d, w) for d, w in near if d <= allowed), default=(99, word))
        if distance > allowed:
            return None
        return f"{best}s" if token.text.endswith("s") and best in self._plurals else best

    def speaks_of(self, word: str) -> bool:
        """Whether products may be described by this word: it stands in titles, or is a word of fashion."""
        return word in self.known_words or word in self._single

    def _knows(self, word: str) -> bool:
        return word in words.COMMON or word in self.known_words or word in self._single

    @property
    def _single(self) -> set[str]:
        if not hasattr(self, "_single_words"):
            # Words of fashion that this shop has nothing for are right all the same: plaid is not plain.
            spoken = (key_of(w) for text in words.every_phrase() for w in re.findall(r"[a-z]+", text))
            self._single_words = {w for p in (*self._phrases, *self.asking) for w in p.split()} | set(spoken)
        return self._single_words

    def price_of(self, rows: np.ndarray, share: float) -> float | None:
        """The price below which this share of the products in ``rows`` (bool mask) lies."""
        prices = self.prices[rows & ~np.isnan(self.prices)]
        return float(np.quantile(prices, share)) if len(prices) else None
