"""One HTML page that holds everything: no network, no script it depends on, nothing beside it.

shop report --runs DIR
"""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from shopping_assistant.eval.command_line import without_place, without_places
from shopping_assistant.eval.report import charts, conversations, numbers, summary, trained
from shopping_assistant.eval.report.inputs import ReportError, Results, read_results
from shopping_assistant.eval.report.replayed import LEAST_SESSIONS, Replayed
from shopping_assistant.eval.report.understood import understood
from shopping_assistant.eval.report.worst import Shelf, Worst
from shopping_assistant.tools.store import Store

HERE = Path(__file__).parent
DEMO_SHOP = "shopping_assistant.tools.demo_shop"
PACKAGES = ("shopping_assistant", "numpy", "polars", "torch", "transformers", "peft", "chromadb", "langgraph")


@dataclass(frozen=True)
class Report:
    """What was written, and the parts that had no data."""

    path: Path
    size: int
    missing: tuple[tuple[str, str], ...]


def write_report(
    folder: Path | str,
    out: Path | str | None = None,
    store: Path | str | None = None,
    on: date | None = None,
) -> Report:
    """Write the page about a results folder.

    Args:
        out: the file; by default ``report.html`` in the folder.
        store: the shop, for titles and histories; by default the one the replay names, where it is still there.
        on: the date on the page, by default today's (UTC). All else follows from the inputs, byte for byte.

    Raises:
        ReportError: a part of the results cannot be read, or the page cannot be written.
        RunError: no finished replay in the folder.
        StoreError: ``store`` is given and is none.
    """
    results = read_results(folder)
    opened = _store(store, results)
    path = Path(out) if out is not None else results.folder / "report.html"
    if path.is_dir():
        raise ReportError(f"{path} is a folder, expected a file to write the page to: --out {path / 'report.html'}")
    context = page_context(results, opened, on or datetime.now(UTC).date())
    page = _rendered(context)
    _write_whole(path, page)
    # To whoever runs this on this machine the places are said.
    missing = _missing(results, context, results.about["store"], results.folder)
    return Report(path, len(page), tuple(missing))


def page_context(results: Results, store: Store | None, on: date) -> dict:
    """Everything the template shows, by name."""
    shelf = Shelf(store, results.about["protocol"])
    replayed = Replayed(results.figures, results.k)
    k, metric = results.k, replayed.leading
    found = _part(results, "ablations/ablations.json", lambda: _ablations(results.ablations or {}, k))
    settings = _part(results, "ablations/settings.json", lambda: _settings(results, replayed))
    talked = _part(results, "simulate", lambda: _simulation(results, shelf))
    sets = _part(results, "understanding", lambda: understood(results.understanding))
    simulated_shoppers = _is_simulated(store)
    context = {
        **found,
        **settings,
        **talked,
        "understood": sets,
        "shop": store.name if store else Path(results.about["store"]).name,
        "products": store.catalog().products if store else results.about.get("products"),
        "simulated_shoppers": simulated_shoppers,
        "store_read": store is not None,
        "on": on,
        "k": k,
        "metric": metric,
        "sessions": results.about["sessions"],
        "protocol": _protocol(results),
        "replayed": replayed,
        "main": replayed.main,
        "systems_charts": _systems_charts(replayed),
        "differences": _differences(replayed),
        "compared": [m for m in (metric, replayed.accuracy[0]) if any(d.metric == m for d in replayed.differences)],
        "differences_chart": _differences_chart(replayed),
        "cohort_charts": _cohort_charts(replayed),
        "worst": Worst(results, replayed.main, replayed.whole, shelf),
        "sentences": summary.sentences(results, replayed, found["ablations"], simulated_shoppers),
        "commands": commands(results, store),
        "versions": _versions(),
        "n": numbers,
    }
    store_there, folder = without_places((results.about["store"], results.folder))
    context["missing"] = _missing(results, context, store_there, Path(folder))
    return context


