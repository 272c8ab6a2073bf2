"""What demo shoppers type: one intent in many words, orders and spellings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopping_assistant.tools.demo_catalog import pick, weighted
from shopping_assistant.tools.demo_words import HUES, OCCASIONS, Kind

# How often a shopper who wants it also says it.
SAID = {
    "color": 0.32, "occasion": 0.13, "material": 0.11, "cap": 0.1, "department": 0.06, "feature": 0.09, "brand": 0.09,
    "season": 0.03,
}  # fmt: skip
_FOR = {
    "casual": ("casual {t}", "everyday {t}", "{t} for every day"),
    "work": ("{t} for work", "work {t}", "office {t}", "{t} for the office"),
    "party": ("party {t}", "{t} for a party", "{t} for a night out", "evening {t}"),
    "wedding": ("{t} for a wedding", "wedding {t}", "wedding guest {t}"),
    "sport": ("sport {t}", "{t} for the gym", "{t} for training"),
    "travel": ("travel {t}", "{t} for travelling", "{t} for a trip"),
    "outdoor": ("outdoor {t}", "{t} for hiking", "{t} for outdoors"),
}
_VAGUE = {
    "casual": ("something casual for the weekend", "everyday outfit", "casual weekend look", "something comfy to wear"),
    "work": ("something for the office", "work outfit", "smart clothes for work", "what to wear to an interview"),
    "party": ("something for a party", "party outfit", "night out look", "something sparkly", "date night outfit"),
    "wedding": ("something for a wedding", "wedding guest outfit", "what to wear to a wedding", "summer wedding look"),
    "sport": ("gym outfit", "something for running", "sportswear", "training gear"),
    "travel": ("something for a city trip", "holiday outfit", "travel essentials", "packing for a weekend away"),
    "outdoor": ("something for hiking", "outdoor gear", "clothes for a camping trip", "something for the mountains"),
}
_GIFT = {
    "women": ("gift for her", "present for my girlfriend"),
    "men": ("gift for him", "present for my boyfriend"),
    "kids": ("gift for a child",),
}
_DEPARTMENT = {
    "women": ("women's {t}", "womens {t}", "{t} women", "ladies {t}", "{t} for women"),
    "men": ("men's {t}", "mens {t}", "{t} men", "{t} for men"),
    "kids": ("kids {t}", "{t} for kids", "children's {t}", "{t} for my son", "{t} for my daughter", "girls {t}"),
}
_CAPS = (20, 30, 50, 80, 100, 120, 150, 200, 300, 400)
_UNDER = ("{t} under {n}", "{t} below {n}", "{t} under {n} euro", "{t} max {n}")
_CHEAP = ("cheap {t}", "affordable {t}", "{t} on a budget", "inexpensive {t}", "budget {t}")
_ASKING = ("looking for {t}", "i need {t}", "show me {t}", "nice {t}", "new {t}", "good {t}")


@dataclass(frozen=True)
class Wish:
    """What a shopper is after. ``said`` names the parts that reach the words, the only ones the shop can match."""

    kind: int | None  # None: the shopper leaves the category open
    section: str
    occasion: int
    color: int | None = None
    material: int | None = None
    brand: int | None = None
    feature: str | None = None
    season: str | None = None
    cap: float | None = None
    said: frozenset[str] = frozenset()


def round_cap(amount: float) -> float:
    """The round figure a shopper names for a budget."""
    return float(next((c for c in _CAPS if c >= amount), _CAPS[-1]))


def misspelt(rng: np.random.Generator, query: str) -> str:
    """One longer word with a letter dropped or two swapped, at its middle, as the same slips come again and again."""
    words = query.split()
    long = [i for i, w in enumerate(words) if len(w) >= 5 and w.isalpha()]
    if not long:
        return query
    i = pick(rng, long)
    word, middle = words[i], len(words[i]) // 2
    if rng.random() < 0.5:
        words[i] = word[:middle] + word[middle + 1 :]
    else:
        words[i] = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return " ".join(words)


def _prefixed(rng, kind: Kind, wish: Wish, materials: list[str]) -> str:
    """Term with colour and material before it or after it."""
    # Whoever adds conditions mostly uses the common word; the odd words stand alone.
    plain = 0.95 if wish.said else 0.7
    words = kind.words
    term = words[0] if rng.random() < plain else weighted(rng, words[1:], [1.0, 0.5, 0.25, 0.15][: len(words) - 1])
    front, back = [], []
    if "color" in wish.said:
        spelled = HUES[wish.color].words
        color = spelled[0] if rng.random() < 0.93 else pick(rng, spelled)
        if rng.random() < 0.96:
            front.append(color)
        else:
            back.append(f"in {color}" if rng.random() < 0.5 else color)
    if "feature" in wish.said:
        front.append(wish.feature)
    if "material" in wish.said:
        material = materials[wish.material]
        if material not in term:
            (front if rng.random() < 0.95 else back).append(material)
    return " ".join([*front, term, *back])


def _mostly_first(rng: np.random.Generator, forms: tuple[str, ...]) -> str:
    return weighted(rng, forms, (6, 2, 1, 1, 1, 1)[: len(forms)])


def _cheaply(rng: np.random.Generator) -> str:
    if rng.random() < 0.4:
        return weighted(rng, _CHEAP, (10, 3, 1, 1, 1))
    return weighted(rng, _UNDER, (20, 2, 1, 1))


def phrase(rng: np.random.Generator, wish: Wish, kind: Kind | None, brand: str | None, materials: list[str]) -> str:
    """The query, lower case. Everything in ``wish.said`` is in it; nothing else is."""
    occasion = OCCASIONS[wish.occasion]
    if kind is None:
        gift = rng.random() < 0.12
        return pick(rng, _GIFT[wish.section] if gift else _VAGUE[occasion])
    text = _prefixed(rng, kind, wish, materials)
    if "brand" in wish.said:
        text = weighted(rng, ("{b} {t}", "{t} {b}", "{t} by {b}"), (16, 1, 1)).format(t=text, b=brand.lower())
    if "season" in wish.said:
        text = f"{wish.season} {text}" if rng.random() < 0.7 else f"{text} for {wish.season}"
    if "occasion" in wish.said:
        text = _mostly_first(rng, _FOR[occasion]).format(t=text)
    if "department" in wish.said:
        text = _mostly_first(rng, _DEPARTMENT[wish.section]).format(t=text)
    if "cap" in wish.said:
        text = _cheaply(rng).format(t=text, n=int(wish.cap))
    return pick(rng, _ASKING).format(t=text) if rng.random() < 0.01 else text
