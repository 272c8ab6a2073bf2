"""The page as a Gradio app: one drawing of the house (``skeleton.html``), a wire to each region, and the events.

What is seen stands in ``skeleton.html``. Each region of it has a wire here: an HTML component without HTML of its own,
whose value goes to the page's script, which draws it into the region that has the wire's name. So Python sends only
what changed, and a list of a hundred cards stays as it is when a sentence is added.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import gradio as gr

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.ui.page.visit import Page, region
from shopping_assistant.ui.page.words import languages, words_in
from shopping_assistant.ui.unbroken import Turns

HERE = Path(__file__).parent
#: Regions that events change, by the names the script knows them by.
REGIONS = ("past", "live", "wishes", "mine", "conversations", "sheet", "panel", "file", "note")
# More turns at once than this wait in the queue; with more waiting than MOST_WAITING a shopper is told to try again.
TURNS_AT_ONCE, MOST_WAITING = 8, 64
#: Events of the script; Gradio lets an HTML component have those that its own script names in quotes.
EVENTS = (
    "say", "tap", "fresh", "resume", "speak", "look", "add", "remove", "save", "judge", "compare", "why", "trace",
    "rename", "export", "delete",
)  # fmt: skip


def build_page(assistant: Assistant, always_guests: bool = False, turns: Turns | None = None) -> gr.Blocks:
    """The page over one assistant.

    Args:
        always_guests: nothing of any visitor is kept.
        turns: runs the turns, so that one is finished also when its tab is closed.
    """
    page = Page(assistant, always_guests, turns)
    with gr.Blocks(title=page.shop, fill_width=True, analytics_enabled=False) as app:
        # The name of a shopper and of a conversation is all a browser keeps, under a key that stays the same after a
        # restart. The secret only obscures it: whoever has the browser has the chat.
        key = "shop-visit-" + re.sub(r"[^a-z0-9]+", "-", page.shop.lower())
        kept = gr.BrowserState({}, storage_key=key, secret="shopping_assistant")
        me = gr.State({}, time_to_live=3600, delete_callback=page.leave)
        events = [f"shop_{name}" for name in EVENTS]
        house = gr.HTML(
            {"shop": page.shop}, html_template=(HERE / "skeleton.html").read_text(encoding="utf-8"),
            js_on_load=f"shop.open(element, props.value, trigger, {events})", apply_default_css=False, elem_id="house",
        )  # fmt: skip
        wires = {name: _wire(name) for name in REGIONS}

        def on(name: str, does, changes: list, **more) -> object:
            """Listen to an event of the page's script."""
            given = {"show_progress": "hidden", "api_visibility": "private", **more}
            return getattr(house, f"shop_{name}")(does, [me, kept], changes, **given)

        def to(*names: str) -> list[gr.HTML]:
            return [wires[name] for name in names]

        everything = [me, kept, *to("past", "wishes", "mine", "conversations")]
        # Also called when a tab wakes up or the server came back.
        app.load(page.open_page, [me, kept], everything, show_progress="hidden", api_visibility="private")
        turn = to("live", "wishes", "mine", "conversations")
        saying = on("say", page.say, turn, trigger_mode="multiple")
        tapping = on("tap", page.tap, turn, trigger_mode="multiple")
        on("fresh", page.fresh, everything, cancels=[saying, tapping])
        on("resume", page.resume, everything)
        on("speak", page.speak, everything)
        on("look", page.look, to("sheet", "mine", "note"))
        for name, does in (("add", page.add), ("remove", page.remove), ("save", page.save), ("judge", page.judge)):
            on(name, does, to("mine", "note"), trigger_mode="multiple")
        for name, does in (("compare", page.compare), ("why", page.why), ("trace", page.trace)):
            on(name, does, to("panel", "note"))
        on("rename", page.rename, to("conversations", "note"))
        on("export", page.export, to("file", "note"))
        on("delete", page.delete, [*everything, *to("note")])
    app.queue(api_open=False, max_size=MOST_WAITING, default_concurrency_limit=TURNS_AT_ONCE)
    return app


def _wire(name: str) -> gr.HTML:
    script = f"shop.wire({name!r}, props, watch)"
    return gr.HTML(region(), html_template="", js_on_load=script, apply_default_css=False, elem_classes=["wire"])


def look_of_the_shop() -> dict:
    """Theme, styles and script as ``launch`` takes them: system fonts only, nothing comes from elsewhere."""
    plain = ("ui-sans-serif", "system-ui", "Helvetica Neue", "Arial", "sans-serif")
    mono = ("ui-monospace", "monospace")
    theme = gr.themes.Base(font=plain, font_mono=mono, primary_hue="stone", neutral_hue="stone")
    # As head and not as css: Gradio would take the selectors apart to put its own before each.
    script = f"(() => {{\n'use strict';\nconst firstWords = {_first_words()};\n" + _joined("script/*.js") + "\n})();"
    return {"theme": theme, "head": f"<style>{_joined('style/*.css')}</style><script>{script}</script>"}


def _first_words() -> str:
    """What the page says before its first state is there, in every language, as JSON: the skeleton's words."""
    skeleton = (HERE / "skeleton.html").read_text(encoding="utf-8")
    names = {*re.findall(r'data-(?:word|label|hint)="(\w+)"', skeleton), "offline", "no_connection", "back_online"}
    first = {code: {name: words_in(code)(name) for name in sorted(names)} for code in languages()}
    return json.dumps(first, ensure_ascii=False).replace("<", "\\u003c")


def _joined(files: str) -> str:
    """The text of all these files, in the order of their names."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob(files)))
