"""The words of a simulated shopper: an `Intent` in one of many wordings, with the slips people make.

The wordings are this file's own and know nothing of the assistant's tables, so that a conversation does not go well
because both sides were written from one list. A `Writer` is given attribute values, figures and places on the page,
never a product.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shopping_assistant.eval.hidden_wish import Trait

# Shares of all sentences: one word mistyped; written with capitals and a full stop; a filler in front.
TYPO_RATE, NEAT_RATE, FILLER_RATE = 0.05, 0.25, 0.1
# Words that stand for an attribute's kind and not for the thing: "sleeve length: long" is "long sleeves".
_KINDS = frozenset({"length", "height", "type", "size", "of", "name", "group", "value", "kind"})
_FILLERS = ("hmm, ", "ok, ", "well, ", "so ", "right, ", "oh, ", "sorry, ")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_SIZES = {
    "xs": ("xs", "extra small"), "s": ("s", "small", "a small"), "m": ("m", "medium", "a medium"),
    "l": ("l", "large", "a large"), "xl": ("xl", "extra large"), "xxl": ("xxl", "double xl"),
}  # fmt: skip
_TENS = {"2": "twenty", "3": "thirty", "4": "forty", "5": "fifty"}
_ONES = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_WHOM = {
    "women": ("for women", "for a woman", "for my wife", "women's", "for my sister", "ladies'"),
    "men": ("for men", "for a man", "for my husband", "men's", "for my dad", "for a guy"),
    "kids": ("for kids", "for a child", "for my kid", "children's"),
}
_WHAT_FOR = {
    "wedding": ("for a wedding", "to wear to a wedding", "for my cousin's wedding"),
    "party": ("for a party", "to wear to a party", "for a birthday party"),
    "work": ("for work", "to wear to work", "for my job"),
    "travel": ("for travelling", "to travel with", "for when i travel"),
    "sport": ("for sport", "for sports", "to do sport in"),
    "outdoor": ("for outdoors", "for outdoor weekends", "for being outdoors"),
    "casual": ("casual", "for casual days", "something casual"),
}
_OPENINGS = (
    "{np}", "{np}", "{np} please", "hi, i'm looking for {np}", "do you have {np}?", "i need {np}",
    "hello! i'd love to find {np}", "can you show me {np}", "i want to buy {np}", "i am searching for {np}",
    "could you help me find {np}?", "{np}, what have you got",
)  # fmt: skip
_VAGUE = ("something {p}", "i need something {p}", "hi, looking for something {p}", "i want something {p} to wear")
_ADDED = (
    "{p}", "{p} please", "should be {p}", "it should be {p}", "i'd prefer {p}", "preferably {p}", "make it {p}",
    "i was thinking {p}", "do you have that {p}?", "i want it {p}",
)  # fmt: skip
_ADDED_WITH = (
    "{p}", "{p} please", "i'd like one {p}", "preferably {p}", "do you have any {p}?", "show me the ones {p}",
)  # fmt: skip
_ADDED_FOR = ("{p}", "it's {p}", "i need it {p}", "should be {p}", "{p} please", "do you have something {p}?")
_INSISTED = ("it has to be {p}", "it must be {p}", "only {p} ones", "{p}, that's important to me")
_HOPED = ("{p} would be nice", "ideally {p}", "it would be great if it was {p}", "{p} if possible")
_PRICED = (
    "under {n}", "max {n}", "my budget is {n}", "i don't want to spend more than {n}", "no more than {n} euros please",
    "up to {n}", "{n} tops", "can't go over {n}", "anything below {n}?", "it shouldn't cost more than {n}",
)  # fmt: skip
_CHEAPER = (
    "cheaper", "anything cheaper?", "that's too expensive", "bit too expensive for me", "do you have cheaper ones",
    "those cost too much", "something more affordable please",
)  # fmt: skip
_EXCLUDED = (
    "not {p}", "no {p}", "no {p} please", "i don't want {p}", "anything but {p}", "without {p}", "i don't like {p}",
    "nothing in {p}", "not a fan of {p}", "please leave out the {p} ones", "{p} is not for me",
)  # fmt: skip
_BRAND_EXCLUDED = (
    "not {p}", "nothing by {p}", "no {p} please", "i don't like {p}", "anything but {p}", "another brand than {p}",
)  # fmt: skip
_REPEATED = ("i said {p}", "i asked for {p}", "but i want {p}", "no, {p}", "it really has to be {p}", "{p}!")
_REPEATED_AFTER = ("i said {p}", "no, {p}", "it really has to be {p}", "{p}!", "as i said, {p}")
_ANSWERS = ("{p}", "{p} please", "{p} i'd say", "preferably {p}", "rather {p}")
_INDIFFERENT = (
    "i don't mind", "doesn't matter", "no preference", "i don't care about the {a}", "the {a} is not important to me",
    "any {a} is fine", "up to you",
)  # fmt: skip
_CHOSEN = ("the {o} one", "number {n}", "i mean the {o} one", "{n}", "the {o}")
_BUT = (
    "the {o} one but {p}", "like the {o} one, only {p}", "the {o} one is nice, do you have it {p}?",
    "same as number {n} but {p}", "number {n} {p}?",
)  # fmt: skip
_ASKED = {
    "price": ("how much is the {o} one?", "what does number {n} cost?", "price of the {o} one?"),
    "size": ("what sizes does number {n} come in?", "which sizes do you have of the {o} one?"),
    "material": ("what's the {o} one made of?", "what material is number {n}?"),
}
_HAS_SIZE = ("is the {o} one available in {p}?", "do you have number {n} in {p}?", "does the {o} one come in {p}?")
_COMPARED = (
    "what's the difference between the {o} and the {q} one?", "which is cheaper, the {o} one or the {q} one?",
    "compare number {n} and number {m}", "how is {n} different from {m}?",
)  # fmt: skip
_MORE = ("show me more", "what else do you have", "any other ones?", "more please", "is that all you have?", "others?")
_REJECTED = (
    "no, none of these", "not what i had in mind", "i don't like these", "these aren't it", "nope, something different",
    "not really my thing",
)  # fmt: skip
_ADVICE = (
    "which would you take?", "what would you suggest?", "what would you recommend for me?", "any suggestions for me?",
    "pick one for me",
)  # fmt: skip
_WAIVED = (
    "forget the {a} then", "the {a} isn't that important", "ok, any {a} is fine", "the {a} doesn't matter so much",
)  # fmt: skip
_KEPT = ("no, i need all of that", "no, i'd rather not", "no thanks, i want it like that")
_BOUGHT = (
    "i'll take the {o} one", "i'll take number {n}", "put the {o} one in my bag please", "add number {n} to my bag",
    "perfect, i'll buy the {o} one", "the {o} one is great, i'll have it",
)  # fmt: skip
_LEFT = ("thanks, i'll look somewhere else", "ok, not today then. bye", "never mind, thanks anyway")
_BY_KIND: dict[str, tuple[str, ...]] = {
    "price": _PRICED, "cheaper": _CHEAPER, "indifferent": _INDIFFERENT, "choose": _CHOSEN, "more": _MORE,
    "reject": _REJECTED, "advice": _ADVICE, "waive": _WAIVED, "keep": _KEPT, "buy": _BOUGHT, "leave": _LEFT,
    "compare": _COMPARED, "but": _BUT, "ask_has": _HAS_SIZE, "vague": _VAGUE, "open": _OPENINGS, "repeat": _REPEATED,
    "answer": _ANSWERS, "exclude": _EXCLUDED,
}  # fmt: skip
# Phrases that stand behind the thing they are about.
_AFTER = ("for ", "with ", "in ", "by ", "from ", "to ", "size ")
_NAMES = {"color": ("colour", "color"), "department": ("department",), "occasion": ("occasion",)}


@dataclass(frozen=True)
class Intent:
    """What a shopper means to say: values, figures and places (1-based) on the page. Nothing here names a product."""

    kind: str
    traits: tuple[Trait, ...] = ()
    price: float | None = None
    position: int | None = None
    other: int | None = None
    attribute: str | None = None

    def as_dict(self) -> dict:
        out: dict = {"kind": self.kind}
        if self.traits:
            out["traits"] = [[t.attribute, t.value] for t in self.traits]
        for name in ("price", "position", "other", "attribute"):
            if getattr(self, name) is not None:
                out[name] = getattr(self, name)
        return out


class Writer:
    """Writes a shopper's sentences with one seeded source of chance.

    Args:
        catalogue_words: every word of the catalogue; a slip never turns one word into another of these.
    """

    def __init__(self, rng: np.random.Generator, catalogue_words: frozenset[str]):
        self._rng, self._words = rng, catalogue_words
        self.slipped = False  # whether the latest sentence has a slip

    def sentence(self, intent: Intent) -> str:
        text = self._plain(intent)
        if self._rng.random() < FILLER_RATE and intent.kind not in ("open", "vague", "buy", "leave"):
            text = self._pick(_FILLERS) + text
        plain = text
        if self._rng.random() < TYPO_RATE:
            text = self._mistyped(text)
        self.slipped = text != plain
        if self._rng.random() < NEAT_RATE:
            text = re.sub(r"\bi\b", "I", text[:1].upper() + text[1:])
            text += "" if text[-1] in "?!." else "."
        return text

    def _plain(self, intent: Intent) -> str:
        if intent.kind == "open":
            text = self._pick(_OPENINGS).format(np=self._noun_phrase(intent.traits))
            return text if intent.price is None else self._with_price(text, intent.price)
        if intent.kind in ("add", "repeat", "answer", "but"):
            return self._wished(intent)
        if intent.kind == "exclude":
            (trait,) = intent.traits
            forms = _BRAND_EXCLUDED if trait.attribute == "brand" else _EXCLUDED
            return self._pick(forms).format(p=trait.value)
        phrase = self.phrase(intent.traits[0], alone=True) if intent.traits else ""
        if intent.kind == "ask_has":
            phrase = self._size(intent.traits[0].value)
        forms = _ASKED[intent.attribute] if intent.kind == "ask" else _BY_KIND[intent.kind]
        return self._pick(forms).format(
            p=phrase, a=self._name(intent.attribute), n=intent.position, m=intent.other, o=_ordinal(intent.position),
            q=_ordinal(intent.other),
        ) if intent.price is None else self._pick(forms).format(n=f"{intent.price:g}")  # fmt: skip

    def _wished(self, intent: Intent) -> str:
        """One or two wished values, asked for, repeated or given as an answer."""
        first = intent.traits[0]
        phrases = [self.phrase(t, alone=True) for t in intent.traits]
        text = phrases[0] if len(phrases) == 1 else f"{phrases[0]} and {phrases[1]}"
        if intent.kind == "but":
            text = f"in {first.value}" if first.attribute in ("color", "material") else text
            return self._pick(_BUT).format(p=text, n=intent.position, o=_ordinal(intent.position))
        if intent.kind == "answer":
            return self._pick(_ANSWERS).format(p=text)
        if intent.kind == "repeat":
            return self._pick(_REPEATED_AFTER if text.startswith(_AFTER) else _REPEATED).format(p=text)
        if text.startswith(("with ", "from ", "by ")):
            forms = _ADDED_WITH
        elif text.startswith(_AFTER):
            forms = _ADDED_FOR
        else:
            forms = (*_ADDED, *(_INSISTED if first.must else _HOPED))
        text = self._pick(forms).format(p=text)
        return text if intent.price is None else self._with_price(text, intent.price)

    def _with_price(self, text: str, price: float) -> str:
        said = self._pick(("under {n}", "for max {n}", "up to {n} euros")).format(n=f"{price:g}")
        return f"{text.rstrip('?')} {said}"

    def _noun_phrase(self, traits: Sequence[Trait]) -> str:
        """ "a black leather tote bag for work", "ankle boots in suede by …"."""
        noun = next((t.value for t in traits if t.attribute == "category"), "something")
        front, back = [], []
        for t in traits:
            if t.attribute == "category":
                continue
            phrase = self.phrase(t)
            is_back = phrase.startswith((*_AFTER, "something "))
            (back if is_back or noun == "something" else front).append(phrase.removeprefix("something "))
        front.sort(key=lambda p: p in {t.value for t in traits if t.attribute == "material"})
        several = self._rng.random() < 0.5 or noun.endswith("s")
        name = noun if not several or noun == "something" else _plural(noun)
        words = " ".join([*front, name, *back])
        if several or noun == "something":
            return words
        return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"

    def phrase(self, trait: Trait, alone: bool = False) -> str:
        """One value as people say it beside the thing it is of, or ``alone``, in a sentence without the thing."""
        a, v = trait.attribute, trait.value
        if a == "category":
            return _plural(v)
        if a in ("color", "material"):
            return v if alone else self._pick((v, v, v, f"in {v}"))
        if a == "brand":
            return self._pick((f"by {v}", f"from {v}") if alone else (f"by {v}", f"from {v}", v))
        if a == "size":
            return self._pick(("in {s}", "size {b}", "in size {b}")).format(s=self._size(v), b=self._bare_size(v))
        if a == "department":
            forms = _WHOM.get(v, (f"for {v}",))
            return self._pick([f for f in forms if f.startswith("for ")] if alone else forms)
        if a == "occasion":
            forms = _WHAT_FOR.get(v, (f"for {v}",))
            return self._pick([f for f in forms if not f.startswith("something")] if alone else forms)
        if a == "season":
            return self._pick((f"for {v}", f"for the {v}") if alone else (f"for {v}", f"for the {v}", v))
        return self._own(a, v)

    def _own(self, attribute: str, value: str) -> str:
        """A value of the catalogue's own attributes, with its noun unless the value holds it already."""
        words = re.findall(r"[a-z]+", attribute.lower())
        nouns = [w for w in words if w not in _KINDS]
        if any(w[:4] in value for w in words) or not nouns:
            return value
        noun = nouns[-1]
        if noun in ("pattern", "shape", "knit", "silhouette", "style"):
            return value
        article = "an" if value[0] in "aeiou" else "a"
        if noun in ("look", "fit"):
            return self._pick((value, f"with {article} {value} {noun}"))
        if noun in ("sleeve", "heel"):
            return f"with {value} {noun}s"
        return self._pick((f"{value} {noun}", f"with {article} {value} {noun}"))

    def _bare_size(self, value: str) -> str:
        return self._size(value).removeprefix("a ")

    def _size(self, value: str) -> str:
        if value in _SIZES:
            return self._pick(_SIZES[value])
        if re.fullmatch(r"[2-5]\d", value) and self._rng.random() < 0.1:
            return f"{_TENS[value[0]]}{'-' if value[1] != '0' else ''}{_ONES[int(value[1])]}"
        return value

    def _name(self, attribute: str | None) -> str:
        return self._pick(_NAMES.get(attribute or "", (attribute or "",)))

    def _pick(self, options: Sequence[str]) -> str:
        return options[int(self._rng.integers(len(options)))]

    def _mistyped(self, text: str) -> str:
        """One word of five letters or more with a letter left out, doubled, or two swapped."""
        words = text.split(" ")
        long = [i for i, w in enumerate(words) if len(w) >= 5 and w.isalpha()]
        if not long:
            return text
        i = long[int(self._rng.integers(len(long)))]
        word, at = words[i], int(self._rng.integers(1, len(words[i]) - 1))
        slip = (
            word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        )[int(self._rng.integers(3))]  # fmt: skip
        words[i] = word if slip in self._words else slip
        return " ".join(words)


def _ordinal(position: int | None) -> str:
    if position is None:
        return ""
    return _ORDINALS[position - 1] if position <= len(_ORDINALS) else f"{position}th"


def _plural(noun: str) -> str:
    if noun.endswith(("ss", "ch", "sh", "x")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    if noun.endswith(("scarf",)):
        return f"{noun[:-1]}ves"
    return noun if noun.endswith("s") else f"{noun}s"


def _spoken(value: object) -> set[str]:
    """The words of all wordings below one constant."""
    if isinstance(value, str):
        return set(re.findall(r"[a-z0-9]+", re.sub(r"\{.*?\}", " ", value.lower())))
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else list(value)
    return set().union(*(_spoken(p) for p in parts)) if parts else set()


# Every word a sentence can hold beside attribute values and figures.
OWN_WORDS = frozenset(
    _spoken([_BY_KIND, _ASKED, _ADDED, _ADDED_WITH, _ADDED_FOR, _INSISTED, _HOPED, _BRAND_EXCLUDED, _REPEATED_AFTER])
    | _spoken([_FILLERS, _ORDINALS, _SIZES, _TENS, _ONES, _WHOM, _WHAT_FOR, _NAMES])
    | set("a an the in for with by from size under max up to euros and something ones of".split())
)
