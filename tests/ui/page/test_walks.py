"""The page in a real browser, over the real assistant and the demo shop: what shoppers do, and what befalls them."""

import json
import re

import pytest

from tests.ui.page.visiting import PHONE, Visit
from tests.ui.sub_path_proxy import free_port

LAST = "#past .turn:last-child"


@pytest.fixture
def visit(browser, address):
    """One visit at a desk, of which nothing may be complained."""
    visit = Visit(browser, address)
    yield visit
    visit.ends()


def thread_of(assistant, sentence: str) -> str:
    """The conversation that was begun with a sentence, which no other test uses."""
    (found,) = (t["thread_id"] for t in assistant.threads() if assistant.history(t["thread_id"])[:1]
                and assistant.history(t["thread_id"])[0]["shopper"] == sentence)  # fmt: skip
    return found


def offers(turn: dict) -> list[tuple[str, str]]:
    return [(p["product_id"], p["reason"]) for p in turn["products"]]


def test_from_hello_to_the_bag(visit, assistant):
    page, catalog = visit.page, assistant.store.catalog()
    first = "show me black ankle boots under 120"
    visit.say(first)
    shown = [catalog.product(pid) for pid in visit.shown()]
    assert shown and visit.count(f"{LAST} .card .picture > svg:not(.icon)") == len(shown)
    for p in shown:
        assert "boots" in p.category and "black" in p.color.lower() and p.price <= 120 and p.available, p
    assert visit.focused().startswith("textarea #words")

    visit.say("not leather")
    refined = [catalog.product(pid) for pid in visit.shown()]
    assert refined and all(p.material.lower() != "leather" and p.price <= 120 for p in refined)
    assert visit.texts("#wishes .wish") == ["black", "ankle boots", "up to 120", "not leather"]

    with visit.answered():
        page.click("#wishes .wish:has-text('up to 120')")
    assert visit.texts("#wishes .wish") == ["black", "ankle boots", "not leather"]
    assert "up to 120" in page.inner_text(f"{LAST} .tapped")
    wider = visit.shown()
    with visit.answered():
        page.click("#wishes [data-do=undo]")
    assert "up to 120" in visit.texts("#wishes .wish")
    assert all(catalog.product(pid).price <= 120 for pid in visit.shown()) and wider

    clicked = visit.shown()[0]
    page.click(f"{LAST} .card .opens >> nth=0")
    page.wait_for_selector("#sheet-dialog[open]")
    assert catalog.product(clicked).title in page.inner_text("#sheet-title")
    page.keyboard.press("Escape")
    page.wait_for_selector("#sheet-dialog[open]", state="detached")
    thread = thread_of(assistant, first)
    clicks = assistant.events(thread).filter(action="click")
    assert clicks["product_id"].to_list() == [clicked] and clicks["position"].to_list() == [1]

    visit.say("what would you recommend for me?")
    recommended = visit.shown()
    assert recommended and all((catalog.product(pid).material or "").lower() != "leather" for pid in recommended)
    for text in (first, "not leather", "what would you recommend for me?"):
        unmoved = assistant.turn("without-a-click", text)
    # The same words without the click: order or reasons must differ, or the click meant nothing.
    assert offers(assistant.history(thread)[-1]) != offers(unmoved)

    visit.say("add the second one to my bag")
    page.wait_for_selector("#bag .kept-list li")
    assert [p["product_id"] for p in assistant.bag(thread)] == [recommended[1]]

    page.reload()
    page.wait_for_selector("#past .turn >> nth=5")
    assert visit.count("#past .turn") == 6 and visit.count("#bag .kept-list li") == 1
    assert visit.shown("#past .turn[data-turn='5']") == recommended
    visit.say("show me red dresses")
    assert visit.count("#past .turn") == 7


def test_a_product_close_up(visit, assistant):
    page = visit.page
    visit.say("black sneakers please")
    page.click(f"{LAST} .card .opens >> nth=0")
    page.wait_for_selector("#sheet-dialog[open] dl")
    first = page.inner_text("#sheet-title")
    headings = visit.texts("#sheet .shelf > h3")
    assert "Similar" in headings and visit.count("#sheet .shelf .card") > 2
    page.click("#sheet .shelf .card .opens >> nth=0")
    page.wait_for_function("t => document.querySelector('#sheet-title').innerText !== t", arg=first)
    assert page.evaluate("document.querySelector('#sheet-dialog').scrollTop") == 0
    second = page.inner_text("#sheet-title")
    page.click("#sheet .close-up [data-do=save]")
    page.wait_for_selector("#sheet .close-up [data-do=save][aria-pressed=true]")
    with visit.answered():
        page.fill("#ask-about", "what is it made of?")
        page.press("#ask-about", "Enter")
    assert not visit.count("#sheet-dialog[open]")
    assert assistant.history(thread_of(assistant, "black sneakers please"))[-1]["act"] == "ask"
    assert (
        any(second == t for t in visit.texts("#saved .name")) or page.locator("#saved .name").text_content() == second
    )


