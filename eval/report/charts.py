"""Figures as SVG that stands in the page: drawn by matplotlib, told apart without colour, read out by a title.

Every picture is `WIDTH` units wide, what a phone shows at once, and its text is 14 units high; on a desk they stand
side by side.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 340
TEXT = 14
EDGE = 20  # free on the left, where half of a number on the axis may stand
LONG = 18  # letters of a name that leaves too little of the width for its row
# Okabe and Ito 2008, told apart by every common colour blindness; the yellow is left out, it is too light on paper.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
INK, SOFT, RULE = "#1d1d1f", "#5c5c63", "#d9d9de"
PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # behind text that lines would cross
STYLES = (
    (BLUE, "o", "-"), (RED, "s", "--"), (GREEN, "^", "-."), (PURPLE, "D", ":"), (ORANGE, "v", "--"), (SKY, "P", "-."),
    (INK, "X", ":"),
)  # fmt: skip


@dataclass(frozen=True)
class Chart:
    """A picture and the title that stands above it."""

    title: str
    svg: Markup


@dataclass(frozen=True)
class Dot:
    """A row of a dot-and-whisker plot: filled or hollow, its name in bold or not."""

    label: str
    value: float
    ci95: tuple[float, float] | None = None
    filled: bool = False
    bold: bool = False


@dataclass(frozen=True)
class Bar:
    """A difference beside the direction that was published (worse, better, same), and whether the two agree."""

    label: str
    value: float
    ci95: tuple[float, float] | None
    published: str | None
    agrees: str | None  # yes, no, or no telling


@dataclass(frozen=True)
class Line:
    """``points`` are (x, mean, interval) in the order of x."""

    label: str
    points: Sequence[tuple[float, float, tuple[float, float] | None]]


def dots(
    name: str,
    title: str,
    rows: Sequence[Dot],
    axis: str,
    zero: bool = False,
    row_height: int = 30,
    limits: tuple[float, float] | None = None,
    letters: int = 0,
) -> Chart:
    """Dot and whisker: the mean and its interval, one row each, first row on top.

    Args:
        zero: draw the line of no difference.
        limits: least and greatest value to be seen, and
        letters: of the longest name, for pictures that share a scale.
    """
    place = _places([row.label for row in rows], row_height, letters=letters)

    def draw(axes) -> None:
        for y, row in enumerate(rows):
            low, high = row.ci95 or (row.value, row.value)
            color = BLUE if row.filled else INK
            axes.plot([low, high], [y, y], color=color, linewidth=2.4 if row.filled else 1.6, solid_capstyle="butt")
            face = color if row.filled else "white"
            axes.plot([row.value], [y], "o", color=color, markerfacecolor=face, markersize=8, markeredgewidth=1.6)
            place.label(axes, row.label, y, bold=row.bold)
        place.frame(axes, len(rows))
        if zero:
            axes.axvline(0, color=INK, linewidth=1)
        if limits:
            room = (limits[1] - limits[0]) * 0.05 or 0.05
            axes.set_xlim(limits[0] - room, limits[1] + room)

    told = "; ".join(f"{r.label} {r.value:.3f}{_told_interval(r.ci95)}" for r in rows)
    return _picture(name, title, told, len(rows) * place.height, draw, axis, left=place.left)


def pairs(name: str, title: str, rows: Sequence[tuple[str, float, float]], names: tuple[str, str], axis: str) -> Chart:
    """Two means a row, joined by a line: circles for the first kind, squares for the second."""
    place = _places([row[0] for row in rows], 30)

    def draw(axes) -> None:
        for y, (label, first, second) in enumerate(rows):
            axes.plot([first, second], [y, y], color=RULE, linewidth=3, zorder=1)
            axes.plot([first], [y], "o", color=BLUE, markersize=9, label=names[0] if not y else None)
            axes.plot([second], [y], "s", color=RED, markersize=8, markerfacecolor="white", markeredgewidth=2,
                      label=names[1] if not y else None)  # fmt: skip
            place.label(axes, label, y)
        place.frame(axes, len(rows))
        axes.set_xlim(left=0)

    told = "; ".join(f"{label}: {names[0]} {a:.3f}, {names[1]} {b:.3f}" for label, a, b in rows)
    return _picture(name, title, told, len(rows) * place.height, draw, axis, left=place.left, legend=1)


def bars(name: str, title: str, rows: Sequence[Bar], axis: str, limits: tuple[float, float] | None = None) -> Chart:
    """Differences from 0; the label stands above its bar, and the published direction at the line's end.

    Args:
        limits: least and greatest value to be seen, for pictures that share a scale.
    """
    place = _places([row.label for row in rows], 30, above=True)

    def draw(axes) -> None:
        for y, row in enumerate(rows):
            color = {"yes": BLUE, "no": RED}.get(row.agrees, SOFT)
            axes.barh(y, row.value, 0.34, color=BLUE if row.agrees == "yes" else "white", edgecolor=color,
                      hatch="////" if row.agrees == "no" else "")  # fmt: skip
            if row.ci95:
                axes.plot(row.ci95, [y, y], color=INK, linewidth=1.6, solid_capstyle="butt")
            place.label(axes, row.label, y)
            if row.published:
                mark = {"worse": "◀ worse", "better": "better ▶"}.get(row.published, "= same")
                axes.annotate(mark, (1, y - place.up), xycoords=("axes fraction", "data"), ha="right", va="center",
                              fontsize=TEXT, color=SOFT, parse_math=False, bbox=PAPER)  # fmt: skip
        axes.axvline(0, color=INK, linewidth=1)
        place.frame(axes, len(rows))
        if limits:
            room = (limits[1] - limits[0]) * 0.05 or 0.05
            axes.set_xlim(limits[0] - room, limits[1] + room)

    told = "; ".join(f"{r.label} {r.value:+.3f}{_told_interval(r.ci95)}, published: {r.published}" for r in rows)
    return _picture(name, title, told, len(rows) * place.height, draw, axis, left=place.left)


def curves(
    name: str,
    title: str,
    lines: Sequence[Line],
    axis: str,
    ticks: Sequence[tuple[float, str]],
    across: str,
    log: bool = False,
    top: float | None = None,
) -> Chart:
    """Means over x with their intervals as whiskers; every line has its own colour, mark and dashes.

    Args:
        top: the upper end of an axis that begins at 0; by default it fits the means.
    """

    def draw(axes) -> None:
        for i, line in enumerate(lines):
            color, mark, dashes = STYLES[i % len(STYLES)]
            xs, ys = [p[0] for p in line.points], [p[1] for p in line.points]
            axes.plot(xs, ys, color=color, marker=mark, linestyle=dashes, linewidth=2, markersize=7,
                      label=_plain(line.label) if len(lines) > 1 else None)  # fmt: skip
            for x, _, ci95 in line.points:
                if ci95:
                    axes.plot([x, x], ci95, color=color, linewidth=1.2, alpha=0.75)
        if log:
            axes.set_xscale("log")
        if top is not None:
            axes.set_ylim(0, top)
        axes.set_xticks([x for x, _ in ticks], [_plain(text) for _, text in ticks])
        axes.minorticks_off()
        axes.set_ylabel(_plain(axis), fontsize=TEXT, color=SOFT, labelpad=6)
        axes.grid(axis="y", color=RULE, linewidth=0.8)

    told = "; ".join(f"{line.label}: " + ", ".join(f"{x:g} {y:.3f}" for x, y, _ in line.points) for line in lines)
    rows = -(-len(lines) // 2) if len(lines) > 1 else 0
    return _picture(name, title, told, 200, draw, across, left=80, legend=rows, horizontal=False)


def _picture(
    name: str,
    title: str,
    told: str,
    height: float,
    draw: Callable,
    axis: str,
    left: float,
    legend: int = 0,
    horizontal: bool = True,
) -> Chart:
    """One plot, ``height`` units high without its axis and legend."""
    # The first import on a machine lists its fonts and says so, which is no news of the report.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    top, right, below = 8, 14, 52 + 24 * legend
    whole = top + height + below
    settings = {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": TEXT, "hatch.linewidth": 1.2}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(WIDTH / 72, whole / 72))
        figure.patch.set_visible(False)
        axes = figure.add_axes((left / WIDTH, below / whole, (WIDTH - left - right) / WIDTH, height / whole))
        axes.patch.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(RULE)
        axes.tick_params(colors=SOFT, labelsize=TEXT, length=3)
        draw(axes)
        if horizontal:
            axes.spines["left"].set_visible(False)
            axes.set_yticks([])
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.grid(axis="x", color=RULE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlabel(_plain(axis), fontsize=TEXT, color=SOFT, labelpad=4, loc="right")
        if legend:
            figure.legend(loc="lower left", bbox_to_anchor=(0, 0), ncols=2, frameon=False, fontsize=TEXT,
                          borderpad=0.1, handlelength=2.2, columnspacing=1.0, labelspacing=0.3)  # fmt: skip
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return Chart(title, _inline(out.getvalue(), name, title, told))


def _inline(svg: str, name: str, title: str, told: str) -> Markup:
    """matplotlib's file as an element of the page: named, without its own fonts and style sheet, ids its own."""
    body = svg[svg.index("<svg") :]
    body = body[body.index(">") + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.S)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    used = set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", body))
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r"(href=\"#|url\(#)", rf"\g<1>{name}-", body).replace("xlink:href", "href")
    # A hundredth of a unit cannot be seen. Only inside tags: between them stand the figures.
    body = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), body)
    body = re.sub(r"\s*\n\s*", "\n", re.sub(r"<defs>\s*</defs>", "", body))
    size = re.search(r'viewBox="([^"]+)"', svg)[1]
    high = float(size.split()[3])
    # `body` comes from matplotlib, which escapes the text it is given.
    return Markup(
        f'<svg class="plot" viewBox="{size}" width="{WIDTH}" height="{high:g}" role="img" '
        f'aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{escape(title)}</title>'
        f'<desc id="{name}-d">{escape(told)}</desc>{body}'
    )


