"""The ``shop`` command: the one door to every part. A subcommand imports what it needs when it runs."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.ui import conversation_commands, evaluation_commands
from shopping_assistant.ui.conversation_commands import lines
from shopping_assistant.ui.options import DEFAULT_STORE, JsonOption, StoreOption, progress_bars

if TYPE_CHECKING:
    from shopping_assistant.finetune.build import StepReport
    from shopping_assistant.tools.stock_changes import StockReport

app = typer.Typer(
    help="A shopping assistant for fashion that learns from its own shop's sessions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Source(StrEnum):
    """Where a catalogue or a log comes from."""

    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    hm = "hm"
    amazon_reviews = "amazon-reviews"
    amazon_m2 = "amazon-m2"
    myntra = "myntra"
    webshop = "webshop"
    renttherunway = "renttherunway"
    chats = "chats"


class Trainable(StrEnum):
    """The models that can be trained one by one."""

    falcon = "falcon"
    titles = "titles"
    ids = "ids"
    sessions = "sessions"
    # Baselines of the evaluation: no part of a build.
    recformer = "recformer"
    recformer_query = "recformer-query"


INTERRUPTED = 130  # exit code of Ctrl-C


def main() -> None:
    """Run the command line; errors meant for a person are printed as one line, exit code 2."""
    # A library's plans for its next version are no news for whoever runs a shop.
    warnings.simplefilter("ignore", FutureWarning)
    try:
        app()
    except ShopError as error:
        _fail(str(error))
    except SystemExit as end:
        # typer makes this of a KeyboardInterrupt, without a word.
        if end.code != INTERRUPTED:
            raise
        told = "what was written is kept, and the same command goes on from there (replay and simulate: with --out)"
        _fail(f"interrupted; {told}", code=INTERRUPTED)
    except BrokenPipeError:
        # The reader went away (`shop search … | head`): nothing to say, and nothing more to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int = 2) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(code)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _report_step(step: StepReport) -> None:
    figures = ", ".join(f"{k} {v}" for k, v in step.figures.items() if isinstance(v, (int, float, str)))
    took = f" in {step.seconds:.0f} s" if step.outcome == "made" else ""
    _say(f"{step.name:12} {step.outcome}{took}" + "".join(f" · {x}" for x in (step.why, figures) if x))


@app.command()
def demo(store: StoreOption = DEFAULT_STORE) -> None:
    """Lay down the demo shop with its trained models."""
    from shopping_assistant.finetune.demo import lay_down

    start = time.perf_counter()
    _say(f"The demo shop goes to {store}: inventing its catalogue and a year of sessions…")
    laid = lay_down(store)
    _say(
        f"{laid['products']:,} products, {laid['events']:,} events, {laid['queries']:,} remembered queries, trained "
        f"models in place after {time.perf_counter() - start:.0f} s. Talk to it with: shop chat --store {store}"
    )


@app.command(name="import")
def import_(
    source: Source,
    path: Annotated[Path, typer.Argument(help="A file, or the data set's folder.")],
    store: StoreOption = DEFAULT_STORE,
    events: Annotated[Path | None, typer.Option(help="The shop's own log (jsonl, csv, parquet).")] = None,
    fit: Annotated[Path | None, typer.Option(help="How sizes fitted shoppers (jsonl, csv, parquet).")] = None,
    part: Annotated[
        str, typer.Option(help="hm: all, week, history; amazon-reviews: all, reviewed; amazon-m2: all, or DE,ES,…")
    ] = "all",
    name: Annotated[str | None, typer.Option(help="The shop's name.")] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of prices that do not say theirs, e.g. EUR.")] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="A product column by another name: --map product_id=sku")
    ] = None,
    map_event: Annotated[
        list[str] | None, typer.Option("--map-event", help="An event column: --map-event user_id=customer")
    ] = None,
    map_fit: Annotated[
        list[str] | None, typer.Option("--map-fit", help="A column of the fit feedback: --map-fit size=worn_size")
    ] = None,
    action: Annotated[
        list[str] | None, typer.Option("--action", help="An action by another name: --action viewed=click")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out bad rows, count and list them.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a store that is there already.")] = False,
) -> None:
    """Bring a catalogue, and its log where there is one, into a store."""
    from shopping_assistant.tools import importers

    with progress_bars() as start:
        report = importers.import_source(
            source.value, path, store, events_path=events, fit_path=fit, part=part, name=name, currency=currency,
            product_columns=_pairs("--map", map_), event_columns=_pairs("--map-event", map_event),
            fit_columns=_pairs("--map-fit", map_fit),
            action_values=_pairs("--action", action), skip_bad=skip_bad, replace=replace, progress=start("import"),
        )  # fmt: skip
    for line in report.lines():
        _say(line)
    _say(f"Next: shop build --store {store}")


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """``["product_id=sku"]`` as a dict."""
    pairs = {}
    for text in given or []:
        left, equals, right = text.partition("=")
        if not equals or not left or not right:
            raise ShopError(f"{option} {text!r}: expected NAME=OTHER, for example {option} product_id=sku")
        pairs[left.strip()] = right.strip()
    return pairs


@app.command()
def add_products(
    path: Annotated[Path, typer.Argument(help="Products as in `shop import` (jsonl, csv, parquet).")],
    store: StoreOption = DEFAULT_STORE,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="A product column by another name: --map product_id=sku")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of prices that do not say theirs.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out bad rows and list them.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put products into a shop, or new values to those it has: at once, without training, also while it is open."""
    from shopping_assistant.tools import stock_changes

    with progress_bars() as start:
        report = stock_changes.add_products(
            path, store, product_columns=_pairs("--map", map_), currency=currency, skip_bad=skip_bad,
            progress=start("read"),
        )  # fmt: skip
    _print_stock(report, as_json)


