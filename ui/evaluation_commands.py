"""The commands of ``shop`` for whoever evaluates. Each imports what it needs when it runs."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from shopping_assistant.ui.options import DEFAULT_STORE, JsonOption, StoreOption, progress_bars


def add_to(app: typer.Typer) -> None:
    for command in (replay, simulate, report):
        app.command()(command)


def replay(
    store: StoreOption = DEFAULT_STORE,
    events: Annotated[Path | None, typer.Option(help="Another log, replayed against this store.")] = None,
    system: Annotated[
        list[str] | None, typer.Option("--system", help="popularity, id, title, mixup, search, agent; may be repeated.")
    ] = None,
    split: Annotated[str, typer.Option(help="leave-one-out, session or temporal.")] = "leave-one-out",
    part: Annotated[str, typer.Option(help="test or validation.")] = "test",
    candidates: Annotated[str, typer.Option(help="all, bought, available, category, or a file of ids.")] = "all",
    exclude_history: Annotated[
        bool, typer.Option("--exclude-history/--include-history", help="Leave out what the shopper has bought.")
    ] = True,
    min_items: Annotated[int, typer.Option(help="Only shoppers with at least this many purchases.", min=2)] = 3,
    sample: Annotated[int | None, typer.Option(help="Replay only so many sessions.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Seed of the sample and the bootstrap.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for the ranked runs.")] = None,
    ablations: Annotated[
        bool, typer.Option("--ablations", help="Replay what `make ablations` trained: ablations and settings.")
    ] = False,
    variants: Annotated[
        Path | None, typer.Option(help="With --ablations: the variants' folder; STORE-ablations by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay logged sessions and score what each system would have recommended."""
    if ablations:
        other = {"--events": events, "--system": system, "--split": split != "leave-one-out" and split}
        other |= {"--candidates": candidates != "all" and candidates, "--include-history": not exclude_history}
        _replay_ablations(
            store, variants, [name for name, value in other.items() if value], part, sample, seed, out, as_json
        )
        return
    from shopping_assistant.eval.replay import replay as run
    from shopping_assistant.tools.importers import read_log
    from shopping_assistant.tools.store import Store

    opened = Store.open(store)
    log = read_log(events, opened.catalog()) if events else None
    with progress_bars() as start:
        result = run(
            opened, system or None, events=log, split=split, part=part, candidates=candidates,
            exclude_history=exclude_history, min_items=min_items, sample=sample, seed=seed, out=out,
            progress=start("replay"),
        )  # fmt: skip
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        _print_scores(result)


def simulate(
    store: StoreOption = DEFAULT_STORE,
    conversations: Annotated[int, typer.Option(help="How many.", min=1)] = 200,
    turns: Annotated[int, typer.Option(help="Sentences a shopper says at most.", min=1)] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the shoppers; the same one gives the same conversations.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
    part: Annotated[str, typer.Option(help="Whose purchases are wished for: validation or test.")] = "validation",
    assistant: Annotated[
        list[str] | None,
        typer.Option("--assistant", help="agent, search (the latest words), search-all (all words); may be repeated."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the conversations and simulate.json.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Let simulated shoppers with a hidden wish talk to the assistant."""
    from shopping_assistant.eval.simulate import Plan
    from shopping_assistant.eval.simulate import simulate as run
    from shopping_assistant.eval.simulation_figures import as_text
    from shopping_assistant.tools.store import Store

    systems = assistant or ["agent"]
    said = {"--conversations": conversations, "--turns": turns, "--seed": seed, "--workers": workers, "--part": part}
    command = ["shop", "simulate", "--store", store.name, *(str(w) for pair in said.items() for w in pair)]
    command += [word for system in systems for word in ("--assistant", system)]
    with progress_bars() as start:
        result = run(
            Store.open(store), Plan(conversations, turns, seed, part), systems, workers=workers, out=out,
            progress=start("conversations"), command=command,
        )  # fmt: skip
    print(json.dumps(result, ensure_ascii=False) if as_json else as_text(result))


def _replay_ablations(
    store: Path,
    variants: Path | None,
    contradicting: list[str],
    part: str,
    sample: int | None,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    from shopping_assistant.eval.ablations import AblationReplayError, as_text, replay_ablations
    from shopping_assistant.tools.store import Store

    if contradicting:
        raise AblationReplayError(
            f"--ablations with {', '.join(contradicting)}: every variant is asked the shop's own withheld purchases; "
            "leave these options out"
        )
    if out is None:
        raise AblationReplayError("--ablations without --out: expected a folder for ablations/ablations.json and ranks")
    with progress_bars() as start:
        found = replay_ablations(
            Store.open(store), out, variants, part=part, sample=sample, seed=seed, progress=start("ablations")
        )
    print(json.dumps(found, ensure_ascii=False) if as_json else as_text(found))


def report(
    runs: Annotated[Path, typer.Option(help="A folder of results, or the runs folder of one replay.")],
    out: Annotated[Path | None, typer.Option(help="The page; by default report.html in the folder.")] = None,
    store: Annotated[
        Path | None, typer.Option(help="The shop, for titles and histories; by default the one the replay names.")
    ] = None,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The date on the page; by default today's.")
    ] = None,
) -> None:
    """One HTML page about a replay and whatever else the folder holds: figures, intervals, the worst sessions."""
    from shopping_assistant.eval.report.page import write_report

    written = write_report(runs, out, store, date.date() if date else None)
    print(f"{written.path} ({written.size / 1024:,.0f} KB)")
    for part, command in written.missing:
        print(f"without {part}; make them with: {command}", file=sys.stderr)


def _print_scores(result: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result['sessions']:,} sessions · {result['store']}")
    metrics = ("recall@10", "ndcg@10", "mrr@10", "mrr")
    for column in ("system", *metrics, "sessions/s"):
        table.add_column(column, justify="left" if column == "system" else "right")
    for name, s in result["systems"].items():
        cells = [f"{s[m]:.4f} [{s['ci95'][m][0]:.4f}, {s['ci95'][m][1]:.4f}]" for m in metrics]
        table.add_row(name, *cells, f"{s['sessions_per_second']:.1f}")
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    console.print("protocol: " + ", ".join(f"{k} {v}" for k, v in result["protocol"].items()), style="dim")
