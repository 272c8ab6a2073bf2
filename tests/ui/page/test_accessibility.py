"""That nobody is shut out: axe-core over every state of the page, and what axe-core does not look at."""

import itertools
import os
import sys
from pathlib import Path

import pytest

from tests.ui.page.visiting import DESK, PHONE, Visit

LAST = "#past .turn:last-child"
#: Rules of WCAG 2.2 AA and axe-core's advice.
# The bag is a dialog on a phone and stands beside the talk at a desk, and Gradio's main part is around ours: each has
# the role that is true, which axe-core calls a minor matter for these elements.
TOLD_OTHERWISE = ("#kept", "main.contain")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def axe() -> str:
    return axe_source()


def axe_source() -> str:
    """axe-core as `make test` lays it beside the virtual environment (tests/ui/page/axe/package.json)."""
    folder = Path(os.environ.get("AXE_CORE", Path(sys.prefix) / "axe"))
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip(f"axe-core is not in {folder}: `make test` puts it there where npm is installed")
    return script.read_text(encoding="utf-8")


def violations(visit: Visit, axe: str, state: str) -> list[str]:
    """What axe-core finds in a state of the page, a line each."""
    visit.page.wait_for_timeout(50)
    if not visit.page.evaluate("'axe' in window"):
        visit.page.evaluate(f"() => {{ {axe} }}")
    # In Gradio's frame around the page is nothing of ours but the language and the title.
    told = visit.page.evaluate(
        """async ([rules, otherwise]) => {
          const told = (n) => document.querySelector(n.target[0]).matches(otherwise);
          const ours = (rule) => (n) => rule !== 'aria-allowed-role' || !told(n);
          const shown = (n) => n.html.slice(0, 160) + ' ' + (n.any[0] ?? n.all[0] ?? n.none[0])?.message;
          const found = await axe.run(document, { runOnly: rules, resultTypes: ['violations'] });
          return found.violations.map((v) => [v.impact, v.id, v.nodes.filter(ours(v.id)).slice(0, 3).map(shown)]);
        }""",
        [RULES, ", ".join(TOLD_OTHERWISE)],
    )
    return [f"{state}: {impact} {rule}: {nodes}" for impact, rule, nodes in told if nodes]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_at_a_desk(browser, address, axe, scheme):
    visit = Visit(browser, address, color_scheme=scheme)
    page, found = visit.page, []

    def look(state: str) -> None:
        found.extend(violations(visit, axe, f"{state}, {scheme}"))

    look("opening")
    visit.say("show me black ankle boots under 120")
    look("answer")
    page.click(f"{LAST} button.add >> nth=0")
    page.wait_for_selector("#bag .kept-list li")
    page.click(f"{LAST} [data-do=judge][data-verdict=down] >> nth=1")
    page.click(f"{LAST} [data-do=save] >> nth=2")
    page.wait_for_selector(f"{LAST} [data-do=save][aria-pressed=true]")
    page.click("#tab-saved")
    look("bag, thumb, note")
    page.click(f"{LAST} .opens >> nth=0")
    page.wait_for_selector("#sheet-dialog:modal")
    look("product")
    page.keyboard.press("Escape")
    for n in (0, 2):
        page.click(f"{LAST} [data-do=compare] >> nth={n}")
    page.click("[data-do=compare-now]")
    page.wait_for_selector("#panel-dialog:modal table")
    look("comparison")
    page.keyboard.press("Escape")
    page.click(f"{LAST} [data-do=why]")
    page.wait_for_selector("#panel .why-list")
    look("why")
    page.keyboard.press("Escape")
    page.click("[data-drawer=settings]")
    page.check("#engineers")
    look("settings")
    page.keyboard.press("Escape")
    page.click(f"{LAST} [data-do=trace]")
    page.wait_for_selector("#panel .calls")
    look("trace")
    page.keyboard.press("Escape")
    page.click("[data-drawer=conversations]")
    look("conversations")
    page.click("#conversations [data-do=delete]")
    look("question")
    page.click("#question-dialog [value=no]")
    page.keyboard.press("Escape")
    visit.say("a dress")
    visit.say("compare the first two")
    look("a question and a comparison in the talk")
    visit.ends()
    assert not found, "\n".join(found)


