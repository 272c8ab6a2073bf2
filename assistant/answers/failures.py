"""What a shopper reads when something fails: one plain sentence with what to do next. The cause stands in the trace."""

from __future__ import annotations

from shopping_assistant.assistant.kept_file import ConversationsError
from shopping_assistant.tools.errors import ShopError

#: Where nothing more is known.
SORRY = "Sorry, something went wrong on my side. All you told me before is kept: please say that once more."
_UNREADABLE = (
    "Sorry, a part of this shop cannot be read just now. All you told me is kept: please try again in a few minutes."
)
_SEARCHING = (
    "Sorry, I cannot look through the shop just now. What I showed you before is still here: please try again in a "
    "few minutes."
)
_LOOKING_UP = "Sorry, I cannot look that up just now. What the cards say is right: please ask again in a few minutes."
_BAG = "Sorry, that did not work just now, and your bag is as it was: please try it once more."
_OF_TOOLS = {
    "search_products": _SEARCHING,
    "refine": _SEARCHING,
    "similar": _SEARCHING,
    "popular": _SEARCHING,
    "recommend": "Sorry, I cannot recommend anything just now, but I can search: tell me a kind, a colour or a price.",
    "product_details": _LOOKING_UP,
    "compare": _LOOKING_UP,
    "explain": _LOOKING_UP,
    "size_advice": "Sorry, I cannot advise on sizes just now: the cards list the sizes there are, and you can ask me "
    "again in a few minutes.",
    "add_to_bag": _BAG,
    "remove_from_bag": _BAG,
    "show_bag": "Sorry, looking into your bag did not work just now, and nothing in it has changed: please try it once "
    "more.",
}
_OTHER_TOOL = (
    "Sorry, that did not work just now: please try it again in a few minutes. Searching the shop is not affected."
)


def of_turn(error: BaseException) -> str:
    """The reply of a turn that failed before there was an answer."""
    if isinstance(error, ConversationsError):
        return _sentence(error)
    # A shop's file is gone, damaged or may not be read: what a `ShopError` says of it is for who keeps the shop.
    return _UNREADABLE if isinstance(error, (OSError, ShopError)) else SORRY


def of_tool(name: str, error: BaseException) -> str:
    """What is said of a tool's call that failed, in the place of its answer."""
    return _sentence(error) if isinstance(error, ConversationsError) else _OF_TOOLS.get(name, _OTHER_TOOL)


def _sentence(error: ConversationsError) -> str:
    return f"{str(error).rstrip('.')}."
