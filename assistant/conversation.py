"""One shop's assistant: turns, clicks and bags of many conversations at once, kept over restarts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from shopping_assistant.assistant import feedback, product_view, taps, trace, why
from shopping_assistant.assistant.agent_tools.desk import Desk
from shopping_assistant.assistant.chat_models import chat_model
from shopping_assistant.assistant.checkpoints import Checkpoints
from shopping_assistant.assistant.context import Settings, TurnContext
from shopping_assistant.assistant.failed_turn import failed_turn
from shopping_assistant.assistant.graph import Agent, build_agent
from shopping_assistant.assistant.guests import Guests
from shopping_assistant.assistant.kept_file import ConversationsError
from shopping_assistant.assistant.one_at_a_time import OneAtATime
from shopping_assistant.assistant.session_log import ConversationNotFound, SessionLog
from shopping_assistant.assistant.shelf import NO_ROUTE, Shelf
from shopping_assistant.assistant.shopper_memory import ShopperMemory
from shopping_assistant.tools.store import Store

# What a sentence may hold: more is a pasted page, and understanding one takes long.
LONGEST_TEXT = 2_000


class Assistant(ShopperMemory):
    """Open one with `Assistant.open`; every method may be called from several threads."""

    def __init__(self, store: Store, settings: Settings, model=None, clock: Callable[[], datetime] | None = None):
        self.settings = settings
        self._log = SessionLog(store.conversations_path, clock)
        self._saver = Checkpoints(store.conversations_path)
        self._agent = Agent(Shelf(store), self._log, settings, model)
        self._graph = build_agent(self._agent, self._saver)
        self._reopening = threading.Lock()
        self._locks = OneAtATime()
        self._guests = Guests(self._leave, settings.guest_seconds)

    @classmethod
    def open(
        cls, store_path: Path | str, model: str | None = None, settings: Settings | None = None,
        clock: Callable[[], datetime] | None = None, base_url: str | None = None,
    ) -> Assistant:  # fmt: skip
        """The assistant of a store; ``model`` names a LangChain chat model, None is the embedded one.

        Args:
            base_url: where a server of one's own speaks the OpenAI protocol; its only model is taken when none is
                named.
            clock: the time of a replayed or simulated conversation, see `SessionLog`; by default the real time.

        Raises:
            StoreError: there is no store.
            ModelError: the chat model cannot be made.
        """
        settings = settings or Settings(model=model, base_url=base_url)
        chosen = chat_model(model, base_url, settings.model_seconds) if model or base_url else None
        return cls(Store.open(store_path), settings, chosen, clock)

    @property
    def shelf(self) -> Shelf:
        """The shop as it was at the start of the latest turn."""
        return self._agent.shelf

    @property
    def picture_search(self) -> bool:
        """Whether a photo can be shown here: this shop names a model that sees, and it is on this machine."""
        return self.shelf.sees_pictures

    @property
    def store(self) -> Store:
        return self.shelf.store

    def _notice_changes(self) -> None:
        """Open the store anew if it changed since: products were added or removed, models trained.

        Conversations go on: they hold product ids, which stay what they are.
        """
        if not self.store.outdated:
            return
        with self._reopening:
            if not self.store.outdated:  # another thread was here first
                return
            try:
                self._agent.shelf = Shelf(self.store.reopened(), before=self.shelf)
            except Exception as error:  # the shop as it was serves until the store can be read again
                trace.log.warning("the changed store was not opened: %s", trace.cause(error))

    def close(self) -> None:
        self._guests.close()
        self._saver.close()
        self._log.close()

    def warm(self) -> None:
        """Load the models a turn can need; call it in a thread of its own."""
        try:
            self.shelf.warm()
        except Exception as error:  # a model that cannot load fails in the turn that needs it, with its cause
            trace.log.warning("warming failed with %s", type(error).__name__)

    def turn(
        self, thread_id: str, text: str = "", user_id: str | None = None, tap: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer one sentence or tap; the turn object. See `stream`."""
        return [piece for piece in self.stream(thread_id, text, user_id, tap) if piece["type"] == "turn"][-1]["turn"]

    def stream(
        self, thread_id: str, text: str = "", user_id: str | None = None, tap: Mapping[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The reply as it is written, ``{"type": "text", "text": …}``, then ``{"type": "turn", "turn": …}``.

        Args:
            tap: what was tapped in the place of a sentence: ``{"drop": a constraint or leaning as the turn object has
                it}``, ``{"undo": True}``, ``{"redo": True}`` or ``{"photo": bytes}``, see `picture_search`.

        Raises:
            TapError: the tap is none of these, or comes with a sentence.
            PictureError: a photo that cannot be looked at, in a sentence for the shopper.
        """
        if tap is not None and text:
            raise taps.TapError(f"a tap ({', '.join(tap)}) and a sentence at once; send one after the other")
        tapped = taps.read(tap, lambda: self.shelf.pictures) if tap is not None else None
        return self._answered(thread_id, text, user_id, tapped)

    def _answered(
        self, thread_id: str, text: str, user_id: str | None, tap: taps.Tap | None
    ) -> Iterator[dict[str, Any]]:
        # Half a character, as a cut-off emoji leaves it, can neither be stored nor sent.
        text = " ".join(text.encode("utf-8", "replace").decode().split())[:LONGEST_TEXT]
        with self._lock_of(thread_id):
            start, state, left, number = time.perf_counter(), {}, False, None
            try:
                self._notice_changes()
                context = TurnContext(thread_id, self._log.know(thread_id, user_id), self.shelf)
                number = self._log.next_turn(thread_id)
                given = {"text": text, "tap": tap.as_dict() if tap else None, "turn": number}
                for mode, piece in self._graph.stream(
                    given, _config(thread_id), context=context, stream_mode=["custom", "values"], durability="sync"
                ):
                    if mode == "values":
                        state = piece
                    elif not left:
                        try:
                            yield piece
                        except GeneratorExit:  # nobody reads on; what was said and answered is kept all the same
                            left = True
                turn = self._turn_object(state, text, start)
            except ConversationNotFound:
                raise
            except Exception as error:  # a failing turn is data: the shopper gets a sentence, the chat goes on
                trace.log.warning("a turn failed with %s", trace.kind(error))
                if isinstance(error, ConversationsError):  # what one connection met, the other would meet a turn later
                    self._log.doubt()
                    self._saver.doubt()
                ms = (time.perf_counter() - start) * 1000
                number = number or self._log.number_unkept(thread_id)
                held = self._held_after_failure(thread_id)
                turn, state = failed_turn(number, text, tap and tap.told, error, held, ms), {}
            self._keep(thread_id, turn, state)
            if not left:
                yield {"type": "turn", "turn": turn}

    def use_tool(self, thread_id: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call one tool in a conversation without a sentence, as another assistant does; its content, with whole cards.

        The conversation's wishes and exclusions apply. What is shown is what "the second one" means afterwards.

        Raises:
            ShopError: there is no such tool, the arguments do not fit, or the tool cannot carry it out.
        """
        with self._lock_of(thread_id):
            self._notice_changes()
            context = TurnContext(thread_id, self._log.know(thread_id), self.shelf)
            config = _config(thread_id)
            result, update = self._agent.call(self._graph.get_state(config).values, context, name, arguments)
            told = {**result.content, **result.told}
            if update:
                self._graph.update_state(config, update, as_node="finish")
                self._saver.forget_older(thread_id)
            if result.offers is not None:
                told["products"] = self._cards(update["answer"]["offers"])
                if result.query:
                    self._log.searched(thread_id, result.query, update["shown"])
            self._log.fold()
            return told

    def _keep_search(self, thread_id: str, state: dict) -> None:
        answer = state.get("answer", {})
        if answer.get("query") is not None and state["understood"]["act"] in ("search", "refine", "undo", "other"):
            query = self._logged_query(state)
            if query:
                self._log.searched(thread_id, query, [o["product_id"] for o in answer["offers"]])

    @staticmethod
    def _logged_query(state: dict) -> str:
        """The search as a log would have it: the subject's words and its price, without chat around them."""
        price = [
            c["said"]
            for c in state["constraints"]
            if c["attribute"] == "price" and any(ch.isdigit() for ch in c["said"])
        ]
        return " ".join([state["query"], *dict.fromkeys(price)]).strip()

    def _turn_object(self, state: dict, text: str, start: float) -> dict[str, Any]:
        u, answer = state["understood"], state["answer"]
        turn = {
            "turn": state["turn"],
            "shopper": text,
            "reply": state["reply"],
            "act": u["act"],
            "constraints": state["constraints"],
            "asked": u["asked"],
            "targets": u["targets"],
            "products": self._cards(answer.get("offers", [])),
            "tools": [*state["tools"]],
        }
        if state.get("model_error"):
            turn["tools"].append(
                {
                    "name": "chat_model",
                    "arguments": {"model": self.settings.planner},
                    "ms": 0.0,
                    "error": state["model_error"],
                }
            )
        if state.get("leanings"):
            turn["leanings"] = state["leanings"]
        if state.get("measures"):
            turn["measures"] = state["measures"]
        if answer.get("relaxed"):
            turn["relaxed"] = answer["relaxed"]
        turn |= {key: u[key] for key in ("then", "conflicts", "tapped") if u.get(key)}
        turn |= {key: value for key, value in answer.get("told", {}).items() if value}
        return {**turn, "ms": round((time.perf_counter() - start) * 1000, 1)}

    def _held_after_failure(self, thread_id: str) -> dict[str, Any]:
        """The state of a conversation whose turn failed, empty where that cannot be read either."""
        try:
            return self._graph.get_state(_config(thread_id)).values
        except Exception as error:
            trace.log.warning("the state of a conversation was not read: %s", trace.kind(error))
            return {}

    def _cards(self, offers: list[dict]) -> list[dict[str, Any]]:
        """Offers with the catalogue's columns; a product the catalogue no longer has is left out."""
        catalog = self.shelf.catalog
        return [
            {
                **catalog.product(o["product_id"]).as_dict(), "reason": o["reason"],
                "route": {**NO_ROUTE, **o["route"]}, **{k: o[k] for k in ("evidence",) if o.get(k)},
                **({"removed": True} if catalog.has_removed(o["product_id"]) else {}),
            }
            for o in offers if o["product_id"] in catalog
        ]  # fmt: skip

    def _keep(self, thread_id: str, turn: dict, state: dict) -> None:
        """Keep a turn and its search. What cannot be written now waits in memory: the answer is there all the same.

        Turns are kept small: ids and text; the rest is read from the catalogue again.
        """
        own = ("product_id", "reason", "route", "evidence")
        kept = [{k: p[k] for k in own if k in p} for p in turn["products"]]
        traced = {
            "ms": turn["ms"],
            "parts_ms": state.get("parts_ms", {}),
            "tools": turn["tools"],
            "model": self.settings.planner,
            "model_error": state.get("model_error"),
            "made": state.get("answer", {}).get("made"),  # how the cards were found, for who asks why
        }
        try:
            # After a failure nothing is tried at once: a file in use elsewhere would be waited for again.
            self._log.keep_turn(thread_id, turn["turn"], {**turn, "products": kept}, traced, later=not state)
            if state:
                self._keep_search(thread_id, state)
                self._saver.forget_older(thread_id)
        except ConversationsError as error:
            trace.log.warning("a turn was not written down yet: %s", trace.kind(error))
        self._log.fold()

    def click(self, thread_id: str, product_id: str, position: int | None = None) -> None:
        """The shopper looked at a product.

        Raises:
            CatalogError: there is no such product.
        """
        self.shelf.catalog.index(product_id)
        with self._lock_of(thread_id):
            self._log.clicked(thread_id, product_id, position)

    def judge(
        self, thread_id: str, verdict: feedback.Verdict | None, turn: int | None = None, product_id: str | None = None,
        position: int | None = None,
    ) -> bool:  # fmt: skip
        """A thumb on a product, or on a whole reply; the next answers go by it. Whether that is news.

        Args:
            verdict: "up", "down", or None to take the one before back.
            turn: the reply judged; beside a ``product_id`` only which turn's card it was.

        Raises:
            FeedbackError: no such verdict or reply, or nothing is judged.
            CatalogError: there is no such product.
        """
        if product_id is not None:
            self.shelf.catalog.index(product_id)
        with self._lock_of(thread_id):
            feedback.checked(verdict, turn, product_id, (t["turn"] for t in self._log.turns(thread_id)))
            if feedback.standing(self._log.judgements(thread_id)).of(turn, product_id) == verdict:
                return False
            self._log.judged(thread_id, verdict, turn, product_id, position)
            return True

    def judged(self, thread_id: str) -> dict[str, dict]:
        """The verdicts that stand, latest last: ``{"products": {product_id: verdict}, "turns": {turn: verdict}}``."""
        return feedback.standing(self._log.judgements(thread_id)).as_dict()

    def product(self, product_id: str) -> dict[str, Any]:
        """One product with all the catalogue says of it."""
        return self.shelf.catalog.product(product_id).as_dict()

    def view(self, thread_id: str, product_id: str) -> dict[str, Any]:
        """What the page shows of a product: ``product``, ``colors``, ``similar``, ``goes_with``, ``judged``, ``size``.

        Cards as a turn has them; ``size`` stands there where something can be said of it, see `product_view.viewed`.
        To look is no `click`.

        Raises:
            CatalogError: there is no such product.
        """
        self._notice_changes()
        found = product_view.viewed(self._desk_of(thread_id), product_id)
        cards = {name: self._cards(found[name]) for name in product_view.LISTS}
        return {**found, **cards, "product": self._cards([found["product"]])[0]}

    def why(self, thread_id: str, turn: int) -> list[dict[str, Any]]:
        """Why each card of a turn is there, as of that turn, whatever was said and done since; see `why.told`.

        Raises:
            WhyError: there is no such turn.
        """
        self._notice_changes()
        return why.told(self._desk_of(thread_id), turn)

    def _desk_of(self, thread_id: str) -> Desk:
        """What a tool would work with in a conversation as it stands; to ask begins none."""
        context = TurnContext(thread_id, self._log.owner(thread_id) or thread_id, self.shelf)
        state = self._graph.get_state(_config(thread_id)).values
        return self._agent.desk(state, context)

    def history(self, thread_id: str) -> list[dict[str, Any]]:
        """The turn objects of a conversation, also after a restart."""
        return [{**body, "products": self._cards(body["products"])} for body in self._log.turns(thread_id)]

    def trace(self, thread_id: str) -> list[dict[str, Any]]:
        """For each turn its milliseconds by part, its tools, the chat model and what failed."""
        return self._log.traces(thread_id)

    def events(self, thread_id: str | None = None) -> pl.DataFrame:
        """Events of one conversation or of all, in the format that is replayed and learned from."""
        return self._log.frame(thread_id)


def _config(thread_id: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread_id}}