def test_axe_finds_nothing_on_a_phone(browser, address, axe):
    visit = Visit(browser, address, PHONE, has_touch=True, is_mobile=True)
    page, found = visit.page, violations(visit, axe, "opening")
    visit.say("show me black ankle boots under 120")
    found += violations(visit, axe, "answer")
    page.tap(f"{LAST} button.add >> nth=0")
    page.wait_for_selector(f"{LAST} button.add.held")
    page.tap(".bag-button")
    page.wait_for_selector("#kept:modal .kept-list")
    found += violations(visit, axe, "bag")
    page.tap("#kept [data-do=close]")
    page.tap(f"{LAST} .opens >> nth=0")
    page.wait_for_selector("#sheet-dialog:modal")
    found += violations(visit, axe, "product")
    page.tap("#sheet-dialog > [data-do=close]")
    visit.ends()
    assert not found, "\n".join(found)


def test_each_button_says_what_it_does_to_which_product(browser, address):
    """Read out one after the other, no two buttons sound the same and do different things."""
    visit = Visit(browser, address)
    visit.say("show me black ankle boots under 120")
    visit.page.click(f"{LAST} .opens >> nth=0")
    visit.page.wait_for_selector("#sheet-dialog:modal")
    visit.page.keyboard.press("Escape")
    named = visit.page.evaluate(
        """() => [...document.querySelectorAll('#past button, #bag button, #ask button')]
        .filter(b => b.checkVisibility())
        .map(b => [b.getAttribute('aria-label') ?? b.innerText.trim(), JSON.stringify({...b.dataset})])"""
    )
    assert all(name for name, _ in named)
    does: dict[str, set] = {}
    for name, done in named:
        does.setdefault(name, set()).add(done)
    twice = {name: done for name, done in does.items() if len(done) > 1}
    assert not twice, twice
    visit.ends()


def test_headings_landmarks_and_what_is_read_out(browser, address):
    visit = Visit(browser, address)
    page = visit.page
    visit.say("show me black ankle boots")
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4')].filter(h => h.checkVisibility() && !h.closest('dialog'))"
        ".map(h => Number(h.tagName[1]))"
    )
    assert levels[0] == 1 and all(b - a <= 1 for a, b in itertools.pairwise(levels)), levels
    seen = "e => e.filter(x => x.checkVisibility()).length"
    assert page.eval_on_selector_all("main:not([role])", seen) == 1 and page.eval_on_selector_all("header", seen) == 1
    # What is read out by itself: a whole answer, once, and notes.
    live = page.eval_on_selector_all("#house :is([aria-live], [role=status], [role=alert])", "es => es.map(e => e.id)")
    assert set(live) <= {"heard", "note", "voice-state"}
    assert visit.texts(f"{LAST} .reply p")[0] in page.text_content("#heard")
    visit.say("in red")
    assert page.text_content("#heard").count(visit.texts(f"{LAST} .reply p")[0]) == 1
    visit.ends()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_targets_are_large_enough(browser, address, size):
    """At least 24 by 24 px, as WCAG 2.2 has it."""
    visit = Visit(browser, address, size)
    visit.say("show me black ankle boots under 120")
    for opened in (None, "[data-drawer=conversations]", "[data-drawer=settings]", f"{LAST} .opens >> nth=0"):
        if opened:
            visit.page.click(opened)
            visit.page.wait_for_selector("dialog:modal")
        small = visit.page.evaluate(
            """() => [...document.querySelectorAll('#house :is(button, input, select, textarea, a, label.check)')]
            .filter(e => e.checkVisibility({visibilityProperty: true}))
            .filter(e => !e.closest('.unseen') && !e.matches('.skip, .check input'))
            .map(e => [e, e.getBoundingClientRect()]).filter(([, r]) => r.width > 0 && (r.width < 24 || r.height < 24))
            .map(([e, r]) => `${e.outerHTML.slice(0, 90)} ${r.width}x${r.height}`)"""
        )
        assert not small, (opened, small)
        visit.page.keyboard.press("Escape")
    visit.ends()


def test_twice_as_large(browser, address):
    """At 200 % (a window half as wide) nothing sticks out and all can be reached."""
    visit = Visit(browser, address, (720, 450), device_scale_factor=2)
    visit.say("show me black ankle boots under 120")
    assert visit.sticks_out() == 0
    for part in ("#words", "#send", "[data-drawer=settings]", ".bag-button", f"{LAST} .opens >> nth=0"):
        visit.page.locator(part).first.click(trial=True)
    visit.page.set_viewport_size({"width": 320, "height": 640})
    visit.ends()
