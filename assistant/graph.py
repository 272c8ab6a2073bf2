"""The agent as a LangGraph: understand → plan ⇄ tools → finish."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import asdict, replace
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from shopping_assistant.assistant import feedback, steps, taps, toolbox, trace
from shopping_assistant.assistant.agent_tools.desk import Desk, ToolError, ToolResult
from shopping_assistant.assistant.agent_tools.offering import brief
from shopping_assistant.assistant.answers import failures
from shopping_assistant.assistant.chat_models import ModelError
from shopping_assistant.assistant.context import Settings, TurnContext
from shopping_assistant.assistant.guard import CarefulReply, Evidence, Titles
from shopping_assistant.assistant.hosted_model import HostedModel
from shopping_assistant.assistant.language import judging
from shopping_assistant.assistant.language.leanings import PHOTO
from shopping_assistant.assistant.language.measures import updated
from shopping_assistant.assistant.language.questioned import with_quality
from shopping_assistant.assistant.language.talk_examples import nearest as nearest_talk
from shopping_assistant.assistant.language.understanding import Before, Understood
from shopping_assistant.assistant.offline_model import OFFLINE_CALL, OfflineChatModel, plan
from shopping_assistant.assistant.picture_search import VISIBLE, kept
from shopping_assistant.assistant.prompts import fenced, offered_values, system_text
from shopping_assistant.assistant.question import Question, after_question, may_ask
from shopping_assistant.assistant.session_log import SessionLog
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.assistant.state import (
    SEEN_KEPT,
    ConversationState,
    before,
    chosen_of_new,
    constraints_of,
    further,
    last_meant,
    leanings_of,
    search_query,
    turned_back,
)  # fmt: skip
from shopping_assistant.assistant.tool_ear import ToolEar
from shopping_assistant.tools.catalog import Catalog

_MAY_STAY_OPEN = ("add_to_bag", "remove_from_bag", "save", "similar", "ask", "compare")


class Agent:
    """The nodes, and what they share. One graph serves all conversations."""

    def __init__(self, shelf: Shelf, log: SessionLog, settings: Settings, model: BaseChatModel | None = None):
        self.shelf, self.log, self.settings = shelf, log, settings
        self.ear = ToolEar(toolbox.TOOLS.values())
        self.offline = OfflineChatModel().bind_tools([t.schema for t in toolbox.TOOLS.values()])
        self.hosted = None
        if model is not None:
            self.hosted = HostedModel(model, settings.model_seconds, toolbox.schemas(shelf.catalog))
            self._told_of: Catalog | None = None
            self._telling = threading.Lock()

    def understand(self, state: ConversationState, runtime: Runtime[TurnContext]) -> dict:
        """Read the sentence: for every model, so that exclusions hold whatever it writes."""
        start = time.perf_counter()
        thread = runtime.context.thread_id
        bag = self.log.bag(thread)
        clicked = self.log.clicks_since(thread, self.log.last_turn_at(thread))
        shelf = self._shelf(runtime)
        saved = self.log.saved(thread)
        known = before(state, bag, clicked, shelf.catalog, saved)
        tap = taps.in_state(state["tap"]) if state.get("tap") else None
        u, heard, there = self._meant(state["text"], tap, known, shelf)
        noted = None
        if tap is None and heard is None:
            u, heard, noted = self._judged(state["text"], u, known, thread, shelf)
        understood = {
            "act": u.act,
            "asked": list(u.asked),
            "targets": list(u.targets),
            "vague": u.vague,
            "advice": u.wants_advice,
            "more": u.more,
            "singular": u.singular,
            "values": [[a, list(v)] for a, v in u.values],
            "added": [c.as_dict() for c in u.added],
            "question_word": u.question_word,
            "best": u.best,
            "previous_act": known.last_act,
            "was_open": (state.get("understood") or {}).get("open", False),
            "talk": asdict(u.talk) if u.talk else None,
            "declined": u.declined,
            "about_self": u.told.as_dict() if u.told is not None and (u.told or u.told.sizes) else None,
            **turned_back(known, u),
            **further(u, known, state.get("understood") or {}),
        }
        spoken_of = u.targets or known.scene.focus or known.scene.shown
        if heard is not None:
            understood["tool"] = list(heard)
        if tap is not None:
            understood |= {"tapped": tap.told, "there": there}
        asked_of = [shelf.catalog.product(p) for p in spoken_of]
        understood = with_quality(understood, state["text"], asked_of, known.scene.focus)
        fresh = u.act == "reset" or u.new_subject
        stepped = steps.after(known, u)
        understood["stepped"] = stepped["earlier"] != state.get("earlier", [])
        return {
            "leanings": [w.as_dict() for w in u.leanings],
            **stepped,
            "constraints": [c.as_dict() for c in u.constraints],
            "measures": updated(state.get("measures", []), u.told) if u.told else state.get("measures", []),
            "words": list(u.words), "query": search_query(u.constraints, u.words, u.leanings),
            "understood": understood, "clicked": clicked, "bag": bag,
            "focus": [] if fresh else list(known.scene.focus),
            "seen": [] if fresh and u.act == "reset" else state.get("seen", []),
            "shown": [] if u.act == "reset" else state.get("shown", []),
            "photos": {} if u.act == "reset" else kept(state.get("photos", {}), tap.photo if tap else None),
            # A turn that failed half-way may have left calls without results, which no service takes.
            "messages": [*self._trimmed(state.get("messages", [])), HumanMessage(tap.words if tap else state["text"])],
            **after_question(state, u),
            "answer": {"told": {"judged": noted}} if noted else {},
            "tools": [], "calls": 0, "model_error": None, "reply": "",
            "parts_ms": {"understand": _ms(start)},
        }  # fmt: skip

    def _meant(
        self, text: str, tap: taps.Tap | None, known: Before, shelf: Shelf
    ) -> tuple[Understood, tuple[str, dict] | None, bool]:
        """What was said or tapped, the tool that hears it, and whether what was tapped was there."""
        if tap is not None:
            u, there = taps.understood(tap, known)
            return u, None, there
        u = shelf.understanding.understand(text, known)
        heard = self.ear.heard(text, bool(u.added))
        if heard is not None:
            return for_a_tool(u, known), heard, True
        if u.act == "other" and u.talk is None and not u.then:
            u = replace(u, talk=nearest_talk(text))
        return u, None, True

    def _judged(
        self, text: str, u: Understood, known: Before, thread: str, shelf: Shelf
    ) -> tuple[Understood, tuple[str, dict] | None, dict | None]:
        """What is understood beside a thumb that is said, the tool to answer it, and what was noted.

        It is noted here, as a wish is, whatever the model makes of it.
        """
        thumb = judging.spoken(text, u, known, shelf.understanding.understand)
        if thumb is None:
            return u, None, None
        noted = feedback.note(self.log, thread, thumb.verdict, thumb.products, thumb.whole, known.scene.shown)
        if not thumb.alone:
            return judging.beside(u, thumb, known), None, noted
        arguments = {"verdict": thumb.verdict, "product_ids": list(thumb.products), "whole_reply": thumb.whole}
        return judging.alone(for_a_tool(u, known), thumb), ("judge", arguments), noted

    def plan(self, state: ConversationState, runtime: Runtime[TurnContext]) -> dict:
        """One message of the chat model: tool calls or the reply. When the model fails, the offline one answers."""
        start = time.perf_counter()
        view, error, message = self._view(state, self._shelf(runtime)), state.get("model_error"), None
        if self.hosted is not None and error is None:
            try:
                message, error = self._asked(state, view, runtime)
            except ModelError as raised:
                error = str(raised)
                trace.log.warning("the chat model gave no answer; the offline model does")
        if message is None:
            messages = [SystemMessage(system_text(view["shop"], view)), *self._for_offline(state, view)]
            message = self.offline.invoke(messages)
            if not message.tool_calls:
                for piece in re.findall(r"\S+\s*", message.text):
                    runtime.stream_writer({"type": "text", "text": piece})
        kept = AIMessage(content=message.text, tool_calls=message.tool_calls)
        parts = {**state["parts_ms"], "plan": round(state["parts_ms"].get("plan", 0.0) + _ms(start), 2)}
        update = {"messages": [*state["messages"], kept], "model_error": error, "parts_ms": parts}
        return update if message.tool_calls else {**update, "reply": message.text.strip()}

    def _asked(
        self, state: ConversationState, view: dict, runtime: Runtime[TurnContext]
    ) -> tuple[AIMessage, str | None]:
        """The hosted model's next message, and what of it was withheld.

        Raises:
            ModelError: the offline model has to answer.
        """
        shelf, calls_left = self._shelf(runtime), self.settings.tool_calls - state["calls"]
        if calls_left <= 0:
            raise ModelError(f"{state['calls']} tool calls and no answer, at most {self.settings.tool_calls} a turn")
        seconds_left = self.settings.model_seconds - state["parts_ms"].get("plan", 0.0) / 1000
        if seconds_left <= 0:
            raise ModelError(f"the chat model took more than {self.settings.model_seconds:g} s of this turn")
        titles, values = self._told(shelf)
        turn = self._this_turn(state)

        def evidence() -> Evidence:
            results = [json.loads(m.text) for m in turn if isinstance(m, ToolMessage)]
            said = [m.text for m in state["messages"] if not isinstance(m, ToolMessage)]
            return Evidence(titles, [view, *results], said)

        reply = CarefulReply(evidence, lambda text: runtime.stream_writer({"type": "text", "text": text}))
        told = system_text(view["shop"], view, values)
        messages = [SystemMessage(told), *state["messages"]]
        message = self.hosted.speak(messages, reply, tuple(toolbox.TOOLS), seconds_left)
        named = "; ".join(reply.withheld[:5])
        withheld = f"left out of its reply, as no tool gave it: {named}" if named else None
        calls = message.tool_calls[:calls_left]
        return AIMessage(content=message.text, tool_calls=calls), None if calls else withheld

    def _told(self, shelf: Shelf) -> tuple[Titles, dict[str, list[str]]]:
        """What the hosted model and the check of its replies know of the catalogue: renewed when it changes."""
        with self._telling:
            if shelf.catalog is not self._told_of:
                self.hosted.offer(toolbox.schemas(shelf.catalog))
                self._titles, self._values = Titles(shelf.catalog), offered_values(shelf.catalog)
                self._told_of = shelf.catalog
            return self._titles, self._values

    def _for_offline(self, state: ConversationState, view: dict) -> list:
        """What the offline model goes by: of the calls of a hosted one that gave up, those it would make, too."""
        earlier = state["messages"][: len(state["messages"]) - len(self._this_turn(state))]
        wanted = {name for name, _ in plan(view)} if self.hosted is not None else set()
        kept = [
            m for m in self._this_turn(state)
            if isinstance(m, ToolMessage)
            and (m.tool_call_id.startswith(OFFLINE_CALL) or (m.name in wanted and "error" not in json.loads(m.text)))
        ]  # fmt: skip
        return [*earlier, *kept]

    @staticmethod
    def _this_turn(state: ConversationState) -> list:
        """What came after the shopper's last sentence."""
        messages = state["messages"]
        last = max(i for i, m in enumerate(messages) if isinstance(m, HumanMessage))
        return messages[last + 1 :]

    def _shelf(self, runtime: Runtime[TurnContext]) -> Shelf:
        """The shop as it was when the turn began: it stays so for the turn, whatever is put on the shelf meanwhile."""
        return runtime.context.shelf or self.shelf

    def use_tools(self, state: ConversationState, runtime: Runtime[TurnContext]) -> dict:
        """Carry out the calls of the last message. One that fails is kept in the trace, and told to the model."""
        answer, constraints = dict(state["answer"]), state["constraints"]
        messages, entries, parts = list(state["messages"]), list(state["tools"]), dict(state["parts_ms"])
        calls, understood, stepped = state["messages"][-1].tool_calls, state["understood"], {}
        for c in calls:
            desk = self._desk({**state, "constraints": constraints}, runtime.context)
            result = None
            with trace.traced(c["name"], c["args"]) as entry:
                result = toolbox.call(desk, c["name"], c["args"])
            content = result.content if result else self._failed(entry)
            messages.append(ToolMessage(fenced(content), tool_call_id=c["id"], name=c["name"]))
            entries.append(entry.as_dict())
            parts[c["name"]] = round(parts.get(c["name"], 0.0) + entry.ms, 2)
            if result is None:
                continue
            parts |= {f"{c['name']}.{part}": ms for part, ms in result.parts_ms.items()}
            if result.constraints is not None:
                if not understood["stepped"]:
                    stepped = {"earlier": steps.beside(state), "undone": []}
                    understood = {**understood, "stepped": True}
                constraints = [x.as_dict() for x in result.constraints]
            if result.offers is not None:
                answer |= _answer_of(result)
                understood = self._chosen(understood, answer["offers"], self._shelf(runtime).catalog)
            if result.content.get("asks_for_measures"):
                answer["asks_for_measures"] = True
            if result.told:
                answer["told"] = {**answer.get("told", {}), **result.told}
            question = self._question(state, constraints, result, self._shelf(runtime))
            if question is not None:
                answer["told"] = {**answer.get("told", {}), "question": question.as_dict()}
        return {"messages": messages, "tools": entries, "answer": answer, "constraints": constraints, **stepped,
                "understood": understood, "calls": state["calls"] + len(calls), "parts_ms": parts}  # fmt: skip

    @staticmethod
    def _failed(entry: trace.ToolTrace) -> dict[str, Any]:
        """What a chat model is told of a call that failed, with what it can tell the shopper."""
        if entry.failure is None or isinstance(entry.failure, ToolError):
            return {"error": entry.error}  # the model called wrongly: it may put that right
        return {"error": entry.error, "tell_shopper": failures.of_tool(entry.name, entry.failure)}

    def call(self, state: dict, context: TurnContext, name: str, arguments: dict) -> tuple[ToolResult, dict]:
        """One tool without a sentence around it: its result, and what of the state it changes.

        Raises:
            ShopError: there is no such tool, the arguments do not fit, or the tool cannot carry it out.
        """
        known = {"constraints": [], "understood": {"act": "other"}, "query": "", **state}
        result = toolbox.call(self._desk(known, context), name, arguments)
        update: dict[str, Any] = {}
        if result.constraints is not None:
            update = {"constraints": [c.as_dict() for c in result.constraints], "earlier": steps.beside(state)}
        if result.offers is not None:
            answer = _answer_of(result)
            update |= {**_shown(state, answer), "focus": [], "question": {}, "answer": answer}
        return result, update

    @staticmethod
    def _chosen(understood: dict, offers: list[dict], catalog: Catalog) -> dict:
        """What "and add the cheapest" means once there are products to choose from."""
        about = next((t["superlative"][0] for t in understood.get("then", ()) if t.get("superlative")), "price")
        there = [o["product_id"] for o in offers if o["product_id"] in catalog]
        return chosen_of_new(understood, [(p, catalog.product(p).get(about)) for p in there])

    def _question(
        self, state: ConversationState, constraints: list[dict], result: ToolResult, shelf: Shelf
    ) -> Question | None:
        """What to ask back with these cards, if anything."""
        if not (self.settings.asks_back and may_ask(state, result, self.settings.shown)):
            return None
        # Who wants it darker has said something about the colour.
        unasked = [*(state.get("unasked") or ()), *(w["attribute"] for w in state.get("leanings") or ())]
        unasked += VISIBLE if PHOTO in unasked else ()
        return shelf.questions.best(result.pool, constraints_of(constraints), unasked, state["turn"])

    def finish(self, state: ConversationState, runtime: Runtime[TurnContext]) -> dict:
        """Keep what the next turn needs, and no more."""
        offers = state["answer"].get("offers")
        # A question back ("which one?") leaves the act open for the next sentence.
        act, again = state["understood"]["act"], state["understood"].get("was_open")
        still_open = act in _MAY_STAY_OPEN or (act == "disambiguate" and again)
        u = {**state["understood"], "open": not state["tools"] and still_open}
        update: dict[str, Any] = {"messages": self._trimmed(state["messages"]), "understood": u}
        if state["answer"].get("asks_for_measures"):
            update["measures_asked"] = True
        update["question"] = state["answer"].get("told", {}).get("question") or {}
        if offers is not None:
            update |= _shown(state, state["answer"])
            ids = update["shown"]
            update["focus"] = last_meant(u, ids)
        elif meant := last_meant(u, None):
            update["focus"] = meant
        elif u["act"] in ("ask", "size_advice") and not state.get("focus"):
            update["focus"] = state.get("shown", [])[:1]
        return update

    def _trimmed(self, messages: list) -> list:
        """Earlier turns as what was said; the tools' results stand in the state where they still matter."""
        said = [m for m in messages if isinstance(m, HumanMessage) or (isinstance(m, AIMessage) and not m.tool_calls)]
        return said[-self.settings.messages_kept :]

    def desk(self, state: dict, context: TurnContext) -> Desk:
        """What a tool may use in a conversation that stands between two turns."""
        return self._desk({"constraints": [], "understood": {"act": "other"}, "query": "", **state}, context)

    def _desk(self, state: ConversationState, context: TurnContext) -> Desk:
        return Desk(
            context.shelf or self.shelf,
            self.log,
            self.settings,
            context.thread_id,
            context.user_id,
            constraints_of(state["constraints"]),
            constraints_of((state.get("earlier") or [{}])[-1].get("constraints")),
            tuple(state.get("shown", ())),
            tuple(state.get("seen", ())),
            state["query"] if state["understood"]["act"] == "search" else "",
            state.get("made") or {},
            leanings_of(state.get("leanings")),
            constraints_of(state["understood"].get("added")),
            tuple(state.get("measures", ())),
            state.get("measures_asked", False),
            state.get("photos") or {},
        )

    def _view(self, state: ConversationState, shelf: Shelf) -> dict:
        """The state as a chat model sees it."""
        catalog, reasons = shelf.catalog, state.get("reasons", {})

        def told(ids: list[str]) -> list[dict]:
            return [brief(catalog.product(p)) for p in ids if p in catalog]

        shown = [
            {"number": n, **p, "reason": reasons.get(p["product_id"], "")}
            for n, p in enumerate(told(state.get("shown", [])), 1)
        ]
        return {
            "turn": state["turn"],
            "shop": shelf.store.name,
            "currency": shelf.currency,
            **state["understood"],
            "wishes": state["constraints"],
            "leanings": state.get("leanings", []),
            "query": state["query"],
            "words": state["words"],
            "shown": shown,
            "focus": state.get("focus", []),
            "goes_with": (state.get("made") or {}).get("goes_with"),
            "bag": told(state.get("bag", [])),
            "clicked": state.get("clicked", []),
            "can_recommend": shelf.can_recommend,
            "measures": state.get("measures", []),
            "has_fit_feedback": shelf.store.has_fit_feedback,
            "sees_photos": shelf.sees_pictures,
            "question": state["answer"].get("told", {}).get("question"),
        }


