"""Pictures of the chat page in eight states, taken from the running app: ``make screenshots``.

They are the same each time: the shop is a copy that nobody talked to, its clock stands, nothing moves.
"""

from __future__ import annotations

import io
import itertools
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from PIL import Image

from shopping_assistant.assistant.chat_models import (
    ShopError,  # the page knows the tools' errors through the assistant only
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

DESK, PHONE = (1280, 860), (390, 844)
LARGEST_FILE = 150_000  # bytes: eight of them travel with every clone
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PATIENCE = 120_000  # ms; the first answer waits for models
_LAST = "#past .turn:last-child"


class NoBrowser(ShopError):
    """There is nothing to take pictures with."""


def opening(page: Page) -> None:
    """What an empty conversation shows."""


def answer(page: Page) -> None:
    """A first answer with its cards."""
    say(page, "show me black ankle boots under 120")


def refined(page: Page) -> None:
    """Two wishes later, one of them tapped away."""
    say(page, "show me black ankle boots under 120")
    say(page, "not leather, and in size 39")
    with answered(page):
        page.click("#wishes .wish >> nth=0")


def product(page: Page) -> None:
    """A product close up."""
    say(page, "show me red dresses")
    page.click(f"{_LAST} .opens >> nth=0")
    page.wait_for_selector("#sheet-dialog:modal")


def comparison(page: Page) -> None:
    """Three products side by side."""
    say(page, "white sneakers")
    for n in range(3):
        page.click(f"{_LAST} .card [data-do=compare] >> nth={n}")
    page.click("[data-do=compare-now]")
    page.wait_for_selector("#panel-dialog:modal table")


def why_these(page: Page) -> None:
    """What the cards of an answer hang on."""
    say(page, "show me black ankle boots under 120")
    page.click(f"{_LAST} .opens >> nth=1")
    page.wait_for_selector("#sheet-dialog:modal")
    page.keyboard.press("Escape")
    say(page, "what would you recommend for me?")
    page.click(f"{_LAST} [data-do=why]")
    page.wait_for_selector("#panel-dialog:modal .why-list")


def kept(page: Page) -> None:
    """Conversations at the left, the bag at the right."""
    for talk in ("a raincoat for autumn", "blue jeans under 80", "something for a wedding"):
        say(page, talk)
        page.click(f"{_LAST} button.add >> nth=0")
        page.wait_for_selector(f"{_LAST} button.add.held")
        if talk != "something for a wedding":
            page.click("#head [data-do=fresh]")
            page.wait_for_selector("#past .welcome")
    page.click("[data-drawer=conversations]")


#: File name → what leads there, the window, light or dark.
STATES: dict[str, tuple[Callable[[Page], None], tuple[int, int], str]] = {
    "1-opening": (opening, DESK, "light"),
    "2-answer": (answer, DESK, "light"),
    "3-refined": (refined, DESK, "light"),
    "4-product": (product, DESK, "light"),
    "5-comparison": (comparison, DESK, "light"),
    "6-why-these": (why_these, DESK, "light"),
    "7-conversations-and-bag": (kept, DESK, "dark"),
    "8-phone": (answer, PHONE, "light"),
}


def say(page: Page, text: str) -> None:
    """Say a sentence and wait for the whole answer."""
    with answered(page):
        page.fill("#words", text)
        page.press("#words", "Enter")


@contextmanager
def answered(page: Page) -> Iterator[None]:
    """What is done inside is a turn; afterwards it is answered."""
    before = page.locator("#past .turn[data-state=done]").count()
    yield
    page.wait_for_function("n => document.querySelectorAll('#past .turn[data-state=done]').length > n", arg=before)
    page.wait_for_function("() => !document.querySelector('#talk[aria-busy]')")


def take(store: Path, out: Path) -> list[Path]:
    """Take all pictures of a shop's page; the files.

    Raises:
        NoBrowser: Chromium or its driver is not installed.
        ShopError: the store cannot be opened or served.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NoBrowser("playwright is not installed: pip install 'shopping_assistant[test]'") from error
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise NoBrowser("there is no Chromium on this machine (Debian: apt-get install chromium)")
    out.mkdir(parents=True, exist_ok=True)
    with served(store) as address, sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--font-render-hinting=none"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        files = []
        for name, (lead_there, (width, height), scheme) in STATES.items():
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce",
                locale="en-GB", timezone_id="UTC",
            )  # fmt: skip
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            page.clock.set_fixed_time(NOON + timedelta(hours=1))
            page.goto(address)
            page.wait_for_selector("#past .welcome")
            lead_there(page)
            page.mouse.move(0, 0)
            page.evaluate("document.querySelector('#note').className = ''")
            page.wait_for_timeout(400)
            files.append(out / f"{name}.png")
            files[-1].write_bytes(reduced(page.screenshot(caret="hide", animations="disabled")))
            context.close()
        browser.close()
    return files


def reduced(png: bytes) -> bytes:
    """A picture with as many colours as make a file of at most :data:`LARGEST_FILE` bytes."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (256, 192, 128, 96, 64, 32):
        out = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() <= LARGEST_FILE:
            break
    return out.getvalue()


@contextmanager
def served(store: Path) -> Iterator[str]:
    """The page of a copy of a shop that nobody talked to, at an address of its own; its clock goes by steps."""
    from shopping_assistant.assistant.conversation import Assistant
    from shopping_assistant.ui.app import launch

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "store"
        shutil.copytree(store, copy, ignore=shutil.ignore_patterns("conversations.sqlite*"))
        seconds = itertools.count()
        assistant = Assistant.open(copy, clock=lambda: NOON + timedelta(seconds=next(seconds)))
        assistant.warm()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        app = launch(assistant, port=port, block=False)
        try:
            yield app.local_url
        finally:
            app.close()
            assistant.close()


def main(
    store: Annotated[Path, typer.Option(help="The shop.")],
    out: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("docs/screenshots"),
) -> None:
    """Take eight pictures of a shop's chat page."""
    try:
        for file in take(store, out):
            print(f"{file}  {file.stat().st_size / 1000:.0f} kB")
    except ShopError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


if __name__ == "__main__":
    typer.run(main)
