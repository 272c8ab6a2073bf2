"""Serving the page: who may come in, from where, and what is promised about what stays."""

from __future__ import annotations

import atexit
import errno
import ipaddress
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shopping_assistant.assistant.chat_models import (
    ShopError,  # the page knows the tools' errors through the assistant only
)
from shopping_assistant.ui.door import checked_root
from shopping_assistant.ui.logins import Logins

if TYPE_CHECKING:
    from shopping_assistant.assistant.conversation import Assistant

AUTH_VARIABLE = "SHOP_AUTH"
LARGEST_REQUEST = 16 * 1024 * 1024  # bytes; a photograph straight from a phone
# A photograph that was sent is read at once; what is left of it is deleted when it is this old, looked for as often.
UPLOAD_SECONDS = 600
# Baselines that the evaluation keeps beside a shop's models; no chat reads them.
_NOT_SERVED = ("recformer",)


class PageError(ShopError):
    """The page cannot be served."""


@dataclass(frozen=True)
class Serving:
    """How the page is served. Make one with `Serving.of`.

    Args:
        host: the address to listen on; this machine only, unless told otherwise.
        logins: who may come in; None is everybody who reaches the address.
        root: where shoppers find the page behind a proxy: a path, or a whole address.
        share_nothing: nothing leaves this machine, and nothing is kept of anybody.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    logins: Logins | None = None
    root: str = ""
    share_nothing: bool = False

    @classmethod
    def of(
        cls, host: str = "127.0.0.1", port: int = 7860, auth: str | None = None, root_path: str = "",
        share_nothing: bool = False, model: str | None = None, base_url: str | None = None,
    ) -> Serving:  # fmt: skip
        """Check what was asked for.

        Args:
            auth: as `Logins.of` takes it.
            model, base_url: the chat model, which ``share_nothing`` must not find on another machine.

        Raises:
            ShopError: it contradicts itself, or cannot be used.
        """
        if share_nothing:
            _stays_here(model, base_url)
        logins = Logins.of(auth) if auth is not None else None
        return cls(host.strip("[]"), port, logins, checked_root(root_path), share_nothing)

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def any_host(self) -> bool:
        """Whether the page may be asked for under any name: an open door, a login or a proxy decide who comes."""
        return bool(self.root) or self.logins is not None or not self.loopback

    def warnings(self) -> list[str]:
        """What whoever starts the page should know, a sentence each."""
        told = []
        if not self.loopback and self.logins is None:
            told.append(
                f"everybody who reaches port {self.port} of {self.host} can talk to this shop (each sees only their "
                "own conversations); let in only whom you name with --auth FILE"
            )
        if not self.loopback and self.logins is not None:
            told.append(
                f"passwords travel unencrypted to {self.host}; put a proxy with HTTPS before it (docs/serving.md)"
            )
        return told

    def checked_port(self) -> None:
        """Make sure that the port can be listened on, before models are loaded for nothing.

        Raises:
            PageError: it is taken, or not ours to take.
        """
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, kind, protocol, _, address in found[:1]:
                with socket.socket(family, kind, protocol) as tried:
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    tried.bind(address)
        except OSError as error:
            remedies = {
                errno.EADDRINUSE: "it is taken; choose another one with --port, or stop what listens there",
                errno.EACCES: "this user may not listen there; choose a --port from 1024 on",
                errno.EADDRNOTAVAIL: "this machine has no such address; choose another --host",
            }
            remedy = remedies.get(error.errno or 0, f"{error}; choose another --host or --port")
            raise PageError(f"port {self.port} on {self.host} cannot be used: {remedy}") from error


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _stays_here(model: str | None, base_url: str | None) -> None:
    if base_url and not is_loopback(urlsplit(base_url).hostname or ""):
        raise PageError(
            f"--share-nothing and --base-url {base_url} contradict each other: what shoppers say would go to that "
            "machine; leave one of the two out, or serve the model on this machine"
        )
    if model and not base_url:
        raise PageError(
            f"--share-nothing and --model {model} contradict each other: a model by name may be asked on another "
            "machine; leave one of the two out, or name a server on this machine with --base-url http://127.0.0.1:…"
        )


class Unreachable(OSError):
    """A connection to another machine that ``--share-nothing`` refused."""


def keep_to_this_machine(also: str = "") -> Callable[[], None]:
    """From now on no Python code of this process reaches another machine; the function returned ends that.

    What is written in C and opens connections by itself is not held; a network namespace holds it, see
    docs/serving.md.

    Args:
        also: one more address that may be looked up, that of the page itself.
    """
    held = threading.Event()
    held.set()

    def ours(host: object) -> bool:
        if isinstance(host, bytes):
            host = host.decode("ascii", "replace")
        return not host or not isinstance(host, str) or host == also or is_loopback(host.strip("[]").split("%")[0])

    def watch(event: str, arguments: tuple) -> None:
        if not event.startswith("socket.") or not held.is_set():
            return
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            address = arguments[-1]
            if isinstance(address, tuple) and address and not ours(address[0]):
                raise Unreachable(errno.ENETUNREACH, "--share-nothing: no connection to another machine", address[0])
        elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not ours(arguments[0]):
            raise Unreachable(errno.ENETUNREACH, "--share-nothing: no name of another machine is looked up")

    sys.addaudithook(watch)
    return held.clear


def check_models(assistant: Assistant) -> None:
    """Make sure that what a chat reads can be read, so that a damaged file is said at the start, not in a turn.

    Raises:
        PageError: a file is missing, cut off or damaged.
    """
    from safetensors import SafetensorError, safe_open

    store = assistant.store
    for name, artefact in store.manifest["artefacts"].items():
        if name.startswith(_NOT_SERVED):
            continue
        for file in artefact["files"]:
            path = store.path / file
            try:
                if path.suffix == ".safetensors":
                    with safe_open(path, framework="np"):
                        pass
                else:
                    with path.open("rb") as opened:
                        opened.read(1)
            except (OSError, SafetensorError) as error:
                raise PageError(
                    f"{path} cannot be read ({type(error).__name__}: {error}); train it again with "
                    f"`shop build --store {store.path}`, or lay the shop down again"
                ) from error


def private_folder() -> Path:
    """A folder for what visitors send, readable by this user only, gone when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="shop-chat-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def no_proxy_for(host: str) -> None:
    """Gradio asks its own server once whether it runs: that must not go to a proxy the environment names."""
    for name in ("NO_PROXY", "no_proxy"):
        there = [part for part in os.environ.get(name, "").split(",") if part]
        os.environ[name] = ",".join(dict.fromkeys([*there, "127.0.0.1", "localhost", "::1", host]))


def given_auth(option: str | None) -> str | None:
    """What ``--auth`` or its environment variable says; children of this process do not inherit the variable."""
    told = os.environ.pop(AUTH_VARIABLE, None)
    return option if option is not None else told or None


def launch_settings(serving: Serving) -> dict[str, Any]:
    """What Gradio's ``launch`` is told about the outside: all of it is off."""
    host = f"[{serving.host}]" if ":" in serving.host else serving.host
    return dict(
        server_name=host, server_port=serving.port, quiet=True, show_error=False, share=False, footer_links=[],
        run_history=False, enable_monitoring=False, ssr_mode=False, mcp_server=False, pwa=False, root_path="",
        allowed_paths=[], inbrowser=False, inline=False, strict_cors=True,
    )  # fmt: skip
