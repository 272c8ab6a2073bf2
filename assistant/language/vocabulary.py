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

from shopping_assistant.assistant.language import degree_words, english
from shopping_assistant.assistant.language import fashion_words as words
from shopping_assistant.assistant.language.spelling import Spelling
from shopping_assistant.tools.attribute_filter import Constraint
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
    "ons": "on",  # carry-ons, slip-ons
    "necked": "neck",
    "litre": "l",
    "liter": "l",
}
# A phrase that names values of several attributes means the first of these, then the catalogue's own attributes.
ATTRIBUTE_ORDER = ("category", "color", "material", "brand", "department", "season", "occasion", "size")
# An attribute with a value of its own for nearly every product describes nothing that shoppers ask for.
MOST_DISTINCT = 400
LONGEST_PHRASE = 6
# Values of an own attribute beyond this many are names ("Poppy", "Rue"), below they are words that describe.
MOST_DESCRIBING = 60
# What fewer products than this bear, in a catalogue of many, may be anything: such an everyday word describes nothing.
FEWEST_BEARING, MANY_PRODUCTS = 3, 200
# Categories finer than this (products a category, from so many categories on) are a seller's labels, not shoppers'
# kinds: what is asked for by their words stands in other categories too, so that they never filter.
COARSEST_LABELS, MANY_CATEGORIES = 10, 100


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


def _join_misspelt(same: dict[str, list[str]]) -> None:
    """A seller's slip is the same value: "vertical striples" joins "vertical stripes". Keys keep their own place."""
    for key in [k for k in same if len(k) > 8]:
        for other in same:
            if other > key and abs(len(other) - len(key)) == 1 and OSA.distance(key, other, score_cutoff=1) == 1:
                both = [*same[key], *same[other]]
                same[key], same[other] = both, both


