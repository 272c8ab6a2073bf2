"""The chat page: a Gradio app in which shoppers talk to the assistant, look at products and fill a bag."""

from __future__ import annotations

import logging
import os
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr

from shopping_assistant.assistant.chat_models import (
    ShopError,  # the page knows the tools' errors through the assistant only
)
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.ui import render

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
# More turns at once than this wait in the queue; with more waiting than MOST_WAITING a shopper is told to try again.
TURNS_AT_ONCE, MOST_WAITING = 8, 64
LONGEST_MESSAGE = 1000  # characters; a shopper's sentence is far shorter
SORRY = "I am sorry, something went wrong on my side. Please say that once more."
_THREAD = re.compile(r"[0-9a-f]{32}")


class PageError(ShopError):
    """The page cannot be served."""


class ShopPage:
    """What the page does, each method one event; all state of a shopper is the id of the conversation."""

    def __init__(self, assistant: Assistant):
        self.assistant = assistant
        self.shop = assistant.store.name
        self._welcome: tuple[object, str] = (None, "")

    @property
    def welcome(self) -> str:
        """What an empty conversation shows, of the products that are in the shop now."""
        catalog = self.assistant.store.catalog()
        if self._welcome[0] is not catalog:
            self._welcome = (catalog, render.welcome(self.shop, example_prompts(catalog), catalog.products))
        return self._welcome[1]

    def open_page(self, thread: object) -> tuple[str, str, str]:
        """The conversation of last time, or a new one: (thread id, transcript, bag)."""
        if not isinstance(thread, str) or not _THREAD.fullmatch(thread):
            thread = uuid.uuid4().hex
        return thread, self.transcript(thread), self.bag(thread)

    def fresh(self) -> tuple[str, str, str, str]:
        """A new conversation: (thread id, transcript, live part, bag)."""
        thread = uuid.uuid4().hex
        return thread, self.welcome, "", render.bag(())

    def transcript(self, thread: str) -> str:
        try:
            turns = self.assistant.history(thread)
        except Exception:
            log.exception("conversation cannot be read")
            turns = []
        return render.transcript(turns) or self.welcome

    def bag(self, thread: str) -> str:
        try:
            return render.bag(self.assistant.bag(thread))
        except Exception:
            log.exception("bag cannot be read")
            return render.bag(())

    def say(self, text: str, thread: str) -> Iterator[tuple[str, object, object, object]]:
        """One turn, streamed: (text box, live part, transcript, bag)."""
        text = " ".join((text or "").split())[:LONGEST_MESSAGE]
        if not text:
            yield "", gr.skip(), gr.skip(), gr.skip()
            return

        def live(reply: str, busy: bool = True) -> str:
            return f'<section class="turn pending">{render.said(text)}{render.reply(reply, busy)}</section>'

        written = ""
        yield "", live(written), gr.skip(), gr.skip()
        try:
            for piece in self.assistant.stream(thread, text):
                if piece["type"] == "text":
                    written += piece["text"]
                    yield "", live(written), gr.skip(), gr.skip()
        except Exception:  # the shopper gets a sentence, the cause goes to the log, the chat goes on
            log.exception("turn failed")
            yield "", live(SORRY, busy=False), gr.skip(), gr.skip()
            return
        yield "", "", self.transcript(thread), self.bag(thread)

    def say_this(self, event: gr.EventData, thread: str) -> Iterator[tuple[str, object, object, object]]:
        yield from self.say(str(event._data.get("text") or ""), thread)

    def look(self, event: gr.EventData, thread: str) -> str:
        """A click on a card: logged, and the product's details come up."""
        pid, position = _product_of(event)
        product = self._shown(thread, pid)
        if product is None:
            return ""
        try:
            self.assistant.click(thread, pid, position)
        except Exception:
            log.exception("click was not logged")
        turn = event._data.get("turn")
        return render.details(product, turn, position) + f"<!-- {uuid.uuid4().hex} -->"  # new even for the same product

    def add(self, event: gr.EventData, thread: str) -> str:
        try:
            self.assistant.add_to_bag(thread, *_product_of(event))
        except ShopError as error:
            gr.Warning(f"{error}.")
        except Exception:
            log.exception("product was not added to the bag")
            gr.Warning("I could not put that into your bag. Please try again.")
        return self.bag(thread)

    def remove(self, event: gr.EventData, thread: str) -> str:
        pid, _ = _product_of(event)
        try:
            self.assistant.remove_from_bag(thread, pid)
        except Exception:
            log.exception("product was not taken out of the bag")
            gr.Warning("I could not take that out of your bag. Please try again.")
        return self.bag(thread)

    def _shown(self, thread: str, pid: str) -> dict | None:
        """The product as this conversation showed it last; nothing else of the catalogue can be asked for here."""
        for turn in reversed(self.assistant.history(thread)):
            for product in turn.get("products") or ():
                if product["product_id"] == pid:
                    return product
        return next((p for p in self.assistant.bag(thread) if p["product_id"] == pid), None)


def _product_of(event: gr.EventData) -> tuple[str, int | None]:
    position = event._data.get("position")
    return str(event._data.get("pid") or ""), position if isinstance(position, int) else None


