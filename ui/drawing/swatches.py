# ruff: noqa: E501 -- SVG paths are read as one line each
"""What colour, print and cloth a product has, from the words of its catalogue: words in, hex values and SVG patterns out."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

COLOURS = {
    "black": "#2b2b30", "charcoal": "#454a52", "graphite": "#4a4d52", "anthracite": "#3c4046", "grey": "#8f949b",
    "slate": "#65727f", "silver": "#b9bec6", "steel": "#9aa5b1", "white": "#f8f7f4", "off white": "#efe9dc",
    "ivory": "#f3ecd9", "cream": "#f1e6cc", "ecru": "#e6dac2", "chalk": "#eeebe3", "pearl": "#ece7df",
    "bone": "#e5dcca", "oatmeal": "#ddd0b8", "sand": "#d8c4a0", "beige": "#d6c2a1", "stone": "#c4bbab",
    "taupe": "#9c8b7b", "mushroom": "#a99a8b", "camel": "#bd8f57", "tan": "#c2915c", "nude": "#dcb69c",
    "skin": "#dcb69c", "khaki": "#8d8458", "olive": "#6b6b3a", "brown": "#75492d", "chocolate": "#4d3024",
    "coffee": "#55392b", "cognac": "#994f21", "chestnut": "#7c3f25", "caramel": "#b3752f", "toffee": "#a56b35",
    "mocha": "#6f5140", "espresso": "#3f2a22", "rust": "#aa4a26", "terracotta": "#c2603f", "copper": "#b56d42",
    "bronze": "#93703b", "gold": "#cfa544", "rose gold": "#d3a08d", "champagne": "#e6d2ac", "red": "#c3252f",
    "scarlet": "#d02a26", "cherry": "#9d1b33", "crimson": "#a51c38", "burgundy": "#6c1f33", "wine": "#6a1d35",
    "bordeaux": "#661c2e", "maroon": "#6b1e28", "oxblood": "#591a22", "berry": "#8b2552", "plum": "#5b2a53",
    "aubergine": "#402440", "purple": "#6d3f93", "violet": "#7a54b8", "lavender": "#b8a7da", "lilac": "#c3aedb",
    "mauve": "#b08aa0", "magenta": "#c22580", "fuchsia": "#cf2a86", "pink": "#e58ba9", "hot pink": "#e23d8c",
    "blush": "#efc9c3", "rose": "#d98a92", "dusty pink": "#d3a3a0", "dusty rose": "#c98b8c", "salmon": "#ee9078",
    "coral": "#f0735c", "peach": "#f6bf97", "apricot": "#f2ab6d", "orange": "#e7792b", "mustard": "#cf9a28",
    "ochre": "#c38a2e", "yellow": "#f0cd48", "lemon": "#f4e379", "lime": "#b5d33d", "green": "#3f8f56",
    "emerald": "#157a56", "bottle green": "#174a36", "forest": "#26513a", "forest green": "#26513a",
    "sage": "#a3b18b", "mint": "#aee0c8", "sea green": "#3f9c85", "moss": "#727d3f", "teal": "#1f7279",
    "petrol": "#1e5362", "turquoise": "#3cb7b5", "aqua": "#7cd0cf", "blue": "#3768b0", "navy": "#222f50",
    "navy blue": "#222f50", "midnight": "#1d2540", "indigo": "#333a72", "denim": "#4f74a3", "cobalt": "#2348a8",
    "royal blue": "#2c4fb8", "sky": "#9cc7e8", "sky blue": "#9cc7e8", "baby blue": "#b3d3ec", "ice blue": "#d3e5ef",
    "powder blue": "#b7cfe2", "fluorescent": "#c9f03c", "metallic": "#b4b2ad", "transparent": "#e4eaec",
    "clear": "#e4eaec", "tortoise": "#7a4a21", "tortoiseshell": "#7a4a21", "rhubarb": "#b9505f",
}  # fmt: skip
COLOURS |= {"gray": COLOURS["grey"], "offwhite": COLOURS["off white"], "multicolour": "", "multicolor": "", "multi": ""}
_COLOUR_WORD = re.compile(r"\b(" + "|".join(sorted(COLOURS, key=len, reverse=True)) + r")(?=ish\b|\b)")
_HUE_WORDS = re.compile(r"\b(greenish|yellowish|greyish|grayish|reddish|bluish|pinkish)\b")
# How far a shade word moves a colour: towards white (positive) or black (negative).
_SHADES = {
    "light": 0.42, "pale": 0.5, "soft": 0.3, "pastel": 0.5, "washed": 0.25, "faded": 0.25, "bright": 0.06,
    "dark": -0.42, "deep": -0.38, "night": -0.5, "dusty": 0.2,
}  # fmt: skip
METALS = {"gold", "silver", "rose gold", "bronze", "copper", "steel", "metallic", "champagne"}
_MULTI = ("#d9604c", "#e9b44c", "#3f8f86", "#3d5a98", "#c46a94")

PATTERN_WORDS = {
    "pinstripe": "pinstripe", "pin stripe": "pinstripe", "stripe": "stripes", "striped": "stripes", "breton": "stripes",
    "check": "check", "checked": "check", "checks": "check", "checkered": "check", "plaid": "check", "tartan": "check",
    "gingham": "gingham", "houndstooth": "houndstooth", "herringbone": "herringbone", "polka dot": "dots",
    "polka": "dots", "dot": "dots", "dots": "dots", "dotted": "dots", "spotted": "dots", "floral": "floral",
    "flower": "floral", "flowers": "floral", "botanical": "floral", "leopard": "leopard", "animal": "leopard",
    "cheetah": "leopard", "zebra": "zebra", "tiger": "zebra", "snake": "snake", "python": "snake",
    "croc": "snake", "crocodile": "snake", "camo": "camo", "camouflage": "camo", "paisley": "paisley",
    "jacquard": "paisley", "brocade": "paisley", "embroidery": "floral", "embroidered": "floral",
    "geometric": "geometric", "abstract": "abstract", "argyle": "geometric", "all over pattern": "abstract",
    "other pattern": "abstract", "mixed solid/pattern": "geometric", "printed": "abstract", "print": "abstract",
    "front print": "graphic", "placement print": "graphic", "graphic": "graphic", "logo": "graphic",
    "colour block": "block", "color block": "block", "colour blocking": "block", "colourblock": "block",
    "tie dye": "tiedye", "tie-dye": "tiedye", "ombre": "tiedye", "sequin": "sequin", "sequins": "sequin",
    "glitter": "sequin", "glittering/metallic": "sequin", "lace": "lace", "quilted": "quilted", "cable": "cable",
    "cable knit": "cable", "tropical": "floral", "star": "stars", "stars": "stars", "heart": "stars",
}  # fmt: skip
_PATTERN_WORD = re.compile(r"\b(" + "|".join(sorted(map(re.escape, PATTERN_WORDS), key=len, reverse=True)) + r")\b")
_TEXTURES = {
    "denim": "denim", "chambray": "denim", "corduroy": "cord", "cord": "cord", "rib": "rib", "ribbed": "rib",
    "knit": "knit", "knitted": "knit", "wool": "knit", "cashmere": "knit", "merino": "knit", "mohair": "knit",
    "alpaca": "knit", "melange": "melange", "fleece": "melange", "tweed": "melange", "teddy": "fur", "fur": "fur",
    "shearling": "fur", "sherpa": "fur", "satin": "gloss", "silk": "gloss", "patent": "gloss", "leather": "gloss",
    "vinyl": "gloss", "polycarbonate": "gloss", "straw": "weave", "raffia": "weave", "rattan": "weave",
    "jute": "weave", "canvas": "weave", "linen": "weave", "lace": "lace", "sequin": "sequin", "mesh": "weave",
    "metallic": "gloss", "jersey": "", "cotton": "", "suede": "", "nubuck": "", "velvet": "gloss",
}  # fmt: skip
_TEXTURE_WORD = re.compile(r"\b(" + "|".join(sorted(_TEXTURES, key=len, reverse=True)) + r")\b")


def mix(one: str, other: str, share: float) -> str:
    """The colour ``share`` of the way from ``one`` to ``other``, both ``#rrggbb``."""
    a, b = int(one[1:], 16), int(other[1:], 16)
    parts = (round((a >> s & 255) + ((b >> s & 255) - (a >> s & 255)) * share) for s in (16, 8, 0))
    return "#" + "".join(f"{p:02x}" for p in parts)


