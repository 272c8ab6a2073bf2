"""The events of the page: each is the visitor's own business only, and nothing a browser may send breaks one."""

import copy
import inspect
import json
import re
import types

import gradio as gr
import pytest
from starlette.requests import Request

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.store import Store
from shopping_assistant.ui.page import layout, visit
from shopping_assistant.ui.page.visit import GUEST, Page

SKIPPED = gr.skip()
#: Events that carry data; ``open_page`` and ``leave`` are called by Gradio.
EVENTS = layout.EVENTS
NAMES = (
    "text", "wish", "thread", "title", "pid", "pids", "turn", "position", "verdict", "language", "undo", "sent", "name",
)  # fmt: skip
VALUES = {
    "none": None, "number": 3.5, "list": [None, {}], "object": {"a": {"b": 1}}, "markup": "<img src=x>",
    "half a character": "\ud83d", "huge": "x" * 50_000, "negative": -1, "too large": 2**70,
}  # fmt: skip
WRONG = {
    "nothing": None, "text": "all", "number": 7, "true": True, "list": [1, 2], "empty": {}, "unknown": {"what": {}},
    **{f"{name} as {kind}": {name: value} for name in NAMES for kind, value in VALUES.items()},
}  # fmt: skip


@pytest.fixture(scope="module")
def assistant(tmp_path_factory):
    store = Store.create(tmp_path_factory.mktemp("shop") / "store", name="Corner shop", currency="EUR")
    boots = [
        Product(f"b{n}", f"Black Boots {n}", "boots", "B", "black", ("39",), 50.0 + n, "EUR", "suede") for n in range(6)
    ]
    store.write_catalog(Catalog.from_products([*boots, Product("t", "Only a title")]))
    opened = Assistant.open(store.path)
    yield opened
    opened.close()


@pytest.fixture
def page(assistant):
    return Page(assistant)


class Browser:
    """A browser that answers with what it was told to keep, as Gradio's page does."""

    def __init__(self, page: Page, login: str | None = None, language: str = "en"):
        self.page, self.me, self.kept = page, {}, {}
        headers = [(b"accept-language", language.encode())]
        self.request = gr.Request(Request({"type": "http", "headers": headers}), username=login)
        self.take(page.open_page(self.me, self.kept, self.request))

    def take(self, everything: tuple) -> None:
        self.me = everything[0]
        self.kept = self.kept if everything[1] == SKIPPED else everything[1]
        self.past, self.wishes, self.mine, self.listed = everything[2:6]

    def does(self, name: str, data: object = None):
        """What an event gives: one tuple of regions, the last where it streams, None where it gives none."""
        event = gr.EventData(None, {} if data is None else data)
        given = getattr(self.page, name)(event, self.me, self.kept, self.request)
        if inspect.isgenerator(given):
            given = next(iter(list(given)[-1:]), None)
        return given

    def goes(self, name: str, **data) -> None:
        self.take(self.does(name, data))

    def says(self, text: str) -> str:
        return self.does("say", {"text": text, "sent": "1"})[0]["html"]

    @property
    def thread(self) -> str:
        return self.me["thread"]

    def reopened(self) -> "Browser":
        """The same browser in a new tab."""
        other = copy.copy(self)
        other.me = {}
        other.take(self.page.open_page({}, self.kept, self.request))
        return other


def skipped(region: object) -> bool:
    return region == SKIPPED


def test_a_new_shopper_has_a_name_nobody_can_guess(page):
    one, two = Browser(page), Browser(page)
    assert one.me["shopper"] != two.me["shopper"] and len(one.me["shopper"]) == 32
    assert one.thread != two.thread and 'class="welcome"' in one.past["html"]


def test_what_is_said_is_there_in_the_next_tab(page):
    one = Browser(page)
    assert 'class="card"' in one.says("black boots")
    again = one.reopened()
    assert again.thread == one.thread and again.past["turns"] == 1 and "black boots" in again.past["html"]
    assert again.listed["title"] == "Black boots" and again.wishes["html"]


@pytest.mark.parametrize("forged", [
    {"shopper": "admin"}, {"shopper": ["a"]}, {"shopper": "A" * 32}, {"thread": "x"}, {"thread": {"a": 1}}, "text",
    [1], None, 7,
    {"shopper": None, "thread": None, "language": {"a": 1}}, {"language": "../../etc/passwd"},
], ids=lambda forged: json.dumps(forged)[:40])  # fmt: skip
def test_names_that_no_browser_was_given_are_not_taken(page, forged):
    v = page.visitor(forged, forged, Browser(page).request)
    assert visit._TOKEN.fullmatch(v.shopper) and visit._THREAD.fullmatch(v.thread) and v.language == "en"


@pytest.fixture
def strangers(page):
    """Somebody with a conversation, a bag and saved things, and somebody else who has learnt its name."""
    one, other = Browser(page), Browser(page)
    one.says("black boots")
    one.does("add", {"pid": "b1", "turn": 1, "position": 2})
    one.does("save", {"pid": "b2", "turn": 1})
    one.does("judge", {"pid": "b3", "turn": 1, "verdict": "down"})
    return one, other


