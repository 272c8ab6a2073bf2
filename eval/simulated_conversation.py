"""One simulated conversation: a shopper with a hidden wish, and the assistant or plain search on the other side."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from shopping_assistant.assistant.context import Settings
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.eval.broken_constraints import cell_values, first_broken
from shopping_assistant.eval.hidden_wish import Trait, Wish, Wishes, has
from shopping_assistant.eval.replay_agent import Clock
from shopping_assistant.eval.shopper_words import Intent, Writer
from shopping_assistant.eval.simulated_judging import CardJudge
from shopping_assistant.eval.simulated_shopper import STATING, Ear, Heard, Move, Question, Shopper
from shopping_assistant.eval.simulation_checks import LeakGuard, words_of
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.mixup import top_k
from shopping_assistant.tools.sessions import Example
from shopping_assistant.tools.store import Store

AGENT, UNASKING, SEARCH, SEARCH_ALL = "agent", "agent-unasking", "search", "search-all"
JUDGED = "agent-judged"  # the agent, and shoppers who give cards a thumb
SYSTEMS = (AGENT, UNASKING, SEARCH, SEARCH_ALL, JUDGED)
SHOWN = 10
# A question of these kinds may be asked again about another product or another wish.
# What these show was on the page before: the shopper pointed at it.
_ABOUT_CARDS = ("ask", "ask_has", "compare", "choose", "keep", "buy")
_MAY_RECUR = ("which one", "set aside", "other")


class Partner(Protocol):
    """Whoever the shopper talks to.

    ``listens`` says whether a purchase can be spoken, not only pressed; ``judged`` whether cards get thumbs.
    """

    listens: bool
    judged: bool

    def meet(self, thread: str, example: Example) -> None: ...

    def say(self, text: str) -> Heard: ...

    def click(self, product_id: str, position: int) -> None: ...

    def judge(self, product_id: str, verdict: str, position: int) -> None: ...

    def bag(self) -> list[str]: ...

    def close(self) -> None: ...


class AgentPartner:
    """The assistant over a laid-out store."""

    listens = True

    def __init__(self, folder: Path, start: datetime, asks_back: bool = True, judged: bool = False):
        self.clock, self.judged = Clock(start), judged
        self._assistant = Assistant.open(folder, settings=Settings(asks_back=asks_back), clock=self.clock)
        self._thread = self._user = ""

    def meet(self, thread: str, example: Example) -> None:
        """A new conversation, at the moment of the logged purchase."""
        self._thread, self._user, self.clock.at = thread, example.user_id, example.timestamp

    def say(self, text: str) -> Heard:
        turn = self._assistant.turn(self._thread, text, user_id=self._user)
        failed = "; ".join(f"{tool['name']}: {tool['error']}" for tool in turn["tools"] if tool["error"])
        shown = tuple(p["product_id"] for p in turn["products"])
        return Heard(
            turn["reply"], turn["act"], shown, tuple(turn.get("relaxed", ())), tuple(turn["constraints"]),
            failed or None, turn.get("question"),
        )  # fmt: skip

    def click(self, product_id: str, position: int) -> None:
        self._assistant.click(self._thread, product_id, position)

    def judge(self, product_id: str, verdict: str, position: int) -> None:
        self._assistant.judge(self._thread, verdict, product_id=product_id, position=position)

    def bag(self) -> list[str]:
        return [p["product_id"] for p in self._assistant.bag(self._thread)]

    def close(self) -> None:
        self._assistant.close()


class SearchPartner:
    """The catalogue's search box: the best products for the latest words, or for all words so far."""

    listens = judged = False

    def __init__(self, store: Store, remembers: bool):
        self._shelf, self._remembers = Shelf(store), remembers
        self._said: list[str] = []

    def meet(self, thread: str, example: Example) -> None:
        self._said = []

    def say(self, text: str) -> Heard:
        self._said.append(text)
        words = " ".join(self._said) if self._remembers else text
        catalog = self._shelf.catalog
        rows = top_k(self._shelf.searcher.scores(words), SHOWN, catalog.available)
        return Heard("", "search", tuple(catalog.ids[row] for row in rows))

    def click(self, product_id: str, position: int) -> None:
        pass

    def judge(self, product_id: str, verdict: str, position: int) -> None:
        pass

    def bag(self) -> list[str]:
        return []

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Stage:
    """What all conversations over one catalogue share."""

    catalog: Catalog
    wishes: Wishes

    @cached_property
    def guard(self) -> LeakGuard:
        return LeakGuard(self.wishes.shared)

    @cached_property
    def ear(self) -> Ear:
        return Ear(self.catalog.attribute_names)

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the catalogue's titles, descriptions and values."""
        texts = [*self.catalog.titles, *self.catalog.frame["description"].drop_nulls().to_list()]
        texts += [v for a in self.catalog.attribute_names if a != "price" for v in self.catalog.values(a)]
        return frozenset(w for text in set(texts) for w in words_of(text))


