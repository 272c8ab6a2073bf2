"""The shop for ``gradio_client``: named endpoints beside the page, for the same conversations: docs/serving.md."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr

from shopping_assistant.assistant.chat_models import (
    ShopError,  # the page knows the tools' errors through the assistant only
)
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.ui.counter import LONGEST_TEXT, Counter, GuestBook
from shopping_assistant.ui.door import Refused
from shopping_assistant.ui.unbroken import Turns

GROUP = "turns of clients"


def add_to(app: gr.Blocks, assistant: Assistant, turns: Turns, guests: GuestBook) -> None:
    """Add the endpoints to a page; call it before the page is launched.

    Args:
        turns: runs the turns, so that one is finished also when its client goes away.
        guests: whose the guests' conversations are.
    """

    def counter(shopper: str, request: gr.Request) -> Counter:
        return Counter(assistant, Counter.named(request.username, shopper), guests)

    def chat(text: str, conversation: str, request: gr.Request, shopper: str = "") -> dict:
        """Say a sentence in a conversation that /start began; the reply streams.

        Args:
            text: the sentence, at most 1000 characters.
            conversation: its id.
            shopper: the shopper's token, 32 hexadecimal digits; left out with a login.

        Returns:
            {"type": "text", "text"} with the reply as far as it is written, again and again; at the end
            {"type": "turn", "turn"}, the turn object.
        """
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise gr.Error(f"text: got {len(text)} characters, expected 1 to {LONGEST_TEXT}")
        at = counter(shopper, request)
        at.own(conversation)
        written = ""
        for piece in turns.read(lambda: at.say(conversation, text)):
            if piece["type"] == "text":
                # As far as it is written, not the new piece: a client that reads slowly is given the latest only.
                written += piece["text"]
                yield {"type": "text", "text": written}
            else:
                yield piece

    def start(request: gr.Request, shopper: str = "", guest: bool = False) -> dict:
        """Begin a conversation: {"conversation"}. A guest's is kept in memory only."""
        return {"conversation": counter(shopper, request).start(guest)}

    def conversations(request: gr.Request, shopper: str = "") -> list[dict]:
        """The shopper's conversations: [{"conversation", "title", "started", "last", "turns"}], the latest first."""
        return counter(shopper, request).conversations()

    def history(conversation: str, request: gr.Request, shopper: str = "") -> list[dict]:
        """The turn objects of a conversation."""
        return counter(shopper, request).conversation(conversation)["turns"]

    def click(conversation: str, product_id: str, position: int | None, request: gr.Request, shopper: str = "") -> dict:
        """The shopper looked at a product that stood at this position: {"clicked"}."""
        counter(shopper, request).click(conversation, product_id, position)
        return {"clicked": product_id}

    def bag(conversation: str, request: gr.Request, shopper: str = "") -> list[dict]:
        """The products in the shopper's bag."""
        return counter(shopper, request).bag(conversation)

    def put_into_bag(conversation: str, product_id: str, request: gr.Request, shopper: str = "") -> list[dict]:
        """Put a product into the bag; the bag as it is then."""
        at = counter(shopper, request)
        at.put_into_bag(conversation, product_id)
        return at.bag(conversation)

    def export_conversation(conversation: str, request: gr.Request, shopper: str = "") -> dict:
        """All that is kept of a conversation."""
        return counter(shopper, request).export(conversation)

    def delete_conversation(conversation: str, request: gr.Request, shopper: str = "") -> dict:
        """Delete a conversation for good: {"deleted"}."""
        counter(shopper, request).delete(conversation)
        return {"deleted": conversation}

    # No name of a function of the page's: Gradio would number ours.
    with app:
        gr.api(_kindly_streaming(chat), api_name="chat", concurrency_id=GROUP)
        for endpoint in (
            start,
            conversations,
            history,
            click,
            bag,
            put_into_bag,
            export_conversation,
            delete_conversation,
        ):
            gr.api(_kindly(endpoint), api_name=endpoint.__name__, concurrency_id=GROUP)


def _kindly(endpoint: Callable) -> Callable:
    """Errors meant for a person reach the client as they are; of others it learns that there was one."""

    @wraps(endpoint)
    def tried(*given: Any, **named: Any) -> Any:
        try:
            return endpoint(*given, **named)
        except (Refused, ShopError) as error:
            raise _told(error) from error

    return tried


def _kindly_streaming(endpoint: Callable) -> Callable:
    @wraps(endpoint)
    def tried(*given: Any, **named: Any) -> Any:
        try:
            yield from endpoint(*given, **named)
        except (Refused, ShopError) as error:
            raise _told(error) from error

    return tried


def _told(error: Exception) -> gr.Error:
    sentence = error.body["error"] if isinstance(error, Refused) else str(error)
    return gr.Error(sentence, print_exception=False)
