"""The agent as a LangGraph: understand → plan ⇄ tools → finish."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from shopping_assistant.assistant import toolbox, trace
from shopping_assistant.assistant.agent_tools.desk import Desk
from shopping_assistant.assistant.agent_tools.offering import brief
from shopping_assistant.assistant.context import Settings, TurnContext
from shopping_assistant.assistant.offline_model import OfflineChatModel
from shopping_assistant.assistant.prompts import fenced, system_text
from shopping_assistant.assistant.session_log import SessionLog
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.assistant.state import SEEN_KEPT, ConversationState, before, constraints_of, search_query
from shopping_assistant.tools.errors import ShopError

_MAY_STAY_OPEN = ("add_to_bag", "remove_from_bag", "similar", "ask", "compare")


class ModelError(ShopError):
    """A chat model that cannot be made by the name given."""


def chat_model(name: str) -> BaseChatModel:
    """Any LangChain chat model by name, such as "openai:gpt-5-mini" or "ollama:llama3.1".

    Raises:
        ModelError: its package is missing, its key is, or there is no such provider.
    """
    from langchain.chat_models import init_chat_model

    try:
        return init_chat_model(name)
    except Exception as error:  # every provider fails in its own way
        raise ModelError(
            f"chat model {name!r} cannot be used ({trace.cause(error)}); name it as provider:model, install the "
            f"provider's "
            "LangChain package and set its key, or leave --model out for the embedded one"
        ) from error


def checkpointer(connection: sqlite3.Connection) -> SqliteSaver:
    """Checkpoints read back as plain values and LangChain messages only: no other type is revived from the file."""
    saver = SqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
    saver.setup()
    return saver


class Agent:
    """The nodes, and what they share. One graph serves all conversations."""

    def __init__(self, shelf: Shelf, log: SessionLog, settings: Settings, model: BaseChatModel | None = None):
        self.shelf, self.log, self.settings = shelf, log, settings
        schemas = [t.schema for t in toolbox.TOOLS.values()]
        self.offline = OfflineChatModel().bind_tools(schemas)
        self.model = model.bind_tools(schemas) if model is not None else None

    def understand(self, state: ConversationState, runtime: Runtime[TurnContext]) -> dict:
        """Read the sentence: for every model, so that exclusions hold whatever it writes."""
        start = time.perf_counter()
        thread = runtime.context.thread_id
        bag = self.log.bag(thread)
        clicked = self.log.clicks_since(thread, self.log.last_turn_at(thread))
        known = before(state, bag, clicked, self.shelf.catalog)
        u = self.shelf.understanding.understand(state["text"], known)
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
        }
        fresh = u.act == "reset" or u.new_subject
        return {
            "turn": state.get("turn", 0) + 1,
            "previous": [c.as_dict() for c in known.constraints] if u.added or u.forgot else state.get("previous", []),
            "constraints": [c.as_dict() for c in u.constraints],
            "words": list(u.words), "query": search_query(u.constraints, u.words),
            "understood": understood, "clicked": clicked, "bag": bag,
            "focus": [] if fresh else list(known.scene.focus),
            "seen": [] if fresh and u.act == "reset" else state.get("seen", []),
            "shown": [] if u.act == "reset" else state.get("shown", []),
            "messages": [*state.get("messages", []), HumanMessage(state["text"])],
            "answer": {}, "tools": [], "calls": 0, "model_error": None, "reply": "",
            "parts_ms": {"understand": _ms(start)},
        }  # fmt: skip

    def plan(self, state: ConversationState, runtime: Runtime[TurnContext]) -> dict:
        """One message of the chat model: tool calls or the reply. When the model fails, the offline one answers."""
        start = time.perf_counter()
        said = [SystemMessage(system_text(self.shelf.store.name, self._view(state))), *state["messages"]]
        error = state.get("model_error")
        message = None
        if self.model is not None and error is None and state["calls"] < self.settings.tool_calls:
            try:
                message = self._speak(self.model, said, runtime)
                if not message.tool_calls and not message.text.strip():
                    raise ModelError("the chat model answered with nothing")
            except Exception as raised:  # a service can fail in any way; the shopper gets an answer all the same
                error, message = trace.cause(raised), None
                trace.log.warning("chat model failed with %s; the offline model answers", type(raised).__name__)
        if message is None:
            message = self._speak(self.offline, said, runtime)
        calls = message.tool_calls[: self.settings.tool_calls - state["calls"]]
        kept = AIMessage(content=message.text, tool_calls=calls)
        parts = {**state["parts_ms"], "plan": round(state["parts_ms"].get("plan", 0.0) + _ms(start), 2)}
        update = {"messages": [*state["messages"], kept], "model_error": error, "parts_ms": parts}
        return update if calls else {**update, "reply": message.text.strip()}

    def _speak(self, model: Any, messages: list, runtime: Runtime[TurnContext]) -> AIMessage:
        # A model without streaming of its own gives one whole message.
        whole: AIMessage | AIMessageChunk | None = None
        for chunk in model.stream(messages):
            whole = chunk if whole is None else whole + chunk
            if chunk.text and not (whole.tool_calls or getattr(whole, "tool_call_chunks", None)):
                runtime.stream_writer({"type": "text", "text": chunk.text})
        if whole is None:
            raise ModelError("the chat model answered with nothing")
        return whole

    def use_tools(self, state: ConversationState, runtime: Runtime[TurnContext]) -> dict:
        """Carry out the calls of the last message. One that fails is kept in the trace, and told to the model."""
        answer, constraints = dict(state["answer"]), state["constraints"]
        messages, entries, parts = list(state["messages"]), list(state["tools"]), dict(state["parts_ms"])
        calls = state["messages"][-1].tool_calls
        for c in calls:
            desk = self._desk({**state, "constraints": constraints}, runtime.context)
            result = None
            with trace.traced(c["name"], c["args"]) as entry:
                result = toolbox.call(desk, c["name"], c["args"])
            content = result.content if result else {"error": entry.error}
            messages.append(ToolMessage(fenced(content), tool_call_id=c["id"], name=c["name"]))
            entries.append(entry.as_dict())
            parts[c["name"]] = round(parts.get(c["name"], 0.0) + entry.ms, 2)
            if result is None:
                continue
            parts |= {f"{c['name']}.{part}": ms for part, ms in result.parts_ms.items()}
            if result.constraints is not None:
                constraints = [x.as_dict() for x in result.constraints]
            if result.offers is not None:
                answer |= {
                    "offers": [
                        {"product_id": o.product_id, "reason": o.reason, "route": o.route}
                        | ({"evidence": list(o.evidence)} if o.evidence else {})
                        for o in result.offers
                    ],
                    "relaxed": [x.as_dict() for x in result.relaxed],
                    "query": result.query,
                    "made": result.made,
                }
            if result.told:
                answer["told"] = {**answer.get("told", {}), **result.told}
        return {"messages": messages, "tools": entries, "answer": answer, "constraints": constraints,
                "calls": state["calls"] + len(calls), "parts_ms": parts}  # fmt: skip

    def finish(self, state: ConversationState, runtime: Runtime[TurnContext]) -> dict:
        """Keep what the next turn needs, and no more."""
        offers = state["answer"].get("offers")
        # A question back ("which one?") leaves the act open for the next sentence.
        u = {**state["understood"], "open": not state["tools"] and state["understood"]["act"] in _MAY_STAY_OPEN}
        update: dict[str, Any] = {"messages": self._trimmed(state["messages"]), "understood": u}
        if offers is not None:
            ids = [o["product_id"] for o in offers]
            update["shown"] = ids
            update["reasons"] = {o["product_id"]: o["reason"] for o in offers if o["reason"]}
            update["made"] = state["answer"].get("made", {})
            update["seen"] = list(dict.fromkeys([*state.get("seen", []), *ids]))[-SEEN_KEPT:]
            update["focus"] = []
        elif u["targets"]:
            update["focus"] = u["targets"]
        elif u["act"] in ("ask", "size_advice") and not state.get("focus"):
            update["focus"] = state.get("shown", [])[:1]
        return update

    def _trimmed(self, messages: list) -> list:
        """Earlier turns as what was said; the tools' results stand in the state where they still matter."""
        said = [m for m in messages if isinstance(m, HumanMessage) or (isinstance(m, AIMessage) and not m.tool_calls)]
        return said[-self.settings.messages_kept :]

    def _desk(self, state: ConversationState, context: TurnContext) -> Desk:
        return Desk(
            self.shelf,
            self.log,
            self.settings,
            context.thread_id,
            context.user_id,
            constraints_of(state["constraints"]),
            constraints_of(state.get("previous")),
            tuple(state.get("shown", ())),
            tuple(state.get("seen", ())),
            state["query"] if state["understood"]["act"] == "search" else "",
            state.get("made") or {},
        )

    def _view(self, state: ConversationState) -> dict:
        """The state as a chat model sees it."""
        catalog, reasons = self.shelf.catalog, state.get("reasons", {})

        def told(ids: list[str]) -> list[dict]:
            return [brief(catalog.product(p)) for p in ids if p in catalog]

        shown = [
            {"number": n, **p, "reason": reasons.get(p["product_id"], "")}
            for n, p in enumerate(told(state.get("shown", [])), 1)
        ]
        return {
            "turn": state["turn"],
            "currency": self.shelf.currency,
            **state["understood"],
            "wishes": state["constraints"],
            "query": state["query"],
            "words": state["words"],
            "shown": shown,
            "focus": state.get("focus", []),
            "bag": told(state.get("bag", [])),
            "clicked": state.get("clicked", []),
            "can_recommend": self.shelf.can_recommend,
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


def _ms(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 2)
