"""Wishes by degree and by likeness: "a bit darker", "less plain", "not as shiny", "the same but red"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shopping_assistant.assistant.language.degree_words import (
    BRIGHT_WORDS,
    IRREGULAR,
    MUTED,
    MUTED_WORDS,
    VIVID,
    WHOLE,
)  # fmt: skip
from shopping_assistant.assistant.language.fashion_words import COMMON
from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.language.references import Reference, Scene
from shopping_assistant.assistant.language.scales import Scale, Scales
from shopping_assistant.assistant.language.sentence import Sentence
from shopping_assistant.assistant.language.vocabulary import Match, Token, key_of, phrase_key
from shopping_assistant.tools.catalog import split_values

# What an adjective is said of stands behind it, or before it: "higher in the heel", "the hem should be shorter".
BEHIND, IN_FRONT = 4, 8
# And what refuses it: "nothing that is too short", "I don't want it too tight".
REFUSED_BEFORE = 4
_REFUSING = frozenset("not nothing isn't isnt don't dont aren't never no without avoid hate can't won't".split())
_ENDS = frozenset(", ; . ! ? and but or with that than so".split())
# After "more" and "less" these name no quality: "more of them", "less than 50", "more options".
_NO_QUALITY = frozenset(
    """than of like or and options choices option stuff things pairs ones pictures info information details money
    expensive affordable pricey costly a an the it them this that these those to for in on at by with about please
    similar closer such time in is are was you i me my your from as kinds types""".split()
)
_PRODUCT_ASKED = re.compile(
    r"\b(?:more|something|anything|ones?|another|others?|similar|closer?|same|just|exactly|looks?) (?:\w+ )?"
    r"(?:like|as|to)\b|(?<!'d )(?<!would )(?<!you )(?<!not )\blike (?:the|that|this|number|these|those)\b"
    r"|\bsimilar\b|\bsame\b|\bin that style\b|\bof that kind\b"
)
# "I want one that is black": another than the one looked at. "I want that one" is no such thing.
_ANOTHER = re.compile(
    r"\b(?:want|like|prefer|need|after|for|rather have|see|find) (?:one|something)\b(?! of\b)(?=\s+\w)"
    r"|\bone (?:that|which) (?:is|has|was|had|looks?)\b"
)
_INTO_THE_BAG = re.compile(r"\b(?:bag|cart|basket|trolley|order|add|put|buy|take|purchase)\b")
# Said of the product that is looked at: "I want one that …", "this but …", "same in red", "it should be …".
_OF_THE_PRODUCT = re.compile(
    r"\b(?:i|we)(?:'d| would)? (?:want|like|prefer|need|love) (?:one|it|this|that|something)\b"
    r"|\b(?:this|that|it|one|same)\b.*\b(?:but|with|without|in)\b"
    r"|\bone (?:that|which|with|in|without|not|like)\b|\b(?:it|this|that) (?:should|could|needs|were|was|is|has|with)\b"
)


@dataclass(frozen=True)
class Relative:
    """What a sentence wishes by degree.

    Args:
        leanings: new ones, in the order said.
        heard: places of the sentence's matches that are part of them and no conditions.
        instead: attributes of which an earlier condition gives way: who wants it longer no longer wants it short.
        tokens: places of the words that say them.
    """

    leanings: tuple[Leaning, ...] = ()
    heard: frozenset[int] = frozenset()
    instead: frozenset[str] = frozenset()
    tokens: frozenset[int] = frozenset()

    def left(self, sentence: Sentence) -> Sentence:
        """The sentence without what was heard here, for who looks for conditions."""
        kept = [i for i in range(len(sentence.matches)) if i not in self.heard]
        return replace(
            sentence, matches=[sentence.matches[i] for i in kept], negated=[sentence.negated[i] for i in kept],
            negated_tokens=sentence.negated_tokens - self.tokens,
            # Beside nothing shown, "a longer coat" is looked for as "long"; "not too long" never is.
            by_degree=self.tokens if any(w.than or w.direction == "less" for w in self.leanings) else frozenset(),
        )  # fmt: skip


@dataclass(frozen=True)
class _Compared:
    """An adjective by degree: +1 more of it, -1 less, and the tokens it takes."""

    base: str
    sign: int
    start: int
    end: int


def looked_at(scene: Scene, reference: Reference) -> str | None:
    """The one product that a wish by degree goes by: the one pointed at, the one talked of, or the only one shown."""
    if reference.targets:
        return reference.targets[0]
    if scene.focus:
        return scene.focus[0]
    return scene.shown[0] if len(scene.shown) == 1 else None


def relative_wishes(
    sentence: Sentence, scales: Scales, scene: Scene, reference: Reference, categories: Sequence[str]
) -> Relative:
    """The wishes by degree and by likeness of one sentence.

    Args:
        categories: what is talked of; a product that is looked at is of its own kind.
    """
    one = looked_at(scene, reference)
    if one is not None and not categories and (own := scales.catalog.product(one).category):
        categories = (own.lower(),)
    found = _Found(sentence, scales, scene, one, categories)
    for c in _comparisons(sentence.tokens, scales):
        found.by_degree(c)
    # "Too big, smaller" says one thing twice, and of "longer, no, shorter" the last word counts.
    last = {w.attribute: w for w in found.leanings if w.direction in ("more", "less") and w.attribute != "text"}
    found.leanings = [w for w in found.leanings if last.get(w.attribute, w) is w or w.direction not in ("more", "less")]
    found.same()
    # To be like it or to differ from it: both say that the product looked at was near.
    asked = _PRODUCT_ASKED.search(sentence.text)
    if one is not None and (
        found.leanings or asked or _OF_THE_PRODUCT.search(sentence.text) or _ANOTHER.search(sentence.text)
    ):
        found.leanings.append(Leaning("", "like", (), asked[0] if asked else "", one))
    return Relative(tuple(found.leanings), frozenset(found.heard), frozenset(found.instead), frozenset(found.tokens))


class _Found:
    """What one sentence says by degree, as it is read."""

    def __init__(self, sentence: Sentence, scales: Scales, scene: Scene, one: str | None, categories: Sequence[str]):
        self.sentence, self.scales, self.scene, self.one = sentence, scales, scene, one
        self.categories = categories
        self.leanings: list[Leaning] = []
        self.heard: set[int] = set()
        self.instead: set[str] = set()
        self.tokens: set[int] = set()

    def by_degree(self, c: _Compared) -> None:
        noun, end = self._noun(c)
        if noun is None and (at := self._subject(c)) is not None:
            noun = self.sentence.tokens[at].key
            self._take(at, at + 1)
        start = self._with_adverbs(c.start)
        said = self.sentence.text[self.sentence.tokens[start].start : self.sentence.tokens[end - 1].end]
        vivid = c.base in BRIGHT_WORDS or c.base in MUTED_WORDS
        if vivid and noun not in ("light",):
            self._vivid(c, said)
        else:
            scale = self.scales.of(c.base, noun, self.categories)
            if scale is None and key_of(c.base) in self.scales.nouns and (of_noun := self.scales.named(key_of(c.base))):
                scale = of_noun, 1  # "more capacity"
            if scale is not None:
                self._on(scale[0], scale[1] * c.sign, said)
            elif not self._by_value(c, end, said):
                word = (
                    " ".join(t.text for t in self.sentence.tokens[c.end - 1 : end]) if c.end - c.start > 1 else c.base
                )
                self.leanings.append(Leaning("text", "more" if c.sign > 0 else "less", (word,), said, self.one))
        self._take(start, end, noun)

    def _on(self, scale: Scale, sign: int, said: str) -> None:
        than = self.one or self._middle(scale, sign)
        at = None if than is None else float(self.scales.positions(scale)[self.scales.catalog.index(than)])
        values = self.scales.values_beyond(scale, sign, None if at is None or np.isnan(at) else at)
        if scale.attribute == "text":
            values = (scale.degree.name,)
        else:
            self.instead.add(scale.attribute)
        self.instead |= set(scale.degree.gives_way)
        self.leanings.append(Leaning(scale.attribute, "more" if sign > 0 else "less", values, said, than))

    def _middle(self, scale: Scale, sign: int) -> str | None:
        """Of a list nobody chose from, the product in its middle."""
        catalog = self.scales.catalog
        placed = [(float(self.scales.positions(scale)[catalog.index(p)]), p) for p in self.scene.shown]
        placed = sorted((sign * at, p) for at, p in placed if not np.isnan(at))
        return placed[len(placed) // 2][1] if placed else (self.scene.shown[0] if self.scene.shown else None)

    def _vivid(self, c: _Compared, said: str) -> None:
        """Brighter colours are others: the catalogue's vivid ones, or its muted ones."""
        more = (c.base in BRIGHT_WORDS) == (c.sign > 0)
        known = self.scales.vocabulary.values.get("color", {})
        values = tuple(v for v in (VIVID if more else MUTED) if v in known)
        if values:
            self.instead.add("color")
            self.leanings.append(Leaning("color", "like", values, said, self.one))
        else:
            self.leanings.append(Leaning("text", "more", ("bright" if more else "muted",), said, self.one))

    def _by_value(self, c: _Compared, end: int, said: str) -> bool:
        """ "More romantic", "less floral": a value of the catalogue that may be there to a degree."""
        m = next((m for m in self.sentence.matches if c.start <= m.start < end), None)
        if m is None:
            plain = self.scales.vocabulary.plain_meanings(key_of(c.base))
            meaning = next(((a, v) for a, v in plain.items() if a != "category"), None)
        else:
            meaning = next(((x.attribute, x.values) for x in m.meanings if x.attribute != "category"), None)
        if meaning is None:
            return False
        attribute, values = meaning
        self.leanings.append(Leaning(attribute, "like" if c.sign > 0 else "unlike", tuple(values), said, self.one))
        self.instead.add(attribute)
        return True

    def same(self) -> None:
        """ "The same length", "similar sleeves": what the product looked at has stays."""
        tokens, keys = self.sentence.tokens, [t.key for t in self.sentence.tokens]
        for at, key in enumerate(keys):
            if key not in ("same", "similar") or self.one is None:
                continue
            for end in range(min(len(keys), at + 4), at + 1, -1):
                phrase = keys[at + 1 : end]
                attribute = self.scales.vocabulary.asking.get(" ".join(phrase))
                scale = self.scales.named(phrase[-1])
                if attribute is None and scale is not None and phrase[-1] not in WHOLE:
                    attribute = scale.attribute
                if attribute is None:
                    continue
                said = self.sentence.text[tokens[at].start : tokens[end - 1].end]
                if values := self._its(attribute, scale):
                    self.leanings.append(Leaning(attribute, "like", values, said, self.one))
                self._take(at, end, phrase[-1])
                break

    def _its(self, attribute: str, scale: Scale | None) -> tuple[str, ...]:
        product = self.scales.catalog.product(self.one)
        if attribute != "text":
            cell = product.get(attribute)
            return split_values(cell) if not isinstance(cell, (bool, int, float)) else ()
        if scale is None:
            return ()
        title = f" {phrase_key(product.title)} "
        phrases = (p.strip() for step in scale.degree.steps for p in step.split(",") if not p.strip().startswith("~"))
        return tuple(p for p in phrases if f" {phrase_key(p)} " in title)

    def _noun(self, c: _Compared) -> tuple[str | None, int]:
        """What the adjective is said of, and where the phrase ends."""
        tokens = self.sentence.tokens
        for at in range(c.end, min(len(tokens), c.end + BEHIND)):
            if tokens[at].text in _ENDS:
                break
            if tokens[at].key in self.scales.nouns:
                return tokens[at].key, at + 1
        return None, c.end

    def _subject(self, c: _Compared) -> int | None:
        """The token in front that the adjective is said of, of those that can have it: "the heel … lower"."""
        tokens = self.sentence.tokens
        for at in range(c.start - 1, max(-1, c.start - 1 - IN_FRONT), -1):
            if tokens[at].text in ",.;!?":
                return None
            named = at and tokens[at - 1].text in ("the", "its", "their", "these", "those", "this", "that")
            if named and self.scales.suits(c.base, tokens[at].key):
                kind = any(
                    tokens[at].key in phrase_key(v).split()[-1:]
                    for v in self.scales.vocabulary.values.get("category", ())
                )
                return None if kind else at
        return None

    def _with_adverbs(self, start: int) -> int:
        while start and self.sentence.tokens[start - 1].text in _ADVERBS:
            start -= 1
        return start

    def _take(self, start: int, end: int, noun: str | None = None) -> None:
        self.tokens |= set(range(start, end))
        for i, m in enumerate(self.sentence.matches):
            # "A darker dress" still names the dress; a higher heel or a paler shade is no other kind.
            kind = m.means("category") and m.end == end and m.start > start
            if start <= m.start < end and not (kind and self._is_kind(m, noun)):
                self.heard.add(i)

    def _is_kind(self, m: Match, noun: str | None) -> bool:
        if noun is None or noun not in m.said.split()[-1]:
            return True
        return any(noun in phrase_key(v).split()[-1:] for v in self.scales.vocabulary.values.get("category", ()))


