"""The ``shop`` command: the one door to every part. A subcommand imports what it needs when it runs."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.ui import evaluation_commands
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
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="A LangChain chat model, e.g. openai:gpt-5-mini; by default the embedded one."),
]
BaseUrlOption = Annotated[
    str | None,
    typer.Option("--base-url", help="A server of your own that speaks the OpenAI protocol: http://127.0.0.1:8080/v1"),
]


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


@app.command()
def chat(
    store: StoreOption = DEFAULT_STORE,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on; other machines only when you say so.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 7860,
    auth: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME:PASSWORD",
            help="Who may come in: a file that `shop login` wrote, or one login. Better in SHOP_AUTH than here, where "
            "the list of processes shows it. Each login has conversations of its own, on every device.",
        ),
    ] = None,
    root_path: Annotated[
        str, typer.Option(help="Where shoppers find the page behind a proxy: /shop, or https://shop.example/shop.")
    ] = "",
    share_nothing: Annotated[
        bool,
        typer.Option(
            "--share-nothing", help="Nothing leaves this machine, and nothing is kept of anybody: all are guests."
        ),
    ] = False,
) -> None:
    """Talk to the assistant in a browser, with gradio_client, or over HTTP (docs/serving.md)."""
    from shopping_assistant.ui.serving import Serving, given_auth

    who = given_auth(auth)
    serving = Serving.of(host, port, who, root_path, share_nothing, model, base_url)
    serving.checked_port()
    if auth is not None and not Path(auth).is_file():
        _warn("the list of processes shows the password of --auth; give a file, or set SHOP_AUTH")
    for warning in serving.warnings():
        _warn(warning)
    from shopping_assistant.assistant.conversation import Assistant
    from shopping_assistant.ui.app import launch

    launch(Assistant.open(store, model=model, base_url=base_url), serving=serving)


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr)


@app.command()
def login(
    name: Annotated[str, typer.Argument(help="Who logs in.")],
    file: Annotated[Path, typer.Option("--file", help="The file for `shop chat --auth`; made where there is none.")],
) -> None:
    """Write a login for `shop chat --auth FILE`; the password is asked for, or read from standard input."""
    from getpass import getpass

    from shopping_assistant.ui import logins

    logins.checked_name(name, "shop login")
    if sys.stdin.isatty():
        password = getpass(f"password of {name}: ")
        if password != getpass("the same again: "):
            raise logins.LoginError("shop login: the two passwords differ; nothing was written, start again")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    known = logins.keep(file, name, password)
    print(f"{file}: {name} {'has a new password' if known else 'may log in'}; `shop chat --auth {file}` reads it")


@app.command()
def ask(
    text: Annotated[str | None, typer.Argument(help="What the shopper says; without it, a turn a line.")] = None,
    store: StoreOption = DEFAULT_STORE,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """The same assistant in a terminal. An empty line starts a new conversation."""
    import uuid

    from shopping_assistant.assistant.conversation import Assistant

    assistant = Assistant.open(store, model=model, base_url=base_url)
    thread = str(uuid.uuid4())
    prompt = sys.stdin.isatty() and text is None and not as_json
    try:
        for line in [text] if text is not None else _lines(prompt):
            if not line.strip():
                thread = str(uuid.uuid4())
                continue
            turn = assistant.turn(thread, line.strip())
            print(json.dumps(turn, ensure_ascii=False) if as_json else _turn_text(turn), flush=True)
    finally:
        assistant.close()


def _lines(prompt: bool) -> Iterator[str]:
    while True:
        try:
            yield input("you: " if prompt else "")
        except EOFError:
            return
        except UnicodeDecodeError:
            _fail("standard input is not UTF-8 text; convert it first, e.g. with iconv")


def _turn_text(turn: dict) -> str:
    lines = [turn["reply"]]
    for number, p in enumerate(turn["products"], 1):
        price = f"{p['price']:.2f} {p['currency'] or ''}".strip() if p["price"] is not None else "price unknown"
        lines.append(f"  {number}. {p['title']} · {price} · {p['product_id']}")
        if p.get("reason"):
            lines.append(f"     {p['reason']}")
    if turn.get("question"):
        lines.append(f"  ? {' · '.join(c['label'] for c in turn['question']['choices'])}")
    if wishes := [_wish_text(c) for c in turn["constraints"]]:
        lines.append(f"  [{'; '.join(wishes)}]")
    return "\n".join(lines)


def _wish_text(constraint: dict) -> str:
    """A wish in force and the words it came from: "price <= 120 “under 120”"."""
    values = ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in constraint["values"][:4])
    more = ", …" if len(constraint["values"]) > 4 else ""
    said = f" “{constraint['said']}”" if constraint.get("said") else ""
    op = {"in": "", "not in": "not "}.get(constraint["op"], f"{constraint['op']} ")
    return f"{constraint['attribute']}: {op}{values}{more}{said}"


@app.command()
def mcp(store: StoreOption = DEFAULT_STORE) -> None:
    """Serve the shop's tools to other assistants over the Model Context Protocol, on standard input and output."""
    from shopping_assistant.assistant.conversation import Assistant
    from shopping_assistant.ui.mcp_server import serve

    assistant = Assistant.open(store)
    try:
        serve(assistant)
    finally:
        assistant.close()


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
    for query in [text] if text is not None else _lines(prompt=False):
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
