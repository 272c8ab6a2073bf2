"""What one shopper may do over HTTP or with a client: everything the page can, with conversations of their own only."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator
from typing import Any

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.ui.door import Refused
from shopping_assistant.ui.logins import TOKEN

GUEST = "guest-"  # conversations of such names are kept in memory only
LONGEST_TEXT = 1000  # characters; a shopper's sentence is far shorter
LONGEST_TITLE = 80
_GUESTS = 1024  # names in a guest book before it is looked through
_CONVERSATION = re.compile(rf"(?:{GUEST})?[0-9a-f]{{32}}")


class GuestBook:
    """Whose a guest's conversation is, in memory only: the assistant knows no shopper of a guest.

    Args:
        always: every conversation is a guest's, as nothing is to be kept of anybody.
    """

    def __init__(self, assistant: Assistant, always: bool = False):
        self.assistant, self.always = assistant, always
        self._whose: dict[str, str] = {}
        self._look_at = _GUESTS
        self._lock = threading.Lock()

    def enter(self, conversation: str, shopper: str) -> None:
        with self._lock:
            if len(self._whose) >= self._look_at:  # those who left meanwhile are struck out
                self._whose = {c: s for c, s in self._whose.items() if self.assistant.owner(c) is not None}
                self._look_at = max(_GUESTS, 2 * len(self._whose))
            self._whose[conversation] = shopper

    def whose(self, conversation: str) -> str | None:
        return self._whose.get(conversation) if self.assistant.owner(conversation) is not None else None


class Counter:
    """One shopper's conversations.

    Args:
        shopper: a token of the shopper's own, or the login as `named` gives it.
    """

    def __init__(self, assistant: Assistant, shopper: str, guests: GuestBook):
        self.assistant, self.shopper, self.guests = assistant, shopper, guests

    @staticmethod
    def named(login: str | None, token: str) -> str:
        """The shopper's name in the log; a login and a token can never be the same one.

        Raises:
            Refused: nobody is logged in, and the token is none.
        """
        if login is not None:
            return f"login:{login}"
        if not TOKEN.fullmatch(token):
            raise Refused(
                401, f"a shopper's token of {len(token)} characters", "32 hexadecimal digits, chosen at random",
                "POST /api/shoppers gives one; send it as Authorization: Bearer TOKEN and keep it secret",
                {"WWW-Authenticate": 'Bearer realm="shop"'},
            )  # fmt: skip
        return token

    def own(self, conversation: str) -> str:
        """The conversation's id, if it is this shopper's.

        Raises:
            Refused: it is not there, or somebody else's: the two cannot be told apart.
        """
        if self.guests.always and not conversation.startswith(GUEST):  # of an earlier start that kept things
            conversation = ""
        whose = self.guests.whose if conversation.startswith(GUEST) else self.assistant.owner
        if _CONVERSATION.fullmatch(conversation) and whose(conversation) == self.shopper:
            return conversation
        raise Refused(
            404, f"the conversation {conversation[:64]!r}", "one of your own",
            "GET /api/conversations lists them, POST /api/conversations begins one",
        )  # fmt: skip

    def start(self, guest: bool = False) -> str:
        """Begin a conversation; a guest's is kept in memory only and gone an hour after its last turn."""
        guest = guest or self.guests.always
        conversation = f"{GUEST if guest else ''}{uuid.uuid4().hex}"
        self.assistant.start(conversation, self.shopper)
        if guest:
            self.guests.enter(conversation, self.shopper)
        return conversation

    def conversations(self) -> list[dict[str, Any]]:
        """``conversation, title, started, last, turns`` of each, the newest activity first."""
        return [] if self.guests.always else [described(t) for t in self.assistant.threads(self.shopper)]

    def conversation(self, conversation: str) -> dict[str, Any]:
        own = self.own(conversation)
        listed = next((c for c in self.conversations() if c["conversation"] == own), {"conversation": own})
        return {**listed, "turns": self.assistant.history(own)}

    def say(self, conversation: str, text: str, tap: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """The pieces of one turn, as `Assistant.stream` yields them.

        Raises:
            TapError: the tap is none.
        """
        own = self.own(conversation)
        return self.assistant.stream(own, text, user_id=self.shopper, **({"tap": tap} if tap else {}))

    def click(self, conversation: str, product_id: str, position: int | None = None) -> None:
        self.assistant.click(self.own(conversation), product_id, position)

    def bag(self, conversation: str) -> list[dict[str, Any]]:
        return self.assistant.bag(self.own(conversation))

    def put_into_bag(self, conversation: str, product_id: str, position: int | None = None) -> bool:
        return self.assistant.add_to_bag(self.own(conversation), product_id, position)

    def take_out_of_bag(self, conversation: str, product_id: str) -> bool:
        return self.assistant.remove_from_bag(self.own(conversation), product_id)

    def saved(self, conversation: str) -> list[dict[str, Any]]:
        return self.assistant.saved(self.own(conversation))

    def save(self, conversation: str, product_id: str, position: int | None = None) -> bool:
        return self.assistant.save(self.own(conversation), product_id, position)

    def unsave(self, conversation: str, product_id: str) -> bool:
        return self.assistant.unsave(self.own(conversation), product_id)

    def judge(
        self, conversation: str, verdict: str | None, turn: int | None = None, product_id: str | None = None,
        position: int | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """A thumb on a reply or a product; all thumbs of the conversation as they are then."""
        own = self.own(conversation)
        self.assistant.judge(own, verdict, turn=turn, product_id=product_id, position=position)
        return self.judged(own)

    def judged(self, conversation: str) -> dict[str, Any]:
        return self.assistant.judged(self.own(conversation))

    def view(self, conversation: str, product_id: str) -> dict[str, Any]:
        return self.assistant.view(self.own(conversation), product_id)

    def why(self, conversation: str, turn: int) -> list[dict[str, Any]]:
        return self.assistant.why(self.own(conversation), turn)

    def rename(self, conversation: str, title: str) -> None:
        self.assistant.rename(self.own(conversation), title)

    def export(self, conversation: str) -> dict[str, Any]:
        return self.assistant.export(self.own(conversation))

    def delete(self, conversation: str) -> None:
        own = self.own(conversation)
        (self.assistant.end_guest if own.startswith(GUEST) else self.assistant.delete)(own)

    def forget(self) -> None:
        """Everything of this shopper, for good."""
        self.assistant.forget(self.shopper)


def described(thread: dict[str, Any]) -> dict[str, Any]:
    """A listed conversation without the shopper's name, which may be a secret."""
    kept = ("title", "started", "last", "turns")
    return {"conversation": thread["thread_id"], **{name: thread[name] for name in kept if name in thread}}