_ADVERBS = frozenset("a bit little slightly touch tad somewhat much lot far way even still considerably".split())


def beside_same(sentence: Sentence, scales: Scales) -> list[Match]:
    """The values that may point at a product: "the same heel" is a part of it, and no other shoe."""
    tokens = sentence.tokens
    return [
        m for m in sentence.matches
        if not (m.start and tokens[m.start - 1].key in ("same", "similar") and tokens[m.end - 1].key in scales.nouns)
    ]  # fmt: skip


def act_by_degree(act: str, relative: Relative, text: str, asked: bool, pointed: bool) -> str:
    """The act of a clause that wishes by degree, where its form says another: "I need them warmer" buys nothing.

    Args:
        asked: whether the clause asks about products.
        pointed: whether it points at products.
    """
    near = [w for w in relative.leanings if w.than and not w.attribute]
    if pointed and act == "refine" and any(w.said for w in near):
        return "similar"
    if near and _ANOTHER.search(text) and not _INTO_THE_BAG.search(text) and act in ("search", "add_to_bag", "other"):
        return "refine"
    if relative.tokens and not asked:
        if act in ("disambiguate", "other", "search", "save", "remark"):
            return "refine"
        if act == "add_to_bag" and not _INTO_THE_BAG.search(text):
            return "refine"
    return act