def build_agent(agent: Agent, saver: SqliteSaver):
    """The compiled graph."""
    graph = StateGraph(ConversationState, context_schema=TurnContext)
    graph.add_node("understand", agent.understand)
    graph.add_node("plan", agent.plan)
    graph.add_node("tools", agent.use_tools)
    graph.add_node("finish", agent.finish)
    graph.add_edge(START, "understand")
    graph.add_edge("understand", "plan")
    graph.add_conditional_edges("plan", lambda state: "finish" if state["reply"] else "tools", ["tools", "finish"])
    graph.add_edge("tools", "plan")
    graph.add_edge("finish", END)
    return graph.compile(checkpointer=saver)


def _answer_of(result: ToolResult) -> dict[str, Any]:
    """A tool's offers as plain values."""
    offers = [
        {"product_id": o.product_id, "reason": o.reason, "route": o.route}
        | ({"evidence": list(o.evidence)} if o.evidence else {})
        for o in result.offers or ()
    ]
    relaxed = [c.as_dict() for c in result.relaxed]
    return {"offers": offers, "relaxed": relaxed, "query": result.query, "made": result.made}


def _shown(state: dict, answer: dict) -> dict[str, Any]:
    """What the state keeps of products that are shown now."""
    offers = answer["offers"]
    ids = [o["product_id"] for o in offers]
    return {
        "shown": ids,
        "reasons": {o["product_id"]: o["reason"] for o in offers if o["reason"]},
        "made": answer.get("made", {}),
        "seen": list(dict.fromkeys([*state.get("seen", []), *ids]))[-SEEN_KEPT:],
    }


def for_a_tool(u: Understood, known: Before) -> Understood:
    """A sentence that is for a tool which hears it: none of its words is a wish, and what held before still holds."""
    return replace(
        u, act="other", constraints=known.constraints, added=(), forgot=(), words=known.words, asked=(),
        new_subject=False,
        leanings=known.leanings, then=(), talk=None, more=False, conflicts=(),
    )  # fmt: skip


def _ms(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 2)
