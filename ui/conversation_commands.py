"""The commands of ``shop`` that talk: the chat page, its logins, a terminal, other assistants."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.ui.options import DEFAULT_STORE, JsonOption, StoreOption

ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="A LangChain chat model, e.g. openai:gpt-5-mini; by default the embedded one."),
]
BaseUrlOption = Annotated[
    str | None,
    typer.Option("--base-url", help="A server of your own that speaks the OpenAI protocol: http://127.0.0.1:8080/v1"),
]


def add_to(app: typer.Typer) -> None:
    for command in (chat, login, ask, mcp):
        app.command()(command)


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
        for line in [text] if text is not None else lines(prompt):
            if not line.strip():
                thread = str(uuid.uuid4())
                continue
            turn = assistant.turn(thread, line.strip())
            print(json.dumps(turn, ensure_ascii=False) if as_json else _turn_text(turn), flush=True)
    finally:
        assistant.close()


def lines(prompt: bool) -> Iterator[str]:
    """Standard input, line by line.

    Raises:
        ShopError: it is no text.
    """
    while True:
        try:
            yield input("you: " if prompt else "")
        except EOFError:
            return
        except UnicodeDecodeError:
            raise ShopError("standard input is not UTF-8 text; convert it first, e.g. with iconv") from None


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


def mcp(store: StoreOption = DEFAULT_STORE) -> None:
    """Serve the shop's tools to other assistants over the Model Context Protocol, on standard input and output."""
    from shopping_assistant.assistant.conversation import Assistant
    from shopping_assistant.ui.mcp_server import serve

    assistant = Assistant.open(store)
    try:
        serve(assistant)
    finally:
        assistant.close()
