"""A chat model that may be slow, down or wrong: its answers in time, its calls put right, its words checked.

Everything that goes wrong becomes a `ModelError`, upon which the offline model answers; a service that failed twice
in a
row is left alone for a while, so that a dead one does not cost every turn its time limit.
"""

from __future__ import annotations

import contextvars
import json
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from shopping_assistant.assistant import trace
from shopping_assistant.assistant.chat_models import ModelError
from shopping_assistant.assistant.guard import CarefulReply

# Failures in a row after which a service is not asked for a while: one can be chance.
FAILURES_BEFORE_REST = 2
REST_SECONDS = 30.0
LONGEST_REST_SECONDS = 600.0
#: Stands for arguments that are no JSON object; the tool's answer tells the model so.
UNREADABLE = "__unreadable__"
_FENCE = re.compile(r"^\s*(?:```(?:json)?|<tool_call>|<\|\w+\|>)?\s*(.*?)\s*(?:```|</tool_call>)?\s*$", re.S)


class Breaker:
    """Whether a service is worth asking. After failures in a row it rests, and then one turn tries it again.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0
        self._why = ""

    def ask(self) -> None:
        """Pass when the service may be asked now.

        Raises:
            ModelError: it rests.
        """
        with self._lock:
            if self._failures < FAILURES_BEFORE_REST:
                return
            left = self._until - self._clock()
            if left > 0:
                raise ModelError(
                    f"not asked: it failed {self._failures} times in a row, and is tried again in {left:.0f} s; the "
                    f"last failure was {self._why}"
                )
            # This turn tries; the others of this moment do not wait for a service that is likely still down.
            self._until = self._clock() + self._rest()

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self, why: str) -> None:
        with self._lock:
            self._failures += 1
            self._why = why
            if self._failures >= FAILURES_BEFORE_REST:
                self._until = self._clock() + self._rest()

    def _rest(self) -> float:
        return min(LONGEST_REST_SECONDS, REST_SECONDS * 2 ** (self._failures - FAILURES_BEFORE_REST))


class HostedModel:
    """Any LangChain chat model but the offline one, as the graph uses it.

    Args:
        seconds: how long one answer may take, from the question to its last word.
        schemas: the tools as OpenAI functions.

    Raises:
        ModelError: the model cannot call tools.
    """

    def __init__(
        self, model: BaseChatModel, seconds: float, schemas: Sequence[dict], clock: Callable[[], float] = time.monotonic
    ):
        self._model, self._seconds, self._clock = model, seconds, clock
        self.breaker = Breaker(clock)
        self.offer(schemas)

    def offer(self, schemas: Sequence[dict]) -> None:
        """Bind tools; again when the catalogue they speak of has changed."""
        try:
            self._bound = self._model.bind_tools(list(schemas))
        except NotImplementedError as error:
            raise ModelError(
                f"chat model {self._model._llm_type!r} cannot call tools; choose one that can, or leave --model out"
            ) from error

    def speak(
        self, messages: Sequence[BaseMessage], reply: CarefulReply, names: Sequence[str], seconds: float | None = None
    ) -> AIMessage:
        """The model's next message: tool calls, or the checked reply.

        Args:
            reply: takes the words as they come.
            names: the tools there are.
            seconds: how long this answer may take, where that is less than any answer may.

        Raises:
            ModelError: it rests after failures, did not answer in time, failed, refused, or said nothing that holds.
        """
        self.breaker.ask()
        try:
            whole = self._whole(messages, reply, seconds or self._seconds)
        except Exception as error:  # a service can fail in any way; the shopper gets an answer all the same
            self.breaker.failed(trace.cause(error))
            raise error if isinstance(error, ModelError) else ModelError(trace.cause(error)) from error
        self.breaker.succeeded()
        calls = _calls(whole, names, reply.raw)
        if calls:
            return AIMessage(content="", tool_calls=calls)
        if not reply.raw.strip():
            refusal = whole.additional_kwargs.get("refusal") if whole is not None else None
            raise ModelError(f"the model refused: {refusal}" if refusal else "the model answered with nothing")
        if not reply.end():
            raise ModelError(f"nothing of the chat model's reply was given by a tool: {'; '.join(reply.withheld[:5])}")
        return AIMessage(content=reply.text)

    def _whole(
        self, messages: Sequence[BaseMessage], reply: CarefulReply, seconds: float
    ) -> AIMessage | AIMessageChunk | None:
        # A model without streaming of its own gives one whole message.
        whole: AIMessage | AIMessageChunk | None = None
        for chunk in self._in_time(messages, seconds):
            whole = chunk if whole is None else whole + chunk
            if chunk.text and not _calls_begun(whole):
                reply.add(chunk.text)
            if reply.full and not _calls_begun(whole):
                break
        return whole

    def _in_time(self, messages: Sequence[BaseMessage], seconds: float) -> Iterator[AIMessageChunk]:
        """The pieces of an answer, made in a thread of its own: clients count silence or words, not both."""
        pieces: queue.Queue = queue.Queue()
        left = threading.Event()

        def produce() -> None:
            try:
                for chunk in self._bound.stream(list(messages)):
                    if left.is_set():
                        return
                    pieces.put(chunk)
                pieces.put(None)
            except BaseException as error:
                pieces.put(error)

        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(produce,), name="chat-model", daemon=True).start()
        end = self._clock() + seconds
        try:
            while True:
                try:
                    piece = pieces.get(timeout=max(0.0, end - self._clock()))
                except queue.Empty:
                    raise ModelError(f"the chat model did not finish its answer within {seconds:g} s") from None
                if piece is None:
                    return
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            left.set()


def _calls_begun(message: AIMessage | AIMessageChunk) -> bool:
    return bool(message.tool_calls or message.invalid_tool_calls or getattr(message, "tool_call_chunks", None))


def _calls(message: AIMessage | AIMessageChunk | None, names: Sequence[str], text: str) -> list[dict[str, Any]]:
    """Its tool calls, each with an id of its own; one whose arguments are no JSON object is kept, to be told so."""
    if message is None:
        return []
    made = [(c["name"], c["args"], c.get("id")) for c in message.tool_calls]
    for c in message.invalid_tool_calls:
        made.append((c.get("name") or "", {UNREADABLE: str(c.get("args"))[:200]}, c.get("id")))
    if not made:
        made = [(name, args, None) for name, args in _written_out(text, names)]
    calls, ids = [], set()
    for number, (name, args, call_id) in enumerate(made):
        if not call_id or call_id in ids:
            call_id = f"call_{number}_{len(ids)}"
        ids.add(call_id)
        fitting = args if isinstance(args, dict) else {UNREADABLE: str(args)[:200]}
        calls.append({"name": name, "args": fitting, "id": call_id, "type": "tool_call"})
    return calls


def _written_out(text: str, names: Sequence[str]) -> list[tuple[str, Any]]:
    """Calls that a small model wrote into its text: the whole text is one JSON object, or several, naming a tool."""
    try:
        found = json.loads(_FENCE.sub(r"\1", text))
    except ValueError:
        return []
    found = found if isinstance(found, list) else [found]
    calls = []
    for call in found:
        if not isinstance(call, dict) or call.get("name") not in names:
            return []
        calls.append((call["name"], call.get("arguments", call.get("parameters", {}))))
    return calls
