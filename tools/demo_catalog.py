"""The demo shop's assortment: brands have lines, lines hold styles, a style comes in 2 to 5 colours, each a product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from shopping_assistant.tools.catalog import Product
from shopping_assistant.tools.demo_words import (
    BRANDS,
    HUES,
    KINDS,
    LINES,
    LOOKS,
    MATERIAL_PRICE,
    METALS,
    OCCASIONS,
    PATTERNED,
    PLAIN,
    RANGE_LOOKS,
    RANGES,
    SEASONS,
    TIER_PRICE,
    Brand,
    Hue,
    Kind,
    Look,
)

OPENING = date(2025, 1, 6)
DAYS = 364
NEVER = 10_000
DEPARTMENT = {"w": "women", "m": "men", "k": "kids", "u": "unisex"}
ALPHA, SHOE = ("XS", "S", "M", "L", "XL", "XXL"), {"w": (36, 42), "m": (40, 47), "k": (28, 36), "u": (36, 47)}
KIDS_SIZES = ("104", "116", "128", "140", "152")
_STAPLES = ("KS", "WF", "NV", "LU", "TM")  # with these pairs even the smallest shop serves everyone
_GROUPS = list(dict.fromkeys(kind.group for kind in KINDS))


@dataclass(frozen=True)
class Line:
    """A brand's line: one department, one look, a few colours and materials it keeps to."""

    brand: int
    name: str
    department: str
    look: Look


@dataclass(frozen=True)
class Style:
    """One design. Its colours are separate products."""

    line: int
    kind: int
    department: str
    name: str
    descriptor: str
    material: str
    pattern: str
    features: dict[str, str]
    occasions: tuple[str, ...]
    season: str
    price: float
    appeal: float
    launched: int


@dataclass(frozen=True)
class Assortment:
    """The products and what the simulation knows about them; every array has one entry a product, ``(n,)``."""

    products: list[Product]
    brands: list[Brand]
    lines: list[Line]
    kinds: list[Kind]
    styles: list[Style]
    kind: np.ndarray
    brand: np.ndarray
    line: np.ndarray
    style: np.ndarray
    color: np.ndarray
    material: np.ndarray
    look: np.ndarray
    log_price: np.ndarray
    relative_price: np.ndarray  # log of the price over what its category usually costs
    occasions: np.ndarray  # (n, 7) bool
    season_fit: np.ndarray  # (n, 12) 0 … 1 by month
    launched: np.ndarray  # day of the year's log on which it came in, negative: it was there at the opening
    gone: np.ndarray  # day from which it can no longer be bought
    appeal: np.ndarray
    materials: list[str]
    line_partners: np.ndarray  # (lines, 2)
    goes_with: list[tuple[int, ...]]  # style → styles bought together with it


def month_fit(season: str) -> np.ndarray:
    """How well a season list suits each month, ``(12,)``: 1 in season, 0.5 a month before or after, else 0.15."""
    inside = np.zeros(12, dtype=bool)
    for i, name in enumerate(SEASONS):
        if name in season:
            inside[[(3 * i + 11) % 12, 3 * i % 12, (3 * i + 1) % 12]] = True
    return np.where(inside, 1.0, np.where(np.roll(inside, 1) | np.roll(inside, -1), 0.5, 0.15))


def weighted(rng: np.random.Generator, options: Sequence, weights: Sequence[float]):
    """One of the options, by weight. ``Generator.choice`` is 20 times slower for a single draw."""
    cumulative = np.cumsum(weights)
    return options[int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))]


def pick(rng: np.random.Generator, options: Sequence):
    return options[int(rng.random() * len(options))]