def test_side_by_side(visit):
    page = visit.page
    visit.say("show me blue dresses")
    for n in (0, 1, 2):
        page.click(f"{LAST} .card [data-do=compare] >> nth={n}")
    assert visit.texts("#compare-bar [data-do=compare-now]") == ["Compare 3"]
    page.click(f"{LAST} .card [data-do=compare] >> nth=1")
    page.click("#compare-bar [data-do=compare-now]")
    page.wait_for_selector("#panel-dialog[open] table")
    assert visit.count("#panel-dialog thead .opens") == 2
    page.keyboard.press("Escape")
    page.click("#compare-bar [data-do=compare-clear]")
    assert page.is_hidden("#compare-bar") and not visit.count(f"{LAST} [data-do=compare][aria-pressed=true]")


def test_bag_and_saved_things_with_a_way_back(visit, assistant):
    page = visit.page
    visit.say("grey sweaters for the bag")
    thread = thread_of(assistant, "grey sweaters for the bag")
    pid = visit.shown()[1]
    add = f"{LAST} .card button.add[data-pid='{pid}']"
    page.click(add)
    page.wait_for_selector(f"{add}.held")
    assert assistant.events(thread).filter(action="purchase")["product_id"].to_list() == [pid]
    assert visit.texts(".bag-button .count") == ["1"]
    page.click("#note button")  # undo
    page.wait_for_selector("#bag .empty")
    assert assistant.bag(thread) == [] and visit.count(f"{add}.held") == 0
    page.click(add)
    page.wait_for_selector("#bag .kept-list li")
    page.click("#bag [data-do=remove]")
    page.wait_for_selector("#bag .empty")
    page.click("#note button")
    page.wait_for_selector("#bag .kept-list li")
    page.click(f"{LAST} .card [data-do=save] >> nth=0")
    page.wait_for_selector(f"{LAST} .card [data-do=save][aria-pressed=true]")
    page.click("#tab-saved")
    assert page.is_visible("#saved .kept-list") and page.is_hidden("#bag")
    page.click("#saved [data-do=unsave]")
    page.wait_for_selector("#saved .empty")
    # The bag is the shopper's, over all conversations.
    page.click("#head [data-do=fresh]")
    page.wait_for_selector("#past .welcome")
    assert visit.texts(".bag-button .count") == ["1"]


def test_why_these_and_what_it_took(visit):
    page = visit.page
    visit.say("white shirts, and why")
    page.click(f"{LAST} [data-do=why]")
    page.wait_for_selector("#panel-dialog[open] .why-list")
    assert visit.count("#panel .why-list > li") == len(visit.shown())
    assert all(visit.texts("#panel .because"))
    page.keyboard.press("Escape")
    assert "[why]" in visit.focused()
    page.click("[data-drawer=settings]")
    page.check("#engineers")
    page.keyboard.press("Escape")
    page.click(f"{LAST} [data-do=trace]")
    page.wait_for_selector("#panel-dialog[open] .calls")
    assert "search" in page.inner_text("#panel .calls") and " ms" in page.inner_text("#panel")
    page.keyboard.press("Escape")


def test_thumbs_count_at_once(visit, assistant):
    page = visit.page
    visit.say("brown loafers for thumbs")
    thread = thread_of(assistant, "brown loafers for thumbs")
    pid, liked = visit.shown()[:2]
    page.click(f"{LAST} .card [data-pid='{pid}'][data-verdict=down]")
    page.wait_for_selector(f"{LAST} .card.disliked")
    page.click(f"{LAST} .card [data-pid='{liked}'][data-verdict=up]")
    page.wait_for_selector(f"{LAST} .card [data-pid='{liked}'][data-verdict=up][aria-pressed=true]")
    assert assistant.judged(thread)["products"] == {pid: "down", liked: "up"}
    page.click(f"{LAST} .about-reply [data-verdict=down]")
    page.wait_for_selector(f"{LAST} .about-reply [data-verdict=down][aria-pressed=true]")
    before = visit.shown()
    visit.say("brown loafers")
    assert pid not in visit.shown() and visit.shown() != before
    page.click("#past .turn:first-child .about-reply [data-verdict=down]")
    page.wait_for_selector("#past .turn:first-child .about-reply [data-verdict=down][aria-pressed=false]")
    assert assistant.judged(thread)["turns"] == {}