def exported(assistant: Assistant, browser: Browser) -> dict:
    """A conversation as it would be exported now, in any second."""
    return without_clock(json.loads(json.dumps(assistant.export(browser.thread))))


def without_clock(file: dict) -> dict:
    return {k: v for k, v in file.items() if k != "exported"}


def told(region: object) -> str:
    return json.dumps(region, default=str)


def test_a_conversation_of_somebody_else_is_not_resumed(strangers):
    one, other = strangers
    other.goes("resume", thread=one.thread)
    assert other.thread != one.thread and "Black Boots" not in told(other.past["html"].split("kinds")[0])
    # Nor by writing its name into what the browser keeps.
    for state in ({**other.me, "thread": one.thread}, {"thread": one.thread}):
        other.take(other.page.open_page(state, state, other.request))
        assert other.thread != one.thread and "said" not in other.past["html"]
        assert other.mine["in_bag"] == other.mine["in_saved"] == [] and other.mine["judged"] == {}
        assert one.thread not in told(other.listed)


def test_a_conversation_of_somebody_else_can_be_neither_named_had_nor_deleted(strangers, assistant):
    one, other = strangers
    before = exported(assistant, one)
    other.does("rename", {"thread": one.thread, "title": "mine now"})
    file, _ = other.does("export", {"thread": one.thread})
    other.does("delete", {"thread": one.thread})
    other.does("delete", {"all": True})
    assert skipped(file)
    assert exported(assistant, one) == before and assistant.owner(one.thread) == one.me["shopper"]
    assert [t["title"] for t in assistant.threads(one.me["shopper"])] == ["Black boots"]
    again = one.reopened()
    assert (
        again.mine["in_bag"] == ["b1"] and again.mine["in_saved"] == ["b2"] and again.mine["judged"] == {"b3": "down"}
    )


@pytest.mark.parametrize("name", ["say", "tap", "look", "add", "remove", "save", "judge", "compare", "why", "trace"])
def test_nothing_is_done_in_a_conversation_of_somebody_else(strangers, assistant, name):
    one, other = strangers
    before = exported(assistant, one), assistant.history(one.thread)
    other.me["thread"] = one.thread
    other.kept["thread"] = one.thread
    data = {"text": "boots", "pid": "b1", "pids": ["b1", "b2"], "turn": 1, "verdict": "up", "wish": {}, "undo": True}
    given = other.does(name, data)
    assert (exported(assistant, one), assistant.history(one.thread)) == before
    if name in ("why", "trace"):
        assert "search" not in told(given)


def test_a_login_is_the_shopper_wherever_they_come_from(page, assistant):
    here, there = Browser(page, login="ann"), Browser(page, login="ann")
    here.says("black boots")
    there.goes("resume", thread=here.thread)
    assert there.thread == here.thread and there.past["turns"] == 1
    # A browser that keeps another's name is still who logged in, and a name cannot be that of a login.
    forged = Browser(page)
    forged.kept = {"shopper": "login:ann"}
    forged.me = {}
    forged.take(page.open_page({}, forged.kept, forged.request))
    assert forged.me["shopper"] != "login:ann" and here.thread not in told(forged.listed)
    other = page.visitor(here.me, here.kept, gr.Request(Request({"type": "http", "headers": []}), username="bob"))
    assert other.shopper == "login:bob" and other.thread != here.thread


def test_a_guest_leaves_nothing(page, assistant):
    one = Browser(page)
    one.goes("fresh", guest=True)
    assert one.thread.startswith(GUEST) and not one.kept["thread"].startswith(GUEST)
    before = len(assistant.events())
    one.says("black boots for a guest")
    one.does("add", {"pid": "b1"})
    assert one.listed["title"] == "" and one.reopened().mine["in_bag"] == []
    assert one.does("save", {"pid": "b2"})[0]["in_bag"] == ["b1"]
    again = Browser(page)
    again.take(page.open_page({}, {"thread": one.thread}, again.request))
    assert again.thread != one.thread and again.past["turns"] == 0
    page.leave(one.me)
    assert assistant.owner(one.thread) is None and assistant.history(one.thread) == []
    assert len(assistant.events()) == before and assistant.threads(one.me["shopper"]) == []
    assert one.thread not in {t["thread_id"] for t in assistant.threads()}


def test_where_nothing_is_kept_everybody_is_a_guest(assistant):
    one = Browser(Page(assistant, always_guests=True))
    one.says("boots")
    one.goes("fresh", guest=False)
    assert one.thread.startswith(GUEST) and one.kept == {}


def test_the_browsers_language_holds_until_another_is_picked(page):
    german = Browser(page, language="de-AT,de;q=0.9,en;q=0.5")
    assert german.past["language"] == "de" and "auf Englisch" in german.past["html"] and "language" not in german.kept
    german.says("black boots")
    german.goes("speak", language="ja")
    assert german.past["turns"] == 1 and "カートに入れる" in german.past["html"]
    assert german.reopened().past["language"] == "ja"
    german.goes("fresh")
    assert german.past["language"] == german.kept["language"] == "ja"


