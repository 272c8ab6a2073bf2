"""What every request to the page passes first: where the page lies, who may send, and which paths there are."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shopping_assistant.assistant.chat_models import (
    ShopError,  # the page knows the tools' errors through the assistant only
)

# What the page and its clients need of Gradio's routes. Others are shut: one fetches any address for whoever asks
# (file=https://…), one writes what a visitor sees to disk (deep_link), one counts visitors (monitoring).
_OPEN = re.compile(
    r"/|/(?:config|login|logout)/?|/(?:theme\.css|favicon\.ico|robots\.txt)|/(?:static|assets|svelte)/.+|/api(?:/.*)?"
    r"|/gradio_api/(?:(?:user|login_check|token|app_id|info|startup-events|theme\.css|queue/join|queue/data|cancel|reset"
    r"|upload|upload_progress)/?|heartbeat/[^/]+|call/.+|(?:api|run)/[^/]+/?|file=(?![a-zA-Z][a-zA-Z0-9+.-]*:).+)"
)
# Inline scripts and styles are Gradio's own, and so is the script of an HTML component, which it makes of text. What
# counts is that nothing is loaded from, or sent to, another machine: whatever a seller writes into a title or a link.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
_ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
LARGEST_BODY = 16 * 1024  # bytes, for the HTTP endpoint; a sentence of four-byte characters and a tap fit twice
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~%-]+)+")
_NETLOC = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_FORWARDED = ("x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "x-gradio-server")


class AddressError(ShopError):
    """A --root-path that is none."""


def checked_root(text: str) -> str:
    """``/shop`` or ``https://shop.example/shop``, without a slash at the end; empty for no sub-path.

    Raises:
        AddressError: it is neither.
    """
    root = text.rstrip("/")
    given = urlsplit(root)
    whole = given.scheme in ("http", "https") and _NETLOC.fullmatch(given.netloc)
    plain = (whole or not (given.scheme or given.netloc)) and not (given.query or given.fragment)
    if root and not (plain and (not given.path or _PREFIX.fullmatch(given.path)) and (whole or given.path)):
        raise AddressError(
            f"--root-path: got {text!r}, expected a path such as /shop, or the whole address shoppers type, such as "
            "https://shop.example/shop"
        )
    return root


@dataclass(eq=False)  # an exception is given its traceback later: it cannot be frozen
class Refused(Exception):
    """A request that is not let in: what came, what was expected, what to do."""

    status: int
    value: str
    expected: str
    remedy: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, str]:
        sentence = f"got {self.value}, expected {self.expected}; {self.remedy}"
        return {"error": sentence, "value": self.value, "expected": self.expected, "remedy": self.remedy}


class Door:
    """ASGI middleware before Gradio and the HTTP endpoint.

    Args:
        root: where shoppers find the page, as `checked_root` gives it.
        any_host: whether the page may be asked for under any name; otherwise only under this machine's own and that
            of ``root``, so that a site which lets its name point here cannot talk to it.
    """

    def __init__(self, app: ASGIApp, root: str = "", any_host: bool = False):
        self.app, self.any_host = app, any_host
        address = urlsplit(root)
        self.prefix = address.path
        self.origin = (address.scheme, address.netloc.lower()) if address.netloc else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":  # the page has none
            return await send({"type": "websocket.close", "code": 1008})
        headers = Headers(scope=scope)
        try:
            path = self._inside(scope["path"])
            self._same_origin(scope["method"], headers)
            self._small_enough(path, headers)
            if not _OPEN.fullmatch(path):
                raise Refused(404, f"the path {path[:200]!r}", "/ or /api/openapi.json", "look into docs/serving.md")
        except Refused as refused:
            answer = JSONResponse(refused.body, refused.status, headers={**_ALWAYS, **refused.headers})
            return await answer(scope, receive, send)
        scope = {**scope, "path": path, "raw_path": path.encode(), "headers": self._told(headers)}
        return await self.app(scope, receive, _dressed(send))

    def _inside(self, path: str) -> str:
        """The path below the root, whether the proxy cut the root off or not."""
        if self.prefix and (path == self.prefix or path.startswith(f"{self.prefix}/")):
            path = path[len(self.prefix) :] or "/"
        return "/api/" if path == "/api" else path  # a redirect would lead past the proxy's root

    @staticmethod
    def _small_enough(path: str, headers: Headers) -> None:
        """A body that says it is too large for the HTTP endpoint is told so in the endpoint's own words."""
        length = headers.get("content-length", "0")
        if path.startswith("/api/") and (not length.isdecimal() or int(length) > LARGEST_BODY):
            raise Refused(
                413, f"a body of {length[:20]} bytes", f"at most {LARGEST_BODY} bytes", "say it in fewer words",
            )  # fmt: skip

    def _same_origin(self, method: str, headers: Headers) -> None:
        """Refuse what another site makes a browser send; a program that is no browser says nothing of all this."""
        host = headers.get("host", "").lower()
        if not (self.any_host or self._our_name(host)):
            raise Refused(
                421, f"the host {host[:200]!r}", "this machine's own name or address",
                "if a proxy serves the page under this name, start it with --root-path https://NAME/PATH",
            )  # fmt: skip
        fetched, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if fetched is not None:
            # A link from elsewhere may open the page, nothing else.
            if fetched in ("same-origin", "none") or (
                method == "GET" and headers.get("sec-fetch-mode") == "navigate" and origin is None
                and headers.get("sec-fetch-dest") == "document"
            ):  # fmt: skip
                return
        elif origin is None:
            return
        else:  # a browser over plain HTTP says only where the page it shows came from
            ours = {host, headers.get("x-forwarded-host", "").split(",")[0].strip().lower()}
            if self.origin:
                ours.add(self.origin[1])
            if urlsplit(origin).netloc.lower() in ours - {""}:
                return
        raise Refused(
            403, f"a request that the page of {origin or 'another site'} sent", "one of the page itself, or of no page",
            "open the page in the browser; behind a proxy that hides its name, start with --root-path https://NAME/PATH",
        )  # fmt: skip

    def _our_name(self, host: str) -> bool:
        if self.origin and host == self.origin[1]:
            return True
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _told(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """The headers with one that tells Gradio the page's address: it knows no prefix that a proxy names."""

        def first(name: str, pattern: re.Pattern) -> str:
            said = headers.get(name, "").split(",")[0].strip().rstrip("/")
            return said if pattern.fullmatch(said) else ""

        scheme = first("x-forwarded-proto", re.compile("https?")) or "http"
        host = first("x-forwarded-host", _NETLOC) or first("host", _NETLOC)
        if not headers.get("x-forwarded-host") and headers.get("origin", "").startswith(("http://", "https://")):
            # A proxy that tells nothing: the page that sends this says itself where it was found.
            scheme, _, host = headers["origin"].partition("://")
        if self.origin:
            scheme, host = self.origin
        prefix = self.prefix or first("x-forwarded-prefix", _PREFIX)
        kept = [(name, value) for name, value in headers.raw if name.decode("latin-1").lower() not in _FORWARDED]
        if host:
            kept.append((b"x-gradio-server", f"{scheme}://{host}{prefix}".encode("latin-1")))
        return kept


def _dressed(send: Send) -> Send:
    """What leaves the page carries the rules a browser holds for us, and is kept by no cache on the way."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _ALWAYS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
            if headers.get("content-type", "").startswith("text/event-stream"):
                # A proxy that gathers a reply before it hands it on would let the shopper wait for the end of it.
                headers["X-Accel-Buffering"] = "no"
        await send(message)

    return sending
