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
    for command in (replay, simulate, export_case, report):
        app.command()(command)


def replay(
    store: StoreOption = DEFAULT_STORE,
    events: Annotated[Path | None, typer.Option(help="Another log, replayed against this store.")] = None,
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            help="popularity, item-knn, item-knn-colors, bm25, vectors, search, recbole-sasrec (and four more), "
            "recformer, recformer-query, id, title, mixup, fused, agent; may be repeated. all: whatever the store has "
            "what it takes for. By default popularity, id, title, mixup and fused.",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="leave-one-out, session or temporal.")] = "leave-one-out",
    part: Annotated[str, typer.Option(help="test or validation.")] = "test",
    candidates: Annotated[
        str, typer.Option(help="all, bought, available, available-then, category, or a file of ids.")
    ] = "all",
    exclude_history: Annotated[
        bool, typer.Option("--exclude-history/--include-history", help="Leave out what the shopper has bought.")
    ] = True,
    min_items: Annotated[int, typer.Option(help="Only shoppers with at least this many purchases.", min=2)] = 3,
    sample: Annotated[int | None, typer.Option(help="Replay only so many sessions.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Seed of the sample and the bootstrap.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the ranked runs; an interrupted replay goes on there, another --system joins."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that rank, each with models of its own.", min=1)] = 1,
    engine: Annotated[str, typer.Option(help="processes of this machine, or ray.")] = "processes",
    cases: Annotated[
        Path | None, typer.Option(help="Replay the cases of this folder instead; fails when a bad answer is back.")
    ] = None,
    ablations: Annotated[
        bool, typer.Option("--ablations", help="Replay what `make ablations` trained: ablations and settings.")
    ] = False,
    variants: Annotated[
        Path | None, typer.Option(help="With --ablations: the variants' folder; STORE-ablations by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay logged sessions and score what each system would have recommended."""
    if variants is not None and not ablations:
        raise typer.BadParameter("expected together with --ablations", param_hint="--variants")
    if cases is not None:
        other = {"--events": events, "--system": system, "--sample": sample, "--out": out, "--ablations": ablations}
        _replay_cases(store, cases, [name for name, value in other.items() if value], as_json)
        return
    if ablations:
        other = {"--events": events, "--system": system, "--split": split != "leave-one-out" and split}
        other |= {"--candidates": candidates != "all" and candidates, "--include-history": not exclude_history}
        other |= {"--engine": engine != "processes"}
        given = [name for name, value in other.items() if value]
        _replay_ablations(store, variants, given, part, sample, seed, workers, out, as_json)
        return
    from shopping_assistant.eval.baselines import systems_at_hand
    from shopping_assistant.eval.replay import AGENT_SAMPLE
    from shopping_assistant.eval.replay import replay as run
    from shopping_assistant.tools.store import Store

    opened = Store.open(store)
    systems = systems_at_hand(opened) if system == ["all"] else system or None
    with progress_bars() as start:
        result = run(
            opened, systems, events=events, split=split, part=part, candidates=candidates,
            exclude_history=exclude_history, min_items=min_items, sample=sample, seed=seed, out=out, workers=workers,
            engine=engine, progress=start("replay"), agent_sessions=AGENT_SAMPLE if system == ["all"] else None,
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
        typer.Option(
            "--assistant",
            help="agent, agent-unasking (no question back), search (the latest words), search-all, agent-judged (cards "
            "get thumbs); may be repeated.",
        ),
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


def _replay_cases(store: Path, folder: Path, contradicting: list[str], as_json: bool) -> None:
    from shopping_assistant.eval import cases
    from shopping_assistant.tools.store import Store

    if contradicting:
        raise cases.CaseError(f"--cases with {', '.join(contradicting)}: each case says itself what it replays")
    verdicts = cases.replay_cases(Store.open(store), cases.read_cases(folder))
    print(json.dumps(cases.as_json(verdicts), ensure_ascii=False) if as_json else cases.as_text(verdicts))
    if not all(v.passed for v in verdicts):
        raise typer.Exit(1)


def export_case(
    store: StoreOption = DEFAULT_STORE,
    list_: Annotated[bool, typer.Option("--list", help="Show the newest conversations to choose from.")] = False,
    thread: Annotated[str | None, typer.Option(help="A conversation of the shop.")] = None,
    turn: Annotated[int | None, typer.Option(help="Its turn with the answer; the last one by default.", min=1)] = None,
    runs: Annotated[Path | None, typer.Option(help="Instead of a conversation: a folder of `shop replay`.")] = None,
    session: Annotated[str | None, typer.Option(help="With --runs: the session.")] = None,
    system: Annotated[str | None, typer.Option(help="With --runs: whose answer.")] = None,
    expect: Annotated[
        list[str] | None, typer.Option(help="product=ID is shown, or ATTRIBUTE=VALUE (<=, >=) holds for all shown.")
    ] = None,
    expect_not: Annotated[list[str] | None, typer.Option(help="The same, and none of the shown may have it.")] = None,
    expect_act: Annotated[str | None, typer.Option(help="What the sentence is to be understood as: refine, …")] = None,
    within: Annotated[int, typer.Option(help="Among how many of the first an expected product is.", min=1)] = 10,
    note: Annotated[str, typer.Option(help="What is wrong with the answer, for whoever reads the case.")] = "",
    out: Annotated[Path | None, typer.Option(help="The case's file: cases/NAME.json.")] = None,
) -> None:
    """Write a bad answer down as a case that `shop replay --cases` holds against every later version."""
    from shopping_assistant.eval import export_case as export
    from shopping_assistant.eval.cases import CaseError, write_case
    from shopping_assistant.tools.store import Store

    opened = Store.open(store)
    if list_:
        for found in export.recent(opened):
            print(f"{found['thread_id']}  {found['started'][:16]}  {found['turns']} turns")
            for number, said in enumerate(found["said"], 1):
                print(f"    {number}. {said}")
        return
    if (thread is None) == (runs is None) or (runs is None) != (session is None) or out is None:
        raise CaseError("expected --thread ID or --runs DIR --session ID, and --out cases/NAME.json; see also --list")
    if (thread is not None and system is not None) or (runs is not None and turn is not None):
        raise CaseError("--turn belongs to --thread, --system to --runs; leave the other one out")
    acts = [expect_act] if expect_act else []
    if thread is not None:
        expected = export.expectations(expect or (), expect_not or (), acts, within)
        case = export.from_thread(opened, thread, out.stem, expected, turn, note)
    else:
        given = expect or expect_not or acts
        expected = export.expectations(expect or (), expect_not or (), acts, within) if given else ()
        case = export.from_runs(opened, runs, session, out.stem, expected, system, note)
    write_case(case, out)
    print(f"{out}: {'; '.join(e.says() for e in case.expect)}")


def _replay_ablations(
    store: Path,
    variants: Path | None,
    contradicting: list[str],
    part: str,
    sample: int | None,
    seed: int,
    workers: int,
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
            Store.open(store), out, variants, part=part, sample=sample, seed=seed, workers=workers,
            progress=start("ablations"),
        )  # fmt: skip
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
    """Two tables: what the systems found, and what their lists are like."""
    from rich.console import Console
    from rich.table import Table

    k = result["protocol"]["k"]
    found = Table(title=f"{result['sessions']:,} sessions · {result['store']}")
    metrics = (f"recall@{k}", f"ndcg@{k}", f"mrr@{k}", "mrr")
    lists = Table(title=f"their first {k} products")
    # The name in a list's table, and how its figure is written; what a system has no figure for stays empty.
    told = {f"coverage@{k}": ".1%", f"novelty@{k}": ".2f", f"diversity@{k}": ".3f", f"broke_constraint@{k}": ".1%"}
    counted = {"sessions": ",d", "not_ranked": ",d", "sessions_per_second": ",.1f"}
    for table, columns in ((found, metrics), (lists, (*told, *counted))):
        for column in ("system", *(c.replace("_", " ") for c in columns)):
            table.add_column(column, justify="left" if column == "system" else "right")
    for name, s in result["systems"].items():
        cells = [f"{s[m]:.4f} [{s['ci95'][m][0]:.4f}, {s['ci95'][m][1]:.4f}]" for m in metrics]
        found.add_row(name, *cells)
        shown = {**told, **counted}.items()
        lists.add_row(name, *(format(s[figure], form) if figure in s else "" for figure, form in shown))
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(found, lists)
    console.print("protocol: " + ", ".join(f"{k} {v}" for k, v in result["protocol"].items()), style="dim")