def example_prompts(catalog) -> list[str]:
    """Four things to ask that this catalogue can answer, made of its own most frequent values."""
    examples: list[str] = []
    names = catalog.attribute_names
    categories = list(catalog.values("category")) if "category" in names else []
    if categories and "color" in names:
        wanted = categories[1] if len(categories) > 1 else categories[0]
        rows = catalog.rows_with("category", wanted)
        colours = [c.lower() for row in rows if (c := catalog.at(row).color)]
        colour = max(sorted(set(colours)), key=colours.count) if colours else ""
        prices = sorted(p for row in rows if (p := catalog.at(row).price) is not None)
        limit = prices[len(prices) * 2 // 5] if prices else 0
        under = f" under {round(limit + 5, -1):g}" if limit >= 15 else ""
        examples.append(f"show me {colour} {_plural(wanted)}{under}".replace("  ", " "))
    if "occasion" in names:
        occasions = list(catalog.values("occasion"))
        examples.append(f"something for {'a wedding' if 'wedding' in occasions else occasions[0]}")
    if "material" in names and len(categories) > 4:
        rows = catalog.rows_with("category", categories[4])
        material = next((m for row in rows if (m := catalog.at(row).material)), "")
        examples.append(f"{_plural(categories[4])} in {material.lower()}" if material else _plural(categories[4]))
    examples += [_plural(c) for c in categories[2:4]][: max(0, 3 - len(examples))]
    return [*examples, "what would you recommend for me?"]


def _plural(word: str) -> str:
    word = word.lower()
    if word.endswith(("ss", "ch", "sh", "x")):
        return f"{word}es"
    return word if word.endswith("s") else f"{word}s"


def build_app(assistant: Assistant) -> gr.Blocks:
    """The page over one assistant; :func:`launch` serves it."""
    page = ShopPage(assistant)
    script = (HERE / "page.js").read_text(encoding="utf-8")

    def part(html: str, name: str) -> gr.HTML:
        return gr.HTML(html, elem_id=name, js_on_load=script, apply_default_css=False)

    with gr.Blocks(title=page.shop, fill_width=True, analytics_enabled=False) as app:
        # The id of a conversation is all a browser keeps, under a key that stays the same after a restart. The secret
        # only obscures it: whoever has the browser has the chat.
        key = "shop-" + re.sub(r"[^a-z0-9]+", "-", page.shop.lower())
        thread = gr.BrowserState("", storage_key=key, secret="shopping_assistant")
        head = part(render.header(page.shop), "head")
        with gr.Row(elem_id="floor"):
            with gr.Column(elem_id="talk", scale=1):
                turns, live = part("", "turns"), part("", "live")
                with gr.Row(elem_id="ask"):
                    box = gr.Textbox(
                        placeholder="Ask for anything …", show_label=False,
                        container=False, max_length=LONGEST_MESSAGE, lines=1, max_lines=4, scale=1, elem_id="box",
                    )  # fmt: skip
                    send = gr.Button("Send", scale=0, min_width=84, elem_id="send", variant="primary")
            bag = part(render.bag(()), "bag")
        details = part("", "details")

        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        app.load(page.open_page, thread, [thread, turns, bag], **quiet)
        spoken = [box, live, turns, bag]
        saying = gr.on([box.submit, send.click], page.say, [box, thread], spoken, trigger_mode="once", **quiet)
        said = turns.shop_say(page.say_this, thread, spoken, trigger_mode="once", **quiet)
        for shown in (turns, bag):
            shown.shop_open(page.look, thread, details, **quiet)
        for shown in (turns, details):
            shown.shop_add(page.add, thread, bag, trigger_mode="multiple", **quiet)
        bag.shop_remove(page.remove, thread, bag, trigger_mode="multiple", **quiet)
        head.shop_fresh(page.fresh, None, [thread, turns, live, bag], cancels=[saying, said], **quiet)
    app.queue(api_open=False, max_size=MOST_WAITING, default_concurrency_limit=TURNS_AT_ONCE)
    return app


def look_of_the_shop() -> dict:
    """Theme and style sheet, as ``launch`` takes them: system fonts only, nothing comes from elsewhere."""
    plain = ("ui-sans-serif", "system-ui", "Helvetica Neue", "Arial", "sans-serif")
    mono = ("ui-monospace", "monospace")
    theme = gr.themes.Base(font=plain, font_mono=mono, primary_hue="stone", neutral_hue="stone")
    return {"theme": theme, "css_paths": HERE / "style.css"}


def launch(assistant: Assistant, host: str = "127.0.0.1", port: int = 7860, block: bool = True) -> gr.Blocks:
    """Serve the page and, meanwhile, load the models, so that the page is there at once.

    Args:
        host: this machine only, unless told otherwise.
        block: wait until interrupted; with False the server runs on in a thread.

    Returns:
        The served page: ``local_url`` says where, ``close()`` stops it.

    Raises:
        PageError: the port is taken.
    """
    app = build_app(assistant)
    settings = dict(
        server_name=host, server_port=port, quiet=True, show_error=False, share=False, footer_links=[],
        run_history=False, enable_monitoring=False, ssr_mode=False, mcp_server=False, pwa=False, max_file_size="1mb",
    )  # fmt: skip
    try:
        app.launch(prevent_thread_lock=True, **settings, **look_of_the_shop())
    except OSError as error:
        raise PageError(f"port {port} on {host} cannot be used ({error}); choose another one with --port") from error
    threading.Thread(target=_warm, args=(assistant,), daemon=True, name="warm-up").start()
    if block:
        print(f"{assistant.store.name} is open: {app.local_url}   (Ctrl+C closes it)", flush=True)
        app.block_thread()
    return app


def _warm(assistant: Assistant) -> None:
    try:
        assistant.warm()
    except Exception:  # a model that does not load is said in the turn that needs it
        log.exception("models could not be loaded ahead")