def _kinds_for(products: int) -> list[Kind]:
    """All categories in a full shop; in a small one the best of every group first, so that none is missing."""
    number = min(len(KINDS), max(10, products // 15))
    by_weight = sorted(KINDS, key=lambda k: -k.weight)
    best = [next(k for k in by_weight if k.group == g) for g in _GROUPS]
    chosen = {k.name for k in (best + [k for k in by_weight if k not in best])[:number]}
    return [k for k in KINDS if k.name in chosen]


def _lines(rng: np.random.Generator, products: int) -> tuple[list[Brand], list[Line]]:
    count = max(16, round(products / 16.5))
    pairs = sorted((BRANDS[i : i + 2] for i in range(0, len(BRANDS), 2)), key=lambda pair: pair[0].code not in _STAPLES)
    brands = [brand for pair in pairs[: max(len(_STAPLES), count // 4)] for brand in pair]
    names = [LINES[i] for i in rng.permutation(len(LINES))]
    lines = []
    for i in range(max(count, 2 * len(brands))):
        brand = brands[i % len(brands)]
        department = brand.departments[(i // len(brands)) % len(brand.departments)]
        looks = [look for look in LOOKS if look.name in RANGE_LOOKS.get(brand.range, (look.name,))]
        lines.append(Line(i % len(brands), names[i % len(names)], department, pick(rng, looks)))
    return brands, lines


def _carries(brand: Brand, line: Line, kind: Kind, department: str) -> bool:
    fits = line.department == department if department != "u" else line.department in "wmu"
    if not fits or kind.group not in RANGES[brand.range]:
        return False
    if kind.family == "luggage":
        return brand.range == "travel"
    if kind.occasions[0] in ("sport", "outdoor"):  # performance goods are no business of a fashion house
        return brand.range in ("active", "kids") or brand.tier == 0
    return True


def feature_words(attribute: str, option: str) -> str:
    """The feature as it stands in a title or a query: "mid" heel height is "mid heel"."""
    if attribute == "heel height":
        return f"{option} heel"
    if attribute == "sleeve length" and option != "sleeveless":
        return f"{option} sleeve"
    return f"{option} fit" if attribute == "fit" and option in ("regular", "slim", "relaxed", "tailored") else option


def _price(rng: np.random.Generator, amount: float, tier: int) -> float:
    """A price as shops write it: 24.95, 79.90, 129, whole fives in the luxury tier."""
    if tier == 3:
        return float(max(5 * round(amount / 5), 20))
    if amount < 30:
        return round(amount) - 0.01 + pick(rng, (0.0, -0.04))
    return float(round(amount / 5) * 5) - pick(rng, (0.05, 0.10, 0.01, 0.0))


def _style(rng: np.random.Generator, brand: Brand, line: Line, at: int, kind: Kind, kind_at: int, dep: str) -> Style:
    look = line.look
    material = weighted(rng, kind.materials, [1.0, 0.8, 0.6, 0.5][: len(kind.materials)])
    features = {attribute: pick(rng, options) for attribute, options in kind.features.items()}
    if "shell" in features:
        features["shell"] = "soft-shell" if material == "recycled nylon" else "hard-shell"
    printed = kind.family in PATTERNED and material not in PLAIN and rng.random() < 0.55
    pattern = pick(rng, look.patterns) if printed else "solid"
    first = next(iter(features))
    descriptor = pattern if pattern != "solid" else feature_words(first, features[first]) if rng.random() < 0.75 else ""
    kids = "Kids' " if dep == "k" else ""
    name = " ".join(f"{brand.name} {line.name} {descriptor.title()} {kids}{kind.name.title()}".split())
    liked = [1.6 if o in look.occasions else 1.0 for o in kind.occasions]
    occasions = {weighted(rng, kind.occasions, liked) for _ in range(1 + int(rng.random() * 2.3))} | {kind.occasions[0]}
    season = pick(rng, kind.seasons)
    amount = kind.price * TIER_PRICE[brand.tier] * MATERIAL_PRICE.get(material, 1.0) * np.exp(rng.normal(0, 0.1))
    amount *= 0.6 if dep == "k" else 1.0
    launched = -int(rng.integers(1, 700))
    if rng.random() > 0.65:
        weeks = np.arange(1, DAYS // 7)
        fit = month_fit(season)[[(OPENING + timedelta(days=int(7 * w) + 14)).month - 1 for w in weeks]]
        launched = int(7 * weighted(rng, weeks, 0.3 + fit) + rng.integers(0, 6))
    return Style(
        at, kind_at, dep, name, descriptor, material, pattern, features, tuple(o for o in OCCASIONS if o in occasions),
        season, _price(rng, float(amount), brand.tier), float(rng.normal(0, 0.45)), launched,
    )  # fmt: skip


def _styles(rng: np.random.Generator, products: int, brands: list[Brand], lines: list[Line], kinds: list[Kind]):
    """Styles and how many colours each has, the colours adding up to ``products``."""
    share = np.array([k.weight for k in kinds])
    share = share / share.sum()
    made, in_line, used = np.zeros(len(kinds)), np.zeros(len(lines)), set()
    letters = {"w": 0.55, "m": 0.4, "k": 0.12, "u": 0.6}
    styles: list[Style] = []
    colors: list[int] = []
    while (left := products - sum(colors)) > 0:
        kind_at = int(np.argmax(share * (products - left + 40) - made + rng.random(len(kinds)) * 4))
        kind = kinds[kind_at]
        dep = weighted(rng, kind.departments, [letters[d] for d in kind.departments])
        able = [i for i, line in enumerate(lines) if _carries(brands[line.brand], line, kind, dep)]
        if not able:
            made[kind_at] += 0.5  # a small shop may have no brand for it: leave its place to other categories
            continue
        at = weighted(rng, able, np.exp(-0.35 * in_line[able]))
        style = _style(rng, brands[lines[at].brand], lines[at], at, kind, kind_at, dep)
        if style.name in used:
            made[kind_at] += 0.05
            continue
        number = left if left <= 3 else min(weighted(rng, (2, 3, 4, 5), (0.22, 0.35, 0.28, 0.15)), left)
        number -= left - number == 1  # never leave a style of one colour
        used.add(style.name)
        styles.append(style)
        colors.append(int(number))
        made[kind_at] += number
        in_line[at] += 1
    return styles, colors


def _hues_for(rng: np.random.Generator, style: Style, kind: Kind, look: Look, number: int) -> list[int]:
    metal = kind.group == "jewelry" or kind.name == "watch"
    able = [i for i, h in enumerate(HUES) if (h.name in METALS) == metal]
    if metal and number > len(able):  # three metals, then enamel
        able += [i for i, h in enumerate(HUES) if h.name in ("black", "white", "green")]
    weight = np.array([3.0 if HUES[i].name in look.colors else 0.8 for i in able])
    staple = {"black": 4.0, "navy": 2.0, "white": 2.0, "brown": 2.0}
    weight *= [staple.get(HUES[i].name, 1.0) for i in able]
    if style.material == "denim":
        weight *= [4.0 if "blue" in HUES[i].name or HUES[i].name in ("navy", "black", "grey") else 0.2 for i in able]
    order = np.argsort(np.log(weight) + rng.gumbel(size=len(able)))[::-1]
    return [able[i] for i in order[:number]]


def _sizes(rng: np.random.Generator, kind: Kind, department: str) -> tuple[str, ...]:
    if kind.sizes == "one":
        return ("one size",)
    if department == "k" and kind.sizes != "shoe":
        scale: Sequence[str] = KIDS_SIZES
    elif kind.sizes == "shoe":
        scale = [str(s) for s in range(*SHOE[department])]
    elif kind.sizes == "waist":
        scale = [f"W{s}" for s in (range(25, 34) if department == "w" else range(28, 40, 2))]
    else:
        scale = {"ring": ("50", "52", "54", "56", "58", "60"), "belt": ALPHA[1:5]}.get(kind.sizes, ALPHA)
    out = {int(rng.random() * len(scale)) for _ in range(int(rng.random() * 3))}  # sold out in this colour
    return tuple(s for i, s in enumerate(scale) if i not in out)


_FIRST = (
    "{The} {color} {name} from {brand}'s {line} line, {phrase}.",
    "{look_title} {name} in {color} {material} with {feature}, {phrase}.",
    "{brand} makes the {line} {name} in {material}, here in {color} and {phrase}.",
    "In {color} {material}: {article}{name} {phrase}, with {feature}.",
    "Part of the {line} line, {these} {pattern} {name} {come} in {color} {material}.",
    "{color_title} {material} and {feature} give {these} {name} {its} {look} character.",
)
_SECOND = (
    "A good choice for {occasion}, {season}.",
    "{Wear} {it} for {occasion}; {feature2} and {pattern} throughout.",
    "Made for {occasion} {season}, with {feature2}.",
    "{brand} had {occasion} in mind, {season}.",
    "The {pattern} {material} suits {occasion} and is easy to combine.",
    "Comes with {feature2}; right for {occasion} {season}.",
)
_WHEN = {
    "casual": "everyday wear", "work": "the office", "party": "evenings out", "wedding": "weddings",
    "sport": "training", "travel": "trips", "outdoor": "days outdoors",
}  # fmt: skip


def _feature_phrase(attribute: str, option: str) -> str:
    """The feature as a description names it, with its article: "a mid heel", "long sleeves", "a wide brim"."""
    if attribute == "sleeve length":
        return "no sleeves" if option == "sleeveless" else f"{option} sleeves"
    noun = "size" if attribute == "size of bag" else attribute.split()[0] if attribute == "heel height" else attribute
    if option.endswith(("s", "belted", "neck", noun)) or option == "open front":
        words = option.replace(f"-{noun}", f" {noun}")
    else:
        words = f"{option} {noun}"
    if words.endswith("s"):
        return words
    return f"{'an' if words[0] in 'aeio8' else 'a'} {words}"


def _description(rng: np.random.Generator, style: Style, kind: Kind, brand: Brand, line: Line, hue: Hue) -> str:
    plural = kind.name.endswith("s") and not kind.name.endswith("ss")
    features = [_feature_phrase(a, o) for a, o in style.features.items()]
    occasions = [_WHEN[o] for o in style.occasions]
    words = {
        "The": "The", "these": "these" if plural else "this", "its": "their" if plural else "its",
        "it": "them" if plural else "it", "come": "come" if plural else "comes",
        "Wear": "Take" if kind.group == "luggage and bags" else "Wear",
        "article": "" if plural else "an " if kind.name[0] in "aeiou" else "a ", "name": kind.name, "brand": brand.name,
        "line": line.name, "phrase": line.look.phrase, "look": line.look.name, "look_title": line.look.name.title(),
        "color": hue.name, "color_title": hue.name.capitalize(), "material": style.material, "pattern": style.pattern,
        "feature": features[0], "feature2": features[1] if len(features) > 1 else "a careful finish",
        "occasion": " and ".join(occasions[:2]),
        "season": "all year round" if style.season.count(",") == 3 else f"in {style.season.replace(', ', ' and ')}",
    }  # fmt: skip
    text = [pick(rng, _FIRST).format(**words), pick(rng, _SECOND).format(**words)]
    return " ".join(sentence[0].upper() + sentence[1:] for sentence in text)


def _product(
    rng: np.random.Generator, style: Style, kind: Kind, brand: Brand, line: Line, hue: Hue, number: int, launched: int
) -> Product:  # fmt: skip
    tone = f"{hue.name.title()}-Tone" if hue.name in METALS and kind.group == "jewelry" else hue.name.title()
    price = style.price
    if rng.random() < 0.08:  # one colour of a style is sometimes reduced
        price = _price(rng, price * 0.8, brand.tier)
    return Product(
        product_id=f"{brand.code}{number}-{hue.code}",
        title=f"{style.name} in {tone} {style.material.title()}",
        category=kind.name, brand=brand.name, color=hue.name, size=_sizes(rng, kind, style.department),
        price=round(price, 2), currency="EUR", material=style.material, season=style.season,
        occasion=", ".join(style.occasions), department=DEPARTMENT[style.department],
        description=_description(rng, style, kind, brand, line, hue),
        attributes={
            "group": kind.group, "style": style.name, "line": line.name, "look": line.look.name,
            "pattern": style.pattern, **style.features,
            "launched": (OPENING + timedelta(days=launched)).isoformat(),
        },
    )  # fmt: skip


def _line_partners(rng: np.random.Generator, lines: list[Line]) -> np.ndarray:
    """Two other lines each line is combined with, ``(lines, 2)``: more often the sister brand's or of the same look."""
    score = rng.gumbel(size=(len(lines), len(lines)))
    for i, a in enumerate(lines):
        for j, b in enumerate(lines):
            score[i, j] += 1.5 * (a.brand ^ 1 == b.brand) + 1.0 * (a.look is b.look) - 9.0 * (i == j)
            score[i, j] -= 6.0 * (a.department != b.department and "u" not in (a.department, b.department))
    return np.argsort(-score, axis=1)[:, :2]


def _goes_with(rng, styles: list[Style], kinds: list[Kind], lines: list[Line], partners: np.ndarray):
    """For each style up to four styles of the categories that follow it, own line and partner lines first."""
    names = {k.name: i for i, k in enumerate(kinds)}
    of_kind: dict[int, list[int]] = {}
    for i, style in enumerate(styles):
        of_kind.setdefault(style.kind, []).append(i)
    out = []
    for style in styles:
        own = lines[style.line]
        candidates, scores = [], []
        for rank, name in enumerate(n for n in kinds[style.kind].follows if n in names):
            for other in of_kind.get(names[name], ()):
                b = styles[other]
                if b.department != style.department and "u" not in (b.department, style.department):
                    continue
                line = lines[b.line]
                score = 2.5 * (b.line == style.line) + 2.5 * (b.line in partners[style.line])
                score += 1.2 * (line.brand == own.brand) + 0.8 * (line.look is own.look) - 0.35 * rank
                score -= 0.8 * abs(np.log(b.price / kinds[b.kind].price * kinds[style.kind].price / style.price))
                candidates.append(other)
                scores.append(score)
        order = np.argsort(-(np.array(scores) + rng.gumbel(size=len(scores)))) if candidates else []
        out.append(tuple(candidates[i] for i in order[:4]))
    return out


def make_assortment(rng: np.random.Generator, products: int) -> Assortment:
    """Invent ``products`` products with all that the simulation of shoppers relies on."""
    kinds = _kinds_for(products)
    brands, lines = _lines(rng, products)
    styles, counts = _styles(rng, products, brands, lines, kinds)
    numbers = 10_000 + rng.permutation(90_000)[: len(styles)]
    rows = []
    for at, (style, count) in enumerate(zip(styles, counts, strict=True)):
        line, kind = lines[style.line], kinds[style.kind]
        brand = brands[line.brand]
        for place, hue in enumerate(_hues_for(rng, style, kind, line.look, count)):
            launched = style.launched
            if place and rng.random() < 0.1:  # a further colour of a running style
                launched = int(rng.integers(max(launched, 0) + 7, DAYS)) if launched < DAYS - 14 else launched
            product = _product(rng, style, kind, brand, line, HUES[hue], int(numbers[at]), launched)
            rows.append((product, at, hue, launched, style.appeal + rng.normal(0, 0.25)))
    rows = [rows[i] for i in rng.permutation(len(rows))]  # neighbours in the catalogue say nothing of each other
    partners = _line_partners(rng, lines)
    goes_with = _goes_with(rng, styles, kinds, lines, partners)
    made, style, color, launched, appeal = (list(column) for column in zip(*rows, strict=True))
    style, launched, appeal = np.array(style), np.array(launched), np.array(appeal)
    gone = _gone(rng, launched, appeal)
    materials = sorted({s.material for s in styles})
    line = np.array([s.line for s in styles])[style]
    kind = np.array([s.kind for s in styles])[style]
    price = np.array([p.price for p in made])
    return Assortment(
        [p if g == NEVER else replace(p, available=False) for p, g in zip(made, gone, strict=True)],
        brands, lines, kinds, styles, kind, np.array([li.brand for li in lines])[line], line, style, np.array(color),
        np.array([materials.index(s.material) for s in styles])[style],
        np.array([LOOKS.index(li.look) for li in lines])[line], np.log(price),
        np.log(price / np.array([k.price for k in kinds])[kind]),
        np.array([[o in s.occasions for o in OCCASIONS] for s in styles])[style],
        np.array([month_fit(s.season) for s in styles])[style], launched, gone, appeal, materials, partners, goes_with,
    )  # fmt: skip


def _gone(rng: np.random.Generator, launched: np.ndarray, appeal: np.ndarray) -> np.ndarray:
    """4 % of the products, slow sellers of the old stock, run out in the last three weeks."""
    old = np.flatnonzero(launched < 0)
    slow = old[np.argsort(appeal[old] + rng.gumbel(size=len(old)) * 0.3)][: round(0.04 * len(launched))]
    gone = np.full(len(launched), NEVER)
    gone[slow] = rng.integers(DAYS - 21, DAYS, size=len(slow))
    return gone
