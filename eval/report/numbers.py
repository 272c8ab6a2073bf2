"""How figures are written on the page: as many digits as their intervals allow, signs that line up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

NONE = "–"
GAP = "\N{NO-BREAK SPACE}"
MINUS = "\u2212"  # as wide as a plus, so that columns line up


def digits_for(intervals: Iterable[Sequence[float]]) -> int:
    """Decimals that mean something beside these intervals, 2 to 4.

    The median half-width is written with two digits where it begins with 1, 2 or 3, else with one (the rule of the
    Particle Data Group, Review of Particle Physics, section 5.3).
    """
    halves = sorted((high - low) / 2 for low, high in intervals if high > low)
    if not halves:
        return 3
    half = halves[len(halves) // 2]
    place = math.floor(math.log10(half))
    leading = half / 10**place
    return min(4, max(2, -place + (1 if leading < 3.55 else 0)))


def number(value: float | None, digits: int = 3) -> str:
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{abs(value):,.{digits}f}"
    return MINUS + text if value < 0 and float(text.replace(",", "")) else text


def signed(value: float | None, digits: int = 3) -> str:
    """With its sign always: ``+0.012``, ``−0.003``, and ``0.000`` for what rounds to nothing."""
    text = number(value, digits)
    return "+" + text if value is not None and value > 0 and text.strip("0.,") else text


def interval(bounds: Sequence[float] | None, digits: int = 3) -> str:
    return f"[{number(bounds[0], digits)}, {number(bounds[1], digits)}]" if bounds else ""


def share(value: float | None) -> str:
    """A share of 1 as a percentage: ``0 %`` is only written for exactly nothing, ``100 %`` only for all."""
    if value is None or not math.isfinite(value):
        return NONE
    if value in (0, 1):
        return f"{value * 100:.0f}{GAP}%"
    percent = value * 100
    if percent < 0.1 or percent > 99.9:
        return f"<{GAP}0.1{GAP}%" if percent < 0.1 else f">{GAP}99.9{GAP}%"
    return f"{percent:.1f}{GAP}%"


def probability(p: float | None) -> str:
    if p is None:
        return NONE
    return f"<{GAP}0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def count(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"


def speed(value: float | None) -> str:
    """Sessions a second: two digits are all that a busy machine allows."""
    if not value:
        return NONE
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {joint} {names[-1]}" if names else ""