def test_conversations_on_the_shoppers_terms(visit, assistant):
    page = visit.page
    visit.say("a raincoat to keep")
    visit.say("in navy")
    kept = thread_of(assistant, "a raincoat to keep")
    page.click("#head [data-do=fresh]")
    page.wait_for_selector("#past .welcome")
    visit.say("sandals to delete")
    gone = thread_of(assistant, "sandals to delete")

    page.click("[data-drawer=conversations]")
    assert visit.count("#conversations .resume") == 2
    page.click(f"#conversations [data-do=rename][data-thread='{kept}']")
    page.fill("#question-input", "For the rain")
    page.keyboard.press("Enter")
    page.wait_for_selector("#conversations .resume:has-text('For the rain')")
    with page.expect_download() as download:
        page.click(f"#conversations [data-do=export][data-thread='{kept}']")
    file = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert "a raincoat to keep" in json.dumps(file) and download.value.suggested_filename.endswith(".json")

    page.click(f"#conversations [data-do=delete][data-thread='{gone}']")
    page.click("#question-dialog [value=no]")
    assert assistant.owner(gone)
    page.click(f"#conversations [data-do=delete][data-thread='{gone}']")
    page.click("#question-dialog [value=yes]")
    page.wait_for_function("() => document.querySelectorAll('#conversations .resume').length === 1")
    assert assistant.owner(gone) is None and visit.count("#past .turn") == 0

    page.click("#conversations .resume")
    page.wait_for_selector("#past .turn >> nth=1")
    assert "a raincoat to keep" in page.inner_text("#past") and page.title().startswith("For the rain")
    page.click("[data-drawer=conversations]")
    page.click("#conversations [data-do=forget]")
    page.click("#question-dialog [value=yes]")
    page.wait_for_selector("#past .welcome")
    assert assistant.owner(kept) is None
    page.reload()
    page.wait_for_selector("#past .welcome")


def test_a_guest_leaves_no_byte(visit, assistant):
    page, word = visit.page, "quixotically"
    page.click("[data-drawer=settings]")
    page.click("[data-do=guest]")
    page.wait_for_selector(".guest-sign:not([hidden])")
    visit.say(f"black boots, {word}")
    page.click(f"{LAST} button.add >> nth=0")
    page.wait_for_selector("#bag .kept-list li")
    page.click(f"{LAST} .opens >> nth=0")
    page.wait_for_selector("#sheet-dialog[open]")
    page.keyboard.press("Escape")
    page.click("[data-drawer=conversations]")
    assert visit.count("#conversations .resume") == 0
    page.keyboard.press("Escape")
    page.reload()
    page.wait_for_selector("#past .welcome")
    assert visit.count(".guest-sign:not([hidden])") == 0 and visit.count("#bag .kept-list li") == 0
    files = list(assistant.store.path.glob("conversations.sqlite*"))
    assert files and not any(word.encode() in f.read_bytes() for f in files)


def test_two_shoppers_at_once(browser, address):
    one, other = Visit(browser, address), Visit(browser, address)
    one.say("a red dress for one")
    assert other.count("#past .turn") == 0
    other.say("black trousers for the other")
    assert one.count("#past .turn") == 1
    one.page.click(f"{LAST} button.add >> nth=0")
    one.page.wait_for_selector("#bag .kept-list li")
    for visit, theirs, not_theirs in ((one, "red dress", "trousers"), (other, "trousers", "red dress")):
        visit.page.reload()
        visit.page.wait_for_selector("#past .turn")
        visit.page.click("[data-drawer=conversations]")
        seen = visit.page.inner_text("body")
        assert theirs in seen and not_theirs not in seen and visit.count("#conversations .resume") == 1
        visit.page.keyboard.press("Escape")
    assert other.count("#bag .kept-list li") == 0
    one.ends()
    other.ends()


def test_two_tabs_of_one_shopper(visit):
    visit.say("green skirts in one tab")
    tab = visit.another_tab()
    tab.wait_for_selector("#past .turn")
    visit.say("and a belt in the other", tab)
    assert tab.locator("#past .turn").count() == 2
    visit.say("green skirts once more")
    assert visit.count("#past .turn[data-turn='3']") == 1
    tab.reload()
    tab.wait_for_selector("#past .turn >> nth=2")
    assert tab.locator("#past .turn").count() == 3