def chances(example: Example, seed: int) -> list[np.random.Generator]:
    """Four sources of chance of one conversation: for the wish, the decisions, the words and the thumbs."""
    key = hashlib.sha256(f"{seed}\0{example.session_id}\0{example.user_id}".encode()).digest()
    return [np.random.default_rng(s) for s in np.random.SeedSequence(int.from_bytes(key[:16], "big")).spawn(4)]


def wish_of(stage: Stage, example: Example, seed: int) -> Wish:
    """The hidden wish of a session, the same whoever the shopper talks to.

    Raises:
        WishError: the target has no value that several products share.
    """
    return stage.wishes.of(stage.catalog.product(example.target), chances(example, seed)[0])


def converse(stage: Stage, partner: Partner, example: Example, thread: str, *, turns: int, seed: int) -> dict:
    """Hold one conversation; a line of ``conversations.jsonl``, without the system's and the shopper's names.

    Raises:
        LeakError: the shopper was about to say what only the target has. It is not said.
    """
    _, deciding, wording, judging = chances(example, seed)
    wish = wish_of(stage, example, seed)
    shopper = Shopper(stage.catalog, wish, example.target, deciding)
    judge = CardJudge(wish, judging) if partner.judged else None
    talk = _Talk(stage, partner, example, Writer(wording, stage.words), judge)
    partner.meet(thread, example)
    move = shopper.begin()
    taken, question = 0, None
    while move.product_id is None and move.intent.kind != "leave":
        heard, question = talk.exchange(move)
        taken += 1
        move = shopper.next(heard, question, last_turn=taken >= turns)
    spoken = bool(move.product_id and move.spoken and partner.listens)
    misread = talk.buy(shopper, move) if spoken else False
    return {
        "wish": wish.as_dict(), "musts": wish.musts, "target": example.target, "patience": shopper.patience,
        "turns": talk.turns, "outcome": "bought" if move.product_id else "gave up", "bought": move.product_id,
        "turns_taken": taken, "spoken_purchase": spoken, "misread_purchase": misread,
    }  # fmt: skip


