"""The shop over plain HTTP, below ``/api``: conversations that stream, for programs. docs/serving.md explains it."""

# No postponed annotations here: FastAPI reads those of functions inside functions, and must find what they name.
import logging
import secrets
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from shopping_assistant.assistant.chat_models import (
    ShopError,  # the page knows the tools' errors through the assistant only
)
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.feedback import FeedbackError
from shopping_assistant.assistant.kept_file import ConversationsError
from shopping_assistant.assistant.session_log import ConversationNotFound
from shopping_assistant.assistant.shopper_memory import CatalogError, ConversationBusy
from shopping_assistant.assistant.taps import TapError
from shopping_assistant.assistant.trace import cause
from shopping_assistant.assistant.why import WhyError
from shopping_assistant.ui.counter import LONGEST_TEXT, LONGEST_TITLE, Counter, GuestBook
from shopping_assistant.ui.door import LARGEST_BODY, Refused
from shopping_assistant.ui.logins import Logins
from shopping_assistant.ui.unbroken import TooBusy, Turns

log = logging.getLogger(__name__)
_STATUS = {
    CatalogError: 404, ConversationNotFound: 404, WhyError: 404, TapError: 422, FeedbackError: 422,
    ConversationBusy: 409, ConversationsError: 503,
}  # fmt: skip
_ProductId = Annotated[str, Field(min_length=1, max_length=256)]
_Position = Annotated[int, Field(ge=1, le=100_000, description="Where it stood in the answer, from 1.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")  # a misspelt name must not be left out in silence


class NewConversation(_Body):
    """What a new conversation is to be."""

    guest: bool = Field(False, description="Kept in memory only, and gone an hour after its last turn.")


class Said(_Body):
    """What the shopper says, or taps in its place."""

    text: str = Field("", max_length=LONGEST_TEXT, description="A sentence.")
    tap: dict[str, Any] | None = Field(
        None, description='In the place of a sentence: {"drop": a constraint as the turn has it} or {"undo": true}.'
    )


class Clicked(_Body):
    """A product that was looked at."""

    product_id: _ProductId
    position: _Position | None = None


class Judged(_Body):
    """A thumb on a reply (``turn``) or on a product (``product_id``)."""

    verdict: Literal["up", "down"] | None = Field(description="null takes it back")
    turn: int | None = Field(None, ge=1)
    product_id: _ProductId | None = None
    position: _Position | None = None


class Title(_Body):
    """A conversation's name."""

    title: str = Field(min_length=1, max_length=LONGEST_TITLE)


def http_api(
    assistant: Assistant,
    turns: Turns,
    logins: Logins | None = None,
    login_of: Callable[[Request], str | None] = lambda request: None,
    guests: GuestBook | None = None,
) -> FastAPI:
    """The application that is mounted at ``/api``.

    Args:
        turns: runs the turns, so that one is finished also when its client goes away.
        logins: who may come in, by HTTP Basic; without it each shopper is known by a token of their own.
        login_of: who is logged in on the page, by the request's cookie.
        guests: whose the guests' conversations are.
    """
    guests = guests or GuestBook(assistant)
    api = FastAPI(
        title=f"{assistant.store.name}: conversations", version="1", docs_url=None, redoc_url=None,
        summary="Talk to the shop's assistant; replies stream.", max_body_size=LARGEST_BODY,
        servers=[{"url": "."}], root_path_in_servers=False,
        responses={401: {"description": "Who is it?"}, 404: {"description": "Not there, or not yours."}},
    )  # fmt: skip
    _tell_errors(api)
    counter_of = _counters(assistant, logins, login_of, guests)
    _about_shoppers(api, assistant, counter_of, logins, guests.always)
    _about_conversations(api, counter_of)
    _about_turns(api, counter_of, turns)
    _about_products(api, counter_of)
    return api


_CounterOf = Callable[..., Awaitable[Counter]]


def _counters(
    assistant: Assistant, logins: Logins | None, login_of: Callable[[Request], str | None], guests: GuestBook
) -> _CounterOf:
    async def counter(request: Request) -> Counter:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        login, token = None, ""
        if logins is None:
            token = credentials.strip() if scheme.lower() == "bearer" else ""
        elif (login := login_of(request)) is None:
            login = await _basic(logins, scheme, credentials)
        return Counter(assistant, Counter.named(login, token), guests)

    return counter


async def _basic(logins: Logins, scheme: str, credentials: str) -> str:
    refused = Refused(
        401, "no name and password that fit" if scheme else "a request without a name and password",
        "HTTP Basic authentication with a login of this shop", "send Authorization: Basic, as curl --user NAME does",
        {"WWW-Authenticate": 'Basic realm="shop", charset="UTF-8"'},
    )  # fmt: skip
    if scheme.lower() != "basic":
        raise refused
    try:
        name, colon, password = b64decode(credentials.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise refused from None
    if not colon or not await logins.admits(name, password):
        raise refused
    return name


def _tell_errors(api: FastAPI) -> None:
    """Every error has ``error``, a sentence; most have its parts ``value``, ``expected`` and ``remedy``, too."""

    def told(refused: Refused) -> JSONResponse:
        return JSONResponse(refused.body, refused.status, headers=refused.headers)

    @api.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return told(error)

    @api.exception_handler(RequestValidationError)
    async def unfit(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where, remedy = ".".join(str(part) for part in first["loc"][1:]), "see the endpoint in /api/openapi.json"
        if first["type"] == "extra_forbidden":
            return told(Refused(422, f"the field {where[:64]!r}", "only fields that the endpoint knows", remedy))
        value = "nothing" if first["type"] == "missing" else repr(first.get("input"))[:200]
        return told(Refused(422, f"{value} for {where or 'the body'}", first["msg"].lower(), remedy))

    @api.exception_handler(TooBusy)
    async def busy(request: Request, error: TooBusy) -> JSONResponse:
        body = Refused(503, "one more turn", "fewer at once", str(error))
        return told(Refused(503, body.value, body.expected, body.remedy, {"Retry-After": "3"}))

    @api.exception_handler(ShopError)
    async def sorry(request: Request, error: ShopError) -> JSONResponse:
        # It says itself what came, what was expected and what is to be done, in one sentence.
        status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
        if status >= 500:
            log.warning("a request of the HTTP endpoint failed: %s", cause(error))
        return JSONResponse({"error": str(error)}, status)

    @api.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        known = {
            404: ("a path that is none", "one of /api/openapi.json"),
            405: (f"the method {request.method}", "one that /api/openapi.json has for this path"),
        }
        value, expected = known.get(error.status_code, (str(error.detail), "another request"))
        remedy = "see /api/openapi.json"
        return told(Refused(error.status_code, value, expected, remedy, dict(error.headers or {})))

    @api.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        log.warning("a request of the HTTP endpoint failed: %s", cause(error))
        return told(Refused(500, "a fault of the shop", "none", "please try again; the log has the cause"))


def _about_shoppers(
    api: FastAPI, assistant: Assistant, counter_of: _CounterOf, logins: Logins | None, always_guests: bool
) -> None:
    @api.get("/", summary="The shop, and how to say who one is")
    def shop() -> dict[str, Any]:
        who = "HTTP Basic, a login of this shop" if logins else "Bearer, a token of POST /api/shoppers"
        return {
            "shop": assistant.store.name, "authorization": who, "keeps_conversations": not always_guests,
            "openapi": "openapi.json",
        }  # fmt: skip

    @api.post("/shoppers", status_code=201, summary="A new shopper's token")
    def new_shopper() -> dict[str, str]:
        """Nothing is kept until a conversation begins. Whoever has the token has the shopper's conversations."""
        if logins is not None:
            raise Refused(403, "the wish for a token", "a login of this shop", "send its name and password instead")
        return {"shopper": secrets.token_hex(16)}

    @api.delete("/shopper", status_code=204, summary="Forget everything of this shopper, for good")
    def forget(counter: Annotated[Counter, Depends(counter_of)]) -> None:
        counter.forget()


def _about_conversations(api: FastAPI, counter_of: _CounterOf) -> None:
    Whose = Annotated[Counter, Depends(counter_of)]

    @api.get("/conversations", summary="This shopper's conversations, the newest activity first")
    def listed(counter: Whose) -> dict[str, Any]:
        return {"conversations": counter.conversations()}

    @api.post("/conversations", status_code=201, summary="Begin a conversation")
    def started(counter: Whose, wanted: NewConversation | None = None) -> dict[str, str]:
        return {"conversation": counter.start(bool(wanted and wanted.guest))}

    @api.get("/conversations/{conversation}", summary="A conversation with its turns")
    def whole(conversation: str, counter: Whose) -> dict[str, Any]:
        return counter.conversation(conversation)

    @api.patch("/conversations/{conversation}", status_code=204, summary="Rename a conversation")
    def renamed(conversation: str, wanted: Title, counter: Whose) -> None:
        counter.rename(conversation, wanted.title)

    @api.delete("/conversations/{conversation}", status_code=204, summary="Delete a conversation for good")
    def deleted(conversation: str, counter: Whose) -> None:
        counter.delete(conversation)

    @api.get("/conversations/{conversation}/export", summary="All that is kept of a conversation, as a file")
    def exported(conversation: str, counter: Whose) -> JSONResponse:
        told = counter.export(conversation)
        name = f"conversation-{conversation[-32:][:8]}.json"
        return JSONResponse(told, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _about_turns(api: FastAPI, counter_of: _CounterOf, turns: Turns) -> None:
    async def begun(
        conversation: str, said: Said, counter: Annotated[Counter, Depends(counter_of)]
    ) -> AsyncIterator[dict[str, Any]]:
        # Begun here, before the status is sent: what cannot be said is refused with a status of its own.
        if bool(said.text.strip()) == bool(said.tap):
            raise Refused(422, "neither or both of text and tap", "one of the two", 'send {"text": "black boots"}')
        counter.own(conversation)
        pieces = counter.say(conversation, said.text, said.tap)  # nothing of it runs yet, what does not fit is said
        return turns.read_async(lambda: pieces)

    @api.post(
        "/conversations/{conversation}/turns", response_class=EventSourceResponse,
        summary="Say a sentence; the reply streams",
    )  # fmt: skip
    async def said(pieces: Annotated[Any, Depends(begun)]) -> AsyncIterator[ServerSentEvent]:
        """Events: ``text`` {"text"} as the reply is written, then ``turn``, the turn object; ``error`` if it failed.

        A client that goes away loses nothing: the turn is finished and stands in the conversation.
        """
        try:
            async for piece in pieces:
                kind = piece["type"]
                yield ServerSentEvent(event=kind, data=piece[kind] if kind == "turn" else {"text": piece["text"]})
        except ShopError as error:
            yield ServerSentEvent(event="error", data={"error": str(error)})
        except Exception as error:
            log.warning("a turn over HTTP failed: %s", cause(error))
            sorry = "something went wrong in the shop; please say that once more"
            yield ServerSentEvent(event="error", data={"error": sorry})

    @api.get("/conversations/{conversation}/turns/{turn}/why", summary="What the products of a turn hang on")
    def why(
        conversation: str, turn: Annotated[int, Path(ge=1)], counter: Annotated[Counter, Depends(counter_of)]
    ) -> dict[str, Any]:
        return {"products": counter.why(conversation, turn)}


def _about_products(api: FastAPI, counter_of: _CounterOf) -> None:
    Whose = Annotated[Counter, Depends(counter_of)]
    where = "/conversations/{conversation}"

    @api.get(where + "/products/{product_id:path}", summary="A product close up: similar, goes with, size")
    def viewed(conversation: str, product_id: str, counter: Whose) -> dict[str, Any]:
        return counter.view(conversation, product_id)

    @api.post(where + "/clicks", status_code=204, summary="The shopper looked at a product")
    def clicked(conversation: str, clicked: Clicked, counter: Whose) -> None:
        counter.click(conversation, clicked.product_id, clicked.position)

    @api.get(where + "/bag", summary="The shopper's bag")
    def bag(conversation: str, counter: Whose) -> dict[str, Any]:
        return {"products": counter.bag(conversation)}

    @api.put(where + "/bag/{product_id:path}", summary="Put a product into the bag")
    def put(conversation: str, product_id: str, counter: Whose, position: _Position | None = None) -> dict[str, bool]:
        return {"changed": counter.put_into_bag(conversation, product_id, position)}

    @api.delete(where + "/bag/{product_id:path}", summary="Take a product out of the bag")
    def taken(conversation: str, product_id: str, counter: Whose) -> dict[str, bool]:
        return {"changed": counter.take_out_of_bag(conversation, product_id)}

    @api.get(where + "/saved", summary="What the shopper saved for later")
    def saved(conversation: str, counter: Whose) -> dict[str, Any]:
        return {"products": counter.saved(conversation)}

    @api.put(where + "/saved/{product_id:path}", summary="Save a product for later")
    def save(conversation: str, product_id: str, counter: Whose, position: _Position | None = None) -> dict[str, bool]:
        return {"changed": counter.save(conversation, product_id, position)}

    @api.delete(where + "/saved/{product_id:path}", summary="No longer save a product")
    def unsave(conversation: str, product_id: str, counter: Whose) -> dict[str, bool]:
        return {"changed": counter.unsave(conversation, product_id)}

    @api.get(where + "/judgements", summary="The thumbs of a conversation")
    def judged(conversation: str, counter: Whose) -> dict[str, Any]:
        return counter.judged(conversation)

    @api.post(where + "/judgements", summary="A thumb on a reply or a product, or taken back")
    def judge(conversation: str, judged: Judged, counter: Whose) -> dict[str, Any]:
        if judged.turn is None and judged.product_id is None:
            raise Refused(422, "neither turn nor product_id", "at least one of the two", 'send {"verdict", "turn"}')
        return counter.judge(conversation, judged.verdict, judged.turn, judged.product_id, judged.position)