def test_a_turn_that_fails_is_said_kindly_and_can_be_tried_again(visit, assistant, monkeypatch):
    page = visit.page

    def broken(*_given, **_more):
        raise RuntimeError("disk full")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(assistant, "stream", broken)
        page.fill("#words", "boots that fail")
        page.press("#words", "Enter")
        page.wait_for_selector(f"{LAST}[data-state=failed] [data-do=again]")
        assert "disk full" not in page.inner_text("body") and "Please try again" in page.inner_text(f"{LAST} .reply")
    with visit.answered():
        page.click(f"{LAST} [data-do=again]")
    assert visit.shown()


def test_a_tool_that_fails_is_said_kindly(visit, assistant, monkeypatch):
    def broken(*_given, **_more):
        raise RuntimeError("models on fire")

    with monkeypatch.context() as patch:
        patch.setattr(type(assistant.shelf), "search", broken)
        visit.say("boots without a search")
        assert "models on fire" not in visit.page.inner_text("body") and not visit.shown()
        assert "again" in visit.page.inner_text(f"{LAST} .reply")
    thread = thread_of(assistant, "boots without a search")
    assert "models on fire" in json.dumps(assistant.trace(thread))
    visit.say("black boots")
    assert visit.shown()


def test_without_a_network_what_was_typed_stays(browser, address):
    visit = Visit(browser, address)
    page = visit.page
    visit.say("a jacket before the tunnel")
    visit.context.set_offline(True)
    page.fill("#words", "a jacket in the tunnel")
    page.press("#words", "Enter")
    page.wait_for_selector(f"{LAST}[data-state=failed]")
    assert "connection" in page.inner_text(f"{LAST} .reply")
    assert page.input_value("#words") == "a jacket in the tunnel"
    with page.expect_navigation():  # Gradio loads the page anew when its server is there again
        visit.context.set_offline(False)
    page.wait_for_selector("#past .turn[data-state=done]")
    assert page.input_value("#words") == "a jacket in the tunnel"
    with visit.answered():
        page.press("#words", "Enter")
    assert visit.shown() and page.input_value("#words") == ""
    visit.ends(lost=True)


def test_the_server_goes_and_comes_back(browser, assistant):
    from shopping_assistant.ui.app import launch

    port = free_port()
    app = launch(assistant, port=port, block=False)
    visit = Visit(browser, app.local_url)
    page = visit.page
    visit.say("a scarf before the restart")
    app.close()
    page.fill("#words", "a scarf while it is gone")
    page.press("#words", "Enter")
    page.wait_for_selector(f"{LAST}[data-state=failed]")
    assert page.input_value("#words") == "a scarf while it is gone"
    app = launch(assistant, port=port, block=False)
    try:
        page.reload()
        page.wait_for_selector("#past .turn")
        assert "a scarf before the restart" in page.inner_text("#past")
        assert page.input_value("#words") == "a scarf while it is gone"
        with visit.answered():
            page.press("#words", "Enter")
        assert visit.shown()
        visit.ends(lost=True)
    finally:
        app.close()


def test_on_a_phone(browser, address):
    visit = Visit(browser, address, PHONE, has_touch=True, is_mobile=True)
    page = visit.page
    assert visit.sticks_out() == 0
    with visit.answered():
        page.tap(".welcome .prompts button >> nth=0")
    assert visit.sticks_out() == 0
    row = page.locator(f"{LAST} .grid").first
    wide, high = row.evaluate("e => [e.scrollWidth > e.clientWidth, e.clientHeight]")
    assert wide and high < PHONE[1] * 0.9
    row.evaluate("e => e.scrollBy({left: 300, behavior: 'instant'})")
    assert row.evaluate("e => e.scrollLeft") > 0
    page.tap(f"{LAST} button.add >> nth=1")
    page.wait_for_selector(f"{LAST} button.add.held")
    for button, dialog in (
        (".bag-button", "#kept"), ("[data-drawer=conversations]", "#conversations-drawer"),
        ("[data-drawer=settings]", "#settings-drawer"),
    ):  # fmt: skip
        page.tap(button)
        page.wait_for_selector(f"{dialog}:modal")
        box = page.locator(dialog).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE[0] and visit.sticks_out() == 0
        page.tap(f"{dialog} [data-do=close]")
        page.wait_for_selector(f"{dialog}:modal", state="detached")
    page.tap(f"{LAST} .opens >> nth=0")
    page.wait_for_selector("#sheet-dialog:modal")
    assert page.evaluate("e => e.scrollWidth <= e.clientWidth", page.query_selector("#sheet-dialog"))
    page.tap("#sheet-dialog [data-do=close]")
    visit.say("not black, size 39")
    assert visit.sticks_out() == 0
    visit.ends()


