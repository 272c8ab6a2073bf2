"""What was found for a shopper's photo, in a sentence."""

from __future__ import annotations

from shopping_assistant.assistant.answers.wording import described, is_pair, noun_for, pick
from shopping_assistant.assistant.language.leanings import PHOTO

_FIRST = ("Here is what looks most like your photo", "These come closest to your photo", "The nearest to your photo")
_OF_MANY = (
    "Of {n} {what}, these {k} look most like your photo.",
    "{n} {what}; these {k} come closest to your photo.",
)
_OF_FEW = ("{n} {what}, what looks most like your photo first.", "{n} {what}, nearest to your photo first.")
_ONE = ("One {what}, to go by your photo.", "There is one {what} to set beside your photo.")
_MORE = ("{k} more like your photo.", "Further ones that look like your photo: {k}.")


def shown_a_photo(state: dict) -> bool:
    """Whether products are ordered by a photo now."""
    return any(w.get("attribute") == PHOTO for w in state.get("leanings") or ())


def like_photo(state: dict, content: dict, currency: str | None) -> str:
    """How many products there are and that they are ordered by the photo."""
    count, k, wishes = content["count"], len(content["products"]), content["wishes"]
    if state.get("more"):
        return pick(_MORE, state).format(k=k)
    if not any(w["op"] != "not in" for w in wishes):
        without = described(wishes, currency).removeprefix("pieces").strip(" ,")
        return f"{pick(_FIRST, state)}{', ' + without if without else ''}."
    what = described(wishes, currency, count)
    if count == 1:
        return pick(_ONE, state).format(what=f"pair of {what}" if is_pair(noun_for(wishes, 1)) else what)
    return pick(_OF_MANY if count > k else _OF_FEW, state).format(n=f"{count:,}", what=what, k=k)