def commands(results: Results, store: Store | None) -> list[str]:
    """The commands that made the results, as they can be typed."""
    said = [results.about.get("command") or replay_command(results)]
    others = (results.ablations, results.settings, results.simulation, *results.understanding.values())
    # A part that was made from Python has no command to say.
    said += [found["command"] for found in others if found and len(found.get("command") or ()) > 1]
    report = ["shop", "report", "--runs", str(results.folder)]
    if store is not None and str(store.path) != results.about["store"]:
        report += ["--store", str(store.path)]
    lines = [line if isinstance(line, str) else shlex.join(without_places(line)) for line in [*said, report]]
    return list(dict.fromkeys(lines))


def replay_command(results: Results) -> list[str]:
    """The replay's command from its protocol, with every setting said, so that no default can change it."""
    p = results.about["protocol"]
    given = p.get("events", "the store's")
    command = ["shop", "replay", "--store", results.about["store"]]
    command += ["--events", given] if given not in ("the store's", "given") else []
    for name in sorted(results.figures["systems"]):
        command += ["--system", name]
    for option in ("split", "part", "candidates", "min_items", "sample", "seed"):
        if p.get(option) is not None:
            command += [f"--{option.replace('_', '-')}", str(p[option])]
    if "exclude_history" in p:
        command.append("--exclude-history" if p["exclude_history"] else "--include-history")
    return [*command, "--out", str(results.replay)]


def _store(given: Path | str | None, results: Results) -> Store | None:
    if given is not None:
        return Store.open(given)
    named = Path(results.about["store"])
    return Store.open(named) if (named / "store.json").is_file() else None


def _is_simulated(store: Store | None) -> bool | None:
    """Whether the log is the demo shop's; None where no store says."""
    return None if store is None else store.made_by("events").get("generator") == DEMO_SHOP


def _part(results: Results, name: str, build: Callable[[], object]):
    """One part of the page; what it does not understand is an error that names the part."""
    try:
        return build()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ReportError(
            f"{results.folder / name}: {type(error).__name__} {error}, expected what its command writes; "
            "write it again, or move it away to leave this part out"
        ) from error


def _systems_charts(r: Replayed) -> list:
    out = []
    for number, metric in enumerate((r.leading, r.accuracy[0])):
        rows = [charts.Dot(n, r.of(n)[metric], r.of(n)["ci95"].get(metric), n == r.main, n == r.main) for n in r.names]
        out.append(charts.dots(f"systems-{number}", f"{metric} of every system", rows, metric))
    return out


def _differences(r: Replayed) -> list[dict]:
    """One row for each other system and group, with a cell for each metric that was compared."""
    rows: dict[tuple[bool, str, str], dict] = {}
    for d in r.differences:
        row = rows.setdefault(
            (d.cohort is not None, d.cohort or "", d.other),
            {"other": d.other, "group": d.cohort or "all", "sessions": numbers.count(d.sessions), "tests": {}},
        )
        row["tests"][d.metric] = {
            "difference": numbers.signed(d.mean, r.digits),
            "ci95": numbers.interval(d.ci95, r.digits),
            "p": numbers.probability(d.p_adjusted),
            "verdict": ("ahead" if d.mean > 0 else "behind") if d.beyond_chance else "no telling",
        }
    return [rows[key] for key in sorted(rows, key=lambda key: key[0])]


def _differences_chart(r: Replayed):
    rows = [charts.Dot(d.other, d.mean, d.ci95, d.beyond_chance) for d in r.overall(r.leading)]
    if not rows:
        return None
    axis = f"{r.leading} of {r.main} minus the other's"
    return charts.dots("differences", f"{r.main} beside each other system", rows, axis, zero=True)


def _cohort_charts(r: Replayed) -> list[charts.Chart]:
    """The main system's groups by family, as small multiples on one scale; small groups are left out."""
    spread = {name: (mean, ci95) for name, sessions, mean, ci95 in r.spread() if sessions >= LEAST_SESSIONS}
    ends = [end for mean, ci95 in spread.values() for end in (ci95 or (mean, mean))]
    families = [
        (family, [charts.Dot(row.name.removeprefix(f"{family} "), *spread[row.name], True) for row in rows])
        for family, all_rows in r.cohorts()
        if len(rows := [row for row in all_rows if row.name in spread]) > 1
    ]
    letters = max((len(dot.label) for _, dots in families for dot in dots), default=0)
    return [
        charts.dots(
            f"groups-{number}", f"{r.main} by {family}", dots, r.leading,
            row_height=26, limits=(min(ends), max(ends)), letters=letters,
        )
        for number, (family, dots) in enumerate(families)
    ]  # fmt: skip