def test_by_keyboard_alone(visit):
    """From the opening to a bag and a product, without a mouse; the keyboard's place is always seen."""
    page = visit.page

    def tab_to(part: str, most: int = 80, key: str = "Tab") -> None:
        for _ in range(most):
            page.keyboard.press(key)
            assert not visit.focused().startswith("body"), "the focus is lost"
            if part in visit.focused():
                assert_seen()
                return
        raise AssertionError(f"no way to {part} by {key}; at {visit.focused()}")

    def assert_seen() -> None:
        seen = page.evaluate(
            """() => {
              const e = document.activeElement, r = e.getBoundingClientRect();
              const style = (n) => n && getComputedStyle(n);
              const marked = (n) => n && (style(n).outlineStyle !== 'none' || style(n).boxShadow !== 'none');
              const inView = r.bottom > 0 && r.top < innerHeight && r.width > 0;
              return [inView, Boolean([e, e.closest('.card'), e.closest('form')].some(marked))];
            }"""
        )
        assert seen == [True, True], f"{visit.focused()}: in view, marked = {seen}"

    page.keyboard.press("Tab")
    assert "Skip" in visit.focused()
    page.keyboard.press("Enter")
    assert visit.focused().startswith("textarea #words")
    with visit.answered():
        page.keyboard.type("show me black boots by keyboard")
        page.keyboard.press("Enter")
    assert visit.focused().startswith("textarea #words")
    tab_to("[add]", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#bag .kept-list li")
    assert "[add]" in visit.focused()
    tab_to("[open]", key="Shift+Tab")
    opener = visit.focused()
    page.keyboard.press("Enter")
    page.wait_for_selector("#sheet-dialog:modal")
    for _ in range(60):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || Boolean(document.activeElement.closest('#sheet-dialog'))"
        )
    page.keyboard.press("Escape")
    assert visit.focused() == opener
    tab_to("[drop]")
    with visit.answered():
        page.keyboard.press("Space")
    assert visit.focused().startswith("textarea #words")
    tab_to("Settings", most=300, key="Shift+Tab")
    drawer = visit.focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert visit.focused() == drawer


def test_nothing_moves_for_who_wants_no_motion(browser, address):
    still, moving = Visit(browser, address), Visit(browser, address, reduced_motion="no-preference")
    for visit, moves in ((still, False), (moving, True)):
        visit.page.evaluate(
            "document.querySelector('#past').insertAdjacentHTML('beforeend', '<span class=dots><i></i></span>')"
        )
        style = visit.page.evaluate("getComputedStyle(document.querySelector('.dots i')).animationName")
        assert (style != "none") == moves
        visit.ends()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(browser, address, scheme):
    visit = Visit(browser, address, color_scheme=scheme)
    paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) > 384) == (scheme == "light")
    visit.ends()


def test_every_language_from_the_settings(visit):
    from shopping_assistant.ui.page.words import languages, words_in

    page = visit.page
    visit.say("blue jeans in all languages")
    for code in [*languages(), "en"]:
        page.click("[data-drawer=settings]")
        page.select_option("#page-language", code)
        page.wait_for_function("code => document.documentElement.lang === code", arg=code)
        page.keyboard.press("Escape")
        words = words_in(code)
        assert page.get_attribute("#words", "placeholder") == words("ask_hint")
        page.wait_for_selector(f"{LAST} .add:has-text({json.dumps(words('add_to_bag'), ensure_ascii=False)})")
        assert visit.sticks_out() == 0


def test_a_long_conversation_stays_smooth(visit, assistant):
    """The work of drawing a turn may not grow with the conversation: at turn 40 at most twice that of turn 5."""
    page = visit.page
    visit.say("show me black boots, a long talk")
    thread = thread_of(assistant, "show me black boots, a long talk")

    def worked(times: int = 5) -> float:
        """Least milliseconds of the page's main thread in ``times`` more answers."""
        client = visit.context.new_cdp_session(page)
        client.send("Performance.enable")

        def busy() -> float:
            return {m["name"]: m["value"] for m in client.send("Performance.getMetrics")["metrics"]}["TaskDuration"]

        least = []
        for _ in range(times):
            page.wait_for_timeout(200)
            before = busy()
            visit.say("show me black boots")
            least.append(busy() - before)
        return min(least)

    early = worked()
    for _ in range(40 - visit.count("#past .turn")):
        assistant.turn(thread, "show me black boots")
    page.reload()
    page.wait_for_selector("#past .turn >> nth=39")
    late = worked()
    assert late <= 2 * early, (early, late)
    assert visit.count("#past .card .picture > svg:not(.icon)") < 200
