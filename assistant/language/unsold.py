"""Kinds of goods that a shopper asks a fashion shop for and this one does not have: slippers, where there are none."""

from __future__ import annotations

import re
from collections.abc import Callable

# Nouns of goods in the plural and singular; only those that the shop's catalogue speaks of nowhere count.
_GOODS = frozenset(
    """sock socks slipper slippers pyjamas pajamas pyjama nightgown nightie nightdress dressing-gown bathrobe robe bra
    bras bralette bralettes underwear knickers panties panty briefs boxers thong lingerie bikini bikinis swimsuit
    swimsuits swimwear trunks tights stockings pantyhose vest vests waistcoat poncho ponchos umbrella umbrellas perfume
    perfumes cologne makeup lipstick bowtie cufflinks brooch tiara veil jumpsuit jumpsuits romper playsuit dungarees
    overalls kimono sari saree kilt kilts clogs wellies wellingtons flip-flops flipflops crocs trainers mittens
    earmuffs beret berets fedora fedoras cap caps helmet gilet tracksuit tracksuits joggers bodysuit corset tuxedo
    tuxedos phone phones laptop laptops toy toys book books furniture sofa candle candles towel towels bedding
    pillow duvet headphones camera bike bicycle skis skates bodywarmer leotard onesie onesies bib bibs""".split()
)
_ASKS = re.compile(
    r"\b(?:need|want|looking|look|search|searching|have|got|any|some|there be|is there|are there|show|find|buy|sell"
    r"|carry|stock|also|what about|how about|like|after|get|and|a pair|pairs?)\b"
)
_TAKES_BACK = re.compile(
    r"\b(?:never ?mind|forget|no|not|without|don'?t|hate|nothing|with|like (?:a|my)"
    r"|to wear (?:with|under)|my|your|if)\b"
)
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
# Who only names a kind says little else.
_ALONE = 3


def unsold(text: str, known_word: Callable[[str], bool]) -> str:
    """The goods asked for that this shop has not, as typed; "" where it may have them or none are asked for.

    Args:
        text: in lower case.
        known_word: whether this shop's catalogue speaks of a word.
    """
    words = _WORD.findall(text)
    named = next((w for w in words if w in _GOODS), "")
    if not named or _TAKES_BACK.search(text) or not (_ASKS.search(text) or len(words) <= _ALONE):
        return ""
    return "" if known_word(named) or known_word(named.removesuffix("s")) else named


__all__ = ["unsold"]
