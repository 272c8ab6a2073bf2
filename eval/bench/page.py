"""How long a shopper waits for the page, for the first word of a reply and for the products, in a real browser.

    python -m shopping_assistant.eval.bench.page --store DIR [--visits N] [--sentences N] [--line MS] [--json]

Serves a copy of the store with `shop chat` and visits it with headless Chromium, each time with an empty cache. Prints
medians and 90th percentiles in milliseconds: until the page can be used, from the first byte the server answered; until
the first word of a reply and until the products are drawn, from Enter; and bytes and requests of a first visit. Needs
playwright and a Chromium, and says nothing on a machine that does other things meanwhile. With ``--line`` the browser
waits for the network as a shopper does whose requests take that long to be answered.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from shopping_assistant.eval.replay_agent import lay_out
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store

VISITS, SENTENCES = 3, 24
#: What shoppers say, each answered with products: searches, refinements, likes, recommendations. Each eight
#: are a visit; one that says more goes on with the next visitor's.
SAID = (
    "show me black ankle boots", "under 120 please", "not leather", "what would you recommend for me?",
    "summer dresses in linen", "in blue", "something cheaper", "more like the first one",
    "a warm coat for winter", "in wool, not black", "anything for a wedding?", "show me sneakers",
    "white ones", "below 100 euros", "a bag that goes with them", "silver earrings",
    "jeans for men", "slim ones", "show me more", "a scarf for my grandmother",
    "red dresses under 80", "without polyester", "hiking boots", "what else do you recommend?",
)  # fmt: skip
_A_VISIT = 8
_START_SECONDS = 180.0
_PATIENCE_MS = 60_000
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# A background tab, an updater or a GPU process would be measured, too.
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
# When the page can be used: its box is there and what it opens with is drawn. Looked for in each frame that is drawn.
_USABLE = """
(() => {
  const look = () => {
    const box = document.querySelector('#box textarea'), drawn = document.querySelector('.welcome, .turn');
    if (box && !box.disabled && box.offsetParent && drawn) window.usableAt = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
# From Enter until the turn's reply has a word, and until its products are drawn.
_ANSWER = """
() => new Promise((answered) => {
  const before = document.querySelectorAll('.turn').length, seen = {};
  let start = 0;
  const pressed = (e) => { if (e.key === 'Enter') start = performance.now(); };
  addEventListener('keydown', pressed, {capture: true, once: true});
  const look = () => {
    const turn = document.querySelectorAll('.turn')[before];
    if (turn && start) {
      const passed = performance.now() - start;
      if (!seen.text && turn.querySelector('.reply')?.textContent.trim()) seen.text = passed;
      if (!seen.cards && turn.querySelector('.card[data-pid]')) seen.cards = passed;
      if (turn.dataset.state === 'done') return answered({...seen, done: passed});
    }
    requestAnimationFrame(look);
  };
  look();
})
"""
_LOADED = """
() => {
  const [page] = performance.getEntriesByType('navigation'), rest = performance.getEntriesByType('resource');
  return {
    usable: window.usableAt - page.responseStart,
    bytes: page.transferSize + rest.reduce((sum, r) => sum + r.transferSize, 0),
    requests: 1 + rest.length,
  };
}
"""


@contextmanager
def served(store: Path) -> Iterator[str]:
    """The page's address, while `shop chat` serves it in a process of its own.

    Raises:
        ShopError: it did not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "shopping_assistant.ui.cli", "chat", "--store", str(store), "--port", str(port)]
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT, env={**os.environ})
        try:
            patience = time.monotonic() + _START_SECONDS
            while True:
                told.seek(0)
                said = told.read()
                if " is open: " in said:
                    break
                if process.poll() is not None or time.monotonic() > patience:
                    raise ShopError(f"`{' '.join(command)}` did not open the page: {said.strip()[-500:]}")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(30)


def measure(store: Path, visits: int = VISITS, sentences: int = SENTENCES, line: float = 0.0) -> dict[str, Any]:
    """Visit the page: for ``usable, text, cards`` the ``median`` and ``p90`` in milliseconds; ``bytes, requests``.

    Args:
        line: milliseconds that a request waits on the network.

    Raises:
        ShopError: there is no browser, the page does not open, or a turn shows no products.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise ShopError("playwright is not installed: pip install 'shopping_assistant[test]'") from error
    chromium = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if chromium is None:
        raise ShopError(f"there is no Chromium on this machine (looked for {', '.join(_CHROMIUM)}); install one")
    found: dict[str, list[float]] = {"usable": [], "text": [], "cards": [], "bytes": [], "requests": []}
    with served(store) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        try:
            _visit(browser, address, SAID[3:4], line)  # models load at the first use
            for n in range(visits):
                many = (n + 1) * sentences // visits - n * sentences // visits
                said = [SAID[(n * _A_VISIT + i) % len(SAID)] for i in range(many)]
                for name, values in _visit(browser, address, said, line).items():
                    found[name] += values
        except Error as error:
            raise ShopError(f"the visit failed: {str(error).splitlines()[0]}") from error
        finally:
            browser.close()
    told: dict[str, Any] = {"visits": visits, "sentences": len(found["text"])}
    for name in ("usable", "text", "cards"):
        told[name] = {"median": round(float(np.median(found[name])), 1), "p90": round(_p90(found[name]), 1)}
    return told | {name: int(np.median(found[name])) for name in ("bytes", "requests")}


def _p90(values: list[float]) -> float:
    return float(np.percentile(values, 90))


def _visit(browser: Any, address: str, sentences: Sequence[str], line: float = 0.0) -> dict[str, list[float]]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    try:
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.add_init_script(_USABLE)
        if line:
            away = {"offline": False, "latency": line, "downloadThroughput": -1, "uploadThroughput": -1}
            context.new_cdp_session(page).send("Network.emulateNetworkConditions", away)
        page.goto(address)
        page.wait_for_function("window.usableAt")
        page.wait_for_load_state("load")
        page.wait_for_timeout(500)  # what is loaded late belongs to the first visit, too
        loaded = page.evaluate(_LOADED)
        found: dict[str, list[float]] = {name: [loaded[name]] for name in ("usable", "bytes", "requests")}
        found |= {"text": [], "cards": []}
        for sentence in sentences:
            page.fill("#box textarea", sentence)
            # Held in the page, so that no call from here is measured.
            page.evaluate(f"() => {{ window.answer = ({_ANSWER})(); }}")
            page.press("#box textarea", "Enter")
            seen = page.evaluate("() => window.answer")
            if "cards" not in seen:
                raise ShopError(f"{sentence!r} was answered without products; choose another sentence")
            found["text"].append(seen["text"])
            found["cards"].append(seen["cards"])
        return found
    finally:
        context.close()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="the shop's folder; nothing is left in it")
    parser.add_argument("--visits", type=int, default=VISITS, help="fresh visits")
    parser.add_argument("--sentences", type=int, default=SENTENCES, help="sentences, shared by the visits")
    parser.add_argument("--line", type=float, default=0.0, metavar="MS", help="how long a request is on its way")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(given.store)
            lay_out(store, Path(folder), store.events())
            figures = measure(Path(folder), given.visits, given.sentences, given.line)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(figures))
        return 0
    words = {"usable": "page usable", "text": "first reply text", "cards": "products"}
    for name, word in words.items():
        print(f"{word:17} median {figures[name]['median']:8.1f} ms   p90 {figures[name]['p90']:8.1f} ms")
    print(f"first visit       {figures['bytes'] / 1024:,.0f} KB in {figures['requests']} requests")
    print(f"{figures['sentences']} sentences in {figures['visits']} visits with an empty cache")
    return 0


if __name__ == "__main__":
    sys.exit(main())