def brightness(colour: str) -> float:
    """Perceived brightness of ``#rrggbb``, 0 black to 1 white."""
    v = int(colour[1:], 16)
    return (0.299 * (v >> 16) + 0.587 * (v >> 8 & 255) + 0.114 * (v & 255)) / 255


@lru_cache(maxsize=4096)
def colours_in(text: str) -> tuple[str, ...]:
    """Hex values of the colours a text names, in its order: "Dark Blue/White" gives two. Empty where it names none."""
    text = re.sub(r"\s+", " ", text.lower().replace("-", " "))
    if re.search(r"\bmulti", text):
        return _MULTI
    hue_word = _HUE_WORDS.search(text)
    found = []
    for match in _COLOUR_WORD.finditer(_HUE_WORDS.sub("", text) if hue_word else text):
        before = (_HUE_WORDS.sub("", text) if hue_word else text)[: match.start()].split()
        value = COLOURS[match[1]]
        if value and before and before[-1] in _SHADES:
            shade = _SHADES[before[-1]]
            value = mix(value, "#ffffff" if shade > 0 else "#0c0c12", abs(shade))
        if value:
            found.append(value)
    if hue_word:
        tint = COLOURS[hue_word[1][:-3]]
        found = [mix(found[0], tint, 0.3), *found[1:]] if found else [tint]
    return tuple(dict.fromkeys(found))


