"""What a shopper thinks of a product or of a whole reply: thumbs, as tapped on the page or said in a sentence.

Every tap is kept, those that take a verdict back among them, so that a conversation can be played again as it was; what
counts is the last one on each thing. A verdict orders and puts away: it is no condition, and changes none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

from shopping_assistant.tools.errors import ShopError

Verdict = Literal["up", "down"]
VERDICTS = get_args(Verdict)


class FeedbackError(ShopError):
    """A judgement of nothing, or of something that is not there."""


@dataclass(frozen=True)
class Judgement:
    """One thumb, up or down, or taken back (``verdict`` None).

    Args:
        at: when, ISO 8601 in UTC.
        turn: the reply judged; with a ``product_id`` the turn whose card it was, where that is known.
        position: of the product's card in its answer, the first is 1.
    """

    at: str
    verdict: Verdict | None
    turn: int | None = None
    product_id: str | None = None
    position: int | None = None


@dataclass(frozen=True)
class Judged:
    """The verdicts that stand, the latest given last."""

    products: dict[str, Verdict] = field(default_factory=dict)
    turns: dict[int, Verdict] = field(default_factory=dict)

    def of(self, turn: int | None, product_id: str | None) -> Verdict | None:
        return self.turns.get(turn) if product_id is None else self.products.get(product_id)

    def as_dict(self) -> dict[str, dict]:
        return {"products": dict(self.products), "turns": dict(self.turns)}


def standing(judgements: Iterable[Judgement]) -> Judged:
    """What is left of judgements, oldest first, when each is the last word on its thing."""
    judged = Judged()
    for j in judgements:
        verdicts, of = (judged.turns, j.turn) if j.product_id is None else (judged.products, j.product_id)
        verdicts.pop(of, None)
        if j.verdict is not None:
            verdicts[of] = j.verdict
    return judged


def checked(verdict: str | None, turn: int | None, product_id: str | None, turns: Iterable[int]) -> None:
    """
    Args:
        turns: the conversation's replies, by number.

    Raises:
        FeedbackError: no such verdict, nothing is judged, or there is no such reply.
    """
    if verdict is not None and verdict not in VERDICTS:
        raise FeedbackError(f"verdict {verdict!r}: expected {', '.join(VERDICTS)}, or None to take it back")
    if turn is None and product_id is None:
        raise FeedbackError("nothing is judged: give the number of a turn or a product_id")
    if turn is not None and turn not in (known := list(turns)):
        there = f"it has replies {min(known)} to {max(known)}" if known else "it has none yet"
        raise FeedbackError(f"there is no reply {turn} in this conversation; {there}")
