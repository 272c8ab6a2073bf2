"""What shoppers say of themselves: height, weight, bust, waist, hips, their usual size, how things run on them.

Such figures are facts about a person, no wishes: they are read first and taken out of the sentence, so that "135 lbs"
is no price and "usually an M" no filter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from shopping_assistant.assistant.language.act_forms import SIZE_ADVICE
from shopping_assistant.assistant.language.figures import in_figures
from shopping_assistant.assistant.language.vocabulary import plain
from shopping_assistant.tools.fit_feedback import CM_PER_INCH, CUP_CM, CUP_INCHES, KG_PER_POUND, SENSIBLE
from shopping_assistant.tools.size_scale import size_mark

POUNDS_PER_STONE, INCHES_PER_FOOT = 14, 12
EVERYTHING = "everything"
USUAL, TENDENCY = "usual size", "tendency"
UNITS = {"height": "cm", "weight": "kg", "bust": "cm", "waist": "cm", "hips": "cm"}


@dataclass(frozen=True)
class Measure:
    """One fact: ``measure`` as in ``UNITS``, "usual size" or "tendency" (how things are on them: small or large)."""

    measure: str
    value: float | str
    said: str
    unit: str | None = None

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class AboutSelf:
    """What a sentence says of its speaker, and the rest of it.

    Attributes:
        rest: the sentence without it, every other character in its place.
        forgot: measures taken back, or ``EVERYTHING``.
        asks: whether it asks what is known of them.
        alone: whether it says nothing else.
    """

    rest: str
    said: tuple[Measure, ...] = ()
    forgot: tuple[str, ...] = ()
    asks: bool = False
    alone: bool = False
    between: bool = False  # undecided between two sizes
    sizes: tuple[str, ...] = ()  # asked about, in a question about fit

    def __bool__(self) -> bool:
        return bool(self.said or self.forgot or self.asks)

    @property
    def act(self) -> str:
        """The act of a sentence that says nothing else."""
        return "undo" if self.forgot and not self.said else "size_advice"

    def act_with(self, rest: str) -> str:
        """The act of the sentence when the rest of it is this one."""
        return "size_advice" if rest == "other" or (self.between and rest in ("ask", "compare")) else rest

    def as_dict(self) -> dict:
        return {
            "said": [m.as_dict() for m in self.said],
            "forgot": list(self.forgot),
            "asks": self.asks,
            "alone": self.alone,
            "sizes": list(self.sizes),
        }


_DIGITS = {w: i for i, w in enumerate("zero one two three four five six seven eight nine".split())}
_SMALL = "|".join(list(_DIGITS)[1:])
_N = r"\d{1,3}(?:[.,]\d{1,2})?"
# Who is spoken of, and the verb: what makes a figure a person's.
_WHO = (
    r"(?:\b(?:i|he|she|we|they|who)(?:'m| am|'s| is|'re| are)?(?: only| just)?(?: weigh(?:s|ing)?| measures?"
    r"| stand| stands)?"
    r"|\b(?:my|his|her|their) (?:height|weight)(?: is|'s| of|:)?|\b(?:height|weight|weigh(?:s|ing)?)(?: is| of|:)?)"
)
_ABOUT = (
    r"(?:(?:\s|^)(?:also|about|around|roughly|approximately|approx\.?|circa|nearly|almost|exactly|like|currently"
    r"|a|only|at))*\s*"
)
_TALL = r"(?:\s*(?:tall|high|in height|heavy|in weight))?"
_PERSON = re.compile(r"\s*(?:man|woman|person|guy|girl|lady|boy|bloke)\b")
_CM = r"(?:cms?|centi ?met(?:re|er)s?)\b"
_M = r"m(?:et(?:re|er)s?)?\b"
_FT = r"(?:'|(?:ft|feet|foot)(?![a-z])\.?)"
_IN = r"(?:\"|''|in\b\.?|ins\b|inch(?:es)?\b)"
_HEIGHTS = (
    (
        rf"(?<![\d.,])(?P<m>[12])\s?(?:m|met(?:re|er)s?)\s?(?P<cm>\d{{2}})\b(?:\s?{_CM})?",
        lambda m: 100 * int(m["m"]) + int(m["cm"]),
    ),
    (rf"(?<![\d.,])(?P<m>[12][.,]\d{{1,2}})\s?{_M}", lambda m: 100 * _number(m["m"])),
    (rf"(?<![\d.,])(?P<cm>[12]\d{{2}}(?:[.,]\d)?)\s?{_CM}", lambda m: _number(m["cm"])),
    (
        rf"(?<![\d.,])(?P<ft>[3-7]|{_SMALL})[\s-]?{_FT}[\s-]?(?:(?P<inch>1[01]|\d(?:[.,]5)?|ten|eleven"
        rf"|{_SMALL})(?:\s?{_IN})?(?!\w))?",
        lambda m: (INCHES_PER_FOOT * _number(m["ft"]) + _number(m["inch"] or "0")) * CM_PER_INCH,
    ),
    # Without a unit only beside the word: "170 tall".
    (r"(?<![\d.,])(?P<cm>1[2-9]\d|20\d)(?=\s?tall\b)", lambda m: _number(m["cm"])),
)  # fmt: skip
# "Five ten", spoken: only beside another figure of a body.
_SPOKEN = re.compile(
    rf"\b(?P<ft>four|five|six)[\s-](?:foot[\s-])?(?P<inch>ten|eleven|{_SMALL})\b(?!\s(?:years?|days?|pairs?"
    rf"|pieces?|items?))"
)
_HALF = r"(?P<half>\s(?:and a )?half|½)?"
_WEIGHTS = (
    (
        rf"(?<![\d.,])(?P<st>{_N}|ten|eleven|{_SMALL}){_HALF}\s?(?:stones?\b|st\b)(?:\s?(?P<lb>1[0-3]"
        rf"|\d)(?:\s?(?:lbs?|pounds?)\b)?(?!\w))?",
        lambda m: KG_PER_POUND
        * (POUNDS_PER_STONE * (_number(m["st"]) + (0.5 if m["half"] else 0)) + _number(m["lb"] or "0")),
    ),
    (rf"(?<![\d.,])(?P<kg>{_N})\s?(?:kgs?|kilos?|kilogram(?:me)?s?)\b", lambda m: _number(m["kg"])),
    (rf"(?<![\d.,])(?P<lb>{_N})\s?(?:lbs?|pounds?)\b", lambda m: _number(m["lb"]) * KG_PER_POUND),
)  # fmt: skip
_GIRTH = re.compile(
    rf"(?P<my>\b(?:my|his|her) )?\b(?P<what>bust|chest|waist|hips?)(?P<is> (?:is|are|measures?|of)"
    rf"|:)?{_ABOUT}(?P<n>{_N})\s?(?P<unit>{_CM}|{_IN})?"
    rf"|(?:\b(?:with|i have|i've got|got) )?(?:a |an )?(?P<n2>{_N})\s?(?P<unit2>{_CM}|{_IN})?\s(?P<what2>bust"
    rf"|chest|waist|hips?)\b"
)
_CUPS = "|".join(sorted(CUP_INCHES, key=len, reverse=True)).replace("/", "/")
_BRA = re.compile(
    rf"(?:\b(?:i'm|i am|i wear|she's|she is|she wears|my bra(?: size)?(?: is)?|bra size|usually|bust(?: is)?"
    rf"|and)\s(?:usually )?(?:a |an )?)"
    rf"(?P<band>2[68]|3[02468]|4[02468]|[679][05]|8[05]|100)\s?(?P<cup>{_CUPS})\b(?!\w)"
)
_HABIT = r"(?:usually|normally|generally|mostly|typically|mainly|commonly|as a rule|most of the time|often)"
_SIZE = (
    r"(?P<size>(?:(?:eu|uk|us|fr|it|de)\s?)?\d{1,2}(?:[.,]5)?(?![\d'\"])|w\d{2}|[2-6]xl|x{0,4}[sl]|m"
    r"|extra (?:small|large)|x-?(?:small|large)"
    r"|small|medium|large)\b(?!\s?(?:cm|kg|lbs?|inch|percent|%|st\b|stone))"
)
_KIND = r"(?:\s(?:in|for|with)\s(?:my |most |all )?(?P<kind>\w+s|knitwear|outerwear|denim|footwear)\b)?"
_SOMEBODY = r"(?:\b(?:i|he|she)(?:'m| am|'s| is)?\s)?"
_USUAL = (
    re.compile(
        rf"{_SOMEBODY}\b{_HABIT}\s(?:i\s)?(?:(?:am|'m|is|wears?|takes?|buys?|needs?|gets?|orders?|goes for"
        rf"|go for|fits?|have|has)\s)?"
        rf"(?:in\s)?(?:a|an|the|my)?\s?(?:size\s)?{_SIZE}{_KIND}"
    ),
    re.compile(
        rf"(?<!have )(?<!in )(?<!got )\b(?:my|his|her) (?:(?:usual|normal|regular|own|dress|shoe"
        rf"|clothing)\s)*size(?: is|'s|:)?\s(?:a |an |usually )*{_SIZE}{_KIND}"
    ),
    re.compile(rf"\b{_SIZE} is (?:my|his|her) (?:usual|normal|regular|own)?\s?size\b"),
)  # fmt: skip
# Said of oneself without "usually", a size is a wish as well.
_OWN = (
    re.compile(rf"\b(?:i|he|she)(?:'m| am|'s| is) (?:a|an)\s(?:size\s)?{_SIZE}{_KIND}(?=\s*$|\s*[,.;!?])"),
    re.compile(
        rf"(?<!should )(?<!would )(?<!could )(?<!shall )(?<!must )(?<!can )(?<!if )(?<!do )\b(?:i|he|she"
        rf"|and) (?:wears?|takes?) (?:a |an )?(?:size )?{_SIZE}{_KIND}(?=\s*$|\s*[,.;!?])"
    ),
)
_BETWEEN = re.compile(
    rf"\b(?:i|he|she)(?:'m| am|'s| is)? (?:always |often |usually )?(?:in )?between (?:a |an "
    rf"|sizes? )*{_SIZE} (?:and|or) (?:a |an )?{_SIZE.replace('<size>', '<other>')}"
)
_ASKED = re.compile(
    rf"(?:^|\b(?:will|would|is|are|does|do|a|an|in|size|take|wear|order|get|need|or|and|about|the)\s){_SIZE}"
)
_EVER = r"(?:always|usually|often|generally|mostly|normally|tend to|have to|need to|must|never|every time)"
_BIGGER = re.compile(
    rf"{_SOMEBODY}(?:\b(?:{_EVER})\s)+(?:have to |need to |must |had to )?(?:size|go|going|sizing|take (?:a"
    rf"|one) size|buy (?:a|one) size)\s"
    rf"(?:(?:a|one) size\s)?(?P<way>up|down|bigger|larger|smaller)(?: a size| one size| one)?{_KIND}"
)
_ON_ME = re.compile(
    rf"(?:\b(?:everything|things|clothes|sizes|most (?:things|clothes|sizes|brands)|shoes|\w+s)\s)(?:(?:{_EVER}"
    rf"|are|is|run|runs|come|comes|turn|turns|up|out|too|a bit)\s)+"
    rf"(?P<way>small|tight|narrow|large|big|loose|wide) (?:on|for) (?:me|him|her)\b"
)
_FORGET = re.compile(
    r"(?:\b(?:please|can you|could you)\s)*\b(?:forget|delete|remove|erase|clear|drop|ignore|discard|wipe"
    r"|(?:do ?n'?t|do not|stop) (?:keep|keeping|remember|remembering"
    r"|store|storing|save|saving|use|using))\s(?:about\s)?(?:all\s)?(?:of\s)?(?:my|his|her"
    r"|our)\s(?P<what>(?:(?:body|personal|usual|normal|bra)\s)?"
    r"(?:measurements?|measures|data|dimensions|stats|details|height|weight|bust|chest|waist|hips?"
    r"|size))\b(?:\s(?:and)\s(?:my\s)?(?P<and>height|weight|bust"
    r"|waist|hips?|usual size))?(?:\splease)?"
)
_ASKS = re.compile(
    r"\b(?:what|which|do|did|have)\b[^.?!]*\b(?:know|remember|have|kept|keep|stored?|saved?|noted?"
    r"|got)\b[^.?!]*\b(?:about me\b|of me\b|my (?:measurements?|measures"
    r"|height|weight|usual size|body|figures|data|bust|waist|hips))|\bwhat(?:'s| is| are| was) my (?:height"
    r"|weight|measurements|usual size|bust|waist)\b"
)  # fmt: skip
_CHOOSES = re.compile(r"\b(?:which|what|should|better|advise|recommend)\b")
_PRICED = re.compile(
    r"(?:under|below|over|above|up to|less than|more than|at most|max(?:imum)?|budget(?: of| is)?|for|spend"
    r"|costs?|between|than)\s*$"
)
# Words that carry nothing once the measures are out of a sentence.
_FILLER = frozenset(
    """i im am i'm he he's she she's is are my his her me and so but btw by the way ok okay well hi hello hey please
    thanks no wait sorry actually oops correction meant mean rather not also plus just yes yeah it's its that that's
    tall weigh weight height if it helps for info fyi in about around a an or to of you should know need knowing with
    size sizes usually normally um oh hmm then was wrong typo instead have got at""".split()
)  # fmt: skip
_NOUNS = {"chest": "bust", "hip": "hips", "bra size": "bust"}


def _number(text: str) -> float:
    words = {**_DIGITS, "ten": 10, "eleven": 11}
    return float(words[text]) if text in words else float(text.replace(",", "."))


@dataclass(frozen=True)
class _Found:
    start: int
    end: int
    measure: Measure
    sure: bool  # its own words say that it is a person's
    wish: bool = False  # may be a wish as well


def about_self(text: str, last_act: str = "") -> AboutSelf:
    """Read what a sentence says of who speaks, or of whom they shop for.

    Args:
        last_act: after advice on a size, "I'm a 38" tells a fact; before it is a wish too, and stays in the rest.
    """
    low = in_figures(plain(text))
    spans: list[tuple[int, int]] = []
    forgot: list[str] = []
    for m in _FORGET.finditer(low):
        what = [m["what"].removeprefix("normal ").removeprefix("body "), *([m["and"]] if m["and"] else [])]
        known = [_NOUNS.get(w, w) for w in what]
        forgot += [w if w in UNITS else USUAL if w in (USUAL, "size") else EVERYTHING for w in known]
        # "Forget my size" may also be a wish: it stays to be read as one.
        if "size" not in known:
            spans.append(m.span())
    asks = bool(_ASKS.search(low)) and not forgot
    if asks:
        spans.append((0, len(low)))
    found = [] if asks else _accepted(low, [f for f in _figures(low, plain(text)) if not _inside(f, spans)])
    whole = _blanked(low, [*spans, *((f.start, f.end) for f in found)])
    facts_only = last_act == "size_advice" or bool(SIZE_ADVICE.search(whole)) or bool(_CHOOSES.search(whole))
    between = any(f.wish and "/" in str(f.measure.value) for f in found) and bool(_CHOOSES.search(whole))
    spans += [(f.start, f.end) for f in found if facts_only or not f.wish]
    rest = _blanked(text, spans)
    if between:
        # "I'm between M and L, which of them should I take": the two are sizes, not products.
        rest = re.sub(
            r"\bwhich(?: of (?:them|these|those|the two|both)| one)?\b", "which size", rest, count=1, flags=re.I
        )
    alone = all(w in _FILLER for w in re.findall(r"[\w']+", plain(rest)))
    about_fit = last_act == "size_advice" or bool(SIZE_ADVICE.search(plain(rest)))
    sizes = tuple(dict.fromkeys(_as_size(m["size"]) for m in _ASKED.finditer(plain(rest)))) if about_fit else ()
    if between:
        sizes = tuple(s for f in found if f.wish for s in str(f.measure.value).split("/"))
    said = {(f.measure.measure, _scale(f.measure)): f.measure for f in found}
    return AboutSelf(rest, tuple(said.values()), tuple(dict.fromkeys(forgot)), asks, alone, between, sizes)


def updated(known: Sequence[dict], told: AboutSelf) -> list[dict]:
    """What is known after a sentence: the newest of each measure, one usual size a scale, less what is taken back."""
    kept = [k for k in known if not {EVERYTHING, k["measure"]} & set(told.forgot)]
    for new in told.said:
        same = (new.measure, _scale(new))
        kept = [k for k in kept if (k["measure"], _scale(Measure(k["measure"], k["value"], ""))) != same]
        kept.append(new.as_dict())
    return kept


def _scale(m: Measure) -> str:
    mark = size_mark(str(m.value)) if m.measure == USUAL else None
    return mark.scale if mark else ""


def _inside(f: _Found, spans: Sequence[tuple[int, int]]) -> bool:
    return any(a < f.end and f.start < b for a, b in spans)


def _blanked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    out = list(text)
    for a, b in spans:
        out[a:b] = " " * (b - a)
    # A comma that joined what is gone to what is left opens nothing.
    return re.sub(r"^[\s,;]*(?:(?:and|so|but)\b)?[\s,]*", lambda m: " " * len(m[0]), "".join(out))


def _figures(low: str, spoken: str) -> Iterator[_Found]:
    """All figures that may be measures, the surest reading of each place first; ``spoken`` has numbers as typed."""
    taken: list[tuple[int, int]] = []

    def free(start: int, end: int) -> bool:
        return not any(a < end and start < b for a, b in taken)

    for m in _GIRTH.finditer(low):
        # "A 32 waist" is a size of trousers; "my waist is 80" and "hips 95 cm" are a body's.
        what, n, unit = m["what"] or m["what2"], m["n"] or m["n2"], m["unit"] or m["unit2"]
        name, value = _NOUNS.get(what, what), _number(n)
        inches = (bool(unit) and not unit.startswith("c")) or (not unit and value < 60)
        value = round(value * CM_PER_INCH if inches else value, 1)
        if (m["my"] or unit) and _sensible(name, value) and free(*m.span()):
            taken.append(m.span())
            yield _Found(*m.span(), Measure(name, value, m[0].strip(), "cm"), bool(m["my"]) or bool(unit and m["what"]))
    for m in _BRA.finditer(low):
        band, cup = int(m["band"]), m["cup"]
        bust = (band + CUP_INCHES[cup]) * CM_PER_INCH if band < 60 else band + CUP_CM.get(cup, 15)
        if free(*m.span()):
            taken.append(m.span())
            yield _Found(*m.span(), Measure("bust", round(bust, 1), m[0].strip(), "cm"), True)
    for name, ways in (("height", _HEIGHTS), ("weight", _WEIGHTS)):
        for pattern, value_of in ways:
            for m in re.finditer(rf"(?P<who>{_WHO}{_ABOUT})?{_ABOUT}(?P<figure>{pattern})(?P<tall>{_TALL})", low):
                value = round(float(value_of(m)), 1)
                if not _sensible(name, value) or not free(*m.span()):
                    continue
                # "My 21st" is a day; "12 st 7" is a weight all the same.
                ordinal = (
                    name == "weight" and re.search(r"\dst\b", m["figure"]) and not (m["who"] or m.groupdict().get("lb"))
                )
                if ordinal or (not m["who"] and _PRICED.search(low[: m.start("figure")])):
                    continue
                taken.append(m.span())
                yield _Found(*m.span(), Measure(name, value, m[0].strip(), UNITS[name]), _is_persons(m, low))
    for m in _SPOKEN.finditer(spoken):
        if free(*m.span()):
            taken.append(m.span())
            value = round((INCHES_PER_FOOT * _number(m["ft"]) + _number(m["inch"])) * CM_PER_INCH, 1)
            yield _Found(*m.span(), Measure("height", value, m[0], "cm"), False)
    for pattern in _USUAL:
        for m in pattern.finditer(low):
            if free(*m.span()):
                taken.append(m.span())
                size = re.sub(r"\s+", " ", m["size"]).replace(",", ".")
                yield _Found(*m.span(), Measure(USUAL, _as_size(size), m[0].strip()), True)
    for m in _BETWEEN.finditer(low):
        if free(*m.span()):
            taken.append(m.span())
            yield _Found(
                *m.span(), Measure(USUAL, f"{_as_size(m['size'])}/{_as_size(m['other'])}", m[0].strip()), True, True
            )
    for pattern in _OWN:
        for m in pattern.finditer(low):
            if free(*m.span()):
                taken.append(m.span())
                yield _Found(*m.span(), Measure(USUAL, _as_size(m["size"]), m[0].strip()), True, True)
    for pattern in (_BIGGER, _ON_ME):
        for m in pattern.finditer(low):
            # "Do I always have to size up?" asks; who sizes up finds things small.
            if free(*m.span()) and not re.search(r"\b(?:do|should|will|would|must)\s*$", low[: m.start()]):
                taken.append(m.span())
                small = m["way"] in ("up", "bigger", "larger", "small", "tight", "narrow")
                yield _Found(*m.span(), Measure(TENDENCY, "small" if small else "large", m[0].strip()), True)


def _is_persons(m: re.Match, low: str) -> bool:
    """Whether its own words say that a figure is a person's: "I'm", "tall", "a 1m80 man", or stones, a body's unit."""
    return bool(m["who"] or m["tall"].strip() or _PERSON.match(low, m.end()) or m.groupdict().get("st"))


