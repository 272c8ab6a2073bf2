"""What a shopper thinks of a product or of a whole reply: thumbs, as tapped on the page or said in a sentence.

Every tap is kept, those that take a verdict back among them, so that a conversation can be played again as it was; what
counts is the last one on each thing. A verdict orders and puts away: it is no condition, and changes none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args

from shopping_assistant.assistant.language.leanings import JUDGED, Leaning
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.search import words_of
from shopping_assistant.tools.sessions import Event

if TYPE_CHECKING:  # the log keeps judgements
    from shopping_assistant.assistant.session_log import SessionLog

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

    def products_judged(self, verdict: Verdict) -> list[str]:
        return [p for p, v in self.products.items() if v == verdict]

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


def orders(judged: Judged, replies: Mapping[int, Sequence[str]]) -> tuple[Leaning, ...]:
    """Verdicts as wishes that only order: what is like a product judged goes up or down, and a reply's cards go last.

    Args:
        replies: the products that each reply judged showed.
    """
    of_products = [
        Leaning(JUDGED, "like" if verdict == "up" else "unlike", than=product)
        for product, verdict in judged.products.items()
    ]
    passed = dict.fromkeys(p for turn, verdict in judged.turns.items() if verdict == "down" for p in replies[turn])
    # A card that was praised since is not hidden for the answer it came with.
    of_replies = [
        Leaning(JUDGED, "unlike", ("its reply",), than=p) for p in passed if judged.products.get(p) != "up"
    ]  # fmt: skip
    return (*of_products, *of_replies)


def put_away(judged: Judged, titles: Mapping[str, str], query: str = "") -> tuple[str, ...]:
    """The products judged down that are not to be offered: all but those a search names in full.

    Args:
        titles: of the products judged down.
    """
    said, ids = set(words_of(query)), query.casefold().split()
    return tuple(
        p for p in judged.products_judged("down")
        if p.casefold() not in ids and not (p in titles and set(words_of(titles[p])) <= said)
    )  # fmt: skip


def as_interest(events: Sequence[Event], judgements: Sequence[Judgement], session: str, user: str) -> list[Event]:
    """One conversation's events as a recommender should see them: a product liked counts as one looked at closely, and
    looking at one that was then refused as nothing.
    """
    judged = standing(judgements)
    up, down = judged.products_judged("up"), set(judged.products_judged("down"))
    done = {e.product_id for e in events if e.product_id is not None}
    given = {j.product_id: j for j in judgements if j.verdict == "up"}
    liked = [
        Event(session, user, datetime.fromisoformat(given[p].at), "click", product_id=p, position=given[p].position)
        for p in up if p not in done
    ]  # fmt: skip
    kept = [e for e in events if not (e.action == "click" and e.product_id in down)]
    return sorted([*kept, *liked], key=lambda e: e.timestamp) if liked else kept


def note(
    log: SessionLog, thread_id: str, verdict: Verdict, products: Sequence[str], whole_reply: bool, shown: Sequence[str]
) -> dict[str, dict]:
    """Keep a thumb that was said as one that was tapped; what was judged as the turn object has it, turns as text.

    Args:
        shown: the cards of the last reply, in order.
    """
    last = max((t["turn"] for t in log.turns(thread_id)), default=None)
    said = Judged(dict.fromkeys(products, verdict), {last: verdict} if whole_reply and last is not None else {})
    stands = standing(log.judgements(thread_id))
    places = {p: i for i, p in enumerate(shown, 1)}
    for product in said.products:
        if stands.products.get(product) != verdict:
            log.judged(thread_id, verdict, last if product in places else None, product, places.get(product))
    for turn in said.turns:
        if stands.turns.get(turn) != verdict:
            log.judged(thread_id, verdict, turn)
    return {"products": said.products, "turns": {str(turn): v for turn, v in said.turns.items()}}