def _comparisons(tokens: Sequence[Token], scales: Scales) -> list[_Compared]:
    """Adjectives by degree: in their own form ("longer"), with more, less, too, enough, or "not as"."""
    found: list[_Compared] = []
    at = 0
    while at < len(tokens):
        c = _at(tokens, at, scales)
        if c is not None:
            found.append(c)
            at = c.end
        else:
            at += 1
    return found


def _at(tokens: Sequence[Token], at: int, scales: Scales) -> _Compared | None:
    word = tokens[at].text
    following = tokens[at + 1].text if at + 1 < len(tokens) else ""
    negated = at > 0 and (tokens[at - 1].text in ("not", "isn't", "isnt", "aren't", "no", "never", "nothing"))
    if word in ("more", "less") and following:
        quality = _adverbs_passed(tokens, at + 1)
        if quality < len(tokens) and _is_quality(tokens[quality], scales):
            base = base_of(tokens[quality].text, scales) or tokens[quality].text
            sign = 1 if word == "more" else -1
            start = at - 1 if negated and at else at
            return _Compared(base, -sign if negated else sign, start, quality + 1)
        return None
    if word in ("too", "overly") and following and (_is_degree(following, scales) or _refusing(tokens, at) < at):
        # "It is too short" and "nothing too short" both ask for less of it.
        start = _refusing(tokens, at)
        if start == at or _is_quality(tokens[at + 1], scales):
            return _Compared(_base(following, scales), -1, start, at + 2)
        return None
    if word in ("as", "so", "that", "quite") and negated and following:
        quality = at + 2 if following in ("as", "so") and at + 2 < len(tokens) else at + 1
        if _is_quality(tokens[quality], scales) and (word != "that" or _is_degree(tokens[quality].text, scales)):
            return _Compared(_base(tokens[quality].text, scales), -1, at - 1, quality + 1)
        return None
    if following == "enough" and _is_degree(word, scales):
        start = next(
            (i for i in range(at - 1, max(-1, at - 4), -1) if tokens[i].text in ("not", "isn't", "aren't")), at
        )
        return _Compared(_base(word, scales), 1, start, at + 2) if start < at else None
    base = base_of(word, scales) or (word if _is_colourful(tokens, at) else None)
    if base is None:
        return None
    if negated and word not in ("no",):
        return _Compared(base, -1, at - 1, at + 1)
    return _Compared(base, 1, at, at + 1)


