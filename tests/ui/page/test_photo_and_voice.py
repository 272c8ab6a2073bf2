"""A photo shown and words spoken, in a real browser: the shop's side is real, the browser's ear is played."""

import base64
import shutil

import pytest

from shopping_assistant.assistant.conversation import Assistant
from tests.drawn_shop import photo
from tests.ui.page.visiting import PHONE, Visit
from tests.ui.sub_path_proxy import free_port

#: A browser's speech recognition as the Web Speech API has it, which hears what the test says.
EAR = """
window.ears = [];
class SpeechRecognition {
  static available(asked) { window.askedFor = asked; return Promise.resolve(window.hears ?? "available"); }
  get processLocally() { return this.local; }
  set processLocally(value) { this.local = value; }
  start() { window.ears.push(this); if (window.refused) this.end(window.refused); }
  stop() { this.end(); }
  abort() { this.end("aborted"); }
  end(error) { setTimeout(() => { if (error) this.onerror({ error }); this.onend(); }); }
}
window.SpeechRecognition = SpeechRecognition;
window.webkitSpeechRecognition = undefined;
window.hear = (text, last = true) => {
  const ear = window.ears.at(-1);
  ear.onresult({ results: [[{ transcript: text }]] });
  if (last) ear.onend();
};
"""


def serve(store):
    from shopping_assistant.ui.app import launch

    assistant = Assistant.open(store)
    return assistant, launch(assistant, port=free_port(), block=False)


@pytest.fixture(scope="module")
def served(drawn_shop, tmp_path_factory):
    """The address of a shop that looks at photos."""
    store = shutil.copytree(drawn_shop / "store", tmp_path_factory.mktemp("shop") / "store")
    assistant, app = serve(store)
    yield app.local_url
    app.close()
    assistant.close()


class Window(Visit):
    """A visit of a browser whose ear is played before the page is there."""

    def __init__(self, *given, ear: str = EAR, **more):
        self.ear = ear
        super().__init__(*given, **more)

    def _window(self):
        self.context.add_init_script(self.ear)
        return super()._window()

    def choose(self, data: bytes, name: str = "photo.jpg", kind: str = "image/jpeg") -> None:
        self.page.set_input_files("#photo-file", {"name": name, "mimeType": kind, "buffer": data})

    def first(self) -> str:
        return self.shown()[0]


def test_a_photo_is_chosen_looked_at_and_refined_by_words(browser, served):
    visit = Window(browser, served)
    page = visit.page
    assert page.get_by_role("button", name="Show a photo").is_visible()
    visit.choose(photo("bag", "red"))
    page.wait_for_selector("#photo-bar img[src^='data:image/jpeg']")
    assert "photo-send" in visit.focused()
    with visit.answered():
        page.keyboard.press("Enter")
    assert visit.first().startswith("bag-red") and page.is_hidden("#photo-bar")
    assert page.locator("#past .turn:last-child .photo-thumb").count() == 1
    assert "Something like the picture" in page.inner_text("#past .turn:last-child .tapped")
    assert visit.texts("#wishes .wish") == ["like your photo"]
    visit.say("in black")
    assert visit.first().startswith("bag-black")
    with visit.answered():
        page.click("#wishes .wish.leaning")
    assert "like your photo" not in visit.texts("#wishes .wish")
    page.reload()
    page.wait_for_selector("#past .turn")
    assert visit.count(".photo-thumb") == 0
    visit.ends()


HAND_OVER = """
([way, data]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], "photo.jpg", { type: "image/jpeg" }));
  const how = { bubbles: true, cancelable: true };
  const event = way === "paste" ? new ClipboardEvent("paste", { clipboardData: carried, ...how })
    : new DragEvent("drop", { dataTransfer: carried, ...how });
  document.querySelector("#words").dispatchEvent(event);
  if (!event.defaultPrevented) throw new Error("the browser would have opened the picture");
}
"""


def test_a_photo_comes_by_clipboard_or_is_dropped_and_can_be_left_out(browser, served):
    visit = Window(browser, served)
    for way, kind in (("paste", "dress"), ("drop", "shirt")):
        visit.page.evaluate(HAND_OVER, [way, base64.b64encode(photo(kind, "blue")).decode()])
        visit.page.wait_for_selector("#photo-bar img[src^='data:']")
        with visit.answered():
            visit.page.click("[data-do=photo-send]")
        assert visit.first().startswith(f"{kind}-blue")
    visit.choose(photo("bag", "red"))
    visit.page.wait_for_selector("#photo-bar img[src^='data:']")
    visit.page.get_by_role("button", name="Leave the photo out").click()
    assert visit.page.is_hidden("#photo-bar") and "photo-choose" in visit.focused()
    visit.ends()


