"""What variants that were trained apart show: ablations, the mixup split, low resource, zero-shot, cold start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shopping_assistant.eval.report import charts, numbers
from shopping_assistant.eval.report.replayed import SIGNIFICANT

DIRECTIONS = ("worse", "same", "better")


@dataclass(frozen=True)
class Variant:
    """One ablation: its figures, its difference to the whole system, and the direction that was published."""

    name: str
    says: str
    recall: float | None
    ndcg: float | None
    difference: float | None
    ci95: tuple[float, float] | None
    p_adjusted: float | None
    published: str | None

    @property
    def beyond_chance(self) -> bool:
        return self.p_adjusted is not None and self.p_adjusted < SIGNIFICANT

    @property
    def found(self) -> str:
        """Our direction; a difference that chance explains is none."""
        if self.difference is None:
            return numbers.NONE
        if not self.beyond_chance:
            return "same"
        return "worse" if self.difference < 0 else "better"

    @property
    def agrees(self) -> str | None:
        """``yes``, ``no`` where ours goes the other way, ``no telling`` where chance explains ours; None for the whole
        system, of which nothing was published."""
        if self.published not in DIRECTIONS or self.difference is None:
            return None
        return "yes" if self.found == self.published else "no telling" if self.found == "same" else "no"


@dataclass(frozen=True)
class ZeroShot:
    trained_on: str
    tested_on: str
    sessions: int | None
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Ablations:
    """The variants in one retrieval: the shop's own list, or the published one."""

    title: str
    variants: tuple[Variant, ...]
    chart: charts.Chart | None


# The keys of the file, and how the lists are called on the page.
LISTS = (("variants", "the shop's weights"), ("variants_published_list", "the published list"))
SWEEPS = (("mixup_sweep", "published list"), ("mixup_sweep_shop", "the shop's weights"))


def ablations(found: Mapping, k: int) -> list[Ablations]:
    """The variants in each retrieval that is there, their bars on one scale."""
    tables = [
        (f"Ablations, {title}" if found.get(LISTS[1][0]) else "Ablations", rows)
        for key, title in LISTS
        if (rows := tuple(_variant(name, v, k) for name, v in (found.get(key) or {}).items()))
    ]
    ends = [
        end for _, rows in tables for v in rows if v.difference is not None for end in (v.difference, *(v.ci95 or ()))
    ]
    limits = (min(0, *ends), max(0, *ends)) if ends else None
    return [
        Ablations(title, rows, _bars(f"ablations-{number}", title, rows, k, limits))
        for number, (title, rows) in enumerate(tables)
    ]


def _variant(name: str, v: Mapping, k: int) -> Variant:
    figures = v.get("figures") or v.get("systems") or v
    ci95, p = v.get("difference_ci95"), v.get("p_adjusted", v.get("p"))
    # The whole system has no difference to itself, and nothing was published about it.
    whole = p is None and not v.get("difference")
    return Variant(
        name, v.get("says", ""), figures.get(f"recall@{k}"), figures.get(f"ndcg@{k}"),
        None if whole else v.get("difference"), (ci95[0], ci95[1]) if ci95 else None, p,
        None if whole else v.get("published"),
    )  # fmt: skip


def _bars(
    name: str, title: str, variants: Sequence[Variant], k: int, limits: tuple[float, float] | None
) -> charts.Chart | None:
    rows = [
        charts.Bar(v.name, v.difference, v.ci95, v.published, v.agrees) for v in variants if v.difference is not None
    ]
    return charts.bars(name, title, rows, f"ndcg@{k}, difference to the whole", limits) if rows else None


def mixup_sweep(found: Mapping, k: int) -> charts.Chart | None:
    metric = f"ndcg@{k}"
    sweeps = [(label, sorted(found[key], key=lambda p: p["m"])) for key, label in SWEEPS if found.get(key)]
    if not sweeps:
        return None
    lines = [charts.Line(label, [(p["m"], p[metric], _bounds(p, metric)) for p in sweep]) for label, sweep in sweeps]
    ms = sorted({p["m"] for _, sweep in sweeps for p in sweep})
    ticks = [(m, str(m)) for m in ms if len(ms) <= 8 or m % 2 == 0]
    return charts.curves("mixup-sweep", "The mixup split", lines, metric, ticks, "m, first places from the id list")


def best_splits(found: Mapping, k: int) -> list[tuple[str, int]]:
    """Each retrieval that was swept, and its best m."""
    return [(label, max(found[key], key=lambda p: p[f"ndcg@{k}"])["m"]) for key, label in SWEEPS if found.get(key)]


def low_resource(settings: Mapping, k: int) -> charts.Chart | None:
    points = sorted(settings.get("low_resource") or (), key=lambda p: p["share"])
    if len(points) < 2:
        return None  # nothing but the whole log: no curve yet
    names = list(dict.fromkeys(n for p in points for n in p["systems"]))[: len(charts.STYLES)]
    metric = f"ndcg@{k}"
    lines = [
        charts.Line(
            n,
            [(p["share"], f[metric], _bounds(f, metric)) for p in points if (f := p["systems"].get(n)) is not None],
        )
        for n in names
    ]
    ticks = [(p["share"], f"{p['share'] * 100:g} %") for p in points]
    title = "Less training data"
    return charts.curves("low-resource", title, lines, metric, ticks, "share of the training data", log=True)


def cold_start(settings: Mapping | None, systems: Mapping, names: list[str], k: int) -> charts.Chart | None:
    """Cold and warm items: of the settings' own runs, else of the replay's groups, where it has both."""
    metric = f"ndcg@{k}"
    given = ((settings or {}).get("cold_start") or {}).get("systems")
    groups = given or {n: systems[n].get("cohorts", {}) for n in names}
    rows = [
        (n, g["cold items"][metric], g["warm items"][metric])
        for n, g in groups.items()
        if "cold items" in g and "warm items" in g
    ]
    if not rows:
        return None
    # A system stands above itself with the whole log: what not having met the products costs is the step between them.
    order = {base: i for i, base in reversed(list(enumerate(_base(n) for n, _, _ in rows)))}
    rows.sort(key=lambda row: order[_base(row[0])])
    return charts.pairs("cold-start", "Cold items beside warm ones", rows, ("cold items", "warm items"), metric)


def _base(system: str) -> str:
    return system.split(", ")[0]


def zero_shot(settings: Mapping, k: int) -> tuple[list[str], list[ZeroShot]]:
    """The systems, and one row for each pair of categories; what was tested on one kind stands together."""
    rows = sorted(settings.get("zero_shot") or (), key=lambda row: str(row["tested_on"]))
    names = list(dict.fromkeys(n for row in rows for n in row["systems"]))
    metric = f"ndcg@{k}"
    digits = numbers.digits_for(
        bounds for row in rows for f in row["systems"].values() if (bounds := _bounds(f, metric)) is not None
    )
    return names, [
        ZeroShot(
            str(row["trained_on"]),
            str(row["tested_on"]),
            next((f["sessions"] for f in row["systems"].values() if "sessions" in f), None),
            tuple(_figure(row["systems"].get(n), metric, digits) for n in names),
        )
        for row in rows
    ]


def _figure(figures: Mapping | None, metric: str, digits: int) -> str:
    return numbers.number(figures.get(metric), digits) if figures else numbers.NONE


def _bounds(figures: Mapping, metric: str) -> tuple[float, float] | None:
    """The interval of one metric; a lone pair of numbers is the leading metric's."""
    found = figures.get("ci95")
    if isinstance(found, Mapping):
        found = found.get(metric)
    return (found[0], found[1]) if found else None
