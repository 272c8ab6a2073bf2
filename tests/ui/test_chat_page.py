"""The chat page in a real browser, over the real assistant and the demo shop: one shopper's visit from hello to bag.

Set SCREENSHOT_DIR to keep a picture of every step.
"""

import os
import shutil
import socket
from pathlib import Path

import pytest

from shopping_assistant.assistant.conversation import Assistant

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE = 60_000  # ms; the first recommendation waits for models to load, on a machine that may be busy


@pytest.fixture(scope="module")
def store(demo_store, tmp_path_factory) -> Path:
    """A copy of the demo shop: a visit writes into it."""
    return shutil.copytree(demo_store, tmp_path_factory.mktemp("shop") / "store")


@pytest.fixture(scope="module")
def served(store):
    """The assistant and the page's address."""
    from shopping_assistant.ui.app import launch

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assistant = Assistant.open(store)
    app = launch(assistant, port=port, block=False)
    yield assistant, app.local_url
    app.close()
    assistant.close()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


class Visit:
    """One shopper's browser window; collects what must not happen."""

    def __init__(self, browser, address: str, width: int = 1440, height: int = 900):
        self.context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: None if self._ours(r.url) else self.complaints.append(f"outside: {r.url}"))
        self.page.goto(address)
        self.page.wait_for_selector(".welcome, #turns .turn")

    @staticmethod
    def _ours(url: str) -> bool:
        return url.startswith(("http://127.0.0.1", "http://localhost", "data:", "blob:"))

    def say(self, text: str) -> None:
        turns = self.page.locator("#turns .turn").count()
        self.page.fill("#box textarea", text)
        self.page.press("#box textarea", "Enter")
        self.page.wait_for_function("n => document.querySelectorAll('#turns .turn').length > n", arg=turns)

    def shown(self) -> list[str]:
        """Product ids on the cards of the last answer."""
        return self.page.eval_on_selector_all("#turns .turn:last-child .card", "cards => cards.map(c => c.dataset.pid)")

    def bag(self) -> list[str]:
        return (self.page.get_attribute(".bag-panel", "data-pids") or "").split()

    def picture(self, name: str) -> None:
        if folder := os.environ.get("SCREENSHOT_DIR"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(300)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


def only_thread(assistant: Assistant, before: set[str]) -> str:
    new = {_thread_id(t) for t in assistant.threads()} - before
    assert len(new) == 1
    return new.pop()


def _thread_id(entry: object) -> str:
    return entry["thread_id"] if isinstance(entry, dict) else str(entry)


def offers(turn: dict) -> list[tuple[str, str]]:
    return [(p["product_id"], p["reason"]) for p in turn["products"]]


def test_a_visit_from_hello_to_bag(browser, served):
    assistant, address = served
    catalog = assistant.store.catalog()
    before = {_thread_id(t) for t in assistant.threads()}
    visit = Visit(browser, address)
    visit.picture("1-welcome")

    visit.say("show me black ankle boots under 120")
    first = [catalog.product(pid) for pid in visit.shown()]
    assert first
    for p in first:
        assert "boots" in p.category and "black" in p.color.lower() and p.price <= 120 and p.available, p
    assert visit.page.locator("#turns .card svg").count() == len(first)
    visit.picture("2-black-ankle-boots-under-120")

    visit.say("not leather")
    second = [catalog.product(pid) for pid in visit.shown()]
    assert second
    for p in second:
        assert "boots" in p.category and "black" in p.color.lower() and p.price <= 120, p
        assert p.material.lower() != "leather", p
    visit.picture("3-not-leather")

    clicked = visit.shown()[0]
    visit.page.click("#turns .turn:last-child .card h3 >> nth=0")
    visit.page.wait_for_selector(".sheet")
    assert catalog.product(clicked).title in visit.page.inner_text(".sheet")
    visit.picture("4-details")
    visit.page.keyboard.press("Escape")
    visit.page.wait_for_selector(".sheet", state="detached")
    thread = only_thread(assistant, before)
    clicks = assistant.events(thread).filter(action="click")
    assert clicks["product_id"].to_list() == [clicked]
    assert clicks["position"].to_list() == [1]

    visit.say("what would you recommend for me?")
    recommended = visit.shown()
    assert recommended
    assert all((catalog.product(pid).material or "").lower() != "leather" for pid in recommended)
    visit.picture("5-recommendation")
    # The same words without the click: order or reasons must differ, or the click meant nothing.
    for text in ("show me black ankle boots under 120", "not leather", "what would you recommend for me?"):
        unmoved = assistant.turn("without-a-click", text)
    assert offers(assistant.history(thread)[-1]) != offers(unmoved)

    visit.say("add the second one to my bag")
    visit.page.wait_for_selector("#bag .bag-list li")
    assert visit.bag() == [recommended[1]]
    assert [p["product_id"] for p in assistant.bag(thread)] == [recommended[1]]
    visit.picture("6-bag")

    visit.page.reload()
    visit.page.wait_for_selector("#turns .turn >> nth=3")
    assert visit.page.locator("#turns .turn").count() == 4
    assert visit.bag() == [recommended[1]]
    assert visit.page.locator("#turns .turn >> nth=2").locator(".card").count() == len(recommended)
    visit.picture("7-after-reload")

    assert visit.complaints == []
    visit.context.close()


def test_buttons_fill_and_empty_the_bag_and_change_the_recommendation(browser, served):
    assistant, address = served
    before = {_thread_id(t) for t in assistant.threads()}
    visit = Visit(browser, address, width=390, height=844)
    visit.page.click(".prompts.examples button >> nth=0")
    visit.page.wait_for_selector("#turns .turn .card")
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 390  # nothing sticks out on a phone
    visit.picture("8-phone")
    pid = visit.shown()[1]
    visit.page.click("#turns .card button.add >> nth=1")
    visit.page.wait_for_selector("#turns .card button.add.held")
    thread = only_thread(assistant, before)
    purchases = assistant.events(thread).filter(action="purchase")
    assert purchases["product_id"].to_list() == [pid]
    visit.say("what would you recommend for me?")
    assert visit.shown() and pid not in visit.shown()
    visit.page.click(".bag-button")
    visit.picture("9-phone-bag")
    visit.page.click("#bag [data-do=remove]")
    visit.page.wait_for_selector("#bag .empty")
    assert assistant.bag(thread) == []
    assert assistant.events(thread).filter(action="purchase").is_empty()
    assert visit.complaints == []
    visit.context.close()


def test_two_shoppers_do_not_see_each_other(browser, served):
    address = served[1]
    one, other = Visit(browser, address), Visit(browser, address)
    one.say("a red dress")
    assert other.page.locator("#turns .turn").count() == 0
    other.say("black sneakers")
    assert one.page.locator("#turns .turn").count() == 1
    other.page.click("[data-do=fresh]")
    other.page.wait_for_selector(".welcome")
    assert other.page.locator("#turns .turn").count() == 0
    one.page.reload()
    one.page.wait_for_selector("#turns .turn .said")
    assert "a red dress" in one.page.inner_text("#turns")
    assert one.complaints == other.complaints == []
    one.context.close()
    other.context.close()


def test_a_failing_turn_says_one_kind_sentence(browser, served, monkeypatch):
    assistant, address = served
    from shopping_assistant.ui.app import SORRY

    def broken(*_args, **_kwargs):
        raise RuntimeError("disk full")
        yield

    visit = Visit(browser, address)
    with monkeypatch.context() as patch:
        patch.setattr(assistant, "stream", broken)
        visit.page.fill("#box textarea", "boots")
        visit.page.press("#box textarea", "Enter")
        visit.page.wait_for_selector(f"text={SORRY}")
        assert "disk full" not in visit.page.inner_text("body")
    visit.say("boots")
    assert visit.shown()
    visit.context.close()