def _is_measure(key: str) -> bool:
    """Figures with a unit, as shoppers say them: "20 l", "7/8"."""
    return bool(re.fullmatch(r"\d+(?:\.\d+)? (?:l|ml|cm|mm|inch|in|oz|g|kg|w|v)|\d \d", key))


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
        self._words_of_values: set[str] = set()
        self.values = {a: self._values_of(a) for a in self.attributes if a not in self.numeric}
        self._phrases: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
        self._plain: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
        kinds = len(self.values.get("category", {}))
        self.categories_filter = kinds < MANY_CATEGORIES or len(catalog) >= COARSEST_LABELS * kinds
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
        self._add_kinds_of("pattern")
        self._add_parts()
        self.asking = self._asking()
        self.known_words = self._known_words()
        self._spelling = Spelling(self._spellable(), self._knows)
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
            # Nothing to choose from, but words to search for.
            self._words_of_values.update(w for v, n in count.items() if n > 1 for w in v.split() if w.isalpha())
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
                if key := phrase_key(value):  # none of a word in another script
                    same[key].append(value)
            if attribute not in ATTRIBUTE_ORDER and len(values) <= MOST_DESCRIBING:
                _join_misspelt(same)
            nouns = [w for w in phrase_key(attribute).split() if w not in ("of", "length", "height", "type", "size")]
            nouns += words.OTHER_NOUNS.get(attribute.replace("_", " "), ())
            measured = [w for w in phrase_key(attribute).split() if w in ("length", "height")]
            own = attribute not in ATTRIBUTE_ORDER
            for key, equal in same.items():
                if any(c.isdigit() for c in key) and own and not _is_measure(key):
                    continue
                if self._stands_alone(key, attribute, equal):
                    self._add(key, attribute, equal)
                else:
                    self._plain[key].setdefault(attribute, tuple(equal))
                for noun in nouns if own or attribute in ("color", "brand") else ():
                    if noun not in key.split():
                        self._add(f"{key} {noun}", attribute, equal)
                        if key.split()[-1] in nouns:  # high waist for high rise
                            self._add(" ".join([*key.split()[:-1], noun]), attribute, equal)
                        for middle in measured:  # full length sleeves
                            self._add(f"{key} {middle} {noun}", attribute, equal)
                if attribute == "brand" and not self._stands_alone(key, attribute, equal):
                    self._add(f"by {key}", attribute, equal)
                    self._add(f"from {key}", attribute, equal)

    def _stands_alone(self, key: str, attribute: str, values: Sequence[str]) -> bool:
        """Whether a value is understood without its attribute's name beside it."""
        own, parts = attribute not in ATTRIBUTE_ORDER, key.split()
        if own and (key in words.NEED_THEIR_NOUN or set(parts) & {"unknown", "other"}):
            return False
        if len(parts) != 1:
            return True
        if len(key) < 3 and attribute in ("color", "brand"):
            return False
        if attribute == "brand":
            return key not in words.COMMON
        if own and len(self.values[attribute]) > MOST_DESCRIBING:
            return not english.is_everyday(key)
        if (own or attribute == "color") and self._is_rare(attribute, values):
            return key in words.spoken_words() or not english.is_everyday(key)
        return True

    def _is_rare(self, attribute: str, values: Sequence[str]) -> bool:
        bearing = sum(self.values[attribute][v] for v in values)
        return bearing < FEWEST_BEARING and len(self.catalog) >= MANY_PRODUCTS

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
                    # Nothing is a carry-on by its "on"; a tote bag is a bag, though the shopper's own is called so too.
                    if key.split()[-1] not in words.COMMON or key.split()[-1] in words.COVERING:
                        heads[key.split()[-1]].append(value)
        self._category_names = names
        for key, values in names.items():
            self._add(key, "category", values)
        for group in words.CATEGORY_SYNONYMS:
            meant = [v for name in group for v in names.get(phrase_key(name), ())]
            for name in group:
                self._add(name, "category", meant)
        for word, wider in words.ELSE_AMONG.items():
            meant = [v for name in _listed(wider) for v in names.get(phrase_key(name), ())]
            for name in (word, *(n for g in words.CATEGORY_SYNONYMS if word in g for n in g)):
                # A leather jacket is a jacket of leather, where no category bears the longer name.
                if phrase_key(name).split()[-1] not in names:
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
        known = {phrase_key(name).split()[-1] for group in words.COLOR_SYNONYMS for name in group}
        known -= words.COMMON | {"color"}
        for word, values in shades.items():
            # "Captivate me" is no kind of me.
            if word in known or "color" in self._phrases.get(word, {}):
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
        for said, family in words.MATERIAL_FAMILIES:
            members = set(family.split())
            meant = tuple(v for v, k in keys.items() if k and set(k.split()) & members)
            for phrase in _listed(said) if meant else ():
                self._phrases[phrase_key(phrase)].setdefault("material", meant)

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

    def _add_kinds_of(self, attribute: str) -> None:
        """The last word of several values means all of them: stripes are light, heavy and vertical stripes."""
        kinds: dict[str, list[str]] = defaultdict(list)
        for value in self.values.get(attribute, {}):
            kinds[phrase_key(value).split()[-1] if phrase_key(value) else ""].append(value)
        groups = {phrase_key(n): g for g in words.PATTERN_SYNONYMS for n in g}
        for word, values in kinds.items():
            if len(values) > 1 and not english.is_everyday(word, 600):
                for name in (word, *groups.get(word, ())):
                    self._add(name, attribute, values)

    def _add_parts(self) -> None:
        """Ways to shorten or join values of several words: merino for merino wool, crewneck, stripes on the side."""
        for attribute in self.values:
            if attribute in ("brand", "size", "department", "occasion", "season"):
                continue
            if len(self.values[attribute]) > MOST_DESCRIBING and attribute != "material":
                continue
            parts: dict[str, set[str]] = defaultdict(set)
            for value in self.values[attribute]:
                key = phrase_key(value)
                said = [w for w in key.split() if w not in words.LINKING]
                if "," in value or len(said) < 2:
                    continue
                self._add(key.replace(" ", ""), attribute, self._phrases.get(key, {}).get(attribute, (value,)))
                for start in range(len(said)):
                    for end in range(start + 1, len(said) + 1):
                        if end - start < len(said):
                            parts[" ".join(said[start:end])].add(value)
                if len(said) < len(key.split()):
                    self._add(" ".join(said), attribute, (value,))
            for part, values in parts.items():
                if len(values) == 1 and self._tells_apart(part, attribute):
                    self._add(part, attribute, tuple(values))

    def _tells_apart(self, part: str, attribute: str) -> bool:
        """Whether a part of a value is a word that nobody says of anything else."""
        if part in self._phrases or part in words.NEED_THEIR_NOUN or part in self._plain:
            return False
        if " " in part:
            return attribute == "pattern"
        taken = {w for key in self.asking_words for w in key.split()}
        return (
            attribute in ("material", "pattern")
            and part not in words.COMMON and part not in words.IMITATION and part not in taken and len(part) > 3
            and not english.is_everyday(part, 2500)
        )  # fmt: skip

    @property
    def asking_words(self) -> set[str]:
        """The names of attributes, as they are looked up."""
        return {phrase_key(a) for a in self.attributes}

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
        self.children: tuple[str, ...] = ()
        for name, (beginnings, spoken) in words.DEPARTMENTS.items():
            meant = [v for v in values if any(w.startswith(beginnings) for w in re.findall(r"[a-z]+", v))]
            if name in ("girls", "boys") and not meant:
                meant = [v for v in values if v.startswith(("kid", "child"))]
            if name == "kids":
                self.children = tuple(meant)
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
            if " of " in attribute:  # size of bag, bag size
                out[phrase_key(" ".join(reversed(attribute.split(" of "))))] = attribute
        for attribute, spoken in words.ASKING_WORDS.items():
            name = (self.rating or "rating") if attribute == "rating" else attribute
            for phrase in _listed(spoken):
                out.setdefault(phrase_key(phrase), name)
        return out

    def _known_words(self) -> frozenset[str]:
        """Words of titles and long lists: they may be searched for, and are no misspellings."""
        titles = self.catalog.frame["title"].filter(pl.Series(self.catalog.listed))
        found = titles.str.to_lowercase().str.extract_all(r"[a-z0-9]+").explode().drop_nulls()
        common = found.value_counts().filter((pl.col("count") > 1) | (len(self.catalog) < 50))
        if not self.categories_filter:
            self._words_of_values.update(w for v in self.values["category"] for w in re.findall(r"[a-z]+", v))
        return frozenset(key_of(w) for w in (*common[found.name].to_list(), *self._words_of_values))

    def matches(self, tokens: Sequence[Token], text: str) -> list[Match]:
        """Values named in the sentence, longest phrase first, left to right, none overlapping."""
        found, at = [], 0
        while at < len(tokens):
            end, meanings = self._longest(tokens, at)
            if meanings:
                said = text[tokens[at].start : tokens[end - 1].end]
                found.append(Match(at, end, said, self._ordered(meanings)))
            at = end
        return found

    def _longest(self, tokens: Sequence[Token], at: int) -> tuple[int, dict[str, tuple[str, ...]] | None]:
        """The end of the longest phrase that starts at a token, and its meanings; the next token without any.

        Linking words inside are passed over: "stripes on the side" is "stripes on side".
        """
        for end in range(min(len(tokens), at + LONGEST_PHRASE), at, -1):
            keys = [t.key for t in tokens[at:end]]
            found = self._phrases.get(" ".join(keys))
            if not found and len(keys) > 2 and keys[0] not in words.LINKING and keys[-1] not in words.LINKING:
                found = self._phrases.get(" ".join(k for k in keys if k not in words.LINKING))
            if not found and len(keys) == 2 and min(map(len, keys)) > 2:
                # "Back pack", "sweat shirt": a kind written in two words.
                joined = self._phrases.get("".join(keys), {})
                found = {"category": joined["category"]} if "category" in joined else None
            if found:
                return end, found
        return at + 1, None

    def phrases_of(self, attribute: str) -> dict[str, tuple[str, ...]]:
        """Every phrase that names values of an attribute."""
        return {phrase: meant[attribute] for phrase, meant in self._phrases.items() if attribute in meant}

    def without(self, key: str, said: str) -> Constraint | None:
        """What the catalogue calls the lack of something: "no sleeves" is sleeveless."""
        meanings = self._phrases.get(f"{key}less")
        if not meanings:
            return None
        meaning = self._ordered(meanings)[0]
        return Constraint(meaning.attribute, "in", meaning.values, f"no {said}")

    def plain_meanings(self, key: str) -> dict[str, tuple[str, ...]]:
        """Attributes of which a word is a value that needs its noun or its place: "large", "street"."""
        return self._plain.get(key, {})

    def _ordered(self, meanings: dict[str, tuple[str, ...]]) -> tuple[Meaning, ...]:
        order = [*ATTRIBUTE_ORDER, *self.attributes]
        return tuple(Meaning(a, meanings[a]) for a in sorted(meanings, key=order.index))

    def spelled(self, text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The text with words nobody knows replaced by the nearest word of this catalogue, and what was replaced."""
        corrected = []
        for token in reversed(tokens_of(text)):
            word = self._spelling.corrected(token.key, token.text)
            if word is not None:
                word = f"{word}s" if token.text.endswith("s") and word in self._plurals else word
                text = text[: token.start] + word + text[token.end :]
                corrected.append((token.text, word))
        return text, tuple(reversed(corrected))

    def _spellable(self) -> dict[str, int]:
        """Words that slips are corrected to, and how soon each is believed: kinds and colours first, names last."""
        found = dict.fromkeys(words.SPELLED, 0)
        for phrase, meanings in self._phrases.items():
            soon = min(self._believed(a) for a in meanings)
            for word in phrase.split():
                if len(word) >= 4 and word.isalpha() and word not in words.COMMON:
                    found[word] = min(soon, found.get(word, soon))
        return found

    def _believed(self, attribute: str) -> int:
        if attribute in ("category", "color", "material"):
            return 0
        if attribute == "brand":
            return 2
        names = attribute not in ATTRIBUTE_ORDER and len(self.values.get(attribute, ())) > MOST_DESCRIBING
        return 3 if names else 1

    def speaks_of(self, word: str) -> bool:
        """Whether products may be described by this word: it stands in titles, or is a word of fashion."""
        return word in self.known_words or word in self._single

    def _knows(self, word: str) -> bool:
        return word in words.COMMON or word in self.known_words or word in self._single

    @property
    def _single(self) -> set[str]:
        if not hasattr(self, "_single_words"):
            # Words of fashion that this shop has nothing for are right all the same: plaid is not plain.
            spoken = words.spoken_words()
            phrases = (*self._phrases, *self._plain, *self.asking)
            self._single_words = {w for p in phrases for w in p.split()} | {key_of(w) for w in spoken} | spoken
            self._single_words |= degree_words.every_form()
        return self._single_words

    def count_with(self, attribute: str, values: Sequence[str], categories: Sequence[str]) -> int:
        """How many products of these categories have any of these values of an attribute."""
        having = np.zeros(len(self.catalog), dtype=bool)
        for value in values:
            having[self.catalog.rows_with(attribute, value)] = True
        of_kind = np.zeros(len(self.catalog), dtype=bool)
        for category in categories:
            of_kind[self.catalog.rows_with("category", category)] = True
        return int((having & of_kind).sum())

    def price_of(self, rows: np.ndarray, share: float) -> float | None:
        """The price below which this share of the products in ``rows`` (bool mask) lies."""
        prices = self.prices[rows & ~np.isnan(self.prices)]
        return float(np.quantile(prices, share)) if len(prices) else None
