"""The words of one sentence: values named, attributes asked about, wishes taken back, and what is left over."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from shopping_assistant.assistant.language import act_forms as forms
from shopping_assistant.assistant.language import acts, amounts
from shopping_assistant.assistant.language.fashion_words import COMMON
from shopping_assistant.assistant.language.idioms import are_deeds, owned, qualities, sayings
from shopping_assistant.assistant.language.negation import negated as find_negated
from shopping_assistant.assistant.language.plain_values import plain_matches
from shopping_assistant.assistant.language.references import Reference, Scene, resolve
from shopping_assistant.assistant.language.saving_forms import without_the_list
from shopping_assistant.assistant.language.sentence import Sentence
from shopping_assistant.assistant.language.understood import Before
from shopping_assistant.assistant.language.vocabulary import Match, Token, Vocabulary, phrase_key, plain, tokens_of
from shopping_assistant.assistant.language.wishes import BRING_BACK, FORGET_LAST, FORGET_SEVERAL, TEXT
from shopping_assistant.tools.attribute_filter import Constraint

_ACCEPTED = re.compile(
    r"(?:\s*(?:is|are|'s|would be)|(?<='s))\s+(?:also\s+|perfectly\s+|totally\s+)?"
    r"(?:fine|ok|okay|alright|all right|good|acceptable|allowed)\b"
)
# "Clear my wish list", "buy the ones I saved": nothing is singled out.
_WHOLE_LIST = re.compile(
    r"\b(?:clear|empty|wipe|reset|everything|all|them|those|what|things|items|ones|pieces|products|stuff)\b"
    r"|\bdelete my\b"
)
_THE_BAG = re.compile(
    r"\b(?:(?:to|into|in|from|out of|off)\s+(?:my|the|your)|my|empty (?:my|the))\s+(?:shopping\s+)?(?:bag|cart|basket"
    r"|trolley)\b"
    r"|\b(?:one|it|that|this|them|both|first|second|third|fourth|fifth|last|cheapest|\d+)"
    r" (?:in|into|to) (?:bag|basket|cart)\b"
)
# Words of products that are none: "what would suit me", "tie it up", "watch out".
_VERBS = re.compile(
    r"\b(?:would|will|might|could|does|do|to) suit\b|\bsuits? (?:me|you|him|her|us|my|a)\b|\bwatch out\b"
    r"|\btop (?:rated|ten|\d+|picks?)\b|(?<=\bthe )top (?:one|two|three|four|five|few)\b"
    r"|\btie (?:up|it)\b|\b(?:fall|fell) in love\b|\bcap (?:it|of|at)\b|\bring (?:me|up)\b"
)
# Words of a request that carry no wish beyond what was recognised.
_EMPTY = COMMON | frozenset("size color colour sized euro s t re ll ve d im id quality brand".split())
# A figure asked for as a size, also one that this shop does not have.
_FIGURE = re.compile(r"\bcomes? in (?:a |an |size )*(\d{2})\b")
# Before "look" or behind it these tell the verb: "they look nice", "looking for".
_SUBJECTS = frozenset("ones they these those i we you would could might to let's".split())
_VERB_GOES_ON = frozenset(
    "nice lovely great good pretty cute cool like for at so really very quite too a bit fine cheap expensive tacky"
    " boring old dated weird ugly horrible awful bad gorgeous amazing perfect".split()
)
# Figures from two on, as an undo says them.
_COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# Free words that a search goes on with; more than a long request has.
WORDS_KEPT = 24


class SentenceReader:
    """Reads sentences with one shop's vocabulary."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary

    def read(self, text: str, context: Sequence[str] = ()) -> Sentence:
        """The words of a sentence and the values they name; ``context``: the categories talked of before."""
        low = plain(text)
        tokens = tokens_of(text)
        # "My bag" is where things go; only without "to", "from" or "my" is a bag a product.
        elsewhere = [m.span() for pattern in (_THE_BAG, _VERBS) for m in pattern.finditer(low)] + sayings(low)
        rated = amounts.rating_amount(low)
        elsewhere += [(rated.start, rated.end)] if rated else []
        matches = [
            m for m in self.vocabulary.matches(tokens, low)
            if not any(a <= tokens[m.start].start < b for a, b in elsewhere)
        ]  # fmt: skip
        deeds = are_deeds(tokens, matches) | owned(tokens, matches)
        matches = self._without_names(tokens, [m for m in matches if m.start not in deeds])
        if not self.vocabulary.categories_filter:
            matches = [kept for m in matches if (kept := _without_category(m))]
        prices = amounts.price_amounts(low)
        priced = {i for i, t in enumerate(tokens) if any(p.start <= t.start < p.end for p in prices)}
        matches = _with_covering(matches)
        matches += plain_matches(self.vocabulary, tokens, matches, context, self.share, priced)
        matches.sort(key=lambda m: m.start)
        matches = self._siblings(_as_qualities(matches), tokens, low, context)
        matches = [m for m in matches if not _is_of_a_price(m, tokens, prices)]
        negators = {p.negator for p in prices}
        quality = qualities(tokens, low, matches)
        neutral = quality | {i for i, t in enumerate(tokens) if t.start in negators}
        negated, scope = find_negated(tokens, matches, neutral)
        return Sentence(low, tokens, matches, negated, scope, qualities=quality)

    def _siblings(
        self, matches: list[Match], tokens: Sequence[Token], text: str, context: Sequence[str]
    ) -> list[Match]:
        """ "Make that denim", said of leather jackets, means denim jackets where the shop has such a kind."""
        kinds = self.vocabulary.values.get("category", {})
        if len(context) != 1 or len(matches) != 1 or "?" in text or forms.AUX_FIRST.match(text):
            return matches
        m, head = matches[0], context[0].split()[-1]
        sibling = f"{' '.join(t.key for t in tokens[m.start : m.end])} {head}"
        if " " not in context[0] or sibling not in kinds or sibling == context[0]:
            return matches
        return [replace(m, said=sibling, meanings=(replace(m.meanings[0], attribute="category", values=(sibling,)),))]

    def prices(self, sentence: Sentence, sizes, before: Before) -> list[amounts.Amount]:
        """What the sentence says of the price; a bare figure ("make that 120") while a price is talked of."""
        prices = amounts.price_amounts(sentence.text)
        # "Same budget as before" sets none.
        of_looks = re.compile(r"\b(?:same|looks?|looking|feels?|seems?)(?: (?:a bit|too|so|very|really|kind of))?$")
        prices = [p for p in prices if p.value is not None or not of_looks.search(sentence.text[: p.start].rstrip())]
        held = next((c for c in reversed(before.constraints) if c.attribute == "price"), None)
        figure = amounts.bare_amount(sentence.text) if held and not prices and not sizes else None
        if figure is None:
            return prices
        return [amounts.Amount(held.op, figure, sentence.text.strip(), 0, len(sentence.text))]

    def _without_names(self, tokens: Sequence[Token], matches: list[Match]) -> list[Match]:
        """ "Heel height" is an attribute, not heels: a longer name of an attribute beats a value inside it."""
        keys = [t.key for t in tokens]
        named: set[int] = set()
        for at in range(len(keys)):
            for end in range(min(len(keys), at + 3), at + 1, -1):
                if " ".join(keys[at:end]) in self.vocabulary.asking:
                    named |= set(range(at, end))
        return [m for m in matches if not set(range(m.start, m.end)) < named]

    def asked(self, sentence: Sentence, prices) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Attributes named by asking words, in order, and those of them that no wish names.

        A word that is a wish's noun ("long sleeves") asks nothing; "good reviews" and "cheaper" mostly are wishes.
        """
        taken = {i for m in sentence.matches for i in range(m.start, m.end)}
        rated = amounts.rating_amount(sentence.text)
        spans = [(a.start, a.end) for a in (*prices, *([rated] if rated else []))]
        found, plainly, at = [], [], 0
        while at < len(sentence.tokens):
            for end in range(min(len(sentence.tokens), at + 4), at, -1):
                attribute = self.vocabulary.asking.get(" ".join(t.key for t in sentence.tokens[at:end]))
                of_looks = at and _is_verb(sentence.tokens, at - 1)  # "it looks cheap" asks for no price
                if attribute and not taken & set(range(at, end)) and not (of_looks or _is_verb(sentence.tokens, at)):
                    found.append(attribute)
                    start = sentence.tokens[at].start
                    if not any(a <= start < b for a, b in spans):
                        plainly.append(attribute)
                    at = end - 1
                    break
            at += 1
        return _the_point(found), _the_point(plainly)

    def asked_in(self, act: str, asked: tuple[str, ...], sentence: Sentence, sizes) -> tuple[str, ...]:
        """ "Does it come in 38?" asks for the size, "is it suede?" for the material, "forget the price" nothing."""
        if act in ("undo", "reset", "search"):
            return ()
        if act == "size_advice":
            return ("size",)
        if act == "ask" and not asked:
            questioned = (
                ["size"]
                if sizes or _FIGURE.search(sentence.text)
                else [m.meanings[0].attribute for m in sentence.matches if m.meanings[0].attribute != "category"]
            )
            return tuple(dict.fromkeys(questioned))[:1]
        return asked

    def in_bag(self, sentence: Sentence, before: Before) -> Reference:
        """What is taken out of the bag is looked for in the bag: "the first one" is the first in it."""
        bag = before.scene.bag
        if re.search(r"\b(?:empty|everything|all)\b", sentence.text):
            return Reference(bag)
        focus = tuple(p for p in before.scene.focus if p in bag)
        text = _THE_BAG.sub(lambda m: " " * len(m[0]), sentence.text)
        return resolve(text, sentence.tokens, sentence.matches, Scene(bag, (), focus), self.vocabulary)

    def on_list(self, sentence: Sentence, before: Before) -> Reference:
        """What is done with things of the list of saved ones is done with those on it."""
        saved, scene = before.scene.saved, before.scene
        text = without_the_list(sentence.text)
        focus = tuple(p for p in scene.focus if p in saved)
        # "The third" is the third card, if that one is saved, else the third on the list.
        for shown in (scene.shown, saved):
            meant = resolve(text, sentence.tokens, sentence.matches, Scene(shown, (), focus), self.vocabulary)
            if meant.targets and set(meant.targets) <= set(saved):
                return meant
        return Reference(saved) if _WHOLE_LIST.search(sentence.text) else Reference(vague=True)

    def question_word(self, sentence: Sentence) -> str:
        """The last word of a yes-or-no question that no attribute answers: "is it waterproof?"."""
        taken = {i for m in sentence.matches for i in range(m.start, m.end)}
        free = [
            t.text
            for i, t in enumerate(sentence.tokens)
            if i not in taken and t.text.isalpha() and t.text not in _EMPTY
        ]
        return free[-1] if free else ""

    def forgotten(self, sentence: Sentence, before: Before) -> tuple[str, ...]:
        """Attributes whose wish the shopper takes back."""
        if forms.REDO.search(sentence.text) or (before.undone and forms.BRING_BACK.search(sentence.text)):
            return (BRING_BACK,)
        if undo := forms.UNDO_LAST.search(sentence.text):
            return (_steps_of(undo),)
        found: list[str] = []
        for m in forms.FORGET.finditer(sentence.text):
            said = next((said for said in m.groups() if said is not None), "")
            found += self._attributes_in(said or "")
            sentence.taken_back.append(m.span())
        for m in sentence.matches:
            if not _is_excluded(m, before.constraints):
                continue  # "sporty would be fine too" takes nothing back
            if _ACCEPTED.match(sentence.text, sentence.tokens[m.end - 1].end) or forms.DO_NOT_MIND.search(
                sentence.text[: sentence.tokens[m.start].start]
            ):
                found += [f"not {m.meanings[0].attribute}={v}" for v in m.meanings[0].values]
                sentence.taken_back.append((sentence.tokens[m.start].start, sentence.tokens[m.end - 1].end))
        return tuple(dict.fromkeys(found))

    def _attributes_in(self, said: str) -> list[str]:
        key = phrase_key(said)
        tokens = tokens_of(said)
        found = [a for phrase, a in self.vocabulary.asking.items() if f" {phrase} " in f" {key} "]
        if re.search(r"\b(?:budget|limit|price)\b", said):
            found.append("price")
        found += [m.meanings[0].attribute for m in self.vocabulary.matches(tokens, plain(said))]
        return found

    def free_words(self, sentence: Sentence, sizes) -> list[str]:
        """Words that are no wish and no grammar but stand in titles: "chunky", "cosy"."""
        taken = {i for m in sentence.matches for i in range(m.start, m.end)} | {
            i for a, b, _ in sizes for i in range(a, b)
        }
        content = [
            t for i, t in enumerate(sentence.tokens)
            if i not in taken and t.text not in _EMPTY and t.key not in _EMPTY and len(t.key) > 2 and t.key.isalpha()
            and i not in sentence.negated_tokens and i not in sentence.by_degree
        ]  # fmt: skip
        known = [(t, self._known_form(t)) for t in content]
        found = [word for _, word in known if word]
        # A sentence mostly of words that no product bears is about something else.
        return found if 2 * len(found) >= len(content) or sentence.matches else []

    def _known_form(self, token: Token) -> str:
        """A word as titles have it; "longer" is looked for as "long". Empty when no title has it."""
        comparative = re.sub(r"i?er$", lambda m: "y" if m[0] == "ier" else "", token.key)
        for form, word in ((token.key, token.text), (comparative, comparative)):
            if form in self.vocabulary.known_words:
                return word
        return ""

    def words(self, sentence, sizes, before: Before, act: str, new_subject: bool) -> tuple[str, ...]:
        """The free words of the subject so far; a new subject starts afresh."""
        if act not in acts.SEARCHING:
            return () if act == "reset" else before.words
        kept = () if new_subject else before.words
        return tuple(dict.fromkeys([*kept, *self.free_words(sentence, sizes)]))[:WORDS_KEPT]

    def words_excluded(self, sentence: Sentence) -> list[Constraint]:
        """What is excluded and no attribute of this catalogue has: such words must not stand in a product's text."""
        taken = {i for m in sentence.matches for i in range(m.start, m.end)}
        return [
            self.vocabulary.without(t.key, t.text) or Constraint(TEXT, "not in", (t.key,), f"not {t.text}")
            for i, t in enumerate(sentence.tokens)
            if i in sentence.negated_tokens and i not in taken and len(t.key) > 2 and t.key.isalpha()
            and t.text not in _EMPTY and t.key not in _EMPTY and self.vocabulary.speaks_of(t.key)
        ]  # fmt: skip

    def named(self, sentence, sizes, described) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Values named beside what was pointed at: the 38 of "does it come in 38?"."""
        values = [(m.meanings[0].attribute, m.meanings[0].values) for m in sentence.matches if m not in described]
        unknown = [m[1] for m in _FIGURE.finditer(sentence.text)] if not sizes else []
        return tuple([*values, *(("size", (s,)) for _, _, s in sizes), *(("size", (s,)) for s in unknown)])

    def share(self, attribute: str, values: Sequence[str], categories: Sequence[str]) -> int:
        return self.vocabulary.count_with(attribute, values, categories)


def _steps_of(undo: re.Match) -> str:
    """How far an undo goes back, as `wishes.steps_back` reads it: "twice", "the last three", "go back two steps"."""
    if undo["both"] or undo["twice"]:
        steps = 2
    elif undo["thrice"]:
        steps = 3
    else:
        said = undo["last"] or undo["steps"] or undo["back"] or undo["times"] or "1"
        steps = max(1, int(said) if said.isdigit() else 2 + _COUNTS.index(said))
    return FORGET_LAST if steps == 1 else f"{FORGET_SEVERAL}{steps}"


def _is_verb(tokens: Sequence[Token], at: int) -> bool:
    """ "The green ones look nice" asks for no look."""
    if tokens[at].text not in ("look", "looks", "looked", "looking"):
        return False
    before, behind = tokens[at - 1].text if at else "", tokens[at + 1].text if at + 1 < len(tokens) else ""
    return before in _SUBJECTS or behind in _VERB_GOES_ON


def named_categories(sentence: Sentence) -> tuple[str, ...]:
    """Categories the sentence is for, not those it excludes."""
    pairs = zip(sentence.matches, sentence.negated, strict=True)
    return tuple(
        v for m, negated in pairs if not negated and m.meanings[0].attribute == "category" for v in m.meanings[0].values
    )


def _is_of_a_price(m: Match, tokens: Sequence[Token], prices: Sequence[amounts.Amount]) -> bool:
    """ "Fifteen quid tops" names no tops."""
    return any(p.value is not None and p.start <= tokens[m.start].start < p.end for p in prices)


def _is_excluded(m: Match, held: Sequence[Constraint]) -> bool:
    return any(
        c.is_exclusion and (meaning := m.means(c.attribute)) and set(meaning.values) & set(c.values) for c in held
    )


def _the_point(asked: Sequence[str]) -> tuple[str, ...]:
    """What is asked, each once. "Which sizes are available", "tell me about the price": the attribute is the point."""
    found = tuple(dict.fromkeys(asked))
    named = tuple(a for a in found if a not in ("available", "description"))
    return named or found


def _as_qualities(matches: Sequence[Match]) -> list[Match]:
    """ "High heels" are pumps, "high heel ankle boots" are boots: before a kind, what can be its quality is."""
    out = []
    for m, following in zip(matches, [*matches[1:], None], strict=False):
        quality = _without_category(m) if m.means("category") and len(m.meanings) > 1 else None
        kind = following is not None and following.start == m.end and following.meanings[0].attribute == "category"
        out.append(quality if quality is not None and kind else m)
    return out


def _with_covering(matches: Sequence[Match]) -> list[Match]:
    """ "Weekender bags" are weekenders: a word for many kinds right behind one of them widens nothing."""
    out: list[Match] = []
    for m in matches:
        kind, kinds = out[-1].means("category") if out else None, m.means("category")
        if kind and kinds and out[-1].end == m.start and set(kind.values) < set(kinds.values):
            out[-1] = replace(out[-1], end=m.end, said=f"{out[-1].said} {m.said}")
        else:
            out.append(m)
    return out


def _without_category(m: Match) -> Match | None:
    """A match with its other meanings; none when it names but a category."""
    meanings = tuple(x for x in m.meanings if x.attribute != "category")
    return replace(m, meanings=meanings) if meanings else None