class _Talk:
    """Says the shopper's sentences and keeps what was said and shown."""

    def __init__(
        self, stage: Stage, partner: Partner, example: Example, writer: Writer, judge: CardJudge | None = None
    ):
        self._stage, self._partner, self._writer, self._judge = stage, partner, writer, judge
        self._target = stage.catalog.product(example.target)
        self._excluded: list[tuple[Trait, bool]] = []
        self._stated: list[Trait] = []
        self._waived: set[str] = set()
        self._budget: tuple[float, bool] | None = None  # the most to be paid, and whether it was typed without a slip
        self._asked: list[str] = []
        self._choices: tuple[tuple[str, str], ...] = ()  # offered with the latest answer
        self.turns: list[dict] = []

    def exchange(self, move: Move) -> tuple[Heard, Question | None]:
        for product_id, position in move.clicks:
            self._partner.click(product_id, position)
        intent = move.intent
        tapped = intent.kind == "tap"
        sentence = self._choices[intent.position - 1][1] if tapped else self._writer.sentence(intent)
        self._stage.guard.refuse(sentence, self._target)
        self._note(intent, sentence)
        heard = self._partner.say(sentence)
        question = self._stage.ear.question(heard.reply, heard.question)
        self._choices = question.choices if question else ()
        turn = {
            "shopper": sentence, "meant": intent.as_dict(), "assistant": heard.reply, "act": heard.act,
            "shown": list(heard.products), "question": {"about": question.about, "text": question.text}
            if question else None, "again": self._is_again(question), **self._faults(intent, heard),
        }  # fmt: skip
        if self._writer.slipped and not tapped:
            turn["slip"] = True
        if move.clicks:
            turn["clicked"] = [list(c) for c in move.clicks]
        if heard.relaxed:
            turn["relaxed"] = [c["attribute"] for c in heard.relaxed]
        if heard.error:
            turn["error"] = heard.error
        if thumbs := self._thumbs(heard):
            turn["judged"] = [list(t) for t in thumbs]
        self.turns.append(turn)
        return heard, question

    def _thumbs(self, heard: Heard) -> list[tuple[str, str, int]]:
        if self._judge is None or self._target.product_id in heard.products:
            return []  # who sees what they fell for looks at nothing else
        thumbs = self._judge.thumbs([self._stage.catalog.product(p) for p in heard.products])
        for product_id, verdict, position in thumbs:
            self._partner.judge(product_id, verdict, position)
        return thumbs

    def buy(self, shopper: Shopper, move: Move) -> bool:
        """Say that a product is bought; whether the bag then does not hold it and it alone."""
        _, question = self.exchange(move)
        if self._partner.bag() == [] and (intent := shopper.confirm(move.product_id, question)):
            self.exchange(Move(intent))
        return self._partner.bag() != [move.product_id]

    def _note(self, intent: Intent, sentence: str) -> None:
        if intent.price is not None:
            self._budget = (intent.price, not self._writer.slipped)
        if intent.kind == "exclude":
            self._excluded += [(t, not self._writer.slipped) for t in intent.traits]
        elif intent.kind == "waive":
            self._waived.add(intent.attribute or "")
        elif intent.kind in STATING:
            self._stated += [t for t in intent.traits if t not in self._stated and _is_in(t.value, sentence)]

    def _is_again(self, question: Question | None) -> bool:
        """Whether this attribute was asked for before in this conversation."""
        if question is None or question.about in _MAY_RECUR:
            return False
        before = question.about in self._asked
        self._asked.append(question.about)
        return before

    def _faults(self, intent: Intent, heard: Heard) -> dict:
        """What is wrong with the cards: excluded values, the turn's own constraints broken, wishes passed over.

        ``broke``: [product, attribute, value, whether the exclusion was typed without a slip]; a product dearer than
        the budget stands there as its price, unless the answer says it set the price aside or the sentence asked
        about cards that were there. ``unmet`` counts the cards that lack a wish said in plain words, of an attribute
        the answer does not say it set aside.
        """
        products = [self._stage.catalog.product(p) for p in heard.products]
        broke = [
            [p.product_id, t.attribute, t.value, plainly] for p in products for t, plainly in self._excluded
            if t.value in cell_values(p, t.attribute)
        ]  # fmt: skip
        aside = {c["attribute"] for c in heard.relaxed} | self._waived
        if self._budget is not None and "price" not in aside and intent.kind not in _ABOUT_CARDS:
            most, plainly = self._budget
            dear = [p for p in products if p.price is not None and p.price > most]
            broke += [[p.product_id, "price", f"{p.price:g}", plainly] for p in dear]
        held = [t for t in self._stated if t.attribute not in aside]
        out: dict = {"broke": broke, "unmet": sum(any(not has(p, t) for t in held) for p in products)}
        own = first_broken(self._stage.catalog, heard.products, heard.constraints, heard.relaxed)
        if own is not None:
            out["broke_own"] = [own[0], own[1].as_dict()]
        return out


def _is_in(value: str, sentence: str) -> bool:
    """Whether the value's words were typed as they are spelled."""
    return bool(re.search(rf"\b{re.escape(value)}", sentence.lower()))


def open_partner(system: str, folder: Path, start: datetime) -> AgentPartner | SearchPartner:
    """One of `SYSTEMS` over a laid-out store."""
    if system in (AGENT, UNASKING, JUDGED):
        return AgentPartner(folder, start, asks_back=system != UNASKING, judged=system == JUDGED)
    return SearchPartner(Store.open(folder), remembers=system == SEARCH_ALL)
