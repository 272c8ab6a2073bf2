"""Gradio's scripts and styles, each read and made small once, and kept by the browser."""

from __future__ import annotations

import gzip
import mimetypes
import re
from pathlib import Path

import anyio.to_thread
import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Files with their content's hash in the name never change under that name.
_HASHED = re.compile(r".+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+")
_FOREVER = "public, max-age=31536000, immutable"
_A_DAY = "public, max-age=86400"
_SMALL = (".js", ".css", ".svg", ".json", ".html", ".txt")
_WITH_QUALITY = 9  # 10 and 11 take ten times as long for some percent


def packed(body: bytes, accepted: str, quality: int) -> tuple[str, bytes]:
    """A body as small as the browser can read it: (encoding or "", body).

    Args:
        accepted: the header Accept-Encoding.
        quality: from 1, fast, to 9, small.
    """
    offered = {part.split(";")[0].strip() for part in accepted.split(",")}
    if "br" in offered:
        return "br", brotli.compress(body, quality=quality)
    if "gzip" in offered:
        return "gzip", gzip.compress(body, compresslevel=quality)
    return "", body


class Assets:
    """ASGI middleware that answers for files below ``/assets`` and ``/static``, and dates what else never changes.

    Args:
        folders: where the files of each lie: "assets" → folder.
    """

    def __init__(self, app: ASGIApp, folders: dict[str, Path]):
        self.app = app
        self._folders = {name: folder.resolve() for name, folder in folders.items()}
        self._kept: dict[tuple[str, str], tuple[str, bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        file = self._file(path) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        if file is None:
            dated = path == "/favicon.ico" or (
                path == "/theme.css" and scope.get("query_string", b"").startswith(b"v=")
            )
            return await self.app(scope, receive, _dated(send, path) if dated else send)
        headers = Headers(scope=scope)
        encoding, body = await self._read(file, headers.get("accept-encoding", ""))
        told = {
            "Cache-Control": _FOREVER if _HASHED.fullmatch(file.name) and path.startswith("/assets/") else _A_DAY,
            "Vary": "Accept-Encoding",
            **({"Content-Encoding": encoding} if encoding else {}),
        }
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        kind = "text/javascript" if file.suffix == ".js" else kind  # some systems' tables say text/plain
        return await Response(body, headers=told, media_type=kind)(scope, receive, send)

    def _file(self, path: str) -> Path | None:
        """The file a path names, if it lies where it says it does."""
        name, _, rest = path.lstrip("/").partition("/")
        folder = self._folders.get(name)
        if folder is None or not rest or "\0" in rest:
            return None
        file = (folder / rest).resolve()
        return file if file.is_relative_to(folder) and file.is_file() else None

    async def _read(self, file: Path, accepted: str) -> tuple[str, bytes]:
        encoding = next((e for e in ("br", "gzip") if e in accepted), "") if file.suffix in _SMALL else ""
        key = (str(file), encoding)
        if key not in self._kept:
            self._kept[key] = await anyio.to_thread.run_sync(lambda: packed(file.read_bytes(), encoding, _WITH_QUALITY))
        return self._kept[key]


def _dated(send: Send, path: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            MutableHeaders(scope=message)["Cache-Control"] = _FOREVER if path == "/theme.css" else _A_DAY
        await send(message)

    return sending
