"""A Chromium, and the demo shop's page over the real assistant, once for each module."""

import shutil

import pytest

from shopping_assistant.assistant.conversation import Assistant
from tests.ui.page.visiting import CHROMIUM, FLAGS
from tests.ui.sub_path_proxy import free_port


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def assistant(demo_store, tmp_path_factory) -> Assistant:
    """The assistant of a copy of the demo shop: visits write into it."""
    store = shutil.copytree(demo_store, tmp_path_factory.mktemp("shop") / "store")
    opened = Assistant.open(store)
    opened.warm()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def address(assistant) -> str:
    """Where the page is."""
    from shopping_assistant.ui.app import launch

    app = launch(assistant, port=free_port(), block=False)
    yield app.local_url
    app.close()