def test_a_guest_keeps_the_language_and_nothing_else(page):
    browser = Browser(page, language="fr")
    own, shopper = browser.thread, browser.kept["shopper"]
    browser.goes("fresh", guest=True)
    browser.goes("speak", language="es")
    assert browser.thread.startswith(GUEST) and browser.past["language"] == "es"
    assert browser.kept == {"shopper": shopper, "thread": own, "language": "es"}


def test_replies_and_the_catalogue_are_marked_as_english(page):
    browser = Browser(page, language="de")
    html = browser.says("black boots")
    assert '<p lang="en">' in html and '<h3 lang="en">' in html and "In den Warenkorb" in html and "50,00" in html
    assert 'lang="en"' not in Browser(page).says("black boots")


def test_a_shopper_forgets_all(strangers, assistant):
    one, _ = strangers
    before = dict(one.me)
    given = one.does("delete", {"all": True})
    one.take(given[:6])
    assert assistant.threads(before["shopper"]) == [] and assistant.owner(before["thread"]) is None
    assert one.me["shopper"] != before["shopper"] and one.mine["in_bag"] == one.mine["in_saved"] == []
    assert given[-1]["text"]


def test_a_conversation_is_named_had_and_deleted(strangers, assistant):
    one, _ = strangers
    listed, _ = one.does("rename", {"thread": one.thread, "title": "  For\n the   <b>trip</b> "})
    assert listed["title"] == "For the <b>trip</b>" and "&lt;b&gt;trip" in listed["html"]
    file, _ = one.does("export", {"thread": one.thread})
    assert without_clock(json.loads(file["text"])) == exported(assistant, one)
    gone = one.thread
    one.take(one.does("delete", {"thread": gone})[:6])
    assert assistant.owner(gone) is None and one.thread != gone and one.mine["in_bag"] == ["b1"]


def test_an_event_that_fails_says_why_and_changes_nothing(page):
    one = Browser(page)
    *changes, note = one.does("look", {"pid": "no such thing"})
    assert all(map(skipped, changes)) and note["bad"] and "no such thing" in note["text"]
    *changes, note = one.does("add", {"pid": "no such thing"})
    assert all(map(skipped, changes)) and note["bad"]


def test_a_turn_that_fails_is_told_kindly(page, monkeypatch):
    def broken(*_given, **_more):
        raise RuntimeError("secret cause")
        yield

    one = Browser(page)
    monkeypatch.setattr(page.assistant, "stream", broken)
    live, *rest = one.does("say", {"text": "boots", "sent": "5"})
    assert live["done"] and live["sent"] == "5" and all(map(skipped, rest))
    assert 'data-state="failed"' in live["html"] and "secret cause" not in live["html"] and "Try again" in live["html"]


def test_a_parts_failure_leaves_the_rest_of_the_page(page, monkeypatch):
    def broken(*_given, **_more):
        raise OSError("disk")

    one = Browser(page)
    one.says("black boots")
    for name in ("bag", "history", "threads"):
        with monkeypatch.context() as patch:
            patch.setattr(page.assistant, name, broken)
            assert one.reopened().thread == one.thread
    assert one.reopened().past["turns"] == 1


@pytest.mark.parametrize("name", EVENTS)
def test_whatever_a_browser_sends_is_answered(page, assistant, name):
    """No event raises: Gradio would show that to the shopper, and the page would wait."""
    one, other = Browser(page), Browser(page)
    other.says("black boots")
    before = exported(assistant, other)
    one.says("black boots")
    for data in WRONG.values():
        given = one.does(name, data)
        regions = [r for r in given or () if isinstance(r, dict)]
        assert "Traceback" not in told(given)
        assert "<img" not in "".join(r.get("html", "") + r.get("saved", "") for r in regions)
    assert exported(assistant, other) == before
    assert one.reopened().me["shopper"]


@pytest.mark.parametrize("state", [None, 7, "me", [1], {"shopper": 3}, {"thread": []}], ids=repr)
@pytest.mark.parametrize("name", [*EVENTS, "open_page"])
def test_whatever_a_browser_keeps_is_answered(page, name, state):
    one = Browser(page)
    one.me = one.kept = state
    if name == "open_page":
        one.take(page.open_page(state, state, one.request))
    else:
        one.does(name, {"text": "boots", "pid": "b1", "thread": "x"})
    page.leave(state)


def test_every_event_has_its_method_and_its_name_in_the_script():
    script = layout._joined("script/*.js")
    for name in EVENTS:
        assert isinstance(getattr(Page, name), types.FunctionType)
    sent = set(re.findall(r"\bsend\(\"(\w+)\"", script)) | set(re.findall(r"\btell\(\"(\w+)\"", script))
    assert sent == set(EVENTS)
