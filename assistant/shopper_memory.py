"""What an assistant keeps of its shoppers, on their terms: conversations, bag, saved items, all theirs to delete."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from shopping_assistant.assistant import export
from shopping_assistant.assistant.checkpoints import Checkpoints
from shopping_assistant.assistant.guests import Guests, is_guest
from shopping_assistant.assistant.one_at_a_time import OneAtATime
from shopping_assistant.assistant.session_log import LONGEST_TITLE, ConversationNotFound, SessionLog
from shopping_assistant.tools.catalog import CatalogError
from shopping_assistant.tools.errors import ShopError

if TYPE_CHECKING:
    from shopping_assistant.assistant.shelf import Shelf

# How long a deletion waits for the answer that is being written: longer than a hosted model may take for one.
_PATIENCE_SECONDS = 90.0


class ConversationBusy(ShopError):
    """An answer is being written, and was not finished in time."""


class ShopperMemory:
    """The part of `conversation.Assistant` that keeps and forgets; a turn of the same conversation is waited for."""

    _log: SessionLog
    _saver: Checkpoints
    _guests: Guests
    _locks: OneAtATime
    shelf: Shelf

    def threads(self, user_id: str | None = None) -> list[dict[str, Any]]:
        """Conversations of a shopper, or of all but guests: ``thread_id, user_id, title, started, last, turns``.

        The one with the newest activity comes first; one that was only begun has no turns and the title "".
        """
        return self._log.threads(user_id)

    def start(self, thread_id: str, user_id: str) -> None:
        """Begin a conversation as this shopper's own.

        Raises:
            ConversationNotFound: it is there already, and another shopper's.
        """
        self._log.know(thread_id, user_id)

    def owner(self, thread_id: str) -> str | None:
        """The shopper of a conversation, its own id where nobody said who they are; None where there is none."""
        return self._log.owner(thread_id)

    def rename(self, thread_id: str, title: str) -> None:
        """Give a conversation a title of at most 80 characters; an empty one has it made again of what was looked for.

        Raises:
            ConversationNotFound: there is no such conversation.
        """
        self._known(thread_id)
        self._log.rename(thread_id, " ".join(title.split())[:LONGEST_TITLE].strip() or None)

    def delete(self, thread_id: str) -> None:
        """Delete a conversation for good: turns, events, thumbs and checkpoints; their bytes are overwritten on disk.

        A turn that runs is waited for. Bag and saved items stay, as they are the shopper's.

        Raises:
            ConversationNotFound: there is no such conversation.
            ConversationBusy: an answer is being written and does not end.
            ConversationsError: it could not be deleted; or it is, but its bytes can be overwritten only later.
        """
        self._known(thread_id)
        self._delete(thread_id)
        self._log.scrub()

    def forget(self, user_id: str) -> int:
        """Delete all of a shopper: every conversation, bag and saved items. How many conversations there were.

        Raises:
            ConversationBusy: an answer is being written and does not end.
            ConversationsError: it could not be deleted; or it is, but its bytes can be overwritten only later.
        """
        theirs = [t["thread_id"] for t in self._log.threads(user_id)]
        for thread_id in theirs:
            self._delete(thread_id)
        self._log.empty(user_id)
        self._log.scrub()
        return len(theirs)

    def end_guest(self, thread_id: str) -> None:
        """A guest leaves: nothing is left of the conversation. Ending one that is over does nothing.

        Raises:
            ConversationNotFound: it is no guest's.
            ConversationBusy: an answer is being written and does not end.
        """
        if not is_guest(thread_id):
            raise ConversationNotFound("This is no guest's conversation: delete it to be rid of it")
        self._delete(thread_id)
        self._guests.gone(thread_id)

    def _delete(self, thread_id: str, seconds: float = _PATIENCE_SECONDS) -> None:
        with self._locks.in_turn(thread_id, seconds) as alone:
            if not alone:
                raise ConversationBusy("An answer is still being written here: please try again when it is finished")
            self._saver.delete_thread(thread_id)  # first: while the log knows it, it can be deleted once more
            self._log.delete(thread_id)

    def _leave(self, thread_id: str) -> bool:
        """A guest who went away without a word; False while a turn of theirs runs."""
        try:
            self._delete(thread_id, seconds=0)
        except ConversationBusy:
            return False
        return True

    def export(self, thread_id: str) -> dict[str, Any]:
        """All of a conversation as JSON-ready values, see `export.exported`.

        Raises:
            ConversationNotFound: there is no such conversation.
        """
        self._known(thread_id)
        return export.exported(self._log, self.shelf, thread_id)

    def _known(self, thread_id: str) -> None:
        if self._log.owner(thread_id) is None:
            raise ConversationNotFound("There is no such conversation: it may have been deleted already")

    def add_to_bag(self, thread_id: str, product_id: str, position: int | None = None) -> bool:
        """Put a product into the shopper's bag; False when it was in it already.

        Raises:
            CatalogError: there is no such product, or no more.
        """
        self._sold_here(product_id)
        with self._lock_of(thread_id):
            if product_id in self._log.bag(thread_id):
                return False
            self._log.bagged(thread_id, product_id, position)
            return True

    def remove_from_bag(self, thread_id: str, product_id: str) -> bool:
        """Take a product out of the bag; False when it was not in it."""
        with self._lock_of(thread_id):
            return self._log.unbagged(thread_id, product_id)

    def bag(self, thread_id: str) -> list[dict[str, Any]]:
        """The products in the shopper's bag, oldest first; one that is no longer in the shop has ``removed`` set."""
        return self._products(self._log.bag(thread_id))

    def save(self, thread_id: str, product_id: str, position: int | None = None) -> bool:
        """Keep a product for later, beside the bag; False when it was kept already.

        Args:
            position: of the product's card in its answer, the first is 1.

        Raises:
            CatalogError: there is no such product, or no more.
        """
        self._sold_here(product_id)
        with self._lock_of(thread_id):
            return self._log.save(thread_id, product_id, position)

    def unsave(self, thread_id: str, product_id: str) -> bool:
        """Keep a product no longer; False when it was not kept."""
        with self._lock_of(thread_id):
            return self._log.unsave(thread_id, product_id)

    def saved(self, thread_id: str) -> list[dict[str, Any]]:
        """The products that the shopper keeps for later, oldest first, as `bag` has them."""
        return self._products(self._log.saved(thread_id))

    def _sold_here(self, product_id: str) -> None:
        self._notice_changes()
        if self.shelf.catalog.has_removed(product_id):
            raise CatalogError(f"{self.shelf.catalog.product(product_id).title} is no longer in this shop")
        self.shelf.catalog.index(product_id)

    def _products(self, product_ids: list[str]) -> list[dict[str, Any]]:
        self._notice_changes()
        catalog = self.shelf.catalog
        gone = {True: {"removed": True}, False: {}}
        there = (p for p in product_ids if p in catalog)
        return [{**catalog.product(p).as_dict(), **gone[catalog.has_removed(p)]} for p in there]

    def _lock_of(self, thread_id: str) -> AbstractContextManager[bool]:
        self._guests.heard(thread_id)
        return self._locks.in_turn(thread_id)

    def _notice_changes(self) -> None:
        raise NotImplementedError
