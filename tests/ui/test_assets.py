"""What a first visit loads: small, and kept by the browser."""

import gzip

import brotli
import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route

from shopping_assistant.ui.assets import Assets
from shopping_assistant.ui.first_page import FirstPage, dressed

SCRIPT = b"export const shop = 'open';\n" * 200
PAGE = (
    '<html><head><base href="./" /><meta property="og:image" content="https://elsewhere.example/a.jpg" />'
    '<script>window.gradio_config = {"root": "http://inside"};</script></head></html>'
)


@pytest.fixture
def page(tmp_path):
    """A page as Gradio has it, to be asked."""
    files = tmp_path / "assets"
    files.mkdir()
    (files / "index-Ab12Cd34.js").write_bytes(SCRIPT)
    (files / "plain.css").write_bytes(b"p { color: black }" * 50)
    (tmp_path / "secret-Ab12Cd34.js").write_bytes(b"not for you")
    app = Starlette(
        routes=[Route("/", lambda request: HTMLResponse(PAGE))],
        middleware=[Middleware(FirstPage), Middleware(Assets, folders={"assets": files})],
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")


def answers(client: httpx.AsyncClient, *asked: tuple[str, dict]) -> list[httpx.Response]:
    import anyio

    async def ask() -> list[httpx.Response]:
        return [await client.get(path, headers=headers) for path, headers in asked]

    return anyio.run(ask)


@pytest.mark.parametrize(
    ("accepted", "unpack"),
    [("br", brotli.decompress), ("gzip", gzip.decompress), ("identity", bytes)],
    ids=["brotli", "gzip", "plain"],
)
def test_a_file_is_small_and_whole(page, accepted, unpack):
    (answer,) = answers(page, ("/assets/index-Ab12Cd34.js", {"Accept-Encoding": accepted}))
    # httpx has unpacked it by then.
    assert answer.content == SCRIPT
    assert answer.headers.get("content-encoding", "identity") == accepted
    assert accepted == "identity" or int(answer.headers["content-length"]) < len(SCRIPT) / 10


def test_only_what_never_changes_is_kept_for_long(page):
    hashed, plain = answers(page, ("/assets/index-Ab12Cd34.js", {}), ("/assets/plain.css", {}))
    assert "immutable" in hashed.headers["cache-control"] and "immutable" not in plain.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../secret-Ab12Cd34.js", "/assets/%2e%2e/secret-Ab12Cd34.js", "/assets//etc/passwd", "/assets/",
        "/assets/none.js", "/assets/a%00.js",
    ],
)  # fmt: skip
def test_nothing_else_is_served(page, path):
    (answer,) = answers(page, (path, {}))
    assert answer.status_code == 404


def test_the_first_page_names_no_other_site():
    html = dressed(PAGE.encode()).decode()
    assert "elsewhere.example" not in html
    assert html.index("gradio_config = ") < html.index("gradio_config.root = (location.origin")