def some_colour(text: str) -> str:
    """A muted colour that is always the same for the same text: for products whose colour nobody gave."""
    return ("#8c9aa8", "#a89b8c", "#8ca394", "#a58f9c", "#9a9fb0", "#b0a58a")[zlib.crc32(text.encode()) % 6]


@lru_cache(maxsize=4096)
def pattern_in(text: str) -> str | None:
    match = _PATTERN_WORD.search(text.lower())
    return PATTERN_WORDS[match[1]] if match else None


@lru_cache(maxsize=4096)
def texture_in(text: str) -> str | None:
    match = _TEXTURE_WORD.search(text.lower())
    return (_TEXTURES[match[1]] or None) if match else None


@dataclass(frozen=True)
class Ink:
    """The colours one picture is drawn with."""

    base: str
    second: str  # the other colour of a print or of a two-coloured product
    metal: str  # buckles, zips, chains
    colours: tuple[str, ...]

    @property
    def dark(self) -> str:
        return mix(self.base, "#0b0b10", 0.28)

    @property
    def light(self) -> str:
        return mix(self.base, "#ffffff", 0.3)

    @property
    def line(self) -> str:
        """The outline: darker than the cloth; on near-black cloth still darker, the seams carry the drawing there."""
        return mix(self.base, "#0b0b10", 0.5 if brightness(self.base) > 0.3 else 0.65)

    @property
    def seam(self) -> str:
        """Seams and folds: darker than light cloth, lighter than dark cloth, so that they are seen on both."""
        dark = brightness(self.base) < 0.3
        return mix(self.base, "#ffffff", 0.34) if dark else mix(self.base, "#15131a", 0.42)


def ink_for(colours: tuple[str, ...], material: str) -> Ink:
    base = colours[0]
    if len(colours) > 1:
        second = colours[1]
    else:
        second = mix(base, "#ffffff", 0.72) if brightness(base) < 0.76 else mix(base, "#3a2c33", 0.62)
    warm = "silver" not in material and "steel" not in material
    return Ink(base, second, "#d3ad5c" if warm else "#c3c8cf", colours)


def _dot(x: float, y: float, r: float, fill: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}"/>'


def _bloom(x: float, y: float, r: float, fill: str, heart: str) -> str:
    petals = ((0, -1), (0.95, -0.3), (0.6, 0.8), (-0.6, 0.8), (-0.95, -0.3))
    return "".join(_dot(round(x + px * r, 1), round(y + py * r, 1), round(r * 0.72, 1), fill) for px, py in petals) + _dot(
        x, y, round(r * 0.5, 1), heart
    )