@app.command()
def remove_products(
    products: Annotated[list[str], typer.Argument(help="Product ids, or one file of them.")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Take products out of a shop, also while it is open. What shoppers did with them stays in the log."""
    from shopping_assistant.tools import stock_changes

    _print_stock(stock_changes.remove_products(stock_changes.named_products(products), store), as_json)


def _print_stock(report: StockReport, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.as_dict(), ensure_ascii=False))
        return
    for line in report.lines():
        _say(line)


@app.command()
def build(
    store: StoreOption = DEFAULT_STORE,
    only: Annotated[
        str | None,
        typer.Option(help="Some of search, titles, ids, memory, sessions, recommender, mixup, fused, fit, images."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML naming each model's settings file.")] = None,
    seed: Annotated[int | None, typer.Option(help="In place of the seed in every model's settings.")] = None,
    image_encoder: Annotated[
        str | None,
        typer.Option(help="A CLIP or SigLIP by name or folder: shoppers can show a photo. Kept until it is none."),
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="Folder of the products' pictures. Kept.")] = None,
) -> None:
    """Train and index everything a shop needs; what has not changed is not made again."""
    from shopping_assistant.finetune.build import build as run
    from shopping_assistant.tools.store import Store

    opened = Store.open(store)
    if image_encoder is not None or pictures is not None:
        from shopping_assistant.finetune import images

        images.choose(opened, image_encoder, pictures)
    steps = [s.strip() for s in only.split(",") if s.strip()] if only else None
    with progress_bars() as start:
        run(opened, only=steps, config_path=config, seed=seed, started=start, finished=_report_step)


conversation_commands.add_to(app)


@app.command()
def recommend(
    events: Annotated[Path, typer.Option("--events", help="One shopper's events (jsonl, csv, parquet).")],
    store: StoreOption = DEFAULT_STORE,
    k: Annotated[int, typer.Option("-k", help="How many products.", min=1)] = 10,
    as_json: JsonOption = False,
) -> None:
    """Next products for one sequence of events."""
    from shopping_assistant.tools.importers import read_log
    from shopping_assistant.tools.recommender import Recommender
    from shopping_assistant.tools.sessions import by_user
    from shopping_assistant.tools.store import Store

    opened = Store.open(store)
    users = list(by_user(read_log(events, opened.catalog())))
    if len(users) != 1:
        raise ShopError(f"{events} holds the events of {len(users)} shoppers, expected one; filter it by user_id first")
    recommender = Recommender.open(opened)
    start = time.perf_counter()
    recommended = recommender.recommend(users[0][1], k)
    _print_products(opened, recommended.products, (time.perf_counter() - start) * 1000, as_json)


@app.command()
def search(
    text: Annotated[str | None, typer.Argument(help="The query; without it, one query a line is read.")] = None,
    store: StoreOption = DEFAULT_STORE,
    k: Annotated[int, typer.Option("-k", help="How many products.", min=1)] = 10,
    as_json: JsonOption = False,
) -> None:
    """Ranked products for a query, without a conversation."""
    from shopping_assistant.tools.search import CatalogSearch
    from shopping_assistant.tools.store import Store

    opened = Store.open(store)
    index = CatalogSearch.open(opened)
    for query in [text] if text is not None else lines(prompt=False):
        start = time.perf_counter()
        found = index.search(query, k, opened.catalog().available)
        _print_products(opened, found, (time.perf_counter() - start) * 1000, as_json, query)


def _print_products(store, scored, ms: float, as_json: bool, query: str | None = None) -> None:
    catalog = store.catalog()
    if as_json:
        products = [
            {**catalog.product(s.product_id).as_dict(), "score": round(s.score, 6), "route": s.route} for s in scored
        ]
        head = {"query": query} if query is not None else {}
        print(json.dumps({**head, "products": products, "ms": round(ms, 1)}, ensure_ascii=False), flush=True)
        return
    for rank, s in enumerate(scored, 1):
        p = catalog.product(s.product_id)
        price = f"{p.price:.2f} {p.currency or ''}".strip() if p.price is not None else ""
        print(f"{rank:3}. {p.title} · {price} · {p.product_id}")


@app.command()
def finetune(
    model: Trainable,
    config: Annotated[Path, typer.Option(help="YAML settings; those of this package by their file name.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Train one model on a store's log. On several GPUs: accelerate launch -m shopping_assistant.ui.cli finetune …"""
    from shopping_assistant.finetune import processes
    from shopping_assistant.finetune.build import train_one
    from shopping_assistant.tools.store import Store

    if model in (Trainable.recformer, Trainable.recformer_query):
        from shopping_assistant.finetune.recformer import train_baseline as train_one
    step = {"falcon": "recommender"}.get(model.value, model.value)
    if processes.rank() == 0:
        with progress_bars() as start:
            report = train_one(Store.open(store), step, config, started=start)
        _report_step(report)
    elif model is Trainable.falcon:
        _follow(lambda: train_one(processes.WatchedStore.open(store), step, config))


def _follow(train: Callable[[], object]) -> None:
    """Train as one of several processes that is not the main one: what there is to say, the main one says."""
    try:
        train()
    except ShopError:
        raise typer.Exit(2) from None


evaluation_commands.add_to(app)


if __name__ == "__main__":
    main()
