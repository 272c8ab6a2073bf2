"""Serves the chat page, its endpoints for clients and the HTTP endpoint, on one port."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Mount

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.ui import client_api
from shopping_assistant.ui.assets import Assets
from shopping_assistant.ui.counter import GuestBook
from shopping_assistant.ui.door import Door
from shopping_assistant.ui.first_page import FirstPage
from shopping_assistant.ui.http_api import http_api
from shopping_assistant.ui.page.layout import build_page, look_of_the_shop
from shopping_assistant.ui.serving import (
    LARGEST_REQUEST,
    UPLOAD_SECONDS,
    PageError,
    Serving,
    check_models,
    keep_to_this_machine,
    launch_settings,
    no_proxy_for,
    private_folder,
)
from shopping_assistant.ui.unbroken import Turns

log = logging.getLogger(__name__)
_LOADING_SECONDS = 60.0


def launch(
    assistant: Assistant, host: str = "127.0.0.1", port: int = 7860, block: bool = True, serving: Serving | None = None
) -> gr.Blocks:
    """Serve the page and, meanwhile, load the models, so that the page is there at once.

    Args:
        host, port: where to listen, when ``serving`` does not say it: this machine only, unless told otherwise.
        block: wait until interrupted, then close the page and the assistant; with False the server runs on in a thread.
        serving: who may come in, and what is promised.

    Returns:
        The served page: ``local_url`` says where, ``close()`` stops it and waits for the turns that run.

    Raises:
        PageError: the port is taken, or a model cannot be read.
    """
    serving = serving or Serving.of(host, port)
    serving.checked_port()
    check_models(assistant)
    no_proxy_for(serving.host)
    os.environ["GRADIO_TEMP_DIR"] = str(private_folder())
    turns = Turns()
    app = build_page(assistant, serving.share_nothing, turns)
    app.delete_cache = (UPLOAD_SECONDS, UPLOAD_SECONDS)
    guests = GuestBook(assistant, always=serving.share_nothing)
    client_api.add_to(app, assistant, turns, guests)
    free = keep_to_this_machine(serving.host) if serving.share_nothing else lambda: None
    _serve(app, serving, http_api(assistant, turns, serving.logins, _login_on(app), guests))
    stop = app.close
    warming = threading.Thread(target=_warm, args=(assistant,), daemon=True, name="warm-up")

    def close(verbose: bool = False) -> None:
        stop(verbose=verbose)
        turns.close()
        free()
        # A model that is being loaded when the process ends would end it with an abort.
        warming.join(_LOADING_SECONDS)

    app.close = close  # whoever stops the page stops what stands behind it
    warming.start()
    if block:
        _wait(app, assistant, serving)
    return app


def _login_on(app: gr.Blocks) -> Callable[[Request], str | None]:
    """Who is logged in on the page, by the cookie that Gradio gave the browser."""

    def login_of(request: Request) -> str | None:
        gradio = app.app
        for kind in ("access-token", "access-token-unsecure"):
            if token := request.cookies.get(f"{kind}-{gradio.cookie_id}"):
                return gradio.tokens.get(token)
        return None

    return login_of


def _gradios_files() -> dict[str, Path]:
    """Where Gradio's scripts and styles lie: "assets" → folder, and "static" → folder."""
    from gradio.routes import BUILD_PATH_LIB, STATIC_PATH_LIB

    return {"assets": Path(BUILD_PATH_LIB), "static": Path(STATIC_PATH_LIB)}


def _serve(app: gr.Blocks, serving: Serving, api: FastAPI) -> None:
    inside = {
        "middleware": [
            Middleware(Door, root=serving.root, any_host=serving.any_host),
            Middleware(FirstPage),
            Middleware(Assets, folders=_gradios_files()),
        ],
        "routes": [Mount("/api", api)],
        "max_body_size": LARGEST_REQUEST,
    }
    auth = serving.logins.admits if serving.logins else None
    try:
        app.launch(
            prevent_thread_lock=True, app_kwargs=inside, auth=auth, auth_message=app.title if auth else None,
            max_file_size=LARGEST_REQUEST, **launch_settings(serving), **look_of_the_shop(),
        )  # fmt: skip
    except OSError as error:
        raise PageError(
            f"port {serving.port} on {serving.host} cannot be used ({error}); choose another one with --port"
        ) from error


def _wait(app: gr.Blocks, assistant: Assistant, serving: Serving) -> None:
    # A service is stopped with SIGTERM: the turns that run are finished then, as after Ctrl+C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    kept = "; nothing is kept of anybody" if serving.share_nothing else ""
    print(f"{assistant.store.name} is open: {app.local_url}   (Ctrl+C closes it{kept})", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        app.close()
        assistant.close()


def _warm(assistant: Assistant) -> None:
    try:
        assistant.warm()
    except Exception:  # a model that does not load is said in the turn that needs it
        log.exception("models could not be loaded ahead")