@dataclass(frozen=True)
class _Places:
    """Where rows stand and their names: beside them, or above them where the names are too long.

    Attributes:
        height: units from row to row.
        left: units on the left of the axes, for the names.
        up: how far above its row a name stands, in rows.
    """

    height: float
    left: float
    up: float

    def frame(self, axes, rows: int) -> None:
        axes.set_ylim(rows - 0.5, -0.5 - (0.2 if self.up else 0))

    def label(self, axes, text: str, y: float, bold: bool = False) -> None:
        axes.annotate(
            text, (0, y - self.up), xycoords=("axes fraction", "data"), xytext=(-self.left, 0),
            textcoords="offset points", ha="left", va="center", fontsize=TEXT, color=INK,
            fontweight="bold" if bold else "normal", annotation_clip=False, parse_math=False,
            bbox=PAPER if self.up else None,
        )  # fmt: skip


def _places(labels: Sequence[str], height: float, above: bool = False, letters: int = 0) -> _Places:
    longest = max(letters, *map(len, labels))
    if above or longest > LONG:
        return _Places(height + 18, EDGE, 19 / (height + 18))
    return _Places(height, max(EDGE, 14 + longest * 7.6), 0)


def _plain(text: str) -> str:
    return text.replace("$", r"\$")


def _told_interval(ci95: tuple[float, float] | None) -> str:
    return f" [{ci95[0]:.3f}, {ci95[1]:.3f}]" if ci95 else ""
