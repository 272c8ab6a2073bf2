"""How sentences that people wrote were understood: one table for each data set, and what goes wrong there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shopping_assistant.eval.report import numbers
from shopping_assistant.eval.report.replayed import Cell

SETS = {
    "simmc2": "SIMMC 2",
    "webshop": "WebShop",
    "crowdflower": "CrowdFlower search relevance",
    "fashioniq": "Fashion IQ",
}
KINDS, WORST = 6, 3  # kinds of failures that are counted, and failures that are set out
LONG = 240  # letters of a failure's part


@dataclass(frozen=True)
class Understood:
    """One data set.

    Attributes:
        columns: what was measured side by side: systems, or halves of the data.
        rows: a figure's name and its cell in each column.
        kinds: what goes wrong, and how often.
        worst: failures, each as (part, text).
    """

    name: str
    what: str
    examples: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    kinds: tuple[tuple[str, str], ...]
    worst: tuple[tuple[tuple[str, str], ...], ...]


def understood(found: Mapping[str, Mapping]) -> list[Understood]:
    """Of ``{file's name: its JSON}``."""
    order = {name: i for i, name in enumerate(SETS)}
    return [_of_set(name, found[name]) for name in sorted(found, key=lambda name: (order.get(name, len(order)), name))]


def _of_set(name: str, u: Mapping) -> Understood:
    values = {f: v for f, v in (u.get("figures") or {}).items() if is_number(v)}
    intervals = u.get("ci95") or {}
    # A figure is called COLUMN/FIGURE, or FIGURE where it is about everything.
    split = {f: f.rpartition("/")[::2] for f in values if not _behind_f1(f, values)}
    columns = tuple(dict.fromkeys(column for column, _ in split.values()))
    figures = dict.fromkeys(figure for _, figure in split.values())
    by_place = {place: f for f, place in split.items()}
    rows = tuple(
        (figure, tuple(_cell(by_place.get((column, figure)), values, intervals) for column in columns))
        for figure in figures
    )
    kinds = sorted((u.get("kinds") or {}).items(), key=lambda pair: (-pair[1], pair[0]))[:KINDS]
    return Understood(
        SETS.get(name, str(u.get("set") or name)),
        str(u.get("what") or ""),
        numbers.count(u.get("n")),
        tuple(column.replace("_", " ").replace("/", ", ") or "all" for column in columns),
        rows,
        tuple((kind, numbers.count(n)) for kind, n in kinds),
        tuple(map(_parts, (u.get("worst") or ())[:WORST])),
    )


def _parts(failure: Mapping) -> tuple[tuple[str, str], ...]:
    return tuple((part.replace("_", " "), text) for part, value in failure.items() if (text := flat(value)))


def _behind_f1(figure: str, values: Mapping[str, float]) -> bool:
    """Precision and recall stay in the file where their F1 stands on the page."""
    base, _, kind = figure.rpartition("_")
    return kind in ("precision", "recall") and f"{base}_f1" in values


def _cell(figure: str | None, values: Mapping[str, float], intervals: Mapping) -> Cell:
    if figure is None:
        return Cell(numbers.NONE)
    digits = 3 if abs(values[figure]) < 10 else 0
    return Cell(numbers.number(values[figure], digits), numbers.interval(intervals.get(figure), digits))


def flat(value: object, inner: bool = False) -> str:
    """Any JSON in one line of words; what goes on for too long is cut. A pair inside a list is one thing."""
    if isinstance(value, Mapping):
        text = "; ".join(f"{k} {flat(v, True)}" for k, v in value.items() if v not in (None, "", [], {}))
    elif isinstance(value, list | tuple):
        pair = inner and len(value) == 2 and all(isinstance(v, str) for v in value)
        text = (" " if pair else ", ").join(flat(v, True) for v in value)
    else:
        text = "" if value is None else str(value)
    return text if len(text) <= LONG else text[: LONG - 1] + "…"


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
