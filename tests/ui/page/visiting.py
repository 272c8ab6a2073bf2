"""A shopper's browser window, which complains about what must not happen in any visit."""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE = 60_000  # ms; the first recommendation waits for models to load, on a machine that may be busy
DESK, PHONE = (1440, 900), (390, 844)
#: Words of a browser that lost its server on purpose; everything else on the console is ours.
LOST = ("net::ERR_", "Connection errored out", "Failed to fetch", "network error", "AbortError")


class Visit:
    """One window on the page.

    Args:
        more: what Playwright's ``new_context`` takes (``color_scheme``, ``reduced_motion``, ``storage_state`` …).
    """

    def __init__(self, browser, address: str, size: tuple[int, int] = DESK, **more):
        self.width = size[0]
        given = {"reduced_motion": "reduce", "locale": "en-GB", **more}
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **given)
        self.address = address
        self.complaints: list[str] = []
        self.page = self._window()

    def _window(self):
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda m: self._heard(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: self.complaints.append(f"error: {e}"))
        page.on("request", lambda r: self._asked(r.url))
        page.goto(self.address)
        page.wait_for_selector("#past .welcome, #past .turn")
        return page

    def another_tab(self):
        """The same shopper in a second tab, as a Playwright page."""
        return self._window()

    def _heard(self, text: str) -> None:
        self.complaints.append(f"console: {text}")

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname != urlsplit(self.address).hostname:
            self.complaints.append(f"outside: {url}")

    def say(self, text: str, page=None) -> None:
        """Type a sentence and wait for the whole answer."""
        page = page or self.page
        with self.answered(page):
            page.fill("#words", text)
            page.press("#words", "Enter")

    def answered(self, page=None):
        """A block in which one more turn is asked for; at its end the answer stands."""
        return _Answered(page or self.page)

    def count(self, selector: str) -> int:
        return self.page.locator(selector).count()

    def shown(self, turn: str = "#past .turn:last-child") -> list[str]:
        """Product ids on the cards of an answer, by default the last."""
        return self.page.eval_on_selector_all(f"{turn} .card", "cards => cards.map(c => c.dataset.pid)")

    def texts(self, selector: str) -> list[str]:
        return [t.strip() for t in self.page.locator(selector).all_inner_texts()]

    def sticks_out(self) -> int:
        """Pixels that can be scrolled sideways."""
        return self.page.evaluate("document.scrollingElement.scrollWidth - document.documentElement.clientWidth")

    def focused(self) -> str:
        """What has the keyboard: tag, id, ``data-do`` and name of the element."""
        return self.page.evaluate(
            "(e => [e.tagName.toLowerCase(), e.id && '#' + e.id, e.dataset.do && `[${e.dataset.do}]`,"
            " e.getAttribute('aria-label') ?? e.innerText?.trim().slice(0, 40)].filter(Boolean).join(' '))"
            "(document.activeElement)"
        )

    def ends(self, lost: bool = False) -> None:
        """Nothing was complained about, nothing stuck out; the window closes.

        Args:
            lost: the connection was cut in this visit: what a browser says of that is no complaint.
        """
        out = self.sticks_out()
        self.context.close()
        heard = [c for c in self.complaints if not (lost and any(word in c for word in LOST))]
        assert heard == [], heard
        assert out == 0, f"{out} px stick out at {self.width} px"


class _Answered:
    def __init__(self, page):
        self.page = page

    def __enter__(self):
        self.before = self.page.locator("#past .turn[data-state=done]").count()

    def __exit__(self, failed, *_):
        if not failed:
            done = "n => document.querySelectorAll('#past .turn[data-state=done]').length > n"
            self.page.wait_for_function(done, arg=self.before)
            self.page.wait_for_function("() => !document.querySelector('#talk[aria-busy]')")