def _is_colourful(tokens: Sequence[Token], at: int) -> bool:
    """ "Something bright", "muted colours": what is said of colour needs no comparative."""
    if tokens[at].text not in BRIGHT_WORDS and tokens[at].text not in MUTED_WORDS:
        return False
    before = at - 1
    while before >= 0 and tokens[before].text in _ADVERBS | {"really", "very", "more", "quite", "nice", "and", ","}:
        before -= 1
    following = tokens[at + 1].text if at + 1 < len(tokens) else ""
    anything = before >= 0 and tokens[before].text in ("something", "anything")
    return anything or following in _COLOURS


def _refusing(tokens: Sequence[Token], at: int) -> int:
    """Where the refusal before "too" begins ("nothing that's too …"); ``at`` itself where there is none."""
    behind = range(at - 1, max(-1, at - REFUSED_BEFORE - 1), -1)
    for i in behind:
        if tokens[i].text in _ENDS:
            return at
        if tokens[i].text in _REFUSING:
            return i
    return at


def _adverbs_passed(tokens: Sequence[Token], at: int) -> int:
    while at < len(tokens) and tokens[at].text in ("of", "a", "an", "overtly", "in", "on") and at + 1 < len(tokens):
        if tokens[at].text == "of" and tokens[at + 1].text in ("them", "these", "those", "the", "that", "this", "it"):
            break
        at += 1
    return at