def _stroke(d: str, colour: str, width: float, opacity: float = 1) -> str:
    return f'<path d="{d}" stroke="{colour}" stroke-width="{width}" fill="none" opacity="{opacity}"/>'


def pattern_svg(kind: str, uid: str, ink: Ink) -> str:
    """A ``<pattern id=uid>`` to lay over the cloth; an empty string for a kind that is drawn otherwise."""
    s, third = ink.second, ink.colours[2] if len(ink.colours) > 2 else mix(ink.second, ink.base, 0.45)
    leaf = ink.colours[3] if len(ink.colours) > 3 else mix("#5f8a5b", ink.base, 0.2)
    tiles = {
        "stripes": (22, 22, f'<rect width="22" height="8" fill="{s}"/>'),
        "pinstripe": (9, 9, f'<rect width="1.1" height="9" fill="{s}" opacity=".75"/>'),
        "check": (34, 34, f'<g fill="{s}"><rect width="11" height="34" opacity=".5"/><rect width="34" height="11" '
                  f'opacity=".5"/></g>' + _stroke("M23 0V34M0 23H34", third, 1.6, 0.9)),
        "gingham": (16, 16, f'<g fill="{s}" opacity=".55"><rect width="8" height="16"/><rect width="16" height="8"/></g>'),
        "houndstooth": (16, 16, f'<path d="M0 0H8V8H0ZM8 8L16 0V4L12 8ZM8 8V12L4 16H0ZM8 8H12L8 12Z" fill="{s}"/>'),
        "herringbone": (14, 12, _stroke("M0 0L7 6L14 0M0 6L7 12L14 6M0 -6L7 0L14 -6M0 12L7 18L14 12", s, 1.4, 0.6)),
        "dots": (20, 20, _dot(5, 5, 3, s) + _dot(15, 15, 3, s)),
        "stars": (30, 30, "".join(f'<path transform="translate({x} {y})" fill="{s}" d="M0 -6L1.7 -2L6 -1.7L2.7 1L3.8 5.3'
                                  'L0 3L-3.8 5.3L-2.7 1L-6 -1.7L-1.7 -2Z"/>' for x, y in ((8, 8), (23, 23)))),
        "floral": (46, 46, _stroke("M12 14Q18 26 26 30M34 40Q30 34 30 32", leaf, 1.5) + _bloom(12, 12, 5.2, s, "#e8bd4f")
                   + _bloom(33, 33, 6.4, third, "#f3e3b3") + _bloom(36, 9, 3.4, s, "#e8bd4f")
                   + f'<g fill="{leaf}"><ellipse cx="21" cy="24" rx="5" ry="2.2" transform="rotate(35 21 24)"/>'
                   '<ellipse cx="9" cy="33" rx="5" ry="2.2" transform="rotate(-40 9 33)"/></g>'),
        "leopard": (34, 32, f'<g fill="none" stroke="{mix(ink.base, "#1d120b", 0.82)}" stroke-width="2.6" stroke-linecap="round">'
                    '<path d="M5 8q2 -5 7 -3M13 8q2 4 -3 6M5 12q1 2 2 2"/><path d="M23 20q4 -4 7 0M30 24q-1 5 -6 4M21 25v2"/>'
                    '<path d="M24 4q3 -2 5 1M9 24q3 3 5 -1M2 28h1"/></g>' + _dot(9, 9, 2.6, mix(ink.base, "#5b3314", 0.55))
                    + _dot(26, 24, 2.8, mix(ink.base, "#5b3314", 0.55))),
        "zebra": (40, 30, f'<path fill="{s}" d="M0 4Q10 0 20 6Q30 10 40 5V9Q30 15 20 10Q10 5 0 9ZM0 19Q12 13 22 20Q32 25 40 19'
                  'V23Q30 30 21 24Q10 18 0 24Z"/>'),
        "snake": (18, 18, _stroke("M0 9L9 0L18 9L9 18Z", ink.seam, 1.5, 0.8)
                  + f'<path d="M9 5L13 9L9 13L5 9Z" fill="{ink.dark}" opacity=".45"/>'),
        "camo": (60, 50, f'<path fill="{ink.dark}" d="M4 8Q16 0 26 8T20 24Q6 22 4 8ZM40 30Q54 24 58 36T44 48Q36 40 40 30Z"/>'
                 f'<path fill="{s}" opacity=".7" d="M36 4Q50 2 52 12T38 20Q30 12 36 4ZM8 34Q20 28 26 38T12 48Q4 42 8 34Z"/>'),
        "paisley": (36, 40, f'<g fill="none" stroke="{s}" stroke-width="1.8"><path d="M12 6c8 0 12 7 9 13c-3 6 -12 5 -12 -1'
                    'c0 -4 5 -5 6 -2"/><path d="M28 26c6 0 8 6 5 10c-3 4 -9 2 -8 -2"/></g>' + _dot(13, 12, 1.8, s)
                    + _dot(5, 30, 1.6, s) + _dot(31, 8, 1.6, s)),
        "geometric": (32, 32, f'<path d="M16 0L32 16L16 32L0 16Z" fill="{s}" opacity=".55"/><path d="M16 8L24 16L16 24L8 16Z" '
                      f'fill="{third}"/>'),
        "abstract": (52, 48, f'<path d="M4 14Q14 0 26 10T40 20Q28 30 18 22T4 14Z" fill="{s}" opacity=".85"/>'
                     f'<path d="M30 38Q40 28 50 36T36 46Z" fill="{third}"/>' + _dot(10, 38, 4.5, third)
                     + _stroke("M36 4q6 6 14 2M18 32q6 6 4 14", s, 2)),
        "tiedye": (90, 90, "".join(f'<circle cx="45" cy="45" r="{r}" fill="none" stroke="{s}" stroke-width="7" '
                                   f'stroke-dasharray="{r} 5" opacity=".5"/>' for r in (9, 24, 39, 54))),
        "sequin": (12, 11, f'<g fill="{ink.light}" opacity=".55"><circle cx="3" cy="3" r="2.5"/><circle cx="9" cy="8.5" r="2.5"/>'
                   '</g><circle cx="9" cy="3" r="1" fill="#fff" opacity=".8"/>'),
        "lace": (18, 18, f'<g fill="none" stroke="{ink.seam}" stroke-width="1" opacity=".7"><circle cx="9" cy="9" r="5"/>'
                 '<circle cx="9" cy="9" r="2"/><path d="M0 0L5 5M18 0L13 5M0 18L5 13M18 18L13 13"/></g>'),
        "quilted": (26, 26, _stroke("M0 13L13 0L26 13L13 26Z", ink.seam, 1.3, 0.75)),
        "cable": (26, 22, _stroke("M6 0Q18 6 6 12T6 24M16 -1Q4 5 16 11T16 23M23 0V22", ink.seam, 1.6, 0.7)),
        "denim": (5, 5, _stroke("M-1 6L6 -1", "#ffffff", 0.9, 0.22)),
        "cord": (6, 6, f'<rect width="2" height="6" fill="{ink.dark}" opacity=".38"/>'),
        "rib": (7, 7, f'<rect width="1.6" height="7" fill="{ink.seam}" opacity=".32"/>'),
        "knit": (9, 8, _stroke("M0 1.5L4.5 6L9 1.5", ink.seam, 1.1, 0.34)),
        "melange": (11, 11, '<g opacity=".5">' + _dot(2, 3, 0.8, ink.light) + _dot(8, 8, 0.8, ink.dark)
                    + _dot(7, 2, 0.6, ink.dark) + _dot(4, 9, 0.6, ink.light) + "</g>"),
        "fur": (13, 12, _stroke("M1 5q3 -4 5 0M7 11q3 -4 5 0M8 3q2 -3 4 0", ink.seam, 1.1, 0.5)),
        "weave": (8, 8, f'<path d="M0 2H4M4 6H8M2 4V8M6 0V4" stroke="{ink.seam}" stroke-width="1" opacity=".34"/>'),
    }  # fmt: skip
    if kind not in tiles:
        return ""
    w, h, inside = tiles[kind]
    return f'<pattern id="{uid}" width="{w}" height="{h}" patternUnits="userSpaceOnUse">{inside}</pattern>'
