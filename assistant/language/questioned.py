"""Qualities that shoppers ask about in words of their own: "how warm is it", "which is lighter", "can I wash it".

Some are attributes of the catalogue under another name ("how long", "roomier"); of the others a catalogue may say
something in a description, or nothing, and then that is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shopping_assistant.tools.catalog import Product


@dataclass(frozen=True)
class Quality:
    """What is asked about. ``phrase``: as the answer puts it, "how warm it is"; ``phrases`` of several products.

    Attributes:
        attributes: attributes of this catalogue that say it; empty where none does.
        words: those that a text answering it would have.
        beside: attributes of this catalogue that do not say it but help who wants to judge.
        more: whether the most of it is asked for, as far as the catalogue can order it: "roomier", "shorter".
    """

    name: str
    word: str
    phrase: str
    phrases: str
    attributes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def as_dict(self) -> dict:
        return {
            "name": self.name, "word": self.word, "phrase": self.phrase, "phrases": self.phrases,
            "attributes": list(self.attributes), "words": list(self.words), "beside": list(self.beside),
        }  # fmt: skip


@dataclass(frozen=True)
class _Kind:
    """One kind of quality: the words that ask for it, alone or after "how", and where its answer can stand."""

    name: str
    asks: str
    phrase: str
    attributes: str = ""
    words: str = ""
    beside: str = ""
    how: str = ""


# ``asks``: words and phrases that name the quality in any question; ``how``: adjectives that ask for it after "how"
# ("how long", but "long sleeves" is a wish). {it} is "it" or "they", {is} follows it.
_KINDS = (
    _Kind("warmth", "warm, warmer, warmest, warmth, cosier, cozier, insulated, insulation, keep me warm, cooler",
          "how warm {it} {is}", "warmth, insulation", "warm, insulated, insulating, padded", "material, season"),
    _Kind("weight", "weigh, weighs, weight, heavy, heavier, heaviest, lighter, lightest, lightweight",
          "how much {it} {weighs}", "weight", "weighs, grams, kilo, lightweight", "material", how="light, heavy"),
    _Kind("care", "wash, washed, washing, washable, laundry, launder, tumble dry, tumble dryer, dry clean, "
          "dry cleaned, "
          "iron, ironed, ironing, care instructions, care for, clean, cleaned, shrink",
          "how to wash or care for {them}", "care, care instructions, washing, care label", "wash, "
          "washable, dry clean, "
          "iron, hand wash", "material"),
    _Kind("water", "waterproof, water proof, water resistant, water repellent, rainproof, weatherproof, drier, driest, "
          "stay dry, keep me dry, in the rain, get wet",
          "whether {it} {is} waterproof", "waterproof, water resistance", "waterproof, water-repellent, "
          "water-resistant, rainproof, weatherproof", "material"),
    _Kind("origin", "where is, where was, where are, where were, which country, country of origin, made in, produced, "
          "manufactured, imported", "where {it} {is} made", "origin, country, country of origin, made in",
          "made in, woven in, produced in", "brand"),
    _Kind("comfort", "comfortable, comfy, comfier, softer, softest, itchy, scratchy, itch, scratch, "
          "breathable, breathe, "
          "stretchy, stretchier, stretch", "how {it} {feels} to wear", "comfort, stretch", "soft, "
          "comfortable, stretch, "
          "breathable", "material, fit"),
    _Kind("durability", "durable, sturdy, sturdier, hold up, last longer, wear out, fall apart, well made, "
          "hard wearing",
          "how long {it} {lasts}", "durability", "durable, sturdy, hard-wearing", "material"),
    _Kind("sustainability", "sustainable, vegan, ethical, ethically, eco friendly, fair trade, "
          "environmentally friendly, "
          "cruelty free, recycled", "how sustainable {it} {is}", "sustainability, certification",
          "sustainable, vegan, recycled, organic", "material"),
    _Kind("rating", "rated, rating, ratings, reviews, reviewed, stars, other customers, customers say, people think, "
          "best seller, bestseller", "what others think of {them}",
          "rating, ratings, review, reviews, customer review, stars, score", "", ""),
    _Kind("pockets", "pocket, pockets", "whether {it} {has} pockets", "pockets", "pocket, pockets", ""),
    _Kind("lining", "lined, unlined, lining", "whether {it} {is} lined", "lining", "lined, unlined, lining", ""),
    _Kind("thickness", "thicker, thinner, thickness, see through, sheer, opaque", "how thick {it} {is}", "thickness",
          "thick, thin, sheer, opaque", "material", how="thick, thin"),
    _Kind("warranty", "warranty, guarantee, guaranteed", "whether there is a warranty", "warranty, guarantee",
          "warranty, guarantee", ""),
    _Kind("laptop", "laptop, fit a laptop, notebook, tablet", "whether a laptop fits", "laptop",
          "laptop, notebook, tablet", "capacity, size of bag"),
    _Kind("cabin", "cabin, hand luggage, carry on size, overhead, dimensions, measurements, measure",
          "what {it} {measures}", "dimensions, measurements", "cm, inches, cabin", "capacity, size of bag"),
    _Kind("length", "longer, longest, shorter, shortest", "how long {it} {is}", "length, sleeve length, dress length",
          "", "", how="long, short"),
    _Kind("height", "higher, highest, taller, tallest", "how high {it} {is}", "heel height, height", "", "",
          how="high, tall"),
    _Kind("width", "wider, widest, narrower, narrowest", "how wide {it} {is}", "width", "", "", how="wide, "
          "narrow, broad"),
    _Kind("room", "bigger, biggest, larger, largest, roomier, roomiest, spacious, holds more, hold more, more room, "
          "more space, hold, holds", "how big {it} {is}", "capacity, size of bag, volume", "", "",
          how="big, large, spacious, roomy, many litres, many liters"),
    _Kind("tightness", "tighter, looser, slimmer, baggier", "how close {it} {fits}", "fit", "", "",
          how="tight, loose, slim, baggy"),
)  # fmt: skip
_VERBS = {
    "is": "are",
    "weighs": "weigh",
    "feels": "feel",
    "lasts": "last",
    "has": "have",
    "fits": "fit",
    "measures": "measure",
}


# A part of what is talked of, whatever kinds bear the word too: "how high is the heel?".
_PART = re.compile(r"\b(?:the|its|their) (?:heels?|soles?|sleeves?|collars?|straps?|hem|brim|shaft|toes?)\b")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(p.strip() for p in text.split(",") if p.strip())


def _filled(phrase: str, many: bool) -> str:
    out = phrase.replace("{it}", "they" if many else "it").replace("{them}", "them" if many else "it")
    return re.sub(r"\{(\w+)\}", lambda m: _VERBS[m[1]] if many else m[1], out)


def _any(phrases: Sequence[str]) -> str:
    return "|".join(re.escape(p).replace(r"\ ", r"[\s-]+") for p in sorted(phrases, key=len, reverse=True))


_ASKS = [(k, re.compile(rf"\b(?:{_any(_listed(k.asks))})\b")) for k in _KINDS]
_HOWS = [(k, re.compile(rf"\bhow\s+(?:{_any(_listed(k.how))})\b")) for k in _KINDS if k.how]


def with_quality(understood: dict, text: str, products: Sequence[Product], focus: Sequence[str] = ()) -> dict:
    """What was understood of a question, with the quality it is about, and the attributes that say it.

    Args:
        products: those the question can be about; "how long" is asked of a coat's length, not of sleeves.
        focus: what was talked of last; "how high is the heel" is asked of it.
    """
    if understood["act"] not in ("ask", "compare"):
        return understood
    cells = [cell for p in products for cell in {**p.as_dict(), **p.attributes}.items()]
    stated = [a for a, value in cells if value not in (None, "", [])]
    quality = quality_asked(text, list(dict.fromkeys(stated)))
    if quality is None or set(quality.attributes) & set(understood["asked"]):
        return understood
    asked = understood["asked"] or list(quality.attributes)
    meant = understood["targets"] or ([] if understood["vague"] else list(focus[:1]))
    if focus and len(meant) > 1 and _PART.search(text.lower()):
        meant = list(focus[:1])
    return {**understood, "asked": asked, "targets": meant, "quality": quality.as_dict()}


def quality_asked(text: str, attributes: Sequence[str]) -> Quality | None:
    """The quality a question is about; None when it names none.

    Args:
        attributes: names of the catalogue's attributes.
    """
    low = text.lower()
    found = [(m.start(), k, m[0]) for k, pattern in _HOWS if (m := pattern.search(low))]
    if not found:
        found = [(m.start(), k, m[0]) for k, pattern in _ASKS if (m := pattern.search(low))]
    if not found:
        return None
    _, kind, word = min(found, key=lambda f: f[0])
    names = {a.lower().replace("_", " "): a for a in attributes}
    return Quality(
        kind.name, word, _filled(kind.phrase, False), _filled(kind.phrase, True),
        tuple(names[n] for n in _listed(kind.attributes) if n in names), _listed(kind.words),
        tuple(names[n] for n in _listed(kind.beside) if n in names),
    )  # fmt: skip
