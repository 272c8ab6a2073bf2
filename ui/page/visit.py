"""What happens on the page: each method one event of a visitor, each value it returns the new state of one region.

A region's value is a dict with ``html`` and whatever its script needs; ``n`` differs each time, so that a value that
comes twice is drawn twice (Gradio keeps quiet about a value that did not change).
"""

from __future__ import annotations

import base64
import json
import logging
import re
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import gradio as gr

from shopping_assistant.assistant.chat_models import (
    ShopError,  # the page knows the tools' errors through the assistant only
)
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.ui.page import inspection, keepsakes
from shopping_assistant.ui.page.comparison import comparison_table
from shopping_assistant.ui.page.opening import welcome
from shopping_assistant.ui.page.product_sheet import product_sheet
from shopping_assistant.ui.page.turns import pending, transcript, turn_section
from shopping_assistant.ui.page.wishes import wishes_bar
from shopping_assistant.ui.page.words import Words, chosen, languages, words_in
from shopping_assistant.ui.unbroken import Turns

log = logging.getLogger(__name__)
LONGEST_MESSAGE = 1000  # characters; a shopper's sentence is far shorter
LONGEST_TITLE = 80
GUEST = "guest-"  # conversations of such names are kept in memory only
_TOKEN = re.compile(r"[0-9a-f]{32}")
_THREAD = re.compile(r"(guest-)?[0-9a-f]{32}")

Region = dict[str, Any]


@dataclass(frozen=True)
class Visitor:
    """Who is there, and in which conversation. ``shopper`` and ``thread`` are secrets of one browser.

    ``language`` is the browser's own until the visitor has ``picked`` one.
    """

    shopper: str
    thread: str
    language: str
    picked: bool = False
    any_language: bool = False  # in which the assistant may be spoken to

    @property
    def guest(self) -> bool:
        return self.thread.startswith(GUEST)

    @property
    def words(self) -> Words:
        return words_in(self.language, self.any_language)

    def as_dict(self) -> dict[str, str]:
        language = {"language": self.language} if self.picked else {}
        return {"shopper": self.shopper, "thread": self.thread, **language}


def region(html: str = "", **more: object) -> Region:
    return {"n": uuid.uuid4().hex, "html": html, **more}


def kindly(otherwise: int) -> Callable:
    """Make an event that fails change nothing and say why: the last of its regions is the note.

    Args:
        otherwise: how many regions the event changes beside the note.
    """

    def made(event: Callable) -> Callable:
        @wraps(event)
        def tried(self: Page, *given: Any) -> Any:
            try:
                return event(self, *given)
            except ShopError as error:
                note = region(text=_sentence(error), bad=True, english=True)
            except Exception:
                log.exception("%s failed", event.__name__)
                note = region(text=self.visitor(*_request_of(given)).words("went_wrong"), bad=True)
            return *[gr.skip()] * otherwise, note

        return tried

    return made


def _request_of(given: tuple) -> tuple[object, object, gr.Request]:
    return given[-3:]


def _sentence(error: Exception) -> str:
    said = str(error)
    return said if said.endswith((".", "!", "?")) else f"{said}."