def test_a_sentence_beside_a_photo_refines_it(browser, served):
    visit = Window(browser, served, PHONE)
    visit.choose(photo("bag", "green"))
    visit.page.wait_for_selector("#photo-bar img[src^='data:']")
    assert visit.sticks_out() == 0
    visit.page.fill("#words", "in yellow")
    with visit.answered(), visit.answered():
        visit.page.press("#words", "Enter")
    visit.page.wait_for_selector("#past .turn:last-child[data-state=done] .said")
    assert visit.count("#past .turn[data-state=done]") == 2 and visit.first().startswith("bag-yellow")
    visit.ends()


def test_what_cannot_be_looked_at_is_said(browser, served):
    visit = Window(browser, served)
    for data, kind, told in (
        (b"GIF89a", "image/gif", "JPEG, PNG or WebP"),
        (b"\0" * (10 * 1024**2 + 1), "image/jpeg", "10 MB"),
        (b"no picture at all", "image/png", "JPEG, PNG or WebP"),
    ):
        visit.choose(data, kind=kind)
        visit.page.wait_for_function("told => document.querySelector('#note').textContent.includes(told)", arg=told)
        assert visit.page.is_hidden("#photo-bar")
    visit.ends()


def test_words_are_heard_into_the_box_and_sent_by_enter(browser, served):
    visit = Window(browser, served)
    page = visit.page
    button = page.get_by_role("button", name="Speak")
    button.wait_for()
    assert page.evaluate("window.askedFor") == {"langs": ["en-GB"], "processLocally": True}
    button.click()
    assert page.inner_text("#voice-state") == "Listening …" and button.get_attribute("aria-pressed") == "true"
    assert page.evaluate("[ears.at(-1).processLocally, ears.at(-1).lang]") == [True, "en-GB"]
    page.evaluate("hear('black', false)")
    assert page.input_value("#words") == "black"
    page.evaluate("hear('black bags')")
    assert page.input_value("#words") == "black bags" and "what I heard" in page.inner_text("#voice-state")
    assert button.get_attribute("aria-pressed") == "false" and "#words" in visit.focused()
    with visit.answered():
        page.keyboard.press("Enter")
    assert {pid.rsplit("-", 1)[0] for pid in visit.shown()} == {"bag-black"}
    assert page.inner_text("#voice-state") == ""
    visit.ends()


def test_why_nothing_was_heard_is_said_in_words(browser, served):
    visit = Window(browser, served)
    page = visit.page
    assert page.get_attribute("#voice-state", "role") == "status"
    for problem, told in (
        ("not-allowed", "may not use the microphone"),
        ("no-speech", "heard nothing"),
        ("audio-capture", "no microphone"),
        ("language-not-supported", "does not work"),
    ):
        page.evaluate("problem => { window.refused = problem; }", problem)
        page.get_by_role("button", name="Speak").click()
        page.wait_for_function("told => document.querySelector('#voice-state').textContent.includes(told)", arg=told)
        assert page.get_attribute("[data-do=voice]", "aria-pressed") == "false"
    page.evaluate("window.refused = ''")
    page.get_by_role("button", name="Speak").click()
    page.keyboard.press("Escape")
    page.wait_for_selector("[data-do=voice][aria-pressed=false]")
    assert page.inner_text("#voice-state") == ""
    visit.ends()


@pytest.mark.parametrize(
    "ear",
    ["window.SpeechRecognition = window.webkitSpeechRecognition = undefined;",
     "window.webkitSpeechRecognition = class {}; window.SpeechRecognition = undefined;",
     EAR + "window.hears = 'unavailable';", EAR + "window.hears = 'downloadable';",
     EAR + "SpeechRecognition.available = () => Promise.reject(new Error('shut by a policy'));"],
    ids=["none", "older, by a server", "unavailable", "not installed", "refused"],
)  # fmt: skip
def test_where_speech_would_leave_the_machine_there_is_no_button(ear, browser, served):
    visit = Window(browser, served, ear=ear)
    visit.page.evaluate("new Promise((then) => setTimeout(then, 200))")  # whoever was asked has answered
    assert visit.page.is_hidden("[data-do=voice]")
    visit.ends()


def test_a_shop_without_a_model_offers_no_photo(browser, small_store):
    assistant, app = serve(small_store.path)
    try:
        visit = Window(browser, app.local_url)
        assert visit.page.is_hidden("[data-do=photo-choose]")
        visit.choose(photo("bag", "red"))
        assert visit.page.is_hidden("#photo-bar")
        visit.ends()
    finally:
        app.close()
        assistant.close()
