"""What is said of the things a shopper keeps for later."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.assistant.answers.wording import listed, pick

_SAVED = (
    "Saved for later: {what}. You have {many} on your list; “show my saved things” brings {them} up.",
    "{what}: on your list, {many} now. Say the word when {it} should go into your bag.",
    "I have put {what} on your list of saved things, {many} by now.",
)
_NOTHING = (
    "You have not saved anything yet. “Save the second one” keeps it for later, in your own list.",
    "Your list of saved things is empty so far. Say “save it” of anything you like.",
)


def kept(state: dict, content: dict) -> str:
    """The reply to `save_for_later`."""
    parts = []
    if content["saved"]:
        one = len(content["saved"]) == 1
        parts.append(
            pick(_SAVED, state).format(
                what=_titles(content["saved"]), many=_pieces(content["list"]["products"]),
                them="it" if len(content["list"]["products"]) == 1 else "them", it="it" if one else "they",
            )
        )  # fmt: skip
    if content["already_saved"]:
        are = "is" if len(content["already_saved"]) == 1 else "are"
        parts.append(f"{_titles(content['already_saved'])} {are} on your list already.")
    if "bag" in content:
        left = len(content["bag"]["products"])
        parts.append(f"{_pieces(content['bag']['products'])} left in your bag." if left else "Your bag is empty now.")
    return " ".join(parts)


def dropped(state: dict, content: dict) -> str:
    """The reply to `unsave`."""
    left = content["list"]["products"]
    still = f"{_pieces(left)} left on it." if left else "There is nothing on it now."
    if content["unsaved"]:
        return f"I took {_titles(content['unsaved'])} off your list. {still}"
    return f"{_titles(content['not_saved'])} was not on your list of saved things."


def shown(state: dict, content: dict) -> str:
    """The reply to `show_saved`; who wanted something done with a thing on the list is asked with which."""
    products, gone = content["list"]["products"], content["list"].get("no_longer_sold", ())
    are = "is" if len(gone) == 1 else "are"
    lost = f" {_titles(gone)} {are} no longer in this shop, sorry." if gone else ""
    if not products:
        return f"{pick(_NOTHING, state)}{lost}" if not gone else f"Nothing on your list can still be bought.{lost}"
    saved = f"{'This is' if len(products) == 1 else 'These are'} your saved things, {_pieces(products)}.{lost}"
    doing = {"drop": "take off your list", "to_bag": "put into your bag"}.get(state.get("saving", ""))
    return f"{saved} Which one shall I {doing}?" if doing else saved


def moved(state: dict, content: dict) -> str:
    """The reply to `bag_saved`."""
    parts = []
    if content["moved"]:
        are = "is" if len(content["moved"]) == 1 else "are"
        left = content["list"]["products"]
        still = f" {_pieces(left)} left on your list." if left else " Nothing is left on your list."
        parts.append(f"{_titles(content['moved'])} {are} in your bag now.{still if content['off_list'] else ''}")
    if content["sold_out"]:
        are = "is" if len(content["sold_out"]) == 1 else "are"
        parts.append(f"{_titles(content['sold_out'])} {are} sold out just now and cannot go into your bag, sorry.")
    return " ".join(parts)


def _titles(products: Sequence[dict]) -> str:
    return listed([p["title"] for p in products])


def _pieces(products: Sequence[dict]) -> str:
    return f"{len(products)} {'piece' if len(products) == 1 else 'pieces'}"
