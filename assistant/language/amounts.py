"""Prices and other numbers in a sentence: "under 120", "50 to 80", "around 100", "cheaper", "good reviews"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shopping_assistant.assistant.language.figures import in_figures

_MONEY = (
    r"(?:[€$£]\s*|(?:eur|usd|gbp)\s*)?(?<![\w.])(\d{1,6}(?:[.,]\d{1,2})?)(?!\d|\s*%|[.,]\d)\s*(?:€|\$|£|(?:euros?|eur"
    r"|usd|dollars?|bucks|pounds?|quid|gbp)\b)?"
)
_CURRENCY = re.compile(r"[€$£]|\b(?:euros?|eur|usd|dollars?|bucks|pounds?|quid|gbp)\b")
# "I don't want to spend more than", "it shouldn't cost over", "can't go above": a limit, not a least price.
_NO_MORE = (
    r"(?:not|no|never|cannot|cant|dont|wont|\w+n't)(?: (?:want|wanna|like|plan|able|going|willing|wish|to|be|spend|pay"
    r"|go|costs?|me|anything|it|them))* (?:(?:any )?more than|over|above|higher than)"
)
_AT_MOST = (
    rf"(?:{_NO_MORE}|under|below|beneath|less than|lower than|cheaper than|(?:not|no) (?:more|higher|dearer) than"
    r"|at most|up to|maximum(?: of)?|max\.?|no more|(?:stretch|go as (?:high|far) as|go up|run) to"
    r"|within|not over|not above|nothing (?:over|above)|<=?|budget (?:is|of|around|about)|budget[:=]?|limit (?:is|of)"
    r"|spend)"
)
_AT_LEAST = (
    r"(?:over|above|more than|at least|minimum(?: of)?|min\.?|starting (?:at|from)|upwards of|not (?:under|below)"
    r"|(?:not|no) less than|>=?)"
)
_AROUND = (
    r"(?:around|(?<!what )(?<!how )about|roughly|approximately|approx\.?|circa|closer? to|near(?:er)?(?: to)?"
    r"|in the region of|~)"
)
_BELOW, _ABOVE = r"(?:under|below|less than|cheaper than)", r"(?:over|above|beyond|more than|dearer than)"
# A negation with a kind between it and the bound: "no boots over 100", "don't show me bags under 80".
_NEGATOR = (
    r"(?<!\w)(?P<negator>no|not|nothing|never|without|\w+n't|dont|wont|cannot|cant)(?P<between>(?: [\w'-]+){0,4}?) "
)
_RANGE = re.compile(rf"(?:(?:between|from)\s+)?{_MONEY}\s*(?:-|to|and|until|till)\s*{_MONEY}")
_REFUSED = (
    (">=", re.compile(rf"{_NEGATOR}(?P<bound>{_BELOW}\s*(?P<money>{_MONEY}))")),
    ("<=", re.compile(rf"{_NEGATOR}(?P<bound>{_ABOVE}\s*(?P<money>{_MONEY}))")),
)
_PATTERNS = (
    ("<=", re.compile(rf"\b{_AT_MOST}\s*(?:about |around |the )?{_MONEY}".replace(r"\b(?:", r"(?<!\w)(?:", 1))),
    (">=", re.compile(rf"{_AT_LEAST}\s*{_MONEY}")),
    ("~", re.compile(rf"{_AROUND}\s*{_MONEY}")),
    ("<=", re.compile(
        rf"{_MONEY}\s*(?:or (?:less|under|below|cheaper)|max(?:imum)?\b|tops\b|at (?:the )?(?:very )?most)"
    )),
    (">=", re.compile(rf"{_MONEY}\s*(?:or (?:more|above|over)|and (?:up|above|over)|\+|minimum\b|at least)")),
    ("<=", re.compile(rf"for\s+{_MONEY}")),
)
_BARE = re.compile(
    r"(?:(?:ok(?:ay)?|well|hm+|no|actually|sorry|and|or|make|it|that|say|rather|let's|change|to|more|like|what|about|how"
    r"|if|i|could|can|do|go|up|even|fine|then)[\s,.]+)*(?P<figure>\d{2,5}(?:\.\d{1,2})?)"
    r"(?:[\s,]+(?:then|instead|rather|please|actually|if need be|at a push|(?:would|might|will"
    r"|'d) be"
    r" (?:much |even |a bit )?(?:better|best|ok(?:ay)?|fine"
    r"|good|great|ideal|nicer|perfect|more like it)|is (?:better|best|fine|enough|plenty)"
    r"|is more like it|sounds (?:better|good|right)|would do|will do))*\s*"
)
# Half a price more or less is still "around" it for nobody; a fifth is.
AROUND_SHARE = 0.2
_CHEAP = (
    r"cheap(?:est)?|affordable|inexpensive|costs? (?:very |so |only a |a )?little|cheap(?:ish|o)"
    r"|on a shoestring|wallet[- ]friendly|low[- ]cost|low[- ]price[sd]?|lower end|(?:on a|tight|small|low) budget"
    r"|budget[- ]friendly|budget|bargains?|good value|economical|reasonabl[ey](?: priced)?|reasonable prices?|afford"
    r"|not (?:too |so |very |that )*(?:expensive|pricey|dear)|kind to my wallet"
)
_DEAR = (
    r"expensive|pric(?:e?)y|premium|ritzy|posh|swanky|lavish|exclusive|luxur(?:y|ious)|high[- ](?:end|priced)"
    r"|high prices|designer|upscale|top of the range|splurge"
)
_CHEAPER = (
    r"cheaper|less (?:expensive|dear|costly|steep)|less pricey|lower(?: in)? priced?|lower prices?"
    r"|more affordable|less money|(?:bit |far "
    r"|way |much )?too (?:expensive|pricey|dear|much money)|costs? less|not (?:as|so) (?:expensive|pricey)"
)
_DEARER = r"(?:more expensive|pricier|higher priced|higher prices?|more upmarket|dearer|more luxurious)"
RELATIVE = (
    ("cheaper", re.compile(rf"\b(?:{_CHEAPER})\b")),
    ("dearer", re.compile(rf"\b{_DEARER}\b")),
    ("cheap", re.compile(rf"\b(?:{_CHEAP})\b")),
    ("dear", re.compile(rf"\b(?:{_DEAR})\b")),
)
_RATED = re.compile(
    r"\b(?:(?:nicely|favorably|favourably|positively"
    r"|favorable|favourable|promising|glowing|outstanding|amazing|awesome|strong|perfect|satisfied|happy"
    r"|good|great|high|higher|highest|nice|really nice|excellent|best|top|decent|healthy|positive|better|solid"
    r"|fantastic|stellar)[- ]"
    r"(?:customer |user )?(?:ratings?|reviews?(?: scores?)?|review scores?|rated|scores?|customer ratings?|reviewed)"
    r"|(?:well|highly|top|best|most|much)[- ](?:rated|rating|reviewed|loved|recommended|praised)"
    r"|(?:that|which) (?:customers|people|others|everyone|shoppers) (?:really |absolutely |all )?(?:loved?|liked?))\b"
)
_STARS = re.compile(
    r"(?:(?:at least|over|above|more than|minimum(?: of)?|rat(?:ed|ing)(?: of| is)?(?: at least| over"
    r"| above)?)\s+)(\d(?:[.,]\d)?)\b(?:\s*(?:stars?|and (?:up|above)|or (?:more|higher|better)))?"
    r"|(\d(?:[.,]\d)?)\s*(?:stars?|\+ stars?)"
)


@dataclass(frozen=True)
class Amount:
    """``op`` is <=, >= or one of the words cheap, dear, cheaper, dearer; ``start`` to ``end`` is where it stands.

    ``negator`` is where the "no" of "no boots over 100" stands, which refuses the price and not the boots; -1 for none.
    """

    op: str
    value: float | None
    said: str
    start: int
    end: int
    negator: int = -1


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def price_amounts(text: str) -> list[Amount]:
    """What a sentence (lower case) says about the price; ``between`` gives two amounts.

    A pair of bare numbers is a price range only when currency, "between" or a two-digit span says so: "36 to 38" are
    sizes as well as prices, and sizes come first.
    """
    typed, text = text, in_figures(text)
    taken: list[tuple[int, int]] = []
    found: list[Amount] = _refused(typed, text, taken)
    for m in _RANGE.finditer(text):
        low, high = _number(m[1]), _number(m[2])
        spelled = m[0].startswith(("between", "from")) or _CURRENCY.search(m[0])
        after_size = re.search(r"\bsizes?\s*$", text[: m.start()])
        if any(m.start() < end and start < m.end() for start, end in taken):
            continue
        if low < high and not after_size and (spelled or high - low >= 10):
            said = typed[m.start() : m.end()].strip()
            found += [Amount(">=", low, said, m.start(), m.end()), Amount("<=", high, said, m.start(), m.end())]
            taken.append(m.span())
    for op, pattern in _PATTERNS:
        for m in pattern.finditer(text):
            if any(m.start() < end and start < m.end() for start, end in taken):
                continue
            value = _number(m[1])
            if (m[0].startswith("for") and not _CURRENCY.search(m[0])) or re.match(
                r"\s*(?:stars?|items|pieces|people|days)\b", text[m.end() :]
            ):
                continue
            taken.append(m.span())
            said = typed[m.start() : m.end()].strip()
            if op == "~":
                found.append(Amount(">=", round(value * (1 - AROUND_SHARE), 2), said, m.start(), m.end()))
                found.append(Amount("<=", round(value * (1 + AROUND_SHARE), 2), said, m.start(), m.end()))
            else:
                found.append(Amount(op, value, said, m.start(), m.end()))
    if not found:
        # "120 euros" alone is a budget.
        m = next((m for m in re.finditer(_MONEY, text) if _CURRENCY.search(m[0])), None)
        if m:
            found.append(Amount("<=", _number(m[1]), typed[m.start() : m.end()].strip(), m.start(), m.end()))
    for word, pattern in () if found else RELATIVE:  # a figure says more than "cheap"
        m = pattern.search(text)
        if m and not any(m.start() < a.end and a.start < m.end() for a in found):
            found.append(Amount(word, None, m[0], m.start(), m.end()))
            break
    return found


def _refused(typed: str, text: str, taken: list[tuple[int, int]]) -> list[Amount]:
    """Bounds turned round by a negation before them: not under 50 is at least 50."""
    found = []
    for op, pattern in _REFUSED:
        for m in pattern.finditer(text):
            if re.search(r"\b(?:but|and|just|only)\b", m["between"]):
                continue
            start, end = m.span("bound")
            money = re.search(_MONEY, m["money"])
            taken.append((m.start("negator"), end))
            direct = not m["between"].strip()
            said = typed[m.start("negator") : end].strip()
            found.append(Amount(op, _number(money[1]), said, m.start("negator") if direct else start, end,
                                m.start("negator")))  # fmt: skip
    return found


def bare_amount(text: str) -> float | None:
    """The figure of "make that 120", "rather 60 then": a price only where one is being talked of."""
    m = _BARE.fullmatch(in_figures(text).strip(" .!?"))
    return _number(m["figure"]) if m else None


def rating_amount(text: str) -> Amount | None:
    """ "Good reviews" or "4 stars": the number is None where the shopper gave none."""
    m = _STARS.search(text)
    if m:
        value = _number(m[1] or m[2])
        if value <= 5:
            return Amount(">=", value, m[0].strip(), m.start(), m.end())
    m = _RATED.search(text)
    return Amount(">=", None, m[0], m.start(), m.end()) if m else None
