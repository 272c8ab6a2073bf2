"""A server on loopback that speaks the OpenAI protocol as llama.cpp, Ollama and vLLM do: chat completions, streamed or
whole, tool calls, a list of models. What it answers is up to the test, down to breaking off in the middle."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage, convert_to_messages

from shopping_assistant.assistant.offline_model import OfflineChatModel

Answer = Callable[[list[BaseMessage], dict], "AIMessage | Raw | Status"]


@dataclass(frozen=True)
class Raw:
    """An answer as a faulty model or server gives it: ``deltas`` as they are streamed, then a clean end or none."""

    deltas: tuple[dict, ...]
    breaks_off: bool = False
    #: Set by the test when a server that hangs may go on.
    waits: threading.Event | None = None


@dataclass(frozen=True)
class Status:
    """An HTTP error."""

    code: int
    text: str = "no"


@dataclass
class Server:
    """``answers`` one after the other, the last one again and again; ``asked`` are the requests."""

    answers: list[Answer | AIMessage | Raw | Status]
    models: list[str] = field(default_factory=lambda: ["tiny"])
    asked: list[dict] = field(default_factory=list)
    url: str = ""

    def answer(self, request: dict) -> AIMessage | Raw | Status:
        self.asked.append(request)
        chosen = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return chosen(convert_to_messages(request["messages"]), request) if callable(chosen) else chosen


def perfect_caller(messages: list[BaseMessage], request: dict) -> AIMessage:
    """A model that reads the state and always calls right: the offline model behind the protocol."""
    names = {c["id"]: c["name"] for m in messages if isinstance(m, AIMessage) for c in m.tool_calls}
    # The protocol tells of a result which call it answers, not of which tool it is.
    told = [m.model_copy(update={"name": names[m.tool_call_id]}) if isinstance(m, ToolMessage) else m for m in messages]
    return OfflineChatModel().bind_tools(request["tools"]).invoke(told)


@contextmanager
def serving(*answers: Answer | AIMessage | Raw | Status, models: tuple[str, ...] = ("tiny",)) -> Iterator[Server]:
    """A running server; its ``url`` is a base URL."""
    server = Server(list(answers), list(models))

    class Handler(_Handler):
        serves = server

    http = _Quiet(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


def _deltas(message: AIMessage) -> list[dict]:
    if message.tool_calls:
        # Arguments come in pieces, as they do from real servers.
        out: list[dict] = []
        for i, c in enumerate(message.tool_calls):
            whole = json.dumps(c["args"])
            half = len(whole) // 2
            function = {"name": c["name"], "arguments": whole[:half]}
            out.append({"tool_calls": [{"index": i, "id": c["id"], "type": "function", "function": function}]})
            out.append({"tool_calls": [{"index": i, "function": {"arguments": whole[half:]}}]})
        return out
    words = message.text.split(" ")
    return [{"content": w if i == 0 else f" {w}"} for i, w in enumerate(words)]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    serves: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Tests read no access log."""

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            return self._json(404, {"error": {"message": "no such path"}})
        return self._json(200, {"object": "list", "data": [{"id": m, "object": "model"} for m in self.serves.models]})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            return self._json(404, {"error": {"message": "no such path"}})
        answer = self.serves.answer(request)
        if isinstance(answer, Status):
            return self._json(answer.code, {"error": {"message": answer.text}})
        deltas = list(answer.deltas) if isinstance(answer, Raw) else _deltas(answer)
        if not request.get("stream"):
            text = "".join(d.get("content") or "" for d in deltas)
            return self._json(
                200, self._chunk({"message": {"role": "assistant", "content": text}, "finish_reason": "stop"})
            )
        return self._stream(deltas, answer if isinstance(answer, Raw) else None)

    def _stream(self, deltas: list[dict], raw: Raw | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for delta in [{"role": "assistant", "content": ""}, *deltas]:
            self._event(json.dumps(self._chunk({"delta": delta, "finish_reason": None})))
        if raw is not None and raw.waits is not None:
            raw.waits.wait(30)
        if raw is not None and raw.breaks_off:
            self.close_connection = True
            self.connection.close()  # as a killed server does: no last chunk
            return
        called = any("tool_calls" in d for d in deltas)
        self._event(json.dumps(self._chunk({"delta": {}, "finish_reason": "tool_calls" if called else "stop"})))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: str) -> None:
        line = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    def _chunk(self, choice: dict) -> dict:
        kind = "chat.completion.chunk" if "delta" in choice else "chat.completion"
        return {
            "id": "c1",
            "object": kind,
            "created": 0,
            "model": self.serves.models[0],
            "choices": [{"index": 0, **choice}],
        }

    def _json(self, code: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