def _ablations(found: Mapping, k: int) -> dict:
    return {
        "ablations": trained.ablations(found, k),
        "untrained": [str(name) for name in found.get("missing") or ()],
        "sweep_chart": trained.mixup_sweep(found, k),
        "best_splits": trained.best_splits(found, k),
        "ablation_sessions": found.get("sessions"),
    }


def _settings(results: Results, r: Replayed) -> dict:
    settings = results.settings or {}
    names, rows = trained.zero_shot(settings, results.k)
    return {
        "low_resource_chart": trained.low_resource(settings, results.k),
        "cold_chart": trained.cold_start(settings, results.figures["systems"], r.names, results.k),
        "cold_trained_apart": bool((settings.get("cold_start") or {}).get("systems")),
        "zero_shot_systems": names,
        "zero_shot": rows,
    }


def _simulation(results: Results, shelf: Shelf) -> dict:
    simulation = results.simulation or {}
    return {
        "simulated": conversations.simulated(simulation),
        "partners": conversations.partners(simulation),
        "success_chart": conversations.success_chart(simulation),
        "talks": conversations.chosen(results.conversations, shelf.item),
    }


def _protocol(results: Results) -> list[tuple[str, str]]:
    """Every setting of every part, in words."""
    about = results.about
    rows = [(key, _said(value)) for key, value in about.items() if key not in ("protocol", "command")]
    rows += [(key, _said(value)) for key, value in about["protocol"].items()]
    for name, found in (("ablations", results.ablations), ("simulate", results.simulation)):
        rows += [(f"{name}: {key}", _said(value)) for key, value in ((found or {}).get("protocol") or {}).items()]
    for name, found in results.understanding.items():
        rows += [(f"{name}: {key}", _said(value)) for key, value in (found.get("protocol") or {}).items()]
    return rows


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {_said(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value)) or "none"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else without_place(str(value))


def _versions() -> list[tuple[str, str]]:
    found = [("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found


def _missing(results: Results, context: Mapping, store: str, out: Path) -> list[tuple[str, str]]:
    """What the page could show and has no data for: (part, the command that makes them)."""
    # The part that was replayed: whoever still chooses on validation is not sent to the test part.
    part = f"--part {results.about['protocol']['part']}"
    trained_first = f"make ablations STORE={store}; shop replay --store {store} --ablations {part} --out {out}"
    again = shlex.join(without_places(replay_command(results))) + " --system ANOTHER"
    parts = (
        ("differences tested against chance", context["differences"], again),
        ("ablations and the mixup split", results.ablations, trained_first),
        ("low resource", context["low_resource_chart"], trained_first),
        ("zero-shot", context["zero_shot"], trained_first),
        ("simulated shoppers", results.simulation, f"shop simulate --store {store} {part} --out {out / 'simulate'}"),
        (
            "understanding of people's words",
            results.understanding,
            f"python -m shopping_assistant.eval.understanding all --data DIR --out {out}",
        ),
        (
            "titles and histories of the worst sessions",
            context["store_read"],
            f"shop report --runs {out} --store DIR",
        ),
    )
    return [(part, command) for part, there, command in parts if not there]


def _rendered(context: Mapping) -> bytes:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    # Titles and queries are sellers' and shoppers' text: whatever is not Markup is escaped.
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = Markup((HERE / "page.css").read_text(encoding="utf-8"))  # our own file, no one's input
    page = environment.get_template("page.html").render(**context, style=style)
    return page.encode("utf-8", "replace")


def _write_whole(path: Path, page: bytes) -> None:
    """Write beside ``path``, flush, rename: nobody ever opens half a page."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ReportError(f"{path} cannot be written ({error}); choose another place with --out") from error
    finally:
        with suppress(OSError):  # where no file can be, none was left
            temporary.unlink()
