"""A small reverse proxy, as an operator puts one before the page: it serves the page below a path of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

_OF_ONE_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host"}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def proxy(target: str, path: str, strip: bool = True, forwarded: bool = False) -> Iterator[str]:
    """Serve ``target`` below ``path``; the address that a shopper types.

    Args:
        strip: cut the path off before handing a request on, as most proxies do.
        forwarded: tell the page with X-Forwarded headers how it was asked for.
    """
    client = httpx.AsyncClient(base_url=target, timeout=60, trust_env=False)

    async def pass_on(request: Request):
        asked = request.url.path
        if asked != path and not asked.startswith(f"{path}/"):
            return PlainTextResponse("another site", 404)
        inside = (asked[len(path) :] or "/") if strip else asked
        headers = [(k, v) for k, v in request.headers.items() if k not in _OF_ONE_HOP]
        if forwarded:
            headers += [
                ("X-Forwarded-Host", request.headers["host"]), ("X-Forwarded-Proto", "http"),
                ("X-Forwarded-Prefix", path),
            ]  # fmt: skip
        url = httpx.URL(path=inside, query=request.url.query.encode())
        sent = client.build_request(request.method, url, headers=headers, content=await request.body())
        answer = await client.send(sent, stream=True)
        kept = {k: v for k, v in answer.headers.items() if k not in _OF_ONE_HOP}
        handed_on = StreamingResponse(answer.aiter_raw(), answer.status_code)
        handed_on.raw_headers = [
            (k.lower(), v) for k, v in answer.headers.raw if k.decode().lower() in kept
        ]  # several cookies stay several
        return handed_on

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    app = Starlette(routes=[Route("/{path:path}", pass_on, methods=methods)])
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the proxy did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.config.port}{path}"
    finally:
        server.should_exit = True
        thread.join(10)
