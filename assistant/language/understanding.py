"""What a shopper's sentence means: the act, the wishes it states or takes back, what it asks, what it points at."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import replace

from shopping_assistant.assistant.language import act_forms as forms
from shopping_assistant.assistant.language import acts, amounts, small_talk
from shopping_assistant.assistant.language.answering import completed, declines, refused
from shopping_assistant.assistant.language.clauses import clauses
from shopping_assistant.assistant.language.deeds import Deed, Read, deeds
from shopping_assistant.assistant.language.fashion_words import EVENTS
from shopping_assistant.assistant.language.leanings import Leaning, with_newer
from shopping_assistant.assistant.language.measures import about_self
from shopping_assistant.assistant.language.nearest import Nearest
from shopping_assistant.assistant.language.references import Reference, Scene, resolve
from shopping_assistant.assistant.language.relative import (
    Relative,
    act_by_degree,
    base_of,
    beside_same,
    relative_wishes,
)
from shopping_assistant.assistant.language.saving_forms import DROP, FROM_BAG, TO_BAG, names_the_list, saving
from shopping_assistant.assistant.language.scales import Scales
from shopping_assistant.assistant.language.sentence import Sentence
from shopping_assistant.assistant.language.sentence_reader import SentenceReader, named_categories
from shopping_assistant.assistant.language.sizes import age_in, sizes_in, sizes_of_age
from shopping_assistant.assistant.language.spoken import as_written
from shopping_assistant.assistant.language.stated import Stated
from shopping_assistant.assistant.language.stated_wishes import StatedWishes, without_opposed
from shopping_assistant.assistant.language.understood import Before, Further, Understood
from shopping_assistant.assistant.language.unsold import unsold
from shopping_assistant.assistant.language.vocabulary import Vocabulary, phrase_key, plain
from shopping_assistant.assistant.language.wishes import FORGET_ALL, TEXT, accumulate, conflicts, steps_back
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.search import SHORTEST_ID

_IN_MY_BAG = re.compile(r"\b(?:in|from|inside) (?:my|the) (?:shopping )?(?:bag|cart|basket|trolley)\b")
# "What sizes are available" asks for the sizes, not whether the product is there at all.
_SIZES_THERE = re.compile(
    r"\b(?:available|stocked|in stock)\b(?: \w+){0,2}? siz(?:es?|ing)\b"
    r"|\bsiz(?:es?|ing)\b(?: \w+){0,4}? (?:available|in stock|availability)\b"
)
# "Now cardigans, same colour": the wish stays, whatever the kind.
_THE_SAME = re.compile(r"\bsame ([a-z]+(?: height| length)?)\b")
_NO_MORE_THAN = re.compile(r"\b(?:nothing|no|not|none|never) (?P<how>\w+er) than (?:a |an |the )?(?P<bound>[\w-]+)")
_ID_ALONE = re.compile(
    r"(?:(?:show me|find(?: me)?|search(?: for)?|look up|do you have|i(?:'m| am) looking for|product|item|article|code"
    r"|number|no\.?|nr\.?|id|sku|#)[\s:]*)*(?P<id>[\w-]{2,40})(?:\s*(?:please|pls))?\W*",
    re.I,
)
_IT_WITH = re.compile(
    r"\b(?:it|this|that|this one|that one) (?:to|with|against|and|or|versus|vs\.?|next to|beside)\b"
    r"|\b(?:to|with|against|versus|vs\.?|than|next to|beside) (?:it|this|that|this one|that one)\b"
)
_DASH = re.compile(r"(?<=\s)[-–—](?=\s)")
# Goods without a name are asked for: "something festive".
_ANYTHING = re.compile(
    r"\b(?:something|anything|stuff|clothes|an outfit)\b(?! (?:else|wrong))|\b(?:looking for|show me|find me)\b"
)


class Understanding:
    """Understands one shop's shoppers; made once, used for every turn."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.scales, self.stated = Scales(vocabulary), Stated(vocabulary.catalog)
        self.nearest = Nearest(vocabulary)
        self.reader = SentenceReader(vocabulary)
        self.stated_wishes = StatedWishes(self.reader, self.stated)

    def warm(self) -> None:
        """Look up what first sentences would wait for: which products have which values, and how often any is said."""
        for attribute, values in self.vocabulary.values.items():
            if values:
                self.vocabulary.catalog.rows_with(attribute, next(iter(values)))
                self.stated.can_filter(attribute)

    def understand(self, text: str, before: Before | None = None) -> Understood:
        before = before or Before()
        text = as_written(text)
        told = about_self(text, before.last_act)
        # Figures of a body are read first and leave the sentence: they are no prices and no wishes.
        silent = Understood(told.act, before.constraints, words=before.words, leanings=before.leanings)
        heard = silent if told and told.alone else self._wishes_and_deeds(told.rest, before)
        return replace(heard, told=told, act=told.act_with(heard.act) if told else heard.act)

    def _wishes_and_deeds(self, text: str, before: Before) -> Understood:
        if named := self._products_named(text):
            return Understood("search", (), words=(named,), new_subject=True)
        # An id finds one product; the searches after it are about something else.
        before = replace(before, words=tuple(w for w in before.words if not self._products_named(w)))
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
        words = before.after(forgot).words
        for deed in done:
            for read in deed.reads:
                words = self.reader.words(
                    read.sentence, read.sizes, replace(before, words=words), deed.act, new_subject
                )
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
            variant=done[0].reference.variant, saving=first.saving,
        )  # fmt: skip

    def _products_named(self, text: str) -> str:
        """The product id, or the beginning of one, that is all a shopper typed; "" where there is more or none."""
        found = _ID_ALONE.fullmatch(text.strip())
        if not found or not any(c.isdigit() for c in found["id"]):
            return ""
        typed = found["id"].casefold()
        whole = any(p.casefold() == typed for p in self.vocabulary.catalog.ids)
        begun = len(typed) >= SHORTEST_ID and any(p.casefold().startswith(typed) for p in self.vocabulary.catalog.ids)
        return found["id"] if whole or begun else ""

    def _clauses(self, text: str, before: Before) -> list[Read]:
        """Every clause read, each knowing what those before it named and pointed at."""
        parts = clauses(text, plain(text))
        context, scene, last_act = before.categories, before.scene, before.last_act
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
                context = named_categories(read.sentence) or context
        return reads

    def _clause(self, text: str, before: Before, context: Sequence[str], alone: bool) -> Read:
        sentence = self.reader.read(text, context)
        scene = before.scene
        reference = resolve(
            sentence.text, sentence.tokens, beside_same(sentence, self.scales), scene, self.vocabulary,
            alone and (before.was_open or (before.last_act in acts.POINTING and not before.question)),
        )  # fmt: skip
        whole, kinds = sentence, named_categories(sentence) or context
        relative = relative_wishes(sentence, self.scales, scene, reference, kinds)
        if reference.superlative:
            relative = Relative()  # "the pricier one" is one of two, not a dearer one
        sentence = relative.left(sentence)
        sizes = sizes_in(self.vocabulary, sentence, text, context)
        prices = self.reader.prices(sentence, sizes, before)
        every_asked, asked = self.reader.asked(sentence, prices)
        forgot = self.reader.forgotten(sentence, before)
        rated = amounts.rating_amount(sentence.text)
        own = [m for m in sentence.matches if m not in reference.described]
        seen = acts.Seen(
            text=sentence.text,
            asked=asked,
            reference=reference,
            categories=named_categories(sentence),
            said_values=bool(sentence.matches or prices or sizes or rated or relative.tokens),
            own_values=bool(own or prices or sizes or rated or relative.tokens),
            forgot=forgot,
            in_chat=bool(before.constraints or before.words or scene.shown),
            last_act=before.last_act,
            excludes=any(sentence.negated) or bool(self.reader.words_excluded(sentence)),
            alone=alone,
            same=bool(self._the_same(sentence.text) & {c.attribute for c in before.constraints}),
        )
        has_words = bool(
            self.reader.free_words(sentence, sizes) or self.reader.words_excluded(sentence) or sentence.qualities
        )
        if not has_words and not sentence.matches and _ANYTHING.search(sentence.text):
            has_words = bool(self._nearest_to(sentence, sizes, prices, relative.tokens))
        act = acts.classify(seen, before.categories, has_words)
        if sizes and not own and seen.in_chat and act == "refine":
            of_sizes = before.last_act in ("ask", "size_advice") and before.asked == ("size",)
            if forms.HAVE_IT.search(sentence.text) or (of_sizes and forms.AND_IN.match(sentence.text)):
                act = before.last_act if of_sizes else "ask"
        new_kind = set(seen.categories) - set(before.categories) if before.constraints else ()
        if seen.in_chat and not new_kind:
            afresh = act == "search" and acts.asks_afresh(sentence.text)
            act = act_by_degree(act, relative, sentence.text, afresh, bool(reference.targets))
        may_be_there = act in acts.POINTING and act != "add_to_bag"
        if act == "remove_from_bag" or (may_be_there and _IN_MY_BAG.search(sentence.text)):
            reference = self.reader.in_bag(sentence, before)
        done_with_saved = saving(sentence.text) if act in ("save", "add_to_bag") else ""
        if done_with_saved in (DROP, TO_BAG) and (names_the_list(sentence.text) or not reference.targets):
            reference = self.reader.on_list(sentence, before)
        if done_with_saved == FROM_BAG:
            reference = self.reader.in_bag(sentence, before)
        if act == "outfit":
            reference = _beside(sentence, reference)
        if act == "compare" and len(reference.targets) == 1 and scene.focus and _IT_WITH.search(sentence.text):
            # "Compare it with the first": it, and the first.
            both = tuple(dict.fromkeys([*scene.focus[:1], *reference.targets]))
            reference = replace(reference, targets=both)
        if act == "add_to_bag" and before.last_act == "save" and forms.AGREES.search(sentence.text):
            reference = Reference(scene.focus)
        if act not in acts.SEARCHING and not (act == "outfit" and forms.TO_MATCH.search(sentence.text)):
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
                of_brand = deed.act in ("search", "refine") and _of_that_brand(read.sentence.text)
                described = deed.reference.described if deed.act in acts.POINTING or of_brand else ()
                added = () if deed.act in acts.SILENT else self.stated_wishes.constraints(
                    read.sentence, read.prices, read.sizes, deed.act, described, replace(before, constraints=held),
                    read.text,
                )  # fmt: skip
                if deed.act not in acts.SILENT:
                    added = self._bounded(read, held, added)
                added, guessed = self.stated_wishes.conditions(added)
                looks = deed.act in ("search", "refine")
                if looks and not of_brand and forms.NOT_THAT_BRAND.search(read.sentence.text):
                    added = (*added, *self.stated_wishes.not_of_the_brand(read.reference, before.scene))
                if of_brand:
                    added = (*added, *self.stated_wishes.of_the_brand(read.reference))
                forgot = () if deed.act in acts.SILENT else read.forgot
                if deed.act == "reset":
                    forgot = (FORGET_ALL,)
                held = without_opposed(held, read.relative, added)
                afresh = deed.act == "search" and read.act == "search" and acts.asks_afresh(read.sentence.text)
                stays = self._stays(held, read, deed.act, afresh)
                held, changed = accumulate(
                    self.vocabulary,
                    held,
                    before.after(forgot).constraints,
                    added,
                    forgot,
                    acts.extends(read.sentence.text),
                    afresh,
                    stays,
                )
                every_added, every_forgot = [*every_added, *added], [*every_forgot, *forgot]
                new_subject = new_subject or changed
                if deed.act not in acts.SILENT or deed.act == "reset":
                    kept = self._leanings_kept(leanings, before, forgot, changed or afresh, added)
                    guessed += self._guessed(read, deed.act, held)
                    leanings = with_newer(kept, (*guessed, *read.relative.leanings))
        return held, tuple(every_added), tuple(dict.fromkeys(every_forgot)), new_subject, leanings

    def _bounded(
        self, read: Read, held: Sequence[Constraint], added: Sequence[Constraint]
    ) -> tuple[Constraint, ...]:
        """ "Nothing higher than mid" shuts out what is higher, and does not refuse the word "mid"."""
        found = _NO_MORE_THAN.search(read.sentence.text)
        base = base_of(found["how"], self.scales) if found else None
        kinds = named_categories(read.sentence) or next((c.values for c in held if c.attribute == "category"), ())
        scale = self.scales.of(base, None, kinds) if base else None
        if found is None or scale is None or scale[0].attribute == "text":
            return tuple(added)
        ordered = self.scales.values_beyond(scale[0], scale[1], None)  # the furthest first
        at = next((i for i, v in enumerate(ordered) if phrase_key(v) == phrase_key(found["bound"])), 0)
        if not at:
            return tuple(added)
        own = [c for c in added if not (c.attribute == TEXT and set(c.values) & set(found[0].split()))]
        return (*own, Constraint(scale[0].attribute, "not in", tuple(ordered[:at]), found[0]))

    def _stays(self, held: Sequence[Constraint], read: Read, act: str, afresh: bool) -> tuple[Constraint, ...]:
        """Wishes that hold for another kind as well: the occasion and the budget of an outfit, "the same colour"."""
        same = self._the_same(read.sentence.text)
        same |= {"brand"} if forms.THEY_SELL.search(read.sentence.text) else set()
        of_outfit = {"price"} if act == "outfit" else set()
        kinds = named_categories(read.sentence)
        return tuple(
            c for c in held
            if (c.attribute in same and c.op != "not in") or (c.attribute in of_outfit and c.op == "<=")
            or (c.attribute == "occasion" and c.op == "in" and (act == "outfit" or not afresh) and kinds
                and EVENTS & set(c.values) and self.vocabulary.count_with("occasion", c.values, kinds))
        )  # fmt: skip

    def _the_same(self, text: str) -> set[str]:
        """The attributes that are to be the same: of "same budget", the price."""
        named = [m[1] for m in _THE_SAME.finditer(text)]
        return {"price" if n in ("budget", "limit") else self.vocabulary.asking.get(phrase_key(n), n) for n in named}

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
        if steps_back(forgot):
            return before.after(forgot).leanings
        plainly = {c.attribute for c in added if c.op == "in"}
        return tuple(w for w in held if w.attribute not in forgot and not (w.attribute and w.attribute in plainly))

    def _told(self, deed: Deed) -> Further:
        """A deed as the planner reads it."""
        described = deed.reference.described if deed.act in acts.POINTING else ()
        asked, values = [], []
        for r in deed.reads:
            read_as = r.act if r.act in ("ask", "compare", "disambiguate") else deed.act
            named = r.every_asked if deed.act in ("ask", "compare") else r.asked
            asked += self.reader.asked_in(read_as, named, r.sentence, r.sizes)
            values += self.reader.named(r.sentence, r.sizes, described)
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
            self.reader.question_word(sentences[0]) if deed.act == "ask" and not deed.reference.best else "",
            deed.reference.best,
            any(acts.wants_more(x.text) for x in sentences), deed.reference.superlative if deed.of_the_new else None,
            saving(sentences[0].text) if deed.act in ("save", "add_to_bag") else "",
        )  # fmt: skip

    def _beside_wishes(self, text: str, before: Before) -> Understood | None:
        """Small talk, and "I don't mind" to a question put: all wishes stay as they are."""
        others = {c.attribute for c in before.constraints if not c.is_exclusion} - {before.question}
        if before.question and declines(text, before.question) and not refused(text, others):
            return Understood(
                "refine", before.constraints, words=before.words, leanings=before.leanings, more=True,
                declined=before.question,
            )  # fmt: skip
        if given_up := refused(text, {c.attribute for c in before.constraints if not c.is_exclusion}):
            held, _ = accumulate(self.vocabulary, before.constraints, (), (), given_up, False)
            leanings = tuple(w for w in before.leanings if w.attribute not in given_up)
            return Understood("undo", held, forgot=given_up, words=before.words, leanings=leanings)
        goods = unsold(plain(text), self.vocabulary.known_words.__contains__)
        if goods and not named_categories(self.reader.read(text, before.categories)):
            talk = small_talk.Talk("not sold", "search", about=goods)
            return Understood(talk.act, before.constraints, words=before.words, leanings=before.leanings, talk=talk)
        talk = small_talk.heard(text, lambda: self._names_goods(text, before), self.vocabulary.speaks_of)
        if talk is None or (talk.kind in ("agreed", "thanks") and _answers(text, before)):
            return None  # "yes" to "the red one?" is no small talk
        if talk.kind == "the weather" and before.scene.focus and not forms.OUT_OF_DOORS.search(text.lower()):
            return None  # "is it warm?" of the jacket that was just opened
        return Understood(talk.act, before.constraints, words=before.words, leanings=before.leanings, talk=talk)

    def _names_goods(self, text: str, before: Before) -> bool:
        """Whether a sentence as typed names a value of the catalogue, a price or a size. "My dad" is no goods."""
        context = before.categories
        sentence = self.reader.read(text, context)
        named = any(m.meanings[0].attribute != "department" for m in sentence.matches)
        return named or bool(amounts.price_amounts(sentence.text) or sizes_in(self.vocabulary, sentence, text, context))


def _of_that_brand(text: str) -> bool:
    return bool(forms.OF_THAT_BRAND.search(text)) and not forms.NOT_THAT_BRAND.search(text)


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


def _answers(text: str, before: Before) -> bool:
    """Whether "yes" answers what the assistant asked: which one it is, or whether the bag is to have what was saved."""
    return before.was_open or (before.last_act == "save" and bool(forms.AGREES.search(plain(text))))


def _beside(sentence: Sentence, reference: Reference) -> Reference:
    """ "The shoes to go with it": shoes are wanted, and what is pointed at is "it"."""
    found = forms.TO_GO_WITH_IT.search(sentence.text)
    if not found:
        return reference
    behind = tuple(m for m in reference.described if sentence.tokens[m.start].start > found.start())
    return replace(reference, targets=(), described=behind)


__all__ = ["Before", "Further", "Reference", "Scene", "Understanding", "Understood"]