def _as_size(said: str) -> str:
    words = {"small": "s", "medium": "m", "large": "l", "extra small": "xs", "extra large": "xl"}
    return words.get(said.replace("-", " ").replace("x small", "extra small").replace("x large", "extra large"), said)


def _sensible(name: str, value: float) -> bool:
    low, high = SENSIBLE[f"{name}_{UNITS[name]}"]
    return max(low, 100.0 if name == "height" else low) <= value <= high


def _accepted(low: str, found: list[_Found]) -> list[_Found]:
    """Those that are a person's: by their own words, by standing beside one that is, or by standing alone."""
    found = sorted(found, key=lambda f: f.start)
    accepted = [f for f in found if f.sure]
    for f in found:
        beside = any(_joined(low, f, g) for g in accepted)
        if f not in accepted and beside:
            accepted.append(f)
    # "163 cm": two or more figures, or one with nothing around it.
    if not accepted and found:
        rest = _blanked(low, [(f.start, f.end) for f in found])
        both = {f.measure.measure for f in found} >= {"height", "weight"}
        # "135 pounds" alone may be a budget.
        if both or (
            not any("pound" in f.measure.said for f in found) and all(w in _FILLER for w in re.findall(r"[\w']+", rest))
        ):
            accepted = found
    return sorted(accepted, key=lambda f: f.start)


def _joined(low: str, a: _Found, b: _Found) -> bool:
    between = low[min(a.end, b.end) : max(a.start, b.start)]
    return bool(
        re.fullmatch(
            r"[\s,/&+-]*(?:and|at|with|i|weigh|weighing|about|around)?[\s,/&+-]*(?:about|around|weigh|a)?\s*", between
        )
    )