def _is_quality(token: Token, scales: Scales) -> bool:
    word = token.text
    if not word[0].isalpha() or word in _NO_QUALITY or len(word) < 3:
        return False
    return _is_degree(word, scales) or word not in COMMON


def _is_degree(word: str, scales: Scales) -> bool:
    return bool(word) and (key_of(word) in scales.adjectives or word in BRIGHT_WORDS or word in MUTED_WORDS)


def _base(word: str, scales: Scales) -> str:
    return base_of(word, scales) or word


def base_of(word: str, scales: Scales) -> str | None:
    """The adjective that a comparative is one of: "bigger" is big, "dressier" dressy; None for any other word.

    A word that only looks like one ("leather", "flower") is told by its base: that must be something products have by
    degree, or for "-ier" a word that ends in y.
    """
    if word in IRREGULAR:
        return IRREGULAR[word]
    if not word.endswith("er") or len(word) < 5:
        return None
    if word.endswith("ier"):
        base = word[:-3] + "y"
        known = _is_degree(base, scales) or scales.vocabulary.plain_meanings(key_of(base)) or len(base) > 4
        return base if known and word not in _NO_COMPARATIVE else None
    stems = [word[:-2], word[:-1]]
    if len(word) > 4 and word[-3] == word[-4]:
        stems.append(word[:-3])
    return next((s for s in stems if _is_degree(s, scales)), None)


_COLOURS = frozenset("colour colours color colors shade shades tone tones hue hues".split())
_NO_COMPARATIVE = frozenset(
    "supplier earlier barrier carrier courier cashier premier terrier soldier atelier easier happier".split()
)
