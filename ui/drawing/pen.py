"""The pen every silhouette is drawn with: cloth with its print and light, trims, seams; all on a 240 × 300 sheet."""

from __future__ import annotations

import re
from functools import lru_cache

from shopping_assistant.ui.drawing.swatches import Ink, brightness, mix

WIDTH, HEIGHT = 240, 300
_TOKEN = re.compile(r"[MLCQ]|-?\d+(?:\.\d+)?")
_POINTS = {"M": 1, "L": 1, "Q": 2, "C": 3}


@lru_cache(maxsize=512)
def both(half: str, middle: float = 120) -> str:
    """A symmetric closed outline from its right half, top to bottom, x counted from ``middle``; commands M L Q C."""
    tokens = _TOKEN.findall(half)
    segments: list[tuple[str, list[tuple[float, float]]]] = []
    at = 0
    while at < len(tokens):
        command = tokens[at]
        numbers = [float(t) for t in tokens[at + 1 : at + 1 + 2 * _POINTS[command]]]
        segments.append((command, list(zip(numbers[::2], numbers[1::2], strict=True))))
        at += 1 + len(numbers)

    def said(points: list[tuple[float, float]], side: int) -> str:
        return " ".join(f"{middle + side * x:g} {y:g}" for x, y in points)

    right = "".join(f"{command}{said(points, 1)}" for command, points in segments)
    ends = [points[-1] for _, points in segments]
    left = f"L{said([ends[-1]], -1)}"
    for i in range(len(segments) - 1, 0, -1):
        command, points = segments[i]
        left += f"{command}{said([*points[-2::-1], ends[i - 1]], -1)}"
    return f"{right}{left}Z"


@lru_cache(maxsize=512)
def mirrored(d: str, middle: float = 120) -> str:
    """The same path on the other side; absolute M L H V C Q Z only."""
    out, is_x, command = [], True, "M"
    for token in re.findall(r"[A-Za-z]|-?\d+(?:\.\d+)?", d):
        if token.isalpha():
            out.append(token)
            is_x, command = True, token
        else:
            out.append(f"{2 * middle - float(token):g}" if command == "H" or (command != "V" and is_x) else token)
            is_x = not is_x
    return " ".join(out)


class Pen:
    """Collects the shapes of one picture.

    ``cloth`` fills take the product's colour, then its print and its texture, then light from the left; ``trim`` fills
    are plain; ``seam`` lines show on light and on dark cloth. Paths are absolute SVG path strings.
    """

    def __init__(self, uid: str, ink: Ink, prints: tuple[str, ...] = (), gloss: bool = False):
        self.uid, self.ink, self.prints, self.gloss = uid, ink, prints, gloss
        self.shapes: list[str] = []

    def add(self, svg: str) -> None:
        self.shapes.append(svg)

    def cloth(self, *paths: str, fill: str | None = None, plain: bool = False, light: bool = True) -> None:
        for d in paths:
            ink = self.ink
            self.add(f'<path d="{d}" fill="{fill or ink.base}"/>')
            for name in () if plain else self.prints:
                self.add(f'<path d="{d}" fill="url(#{name})"/>')
            if light:
                self.add(f'<path d="{d}" fill="url(#{self.uid}l)"/>')
            self.add(f'<path d="{d}" fill="none" stroke="{ink.line}" stroke-width="1.4" stroke-linejoin="round"/>')

    def pair(self, d: str, **how) -> None:
        """A cloth part and its mirror image."""
        self.cloth(d, mirrored(d), **how)

    def trim(self, d: str, fill: str | None = None, line: bool = True) -> None:
        fill = fill or self.ink.dark
        stroke = f' stroke="{mix(fill, "#0b0b10", 0.45)}" stroke-width="1.1" stroke-linejoin="round"' if line else ""
        self.add(f'<path d="{d}" fill="{fill}"{stroke}/>')

    def seam(self, *paths: str, width: float = 1.3, dash: str = "", colour: str = "", opacity: float = 0.75) -> None:
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        for d in paths:
            self.add(
                f'<path d="{d}" fill="none" stroke="{colour or self.ink.seam}" stroke-width="{width}"{dashes} '
                f'stroke-linecap="round" stroke-linejoin="round" opacity="{opacity}"/>'
            )

    def seams(self, *paths: str, **how) -> None:
        """Seams and their mirror images."""
        for d in paths:
            self.seam(d, mirrored(d), **how)

    def line(self, d: str, width: float, colour: str | None = None) -> None:
        """A strap, a heel counter, a frame: a stroke with an edge."""
        colour = colour or self.ink.base
        edge = mix(colour, "#0b0b10", 0.5)
        self.add(
            f'<g fill="none" stroke-linecap="round" stroke-linejoin="round"><path d="{d}" stroke="{edge}" '
            f'stroke-width="{width + 2:g}"/><path d="{d}" stroke="{colour}" stroke-width="{width:g}"/></g>'
        )

    def shine(self, d: str, opacity: float = 0.3) -> None:
        """A highlight, stronger on glossy cloth."""
        strength = opacity * (1.6 if self.gloss else 1) * (0.75 if brightness(self.ink.base) < 0.2 else 1)
        self.add(f'<path d="{d}" fill="#fff" opacity="{min(strength, 0.7):.2f}"/>')

    def buttons(self, x: float, *ys: float, r: float = 2.3, fill: str | None = None) -> None:
        fill = fill or mix(self.ink.seam, self.ink.base, 0.25)
        self.add("".join(f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}"/>' for y in ys))

    def disc(self, x: float, y: float, r: float, fill: str, line: str | None = None, width: float = 1.2) -> None:
        stroke = f' stroke="{line}" stroke-width="{width}"' if line else ""
        self.add(f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}"{stroke}/>')

    def zip(self, d: str) -> None:
        self.seam(d, width=3, colour=mix(self.ink.base, "#0b0b10", 0.5), opacity=0.8)
        self.seam(d, width=1.6, dash="1.2 2.2", colour=self.ink.metal, opacity=1)

    def shadow(self, x: float, y: float, rx: float, ry: float = 7) -> None:
        """The shadow on the ground; first of all shapes."""
        self.shapes.insert(0, f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="url(#{self.uid}g)"/>')
