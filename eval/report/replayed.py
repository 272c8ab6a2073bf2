"""The replay as the page shows it: systems beside each other, for whom, and what is more than chance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from shopping_assistant.eval.report import numbers

# What the shop itself answers with, first in line; without any of them the best system is looked at.
OWN = ("fused", "mixup", "id", "title", "agent")
# Below so many sessions a group's mean moves by chance more than systems differ.
LEAST_SESSIONS = 30
SIGNIFICANT = 0.05
FAMILIES = (
    ("items", r"(warm|cold) items"),
    ("shoppers", r"(known|new) shoppers"),
    ("query", r"with(out)? query"),
    ("history", r"history \d.*"),
    ("season", r"season .*"),
    ("category", r"category .*|(other|no) categor.*"),
)


@dataclass(frozen=True)
class Difference:
    """Another system beside the main one on the same sessions: main minus other."""

    other: str
    metric: str
    cohort: str | None
    mean: float
    ci95: tuple[float, float]
    p: float
    p_adjusted: float
    sessions: int

    @property
    def beyond_chance(self) -> bool:
        return self.p_adjusted < SIGNIFICANT


@dataclass(frozen=True)
class Cell:
    """A figure in a table; ``shade`` 0…1 colours it, ``best`` sets it in bold."""

    text: str
    below: str = ""
    best: bool = False
    shade: float | None = None


@dataclass(frozen=True)
class SystemRow:
    name: str
    main: bool
    cells: tuple[Cell, ...]
    note: str = ""


@dataclass(frozen=True)
class CohortRow:
    name: str
    sessions: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Loss:
    """A group in which ``other`` is ahead of the main system; ``best`` is the best system there."""

    cohort: str
    other: str
    sessions: int
    theirs: float
    ours: float
    test: Difference | None
    best: str


@dataclass(frozen=True)
class Replayed:
    """The figures of a replay (`eval.score.figures`), with one system in the middle of attention.

    Attributes:
        main: what the shop answers with, or the best system where none of its own was replayed.
        whole: systems that ran every session; only those can be ranked beside each other.
    """

    figures: dict
    k: int

    @cached_property
    def names(self) -> list[str]:
        """All systems, best first."""
        systems = self.figures["systems"]
        return sorted(systems, key=lambda name: (-systems[name][self.leading], name))

    @cached_property
    def whole(self) -> list[str]:
        most = max(s["sessions"] for s in self.figures["systems"].values())
        return [name for name in self.names if self.figures["systems"][name]["sessions"] == most]

    @property
    def leader(self) -> str:
        return self.whole[0]

    @cached_property
    def main(self) -> str:
        return next((name for name in OWN if name in self.whole), self.leader)

    @property
    def leading(self) -> str:
        """The metric that orders the systems."""
        return f"ndcg@{self.k}"

    @property
    def accuracy(self) -> tuple[str, ...]:
        return (f"recall@{self.k}", f"ndcg@{self.k}", f"mrr@{self.k}", "mrr")

    @cached_property
    def digits(self) -> int:
        return numbers.digits_for(self.figures["systems"][name]["ci95"][self.leading] for name in self.whole)

    def of(self, name: str) -> dict:
        return self.figures["systems"][name]

    @cached_property
    def differences(self) -> list[Difference]:
        """Main against every other system, wherever the replay's figures compare them, in either order."""
        found = []
        for c in self.figures.get("comparisons", ()):
            if self.main not in (c["first"], c["second"]):
                continue
            low, high = c["ci95"]
            mean, other = c["difference"], c["second"]
            if c["second"] == self.main:
                mean, low, high, other = -mean, -high, -low, c["first"]
            adjusted = c.get("p_adjusted", c["p"])
            found.append(
                Difference(other, c["metric"], c.get("cohort"), mean, (low, high), c["p"], adjusted, c["sessions"])
            )
        order = {name: i for i, name in enumerate(self.names)}
        return sorted(found, key=lambda d: (order.get(d.other, len(order)), d.metric, d.cohort or ""))

    @property
    def differences_tested(self) -> list[dict]:
        """The comparisons that those over all sessions are corrected for."""
        return [c for c in self.figures.get("comparisons", ()) if c.get("cohort") is None]

    def overall(self, metric: str) -> list[Difference]:
        return [d for d in self.differences if d.metric == metric and d.cohort is None]

    def columns(self) -> list[tuple[str, str]]:
        """Heading and unit of the main table's columns, after the system's name."""
        k = self.k
        beyond = [(f"coverage@{k}", "of products"), (f"novelty@{k}", "bits"), (f"diversity@{k}", "0…1")]
        shown = [(n, u) for n, u in beyond if any(n in s for s in self.figures["systems"].values())]
        broke = any(self.broke_key in s for s in self.figures["systems"].values())
        return [
            *((name, "[95 %]") for name in self.accuracy),
            *shown,
            *([("broken constraints", "of lists")] if broke else []),
            ("sessions", ""),
            ("speed", "sessions/s"),
        ]

    @property
    def broke_key(self) -> str:
        return f"broke_constraint@{self.k}"

    def rows(self) -> list[SystemRow]:
        headings = [name for name, _ in self.columns()]
        return [
            SystemRow(name, name == self.main, tuple(self._cell(name, h) for h in headings), self._note(name))
            for name in self.names
        ]

    def _note(self, name: str) -> str:
        parts = [] if name in self.whole else ["other sessions than the rest"]
        failed = self.of(name).get("failed")
        return ", ".join([*parts, *([f"{failed} failed"] if failed else [])])

    def _cell(self, name: str, heading: str) -> Cell:
        s = self.of(name)
        if heading in self.accuracy:
            best = len(self.whole) > 1 and s[heading] == max(self.of(n)[heading] for n in self.whole)
            text = numbers.number(s[heading], self.digits)
            return Cell(text, numbers.interval(s["ci95"].get(heading), self.digits), best and name in self.whole)
        if heading == "sessions":
            return Cell(numbers.count(s["sessions"]))
        if heading == "speed":
            return Cell(numbers.speed(s.get("sessions_per_second")))
        if heading == "broken constraints":
            return Cell(numbers.share(s.get(self.broke_key)))
        if heading.startswith("coverage"):
            return Cell(numbers.share(s.get(heading)))
        return Cell(numbers.number(s.get(heading), 1 if heading.startswith("novelty") else 2))

    def cohorts(self) -> list[tuple[str, list[CohortRow]]]:
        """``(family, rows)``: the leading metric of every system in every group, shaded by the whole table's range."""
        values = [
            c[self.leading]
            for n in self.names
            for c in self.of(n)["cohorts"].values()
            if c["sessions"] >= LEAST_SESSIONS
        ]
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        families: dict[str, list[CohortRow]] = {}
        for name in sorted({c for n in self.whole for c in self.of(n)["cohorts"]}, key=_order):
            family = next((f for f, pattern in FAMILIES if re.fullmatch(pattern, name)), "other")
            families.setdefault(family, []).append(self._cohort_row(name, low, high))
        ranked = [f for f, _ in FAMILIES] + ["other"]
        return sorted(families.items(), key=lambda pair: ranked.index(pair[0]))

    def _cohort_row(self, cohort: str, low: float, high: float) -> CohortRow:
        found = [self.of(n)["cohorts"].get(cohort) for n in self.names]
        best = max((c[self.leading] for c in found if c), default=None)
        cells = tuple(
            Cell(
                numbers.number(c[self.leading], self.digits),
                best=c[self.leading] == best and len(self.names) > 1,
                shade=min(1.0, max(0.0, (c[self.leading] - low) / (high - low))) if high > low else 0.0,
            )
            if c
            else Cell(numbers.NONE)
            for c in found
        )
        return CohortRow(cohort, max(c["sessions"] for c in found if c), cells)

    def spread(self) -> list[tuple[str, int, float, tuple[float, float] | None]]:
        """``(group, sessions, mean, interval)`` of the main system by the leading metric, for a picture."""
        groups = self.of(self.main)["cohorts"]
        return [
            (row.name, row.sessions, groups[row.name][self.leading], _bounds(groups[row.name], self.leading))
            for _, rows in self.cohorts()
            for row in rows
            if row.name in groups
        ]

    def lost(self) -> list[Loss]:
        """Where another system is ahead of the main one: losses beyond chance first, then the widest gap.

        Groups of fewer than `LEAST_SESSIONS` are left out.
        """
        tests = {(d.cohort, d.other): d for d in self.differences if d.metric == self.leading}
        found = []
        for cohort, figures in self.of(self.main)["cohorts"].items():
            if figures["sessions"] < LEAST_SESSIONS:
                continue
            ours = figures[self.leading]
            theirs = {n: c[self.leading] for n in self.whole if (c := self.of(n)["cohorts"].get(cohort))}
            ahead = [
                Loss(cohort, n, figures["sessions"], value, ours, tests.get((cohort, n)), max(theirs, key=theirs.get))
                for n, value in theirs.items()
                if value > ours
            ]
            found += sorted(ahead, key=_gravest)[:1]
        return sorted(found, key=_gravest)


def _bounds(figures: dict, metric: str) -> tuple[float, float] | None:
    found: Sequence[float] | None = (figures.get("ci95") or {}).get(metric)
    return (found[0], found[1]) if found else None


def _gravest(loss: Loss) -> tuple:
    sure = loss.test is not None and loss.test.beyond_chance
    return not sure, loss.ours - loss.theirs, loss.cohort


def _order(cohort: str) -> tuple:
    """Numbers inside names count as numbers: history 5-9 stands before history 10-19."""
    return tuple(int(p) if p.isdigit() else p for p in re.split(r"(\d+)", cohort))
