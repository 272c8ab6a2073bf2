"""What a shopper's sentence means: the act, the wishes it states or takes back, what it asks, what it points at."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from shopping_assistant.assistant.language import act_forms as forms
from shopping_assistant.assistant.language import acts, amounts, small_talk
from shopping_assistant.assistant.language.answering import completed, declines, refused
from shopping_assistant.assistant.language.clauses import clauses
from shopping_assistant.assistant.language.deeds import Deed, Read, deeds
from shopping_assistant.assistant.language.fashion_words import COMMON, EVENTS
from shopping_assistant.assistant.language.idioms import are_deeds, owned, qualities, sayings
from shopping_assistant.assistant.language.leanings import Leaning, with_newer
from shopping_assistant.assistant.language.measures import AboutSelf, about_self
from shopping_assistant.assistant.language.nearest import Nearest
from shopping_assistant.assistant.language.negation import negated as find_negated
from shopping_assistant.assistant.language.plain_values import plain_matches
from shopping_assistant.assistant.language.relative import Relative, act_by_degree, beside_same, relative_wishes
from shopping_assistant.assistant.language.references import Reference, Scene, resolve
from shopping_assistant.assistant.language.scales import Scales
from shopping_assistant.assistant.language.sentence import Sentence
from shopping_assistant.assistant.language.sizes import age_in, sizes_in, sizes_of_age
from shopping_assistant.assistant.language.small_talk import Talk
from shopping_assistant.assistant.language.stated import Stated
from shopping_assistant.assistant.language.vocabulary import Match, Token, Vocabulary, phrase_key, plain, tokens_of
from shopping_assistant.assistant.language.wishes import FORGET_ALL, FORGET_LAST, TEXT, accumulate, conflicts
from shopping_assistant.tools.attribute_filter import Constraint, mask

_ACCEPTED = re.compile(
    r"(?:\s*(?:is|are|'s|would be)|(?<='s))\s+(?:also\s+|perfectly\s+|totally\s+)?"
    r"(?:fine|ok|okay|alright|all right|good|acceptable|allowed)\b"
)
_THE_BAG = re.compile(
    r"\b(?:(?:to|into|in|from|out of|off)\s+(?:my|the|your)|my|empty (?:my|the))\s+(?:shopping\s+)?(?:bag|cart|basket"
    r"|trolley)\b"
)
_IN_MY_BAG = re.compile(r"\b(?:in|from|inside) (?:my|the) (?:shopping )?(?:bag|cart|basket|trolley)\b")
# "What sizes are available" asks for the sizes, not whether the product is there at all.
_SIZES_THERE = re.compile(
    r"\b(?:available|stocked|in stock)\b(?: \w+){0,2}? siz(?:es?|ing)\b"
    r"|\bsiz(?:es?|ing)\b(?: \w+){0,4}? (?:available|in stock|availability)\b"
)
# "Now cardigans, same colour": the wish stays, whatever the kind.
_THE_SAME = re.compile(r"\bsame ([a-z]+(?: height| length)?)\b")
_DASH = re.compile(r"(?<=\s)[-–—](?=\s)")
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
# Goods without a name are asked for: "something festive".
_ANYTHING = re.compile(
    r"\b(?:something|anything|stuff|clothes|an outfit)\b(?! (?:else|wrong))|\b(?:looking for|show me|find me)\b"
)
# Before "look" or behind it these tell the verb: "they look nice", "looking for".
_SUBJECTS = frozenset("ones they these those i we you would could might to let's".split())
_VERB_GOES_ON = frozenset("nice lovely great good pretty cute cool like for at so really very quite too a bit fine".split())
# Which share of the prices of what is talked of counts as cheap, or as expensive.
CHEAP_SHARE, DEAR_SHARE = 0.33, 0.67
GOOD_RATING_SHARE = 0.5
# Free words that a search goes on with; more than a long request has.
WORDS_KEPT = 24


@dataclass(frozen=True)
class Before:
    """What the conversation knew when the sentence came."""

    constraints: tuple[Constraint, ...] = ()
    previous: tuple[Constraint, ...] = ()
    scene: Scene = field(default_factory=Scene)
    words: tuple[str, ...] = ()
    last_act: str = ""
    asked: tuple[str, ...] = ()
    leanings: tuple[Leaning, ...] = ()
    previous_leanings: tuple[Leaning, ...] = ()
    question: str = ""  # the attribute that the assistant's last answer asked about
    was_open: bool = False  # that answer was "which one do you mean?"


@dataclass(frozen=True)
class Further:
    """One act of a sentence with what it points at and asks.

    ``superlative``: attribute and "min" or "max" where what is meant can be chosen from what the acts before it bring.
    """

    act: str
    targets: tuple[str, ...] = ()
    vague: bool = False
    asked: tuple[str, ...] = ()
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    singular: bool = False
    question_word: str = ""
    best: bool = False
    more: bool = False
    superlative: tuple[str, str] | None = None


@dataclass(frozen=True)
class Understood:
    """One sentence understood. ``constraints`` and ``leanings`` all hold now; ``words`` is what else to search for."""

    act: str
    constraints: tuple[Constraint, ...]
    added: tuple[Constraint, ...] = ()
    forgot: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    vague: bool = False
    wants_advice: bool = False
    new_subject: bool = False
    words: tuple[str, ...] = ()
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    corrected: tuple[tuple[str, str], ...] = ()
    more: bool = False
    singular: bool = False
    question_word: str = ""
    best: bool = False
    leanings: tuple[Leaning, ...] = ()
    talk: Talk | None = None  # what is said beside shopping
    declined: str = ""  # the attribute asked about that the shopper does not care to choose
    then: tuple[Further, ...] = ()  # further acts of the same sentence, in order
    conflicts: tuple[tuple[Constraint, Constraint], ...] = ()  # (the wish before, the new one in its place)
    variant: bool = False  # what is pointed at is wanted with other values
    told: AboutSelf | None = None  # what the shopper said of their own body and size


class Understanding:
    """Understands one shop's shoppers; made once, used for every turn."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.scales, self.stated = Scales(vocabulary), Stated(vocabulary.catalog)
        self.nearest = Nearest(vocabulary)

    def warm(self) -> None:
        """Look up what first sentences would wait for: which products have which values, and how often any is said."""
        for attribute, values in self.vocabulary.values.items():
            if values:
                self.vocabulary.catalog.rows_with(attribute, next(iter(values)))
                self.stated.can_filter(attribute)

    def understand(self, text: str, before: Before | None = None) -> Understood:
        before = before or Before()
        told = about_self(text, before.last_act)
        # Figures of a body are read first and leave the sentence: they are no prices and no wishes.
        silent = Understood(told.act, before.constraints, words=before.words, leanings=before.leanings)
        heard = silent if told and told.alone else self._wishes_and_deeds(told.rest, before)
        return replace(heard, told=told, act=told.act_with(heard.act) if told else heard.act)

    def _wishes_and_deeds(self, text: str, before: Before) -> Understood:
        if beside := self._beside_wishes(text, before):
            return beside
        if before.question:
            text = completed(text, before.question, self.vocabulary.values.get(before.question, ()))
        text = _DASH.sub(",", text)  # "not green - blue"
        text, corrected = self.vocabulary.spelled(text)
        reads = self._clauses(text, before)
        done = deeds(reads)
        held, added, forgot, new_subject, leanings = self._held_after(done, before)
        if any(deed.act in acts.SEARCHING for deed in done):
            leanings = with_newer(leanings, _praised(reads, held))
        words = before.words
        for deed in done:
            for read in deed.reads:
                words = self._words(read.sentence, read.sizes, replace(before, words=words), deed.act, new_subject)
        first, *further = [self._told(deed) for deed in done]
        asked = tuple(dict.fromkeys(a for told in (first, *further) for a in told.asked))
        if first.act == "disambiguate" and before.asked and not asked:
            asked = before.asked
        advice = any(acts.wants_advice(r.sentence.text) for d in done if d.act in acts.SEARCHING for r in d.reads)
        return Understood(
            first.act, held, added, forgot, asked, first.targets, first.vague, advice, new_subject, words, first.values,
            corrected, any(told.more for told in (first, *further)) and not added, first.singular, first.question_word,
            first.best, leanings, then=tuple(further),
            conflicts=conflicts(before.constraints, held, tuple(dict.fromkeys(added)), new_subject),
            variant=done[0].reference.variant,
        )  # fmt: skip

    def _clauses(self, text: str, before: Before) -> list[Read]:
        """Every clause read, each knowing what those before it named and pointed at."""
        parts = clauses(text, plain(text))
        context, scene, last_act = self._current_categories(before), before.scene, before.last_act
        reads = []
        for part in parts:
            read = self._clause(part, replace(before, scene=scene, last_act=last_act), context, len(parts) == 1)
            if read.act == "outfit" and not read.reference.targets and scene.focus and scene is not before.scene:
                # "Add the cheaper one and find me shoes to match": to match that one.
                read = replace(read, reference=replace(read.reference, targets=scene.focus[-1:], vague=False))
            reads.append(read)
            if read.reference.targets:
                scene = replace(scene, focus=read.reference.targets)
            if not read.weak:
                last_act = read.act
                context = _named_categories(read.sentence) or context
        return reads

    def _clause(self, text: str, before: Before, context: Sequence[str], alone: bool) -> Read:
        sentence = self._read(text, context)
        scene = before.scene
        reference = resolve(
            sentence.text, sentence.tokens, beside_same(sentence, self.scales), scene, self.vocabulary,
            alone and (before.was_open or (before.last_act in acts.POINTING and not before.question)),
        )  # fmt: skip
        whole, kinds = sentence, _named_categories(sentence) or context
        relative = relative_wishes(sentence, self.scales, scene, reference, kinds)
        if reference.superlative:
            relative = Relative()  # "the pricier one" is one of two, not a dearer one
        sentence = relative.left(sentence)
        sizes = sizes_in(self.vocabulary, sentence, text, context)
        prices = self._prices(sentence, sizes, before)
        every_asked, asked = self._asked(sentence, prices)
        forgot = self._forgotten(sentence, before)
        rated = amounts.rating_amount(sentence.text)
        own = [m for m in sentence.matches if m not in reference.described]
        seen = acts.Seen(
            text=sentence.text,
            asked=asked,
            reference=reference,
            categories=_named_categories(sentence),
            said_values=bool(sentence.matches or prices or sizes or rated or relative.tokens),
            own_values=bool(own or prices or sizes or rated or relative.tokens),
            forgot=forgot,
            in_chat=bool(before.constraints or before.words or scene.shown),
            last_act=before.last_act,
            excludes=any(sentence.negated) or bool(self._words_excluded(sentence)),
            alone=alone,
        )
        has_words = bool(self._free_words(sentence, sizes) or self._words_excluded(sentence) or sentence.qualities)
        if not has_words and not sentence.matches and _ANYTHING.search(sentence.text):
            has_words = bool(self._nearest_to(sentence, sizes, prices, relative.tokens))
        act = acts.classify(seen, self._current_categories(before), has_words)
        if sizes and not own and seen.in_chat and act == "refine":
            of_sizes = before.last_act in ("ask", "size_advice") and before.asked == ("size",)
            if forms.HAVE_IT.search(sentence.text) or (of_sizes and forms.AND_IN.match(sentence.text)):
                act = before.last_act if of_sizes else "ask"
        new_kind = set(seen.categories) - set(self._current_categories(before)) if before.constraints else ()
        if seen.in_chat and not new_kind:
            afresh = act == "search" and acts.asks_afresh(sentence.text)
            act = act_by_degree(act, relative, sentence.text, afresh, bool(reference.targets))
        may_be_there = act in acts.POINTING and act != "add_to_bag"
        if act == "remove_from_bag" or (may_be_there and _IN_MY_BAG.search(sentence.text)):
            reference = self._in_bag(sentence, before)
        if act == "outfit":
            reference = _beside(sentence, reference)
        if act == "add_to_bag" and before.last_act == "save" and forms.AGREES.search(sentence.text):
            reference = Reference(scene.focus)
        if act not in acts.SEARCHING:
            sentence, relative = whole, Relative()
        return Read(
            text, sentence, reference, prices, sizes, every_asked, asked, forgot, act, acts.is_weak(act, seen), relative
        )  # fmt: skip

    def _held_after(
        self, done: Sequence[Deed], before: Before
    ) -> tuple[tuple[Constraint, ...], tuple[Constraint, ...], tuple[str, ...], bool, tuple[Leaning, ...]]:
        """The wishes that hold after these acts, those that are new, those taken back, whether the subject changed, and
        the wishes that only order."""
        held, every_added, every_forgot, new_subject = before.constraints, [], [], False
        leanings = before.leanings
        for deed in done:
            for read in deed.reads:
                of_brand = deed.act in ("search", "refine") and bool(forms.OF_THAT_BRAND.search(read.sentence.text))
                described = deed.reference.described if deed.act in acts.POINTING or of_brand else ()
                added = () if deed.act in acts.SILENT else self._constraints(
                    read.sentence, read.prices, read.sizes, deed.act, described, replace(before, constraints=held),
                    read.text,
                )  # fmt: skip
                added, guessed = self._conditions(added)
                if of_brand:
                    added = (*added, *self._of_the_brand(read.reference))
                forgot = () if deed.act in acts.SILENT else read.forgot
                if deed.act == "reset":
                    forgot = (FORGET_ALL,)
                held = _without_opposed(held, read.relative, added)
                afresh = deed.act == "search" and read.act == "search" and acts.asks_afresh(read.sentence.text)
                stays = self._stays(held, read, deed.act, afresh)
                held, changed = accumulate(
                    self.vocabulary, held, before.previous, added, forgot, acts.extends(read.sentence.text), afresh,
                    stays,
                )
                every_added, every_forgot = [*every_added, *added], [*every_forgot, *forgot]
                new_subject = new_subject or changed
                if deed.act not in acts.SILENT or deed.act == "reset":
                    kept = self._leanings_kept(leanings, before, forgot, changed or afresh, added)
                    guessed += self._guessed(read, deed.act, held)
                    leanings = with_newer(kept, (*guessed, *read.relative.leanings))
        return held, tuple(every_added), tuple(dict.fromkeys(every_forgot)), new_subject, leanings

    def _stays(self, held: Sequence[Constraint], read: Read, act: str, afresh: bool) -> tuple[Constraint, ...]:
        """Wishes that hold for another kind as well: the occasion and the budget of an outfit, "the same colour"."""
        same = {self.vocabulary.asking.get(phrase_key(m[1]), m[1]) for m in _THE_SAME.finditer(read.sentence.text)}
        of_outfit = {"price"} if act == "outfit" else set()
        kinds = _named_categories(read.sentence)
        return tuple(
            c for c in held
            if (c.attribute in same and c.op != "not in") or (c.attribute in of_outfit and c.op == "<=")
            or (c.attribute == "occasion" and c.op == "in" and (act == "outfit" or not afresh) and kinds
                and EVENTS & set(c.values) and self.vocabulary.count_with("occasion", c.values, kinds))
        )  # fmt: skip

    def _conditions(self, made: Sequence[Constraint]) -> tuple[tuple[Constraint, ...], tuple[Leaning, ...]]:
        """The wishes that can shut a product out, and those about what the catalogue says only now and then."""
        soft = [c for c in made if c.op == "in" and not self.stated.can_filter(c.attribute)]
        return tuple(c for c in made if c not in soft), tuple(
            Leaning(c.attribute, "like", tuple(map(str, c.values)), c.said) for c in soft
        )

    def _guessed(self, read: Read, act: str, held: Sequence[Constraint]) -> tuple[Leaning, ...]:
        """What phrases that name nothing lean to, and the sizes that a child of the age said mostly wears."""
        if act not in acts.SEARCHING:
            return ()
        found = self._nearest_to(read.sentence, read.sizes, read.prices, read.relative.tokens)
        age = age_in(read.sentence.text)
        if age and self.vocabulary.children and not read.sizes:
            worn = sizes_of_age(self.vocabulary, age[0])
            found += (Leaning("size", "like", worn, age[1]),) if worn else ()
        return tuple(w for w in found if w.attribute not in {c.attribute for c in held})

    def _nearest_to(self, sentence: Sentence, sizes, prices, others: Container[int] = ()) -> tuple[Leaning, ...]:
        tokens = sentence.tokens
        taken = {i for m in sentence.matches for i in range(m.start, m.end)} | set(sentence.negated_tokens)
        taken |= {i for a, b, _ in sizes for i in range(a, b)}
        taken |= {i for i, t in enumerate(tokens) if i in others or any(p.start <= t.start < p.end for p in prices)}
        taken |= {i for i, t in enumerate(tokens) if any(a <= t.start < b for a, b in sentence.taken_back)}
        return self.nearest.leanings(tokens, tuple(taken))

    def _leanings_kept(
        self, held: Sequence[Leaning], before: Before, forgot: Sequence[str], afresh: bool, added: Sequence[Constraint]
    ) -> tuple[Leaning, ...]:
        """Earlier wishes that only order, without those that are taken back, or that a plain condition replaces."""
        if FORGET_ALL in forgot or afresh:
            return ()
        if FORGET_LAST in forgot:
            return before.previous_leanings
        plainly = {c.attribute for c in added if c.op == "in"}
        return tuple(w for w in held if w.attribute not in forgot and not (w.attribute and w.attribute in plainly))

    def _of_the_brand(self, reference: Reference) -> tuple[Constraint, ...]:
        """More of the maker of what is pointed at."""
        found = [self.vocabulary.catalog.product(p).brand for p in reference.targets[:1]]
        return tuple(Constraint("brand", "in", (brand.lower(),), brand) for brand in found if brand)

    def _told(self, deed: Deed) -> Further:
        """A deed as the planner reads it."""
        described = deed.reference.described if deed.act in acts.POINTING else ()
        asked, values = [], []
        for r in deed.reads:
            read_as = r.act if r.act in ("ask", "compare", "disambiguate") else deed.act
            named = r.every_asked if deed.act in ("ask", "compare") else r.asked
            asked += self._asked_in(read_as, named, r.sentence, r.sizes)
            values += self._named(r.sentence, r.sizes, described)
        sentences = [r.sentence for r in deed.reads]
        if "size" in asked and any(_SIZES_THERE.search(x.text) for x in sentences):
            asked = [a for a in asked if a != "available"]
        if "available" in asked and any(r.sizes for r in deed.reads):
            asked = ["size" if a == "available" else a for a in asked]
        if set(asked) - {"description", "available"}:
            # "Tell me about its price" asks for the price.
            asked = [a for a in asked if a != "description"]
        # What specifies ("both. The blue one and the black one") says how many are meant.
        singular = acts.is_singular(sentences[-1].text) and not (len(sentences) > 1 and deed.reference.groups > 1)
        return Further(
            deed.act, deed.reference.targets, deed.reference.vague, tuple(dict.fromkeys(asked)), tuple(values),
            singular,
            self._question_word(sentences[0]) if deed.act == "ask" else "", deed.reference.best,
            any(acts.wants_more(x.text) for x in sentences), deed.reference.superlative if deed.of_the_new else None,
        )  # fmt: skip

    def _beside_wishes(self, text: str, before: Before) -> Understood | None:
        """Small talk, and "I don't mind" to a question put: all wishes stay as they are."""
        if before.question and declines(text, before.question):
            return Understood(
                "refine", before.constraints, words=before.words, leanings=before.leanings, more=True,
                declined=before.question,
            )  # fmt: skip
        if given_up := refused(text, {c.attribute for c in before.constraints if not c.is_exclusion}):
            held, _ = accumulate(self.vocabulary, before.constraints, before.previous, (), given_up, False)
            leanings = tuple(w for w in before.leanings if w.attribute not in given_up)
            return Understood("undo", held, forgot=given_up, words=before.words, leanings=leanings)
        talk = small_talk.heard(text, lambda: self._names_goods(text, before), self.vocabulary.speaks_of)
        if talk is None or (talk.kind in ("agreed", "thanks") and _answers(text, before)):
            return None  # "yes" to "the red one?" is no small talk
        return Understood(talk.act, before.constraints, words=before.words, leanings=before.leanings, talk=talk)

    def _names_goods(self, text: str, before: Before) -> bool:
        """Whether a sentence as typed names a value of the catalogue, a price or a size. "My dad" is no goods."""
        context = self._current_categories(before)
        sentence = self._read(text, context)
        named = any(m.meanings[0].attribute != "department" for m in sentence.matches)
        return named or bool(amounts.price_amounts(sentence.text) or sizes_in(self.vocabulary, sentence, text, context))

    def _read(self, text: str, context: Sequence[str] = ()) -> Sentence:
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
        matches += plain_matches(self.vocabulary, tokens, matches, context, self._share)
        matches.sort(key=lambda m: m.start)
        matches = _as_qualities(matches)
        prices = amounts.price_amounts(low)
        matches = [m for m in matches if not _is_of_a_price(m, tokens, prices)]
        negators = {p.negator for p in prices}
        quality = qualities(tokens, low, matches)
        neutral = quality | {i for i, t in enumerate(tokens) if t.start in negators}
        negated, scope = find_negated(tokens, matches, neutral)
        return Sentence(low, tokens, matches, negated, scope, qualities=quality)

    def _prices(self, sentence: Sentence, sizes, before: Before) -> list[amounts.Amount]:
        """What the sentence says of the price; a bare figure ("make that 120") while a price is talked of."""
        prices = amounts.price_amounts(sentence.text)
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

    def _asked(self, sentence: Sentence, prices) -> tuple[tuple[str, ...], tuple[str, ...]]:
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
                if attribute and not taken & set(range(at, end)) and not _is_verb(sentence.tokens, at):
                    found.append(attribute)
                    start = sentence.tokens[at].start
                    if not any(a <= start < b for a, b in spans):
                        plainly.append(attribute)
                    at = end - 1
                    break
            at += 1
        return _the_point(found), _the_point(plainly)

    def _asked_in(self, act: str, asked: tuple[str, ...], sentence: Sentence, sizes) -> tuple[str, ...]:
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

    def _in_bag(self, sentence: Sentence, before: Before) -> Reference:
        """What is taken out of the bag is looked for in the bag: "the first one" is the first in it."""
        bag = before.scene.bag
        if re.search(r"\b(?:empty|everything|all)\b", sentence.text):
            return Reference(bag)
        focus = tuple(p for p in before.scene.focus if p in bag)
        text = _THE_BAG.sub(lambda m: " " * len(m[0]), sentence.text)
        return resolve(text, sentence.tokens, sentence.matches, Scene(bag, (), focus), self.vocabulary)

    def _question_word(self, sentence: Sentence) -> str:
        """The last word of a yes-or-no question that no attribute answers: "is it waterproof?"."""
        taken = {i for m in sentence.matches for i in range(m.start, m.end)}
        free = [
            t.text
            for i, t in enumerate(sentence.tokens)
            if i not in taken and t.text.isalpha() and t.text not in _EMPTY
        ]
        return free[-1] if free else ""

    def _current_categories(self, before: Before) -> tuple[str, ...]:
        return next((c.values for c in before.constraints if c.attribute == "category" and c.op == "in"), ())

    def _forgotten(self, sentence: Sentence, before: Before) -> tuple[str, ...]:
        """Attributes whose wish the shopper takes back."""
        if forms.UNDO_LAST.search(sentence.text):
            return (FORGET_LAST,)
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

    def _constraints(
        self, sentence, prices, sizes, act, described, before: Before, text: str
    ) -> tuple[Constraint, ...]:
        """The wishes this sentence states, exclusions among them."""
        made: list[Constraint] = []
        used = {i for a, b, _ in sizes for i in range(a, b)}
        context = self._current_categories(before)
        named = _named_categories(sentence)
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
        made += self._words_excluded(sentence)
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
            meaning = max(m.meanings, key=lambda x: self._share(x.attribute, x.values, categories))
        said = ("not " if negated else "") + m.said
        return Constraint(meaning.attribute, "not in" if negated else "in", meaning.values, said)

    def _share(self, attribute: str, values: Sequence[str], categories: Sequence[str]) -> int:
        return self.vocabulary.count_with(attribute, values, categories)

    def _words_excluded(self, sentence: Sentence) -> list[Constraint]:
        """What is excluded and no attribute of this catalogue has: such words must not stand in a product's text."""
        taken = {i for m in sentence.matches for i in range(m.start, m.end)}
        return [
            self.vocabulary.without(t.key, t.text) or Constraint(TEXT, "not in", (t.key,), f"not {t.text}") for i, t in enumerate(sentence.tokens)
            if i in sentence.negated_tokens and i not in taken and len(t.key) > 2 and t.key.isalpha()
            and t.text not in _EMPTY and t.key not in _EMPTY and self.vocabulary.speaks_of(t.key)
        ]  # fmt: skip

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

    def _free_words(self, sentence: Sentence, sizes) -> list[str]:
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

    def _words(self, sentence, sizes, before: Before, act: str, new_subject: bool) -> tuple[str, ...]:
        """The free words of the subject so far; a new subject starts afresh."""
        if act not in acts.SEARCHING:
            return () if act == "reset" else before.words
        kept = () if new_subject else before.words
        return tuple(dict.fromkeys([*kept, *self._free_words(sentence, sizes)]))[:WORDS_KEPT]

    def _named(self, sentence, sizes, described) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Values named beside what was pointed at: the 38 of "does it come in 38?"."""
        values = [(m.meanings[0].attribute, m.meanings[0].values) for m in sentence.matches if m not in described]
        unknown = [m[1] for m in _FIGURE.finditer(sentence.text)] if not sizes else []
        return tuple([*values, *(("size", (s,)) for _, _, s in sizes), *(("size", (s,)) for s in unknown)])


def _praised(reads: Sequence[Read], held: Sequence[Constraint]) -> tuple[Leaning, ...]:
    """What a remark beside a request likes: "the green ones look nice, anything longer?" would rather have it green."""
    found = []
    for read in reads:
        if read.act in (acts.REMARK, "disambiguate") and forms.PRAISE.search(read.sentence.text):
            for m in read.reference.described:
                meaning, wished = m.meanings[0], {c.attribute for c in held}
                if meaning.attribute not in ("category", "department", *wished):
                    found.append(Leaning(meaning.attribute, "like", tuple(map(str, meaning.values)), m.said))
    return tuple(found)


def _is_verb(tokens: Sequence[Token], at: int) -> bool:
    """ "The green ones look nice" asks for no look."""
    if tokens[at].text not in ("look", "looks", "looked", "looking"):
        return False
    before, behind = tokens[at - 1].text if at else "", tokens[at + 1].text if at + 1 < len(tokens) else ""
    return before in _SUBJECTS or behind in _VERB_GOES_ON


def _answers(text: str, before: Before) -> bool:
    """Whether "yes" answers what the assistant asked: which one it is, or whether the bag will do for a wish list."""
    return before.was_open or (before.last_act == "save" and bool(forms.AGREES.search(plain(text))))


def _without_opposed(
    held: Sequence[Constraint], relative: Relative, added: Sequence[Constraint]
) -> tuple[Constraint, ...]:
    """Who wants it longer no longer wants it short. What was excluded stays so."""
    gives_way = relative.instead - {c.attribute for c in added}
    return tuple(c for c in held if c.is_exclusion or c.attribute not in gives_way)


def _beside(sentence: Sentence, reference: Reference) -> Reference:
    """ "The shoes to go with it": shoes are wanted, and what is pointed at is "it"."""
    found = forms.TO_GO_WITH_IT.search(sentence.text)
    if not found:
        return reference
    behind = tuple(m for m in reference.described if sentence.tokens[m.start].start > found.start())
    return replace(reference, targets=(), described=behind)


def _named_categories(sentence: Sentence) -> tuple[str, ...]:
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


def _without_category(m: Match) -> Match | None:
    """A match with its other meanings; none when it names but a category."""
    meanings = tuple(x for x in m.meanings if x.attribute != "category")
    return replace(m, meanings=meanings) if meanings else None


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


__all__ = ["Before", "Further", "Reference", "Scene", "Understanding", "Understood"]
