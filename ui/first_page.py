"""The HTML that a visit begins with, made small and made to find its own address."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shopping_assistant.ui.assets import packed

# Where the page was found, in the browser's own words: a proxy may cut off its path, or hide its name.
_FOUND = b"<script>window.gradio_config.root = (location.origin + location.pathname).replace(/\\/+$/, '')</script>"
_CONFIG = re.compile(rb"<script>window\.gradio_config = .*?;</script>", re.DOTALL)
# Gradio's own picture, name and address for those who show a link; and a manifest that is not served.
_FOREIGN = re.compile(
    rb'<meta\s+(?:property|name)="(?:og|twitter):[^"]*"\s+content="[^"]*"\s*/>\s*|<link rel="manifest"[^>]*>\s*'
)


class FirstPage:
    """ASGI middleware that changes nothing but the answer to ``GET /``."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        accepted = Headers(scope=scope).get("accept-encoding", "")
        start: Message = {}
        parts: list[bytes] = []

        async def gather(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(parts)
            headers = MutableHeaders(scope=start)
            if start["status"] == 200 and headers.get("content-type", "").startswith("text/html"):
                # Each visitor's page is its own and made anew: small fast beats smallest.
                encoding, body = packed(dressed(body), accepted, quality=5)
                if encoding:
                    headers["Content-Encoding"] = encoding
                headers.add_vary_header("Accept-Encoding")
                headers["Content-Length"] = str(len(body))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        return await self.app(scope, receive, gather)


def dressed(html: bytes) -> bytes:
    """Gradio's first page without what points elsewhere, and with the address that the browser has for it."""
    html = _FOREIGN.sub(b"", html)
    return _CONFIG.sub(lambda found: found[0] + _FOUND, html, count=1)