class Page:
    """The events of all visitors of one shop's page.

    Every method takes, after the event's data, the visitor's state of this tab (``me``), what the browser keeps
    (``kept``) and the request; see :meth:`visitor`.
    """

    def __init__(self, assistant: Assistant, always_guests: bool = False, turns: Turns | None = None):
        self.assistant = assistant
        self.shop = assistant.store.name
        self.always_guests = always_guests
        self.turns = turns or Turns()
        # The embedded assistant understands English alone, a language model any.
        self.any_language = assistant.settings.planner != "offline"
        self._welcomes: dict[tuple[int, str], str] = {}

    def visitor(self, me: object, kept: object, request: gr.Request) -> Visitor:
        """The visitor behind an event; somebody new gets names of their own.

        A conversation is the visitor's only if nobody else began it: knowing its name is not enough.
        """
        here = me if isinstance(me, dict) else {}
        known = {**(kept if isinstance(kept, dict) else {}), **here}
        shopper = f"login:{request.username}" if request.username else str(known.get("shopper") or "")
        if not request.username and not _TOKEN.fullmatch(shopper):
            shopper = secrets.token_hex(16)
        thread = str(known.get("thread") or "")
        # A guest is nobody but the guest of one tab: what a browser keeps names no such conversation.
        owner = thread if thread.startswith(GUEST) and thread == here.get("thread") else shopper
        kept_on_disk = self.always_guests and not thread.startswith(GUEST)  # of an earlier start that kept things
        if kept_on_disk or not _THREAD.fullmatch(thread) or self.assistant.owner(thread) not in (None, owner):
            thread = self._new_name(self.always_guests)
        wanted = str(known.get("language") or "")
        language = chosen(wanted, request.headers.get("accept-language", ""))
        return Visitor(shopper, thread, language, picked=language == wanted, any_language=self.any_language)

    @staticmethod
    def _new_name(guest: bool) -> str:
        return f"{GUEST if guest else ''}{uuid.uuid4().hex}"

    # The page, a conversation ------------------------------------------------------------------------------------

    def open_page(self, me: object, kept: object, request: gr.Request) -> tuple:
        """The conversation of last time, or a new one: all regions."""
        return self._all(self.visitor(me, kept, request))

    def fresh(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """A new conversation, as a guest or not."""
        v = self.visitor(me, kept, request)
        guest = self.always_guests or _told(event).get("guest", v.guest)
        if v.guest:
            self.leave(v.as_dict())
        return self._all(replace(v, thread=self._new_name(bool(guest))))

    def leave(self, me: object) -> None:
        """A tab was closed: what a guest said is gone with it."""
        thread = str(me.get("thread") or "") if isinstance(me, dict) else ""
        if thread.startswith(GUEST):
            self.assistant.end_guest(thread)

    def resume(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        v = self.visitor(me, kept, request)
        thread = _text(event, "thread")
        if self.always_guests or self.assistant.owner(thread) != v.shopper:
            return tuple(self._all(v))
        return self._all(replace(v, thread=thread))

    def speak(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """The page in another language, which the browser keeps; also that of a guest, and nothing else of one."""
        v = replace(self.visitor(me, kept, request), language=chosen(_text(event, "language")), picked=True)
        me, keeps, *regions = self._all(v)
        if v.guest:
            keeps = {**(kept if isinstance(kept, dict) else {}), "language": v.language}
        return me, keeps, *regions

    def _all(self, v: Visitor) -> tuple:
        """``me, kept, past, wishes, mine, conversations``."""
        # What the browser keeps names no guest's conversation: the next visit is the shopper's own again.
        kept = gr.skip() if v.guest else v.as_dict()
        turns = self._history(v)
        return v.as_dict(), kept, self._past(v, turns), self._wishes(v, turns), self._mine(v), self._conversations(v)

    def _history(self, v: Visitor) -> list[dict]:
        try:
            return [self._with_compared(turn) for turn in self.assistant.history(v.thread)]
        except Exception:
            log.exception("conversation cannot be read")
            return []

    def _with_compared(self, turn: dict) -> dict:
        """The turn with the products that it sets side by side."""
        rows = turn.get("comparison", {}).get("rows", ())
        catalog = self.assistant.shelf.catalog
        there = [self.assistant.product(r["product_id"]) for r in rows if r["product_id"] in catalog]
        return {**turn, "compared": there} if rows else turn

    def _past(self, v: Visitor, turns: list[dict]) -> Region:
        said = v.words.said
        return region(
            transcript(turns, v.words) or self.welcome(v), thread=v.thread, guest=v.guest, turns=len(turns),
            language=v.language, picked=v.picked, words=said, languages=languages(), always_guests=self.always_guests,
            photos=self.assistant.picture_search, hears=v.language if v.any_language else "en",
        )  # fmt: skip

    def welcome(self, v: Visitor) -> str:
        """What an empty conversation shows, of the products that are in the shop now."""
        catalog = self.assistant.store.catalog()
        key = (id(catalog), v.language)
        if key not in self._welcomes:
            self._welcomes = {k: w for k, w in self._welcomes.items() if k[0] == key[0]}
            self._welcomes[key] = welcome(self.shop, catalog, v.words)
        return self._welcomes[key]

    def _wishes(self, v: Visitor, turns: list[dict]) -> Region:
        return region(wishes_bar(turns[-1] if turns else None, v.words))

    def _mine(self, v: Visitor) -> Region:
        """The bag, the saved things and the thumbs, and which products they are."""
        try:
            # The shopper's things are there before a new conversation is begun.
            whose = v.thread if v.guest or self.assistant.owner(v.thread) else v.shopper
            bag, saved = self.assistant.bag(whose), self.assistant.saved(whose)
            judged = self.assistant.judged(v.thread)
        except Exception:
            log.exception("bag cannot be read")
            bag, saved, judged = [], [], {"products": {}, "turns": {}}
        return region(
            keepsakes.bag(bag, v.words), saved=keepsakes.saved(saved, v.words),
            in_bag=[p["product_id"] for p in bag], in_saved=[p["product_id"] for p in saved],
            judged=judged["products"], judged_turns={str(n): verdict for n, verdict in judged["turns"].items()},
        )  # fmt: skip

    def _conversations(self, v: Visitor) -> Region:
        try:
            threads = [] if v.guest else self.assistant.threads(v.shopper)
        except Exception:
            log.exception("conversations cannot be listed")
            threads = []
        title = next((t["title"] for t in threads if t["thread_id"] == v.thread), "")
        listed = keepsakes.conversations(threads, v.thread, v.guest, v.words)
        return region(listed, title=title or "", language=v.language)

    # A turn ------------------------------------------------------------------------------------------------------

    def say(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> Iterator[tuple]:
        """One sentence, streamed: ``live, wishes, mine, conversations``."""
        text = _text(event, "text")[:LONGEST_MESSAGE]
        if text:
            yield from self._turn(self.visitor(me, kept, request), text, None, _text(event, "sent"))

    def tap(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> Iterator[tuple]:
        """A wish taken away, a photo shown, or the last change taken back or brought again: as a turn."""
        wish, photo = _told(event).get("wish"), _told(event).get("photo")
        tapped = {"drop": wish} if isinstance(wish, dict) else {"redo" if _told(event).get("redo") else "undo": True}
        if isinstance(photo, str):
            tapped = {"photo": _bytes_of(photo)}
        yield from self._turn(self.visitor(me, kept, request), "", tapped, _text(event, "sent"))

    def _turn(self, v: Visitor, text: str, tapped: dict | None, sent: object) -> Iterator[tuple]:
        """Args: sent: the browser's name for this turn; it comes back, so that answers find their places."""
        rest = (gr.skip(), gr.skip(), gr.skip())
        asked: dict[str, Any] = {"shopper": text, **({"tapped": tapped} if tapped else {})}
        written = ""
        yield region(pending(asked, written, v.words), sent=sent), *rest
        try:
            pieces = self.assistant.stream(v.thread, text, user_id=v.shopper, tap=tapped)
            for piece in self.turns.read(lambda: pieces):  # to its end, also when the tab is closed meanwhile
                if piece["type"] == "text":
                    written += piece["text"]
                    yield region(pending(asked, written, v.words), sent=sent), *rest
                elif piece["type"] == "turn":
                    turn = piece["turn"]
        except Exception as error:  # the shopper gets a sentence, the cause goes to the log, the chat goes on
            known = isinstance(error, ShopError)
            if not known:
                log.exception("turn failed")
            reply = _sentence(error) if known else v.words("went_wrong")
            yield region(pending(asked, reply, v.words, failed=True), sent=sent, done=True), *rest
            return
        done = region(turn_section(self._with_compared(turn), v.words), sent=sent, done=True)
        yield done, self._wishes(v, [turn]), self._mine(v), self._conversations(v) if turn["turn"] == 1 else gr.skip()

    # Products ----------------------------------------------------------------------------------------------------

    @kindly(2)
    def look(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """A product close up, which is a click: ``sheet, mine, note``."""
        v, (pid, turn, position) = self.visitor(me, kept, request), _product_of(event)
        self.assistant.start(v.thread, v.shopper)
        view = self.assistant.view(v.thread, pid)
        self.assistant.click(v.thread, pid, position)
        return region(product_sheet(view, v.words, turn, position), pid=pid), self._mine(v), gr.skip()

    @kindly(1)
    def add(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        v, (pid, _, position) = self.visitor(me, kept, request), _product_of(event)
        self.assistant.start(v.thread, v.shopper)
        self.assistant.add_to_bag(v.thread, pid, position)
        return self._mine(v), self._note(v, "added", event, {"do": "remove", "pid": pid})

    @kindly(1)
    def remove(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        v, (pid, _, _) = self.visitor(me, kept, request), _product_of(event)
        self.assistant.start(v.thread, v.shopper)
        self.assistant.remove_from_bag(v.thread, pid)
        return self._mine(v), self._note(v, "taken_out", event, {"do": "add", "pid": pid})

    @kindly(1)
    def save(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """Save a product for later, or no longer."""
        v, (pid, _, position) = self.visitor(me, kept, request), _product_of(event)
        self.assistant.start(v.thread, v.shopper)
        if _told(event).get("undo"):
            self.assistant.unsave(v.thread, pid)
            return self._mine(v), self._note(v, "unsaved", event, {"do": "save", "pid": pid})
        self.assistant.save(v.thread, pid, position)
        return self._mine(v), self._note(v, "saved_note", event, {"do": "unsave", "pid": pid})

    @kindly(1)
    def judge(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """A thumb on a product or on a reply; ``verdict`` None takes it back."""
        v, (pid, turn, position) = self.visitor(me, kept, request), _product_of(event)
        verdict = _text(event, "verdict")
        verdict = verdict if verdict in ("up", "down") else None
        self.assistant.start(v.thread, v.shopper)
        self.assistant.judge(v.thread, verdict, turn=turn, product_id=pid or None, position=position)
        about = "product" if pid else "reply"
        note = self._note(v, f"judged_{about}_{verdict or 'back'}", event)
        if pid and verdict == "down":
            note["undo"] = {"do": "judge", "pid": pid}
        return self._mine(v), note

    @staticmethod
    def _note(v: Visitor, name: str, event: gr.EventData, undo: dict | None = None) -> Region:
        what = _text(event, "name")
        return region(text=v.words(name, what=what).strip(), undo=undo and {**undo, "name": what})

    @kindly(1)
    def compare(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """Chosen products side by side: ``panel, note``."""
        v = self.visitor(me, kept, request)
        pids = _told(event).get("pids")
        pids = [str(p) for p in pids][:4] if isinstance(pids, list) else []
        self.assistant.start(v.thread, v.shopper)
        told = self.assistant.use_tool(v.thread, "compare", {"product_ids": pids, "attributes": []})
        return region(
            comparison_table(told["comparison"], v.words, self._with_compared(told)["compared"], "p"),
            title=v.words("comparison"),
            kind="wide",
        ), gr.skip()

    @kindly(1)
    def why(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """What the cards of a turn hang on: ``panel, note``."""
        v, (_, turn, _) = self.visitor(me, kept, request), _product_of(event)
        reasons = self.assistant.why(v.thread, turn)
        return region(inspection.why_these(reasons, v.words), title=v.words("why_these")), gr.skip()

    @kindly(1)
    def trace(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """What a turn did: ``panel, note``."""
        v, (_, turn, _) = self.visitor(me, kept, request), _product_of(event)
        there = next((t for t in self.assistant.trace(v.thread) if t["turn"] == turn), None)
        html = inspection.trace_of(there, v.words) if there else ""
        return region(html, title=v.words("trace")), gr.skip()

    # Conversations -----------------------------------------------------------------------------------------------

    @kindly(1)
    def rename(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """``conversations, note``"""
        v = self.visitor(me, kept, request)
        thread, title = self._own(event, v), _text(event, "title")[:LONGEST_TITLE]
        if thread and title:
            self.assistant.rename(thread, title)
        return self._conversations(v), gr.skip()

    @kindly(1)
    def export(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """``file, note``"""
        v = self.visitor(me, kept, request)
        thread = self._own(event, v)
        if not thread:
            return gr.skip(), gr.skip()
        told = json.dumps(self.assistant.export(thread), ensure_ascii=False, indent=1)
        return region(text=told, name=f"conversation-{thread[:8]}.json"), gr.skip()

    @kindly(6)
    def delete(self, event: gr.EventData, me: object, kept: object, request: gr.Request) -> tuple:
        """One conversation for good, or with ``all`` everything of this shopper: all regions, note."""
        v = self.visitor(me, kept, request)
        if _told(event).get("all"):
            self.assistant.forget(v.shopper)
            new = v.shopper if request.username else secrets.token_hex(16)
            v = replace(v, shopper=new, thread=self._new_name(False))
        elif thread := self._own(event, v):
            self.assistant.delete(thread)
            if thread == v.thread:
                v = replace(v, thread=self._new_name(False))
        return *self._all(v), region(text=v.words("deleted"))

    def _own(self, event: gr.EventData, v: Visitor) -> str | None:
        thread = _text(event, "thread")
        return thread if self.assistant.owner(thread) == v.shopper else None


def _told(event: gr.EventData) -> dict[str, Any]:
    """What the script sent with an event; empty where somebody else sent something else."""
    return event._data if isinstance(event._data, dict) else {}


def _text(event: gr.EventData, name: str) -> str:
    """A text that an event carries, on one line; empty for what is no text."""
    value = _told(event).get(name)
    # Half a character, as a cut-off emoji leaves it, can neither be stored nor sent.
    return " ".join(value.encode("utf-8", "replace").decode().split()) if isinstance(value, str) else ""


def _bytes_of(photo: str) -> bytes:
    """What the script made of a photo (base64); nothing where somebody else sent something else."""
    try:
        return base64.b64decode(photo, validate=True)
    except ValueError:
        return b""


def _product_of(event: gr.EventData) -> tuple[str, int | None, int | None]:
    """Product, turn and position that an event names; None for what is no number."""

    def number(name: str) -> int | None:
        value = _told(event).get(name)
        # JavaScript's whole numbers end where SQLite's still go on.
        return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else None

    return _text(event, "pid"), number("turn"), number("position")
