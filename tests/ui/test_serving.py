"""The page from outside: HTTP, gradio_client, logins, a proxy, other sites, and what --share-nothing promises."""

import json
import re
import shutil
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from shopping_assistant.assistant.chat_models import ShopError
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.ui import logins
from shopping_assistant.ui.logins import Logins
from shopping_assistant.ui.serving import PageError, Serving
from tests.ui.sub_path_proxy import free_port, proxy

BOOTS = "show me black ankle boots under 120"


@pytest.fixture(scope="module")
def store(demo_store, tmp_path_factory):
    return shutil.copytree(demo_store, tmp_path_factory.mktemp("shop") / "store")


@pytest.fixture(scope="module")
def assistant(store):
    assistant = Assistant.open(store)
    yield assistant
    assistant.close()


def served(assistant, **how):
    from shopping_assistant.ui.app import launch

    return launch(assistant, block=False, serving=Serving.of(port=free_port(), **how))


@pytest.fixture(scope="module")
def shop(assistant):
    """The address of a shop that anybody may enter."""
    app = served(assistant)
    yield app.local_url.rstrip("/")
    app.close()


@pytest.fixture(scope="module")
def guarded(assistant, tmp_path_factory):
    """The address of the same shop behind logins, below /shop."""
    file = tmp_path_factory.mktemp("logins") / "logins"
    logins.keep(file, "anna", "kestrel 1")
    logins.keep(file, "ben", "plover 2")
    app = served(assistant, auth=str(file), root_path="/shop")
    yield app.local_url.rstrip("/")
    app.close()


class Shopper:
    """A program that talks to the shop over HTTP."""

    def __init__(self, address, **how):
        self.http = httpx.Client(base_url=f"{address}/api", timeout=120, trust_env=False, **how)
        if not how:
            token = self.http.post("/shoppers").json()["shopper"]
            self.http.headers["Authorization"] = f"Bearer {token}"

    def begin(self, **wanted) -> str:
        answer = self.http.post("/conversations", json=wanted)
        assert answer.status_code == 201, answer.text
        return answer.json()["conversation"]

    def say(self, conversation, text="", **more) -> list[tuple[str, dict]]:
        """The events of a turn: (kind, data)."""
        body = {"text": text, **more}
        with self.http.stream("POST", f"/conversations/{conversation}/turns", json=body) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in answer.iter_lines() if line and not line.startswith(":")]
        kinds = [line.removeprefix("event: ") for line in lines[::2]]
        return list(zip(kinds, (json.loads(line.removeprefix("data: ")) for line in lines[1::2]), strict=True))

    def get(self, path):
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def test_a_visit_over_http(shop, assistant):
    shopper = Shopper(shop)
    conversation = shopper.begin()
    *written, (last, turn) = shopper.say(conversation, BOOTS)
    assert len(written) > 1 and {kind for kind, _ in written} == {"text"} and last == "turn"
    assert "".join(data["text"] for _, data in written) == turn["reply"]
    first, second = (p["product_id"] for p in turn["products"][:2])
    at = f"/conversations/{conversation}"

    assert shopper.http.post(f"{at}/clicks", json={"product_id": first, "position": 1}).status_code == 204
    assert assistant.events(conversation).filter(action="click")["product_id"].to_list() == [first]
    assert shopper.http.put(f"{at}/bag/{first}").json() == {"changed": True}
    assert shopper.http.put(f"{at}/bag/{first}").json() == {"changed": False}
    assert [p["product_id"] for p in shopper.get(f"{at}/bag")["products"]] == [first]
    assert shopper.http.put(f"{at}/saved/{second}", params={"position": 2}).json() == {"changed": True}
    assert [p["product_id"] for p in shopper.get(f"{at}/saved")["products"]] == [second]
    judged = shopper.http.post(f"{at}/judgements", json={"verdict": "up", "product_id": first})
    assert judged.status_code == 200 and judged.json()["products"] == {first: "up"}
    assert shopper.get(f"{at}/products/{first}")["product"]["product_id"] == first
    assert shopper.get(f"{at}/turns/1/why")["products"][0]["product_id"] == first

    _, turn = shopper.say(conversation, tap={"drop": turn["constraints"][0]})[-1]
    assert turn["shopper"] == "" and turn["tapped"]
    assert [t["turn"] for t in shopper.get(at)["turns"]] == [1, 2]
    assert shopper.http.patch(at, json={"title": "Boots for autumn"}).status_code == 204
    assert [(c["conversation"], c["title"]) for c in shopper.get("/conversations")["conversations"]] == [
        (conversation, "Boots for autumn")
    ]
    exported = shopper.http.get(f"{at}/export")
    assert "attachment" in exported.headers["content-disposition"] and BOOTS in exported.text
    assert shopper.http.delete(at).status_code == 204
    assert shopper.http.get(at).status_code == 404 and assistant.history(conversation) == []
    assert shopper.get("/conversations")["conversations"] == []


def test_forgetting_a_shopper_leaves_nothing(shop, assistant):
    shopper = Shopper(shop)
    conversation = shopper.begin()
    shopper.say(conversation, BOOTS)
    assert shopper.http.delete("/shopper").status_code == 204
    assert assistant.owner(conversation) is None
    assert shopper.http.get(f"/conversations/{conversation}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None), ("PATCH", "", {"title": "mine"}), ("DELETE", "", None), ("GET", "/export", None),
        ("POST", "/turns", {"text": "hello"}), ("GET", "/turns/1/why", None), ("GET", "/products/p1", None),
        ("POST", "/clicks", {"product_id": "p1"}), ("GET", "/bag", None), ("PUT", "/bag/p1", None),
        ("DELETE", "/bag/p1", None), ("GET", "/saved", None), ("PUT", "/saved/p1", None), ("DELETE", "/saved/p1", None),
        ("GET", "/judgements", None), ("POST", "/judgements", {"verdict": "up", "turn": 1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_somebody_elses_is_not_there(shop, method, path, body):
    owner, other = Shopper(shop), Shopper(shop)
    conversation = owner.begin()
    answers = [
        other.http.request(method, f"/conversations/{asked}{path}", json=body)
        for asked in (conversation, "0" * 32)  # somebody's, and nobody's
    ]
    assert [a.status_code for a in answers] == [404, 404]
    assert len({re.sub("[0-9a-f]{32}", "…", a.text) for a in answers}) == 1, "the two can be told apart"
    assert other.get("/conversations")["conversations"] == []


@pytest.mark.parametrize(
    ("method", "path", "asked", "status", "said"),
    [
        ("GET", "/conversations", {"headers": {"Authorization": ""}}, 401, "POST /api/shoppers"),
        ("GET", "/conversations", {"headers": {"Authorization": "Bearer anna"}}, 401, "32 hexadecimal digits"),
        ("POST", "/conversations/ID/turns", {"json": {"txt": "boots"}}, 422, "the field 'txt'"),
        ("POST", "/conversations/ID/turns", {"json": {"text": "x" * 1001}}, 422, "at most 1000 characters"),
        ("POST", "/conversations/ID/turns", {"json": {"text": "  "}}, 422, "one of the two"),
        ("POST", "/conversations/ID/turns", {"content": b"not json"}, 422, "json"),
        ("POST", "/conversations/ID/turns", {"content": b" " * 20_000}, 413, "16384 bytes"),
        ("POST", "/conversations/ID/clicks", {"json": {"product_id": "none"}}, 404, "'none'"),
        ("POST", "/conversations/ID/judgements", {"json": {"verdict": "great", "turn": 1}}, 422, "'up' or 'down'"),
        ("GET", "/conversations/ID/turns/9/why", {}, 404, "9"),
        ("GET", "/nothing", {}, 404, "/api/openapi.json"),
        ("PUT", "/conversations", {}, 405, "PUT"),
    ],
    ids=["nobody", "no-token", "misspelt", "too-long", "empty", "no-json", "too-large", "no-product", "no-verdict",
         "no-turn", "no-path", "no-method"],
)  # fmt: skip
def test_mistakes_are_told_with_what_to_do(shop, method, path, asked, status, said):
    shopper = Shopper(shop)
    answer = shopper.http.request(method, path.replace("ID", shopper.begin()), **asked)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"], answer.text


def test_a_client_that_goes_away_loses_nothing(shop):
    shopper = Shopper(shop)
    conversation = shopper.begin()
    with shopper.http.stream("POST", f"/conversations/{conversation}/turns", json={"text": BOOTS}) as answer:
        next(answer.iter_lines())
    turns, patience = [], time.monotonic() + 60
    while not turns and time.monotonic() < patience:
        turns = shopper.get(f"/conversations/{conversation}")["turns"]
        time.sleep(0.05)
    assert turns and turns[0]["products"]
    assert shopper.say(conversation, "not leather")[-1][1]["turn"] == 2


def test_the_endpoint_describes_itself_and_loads_nothing(shop):
    shopper = Shopper(shop)
    described = shopper.get("/openapi.json")
    assert "/conversations/{conversation}/turns" in described["paths"]
    assert [shopper.http.get(page).status_code for page in ("/docs", "/redoc")] == [404, 404]


def test_the_same_conversation_with_gradio_client(shop, assistant):
    shopper = Shopper(shop)
    token = shopper.http.headers["Authorization"].removeprefix("Bearer ")
    client = Client(shop, verbose=False)
    conversation = client.predict(shopper=token, api_name="/start")["conversation"]
    *written, last = client.submit(BOOTS, conversation, token, api_name="/chat")
    assert last["type"] == "turn" and last["turn"]["products"]
    assert [w["text"] for w in written] == sorted((w["text"] for w in written), key=len)
    assert last["turn"]["reply"].startswith(written[-1]["text"])
    pid = last["turn"]["products"][0]["product_id"]
    client.predict(conversation, pid, 1, token, api_name="/click")
    assert [p["product_id"] for p in client.predict(conversation, pid, token, api_name="/put_into_bag")] == [pid]
    # What one door began goes on through the other.
    shopper.say(conversation, "not leather")
    assert [t["turn"] for t in client.predict(conversation, token, api_name="/history")] == [1, 2]
    assert [c["conversation"] for c in client.predict(token, api_name="/conversations")] == [conversation]
    with pytest.raises(AppError, match="one of your own"):
        client.predict(conversation, "b" * 32, api_name="/history")
    assert client.predict(conversation, token, api_name="/delete_conversation") == {"deleted": conversation}
    assert assistant.owner(conversation) is None


# Other sites --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("GET", {"Origin": "http://HOST"}, 200),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403),
        ("GET", {"Origin": "https://evil.example"}, 403),
        ("GET", {"Origin": "null"}, 403),
        ("GET", {"Origin": "http://127.0.0.1:1"}, 403),
        ("OPTIONS", {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", {"Host": "evil.example"}, 421),
    ],
    ids=["program", "page", "page-by-origin", "link", "frame", "other-port", "form", "other-origin", "sandbox",
         "other-port-by-origin", "asking-first", "rebound-name"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/api/", "/gradio_api/info"])
def test_the_page_of_another_site_gets_nothing(shop, path, method, headers, status):
    headers = {name: value.replace("HOST", shop.removeprefix("http://")) for name, value in headers.items()}
    answer = httpx.request(method, f"{shop}{path}", headers=headers, trust_env=False)
    assert answer.status_code == status, answer.text
    assert status == 200 or set(answer.json()) == {"error", "value", "expected", "remedy"}


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=https://example.com/x.png", "/gradio_api/file=HTTP://example.com", "/gradio_api/proxy=https://a.hf.space",
        "/gradio_api/deep_link?session_hash=a", "/monitoring/summary", "/gradio_api/vibe-code", "/gradio_api/runs",
        "/gradio_api/dev/reload", "/docs", "/openapi.json", "/manifest.json",
    ],
)  # fmt: skip
def test_what_the_page_does_not_need_is_shut(shop, path):
    assert httpx.get(f"{shop}{path}", trust_env=False).status_code == 404


@pytest.mark.parametrize("path", ["/", "/theme.css", "/api/", "/nothing"])
def test_a_browser_is_told_to_load_nothing_from_elsewhere(shop, path):
    policy = httpx.get(f"{shop}{path}", trust_env=False).headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'self'" in policy
    assert "http" not in policy and "*" not in policy


# Logins and a proxy -------------------------------------------------------------------------------------------------


def test_nobody_comes_in_without_a_login(guarded):
    with httpx.Client(base_url=guarded, trust_env=False) as http:
        assert "auth_required" in http.get("/").text
        assert http.get("/config").status_code == 401
        assert (
            http.post("/gradio_api/queue/join", json={"data": [], "fn_index": 0, "session_hash": "a"}).status_code
            == 401
        )
        assert http.get("/api/conversations").status_code == 401
        assert http.post("/api/shoppers").status_code == 403
        for name, password in (("anna", "plover 2"), ("carl", "kestrel 1"), ("anna", "")):
            assert http.get("/api/conversations", auth=(name, password)).status_code == 401
            assert http.post("/login", data={"username": name, "password": password}).status_code in (400, 422)
        assert http.get("/api/conversations", headers={"Authorization": "Bearer " + "a" * 32}).status_code == 401


def test_a_login_has_its_conversations_on_every_device(guarded):
    anna, ben = (Shopper(guarded, auth=who) for who in (("anna", "kestrel 1"), ("ben", "plover 2")))
    conversation = anna.begin()
    anna.say(conversation, BOOTS)
    client = Client(guarded, auth=("anna", "kestrel 1"), verbose=False)
    assert [c["conversation"] for c in client.predict(api_name="/conversations")] == [conversation]
    # A token cannot take the place of the login.
    with pytest.raises(AppError, match="one of your own"):
        Client(guarded, auth=("ben", "plover 2"), verbose=False).predict(conversation, "a" * 32, api_name="/history")
    assert ben.http.get(f"/conversations/{conversation}").status_code == 404
    with httpx.Client(base_url=guarded, trust_env=False) as browser:
        assert browser.post("/login", data={"username": "anna", "password": "kestrel 1"}).status_code == 200
        assert browser.get(f"/api/conversations/{conversation}").status_code == 200


@pytest.mark.parametrize("strip", [True, False], ids=["stripped", "whole-path"])
def test_behind_a_proxy_below_a_path(guarded, strip):
    with proxy(guarded, "/shop", strip=strip) as address:
        _walk_through(address, ("anna", "kestrel 1"))


def test_behind_a_proxy_that_names_the_path_itself(shop):
    with proxy(shop, "/deep/shop", forwarded=True) as address:
        _walk_through(address, None)


def _walk_through(address: str, who: tuple[str, str] | None) -> None:
    """Page, assets, events, SSE, login and HTTP through a proxy."""
    with httpx.Client(trust_env=False, timeout=60) as browser:
        if who:
            assert browser.post(f"{address}/login", data={"username": who[0], "password": who[1]}).status_code == 200
        page = browser.get(f"{address}/").text
        root = json.loads(re.search(r"window.gradio_config = (.*?);\s*</script>", page)[1])["root"]
        # Of a proxy that tells nothing, only the path is known here; the browser knows the rest.
        assert urlsplit(root).path == urlsplit(address).path and "gradio_config.root = (location" in page
        for asset in re.findall(r'(?:src|href)="\./(assets/[^"]+)"', page):
            assert browser.get(f"{address}/{asset}").status_code == 200
        assert browser.get(f"{address}/theme.css").status_code == 200
    client = Client(f"{address}/", auth=who, verbose=False) if who else Client(f"{address}/", verbose=False)
    token = "" if who else "c" * 32
    conversation = client.predict(shopper=token, api_name="/start")["conversation"]
    assert list(client.submit(BOOTS, conversation, token, api_name="/chat"))[-1]["turn"]["products"]
    shopper = Shopper(address, auth=who) if who else Shopper(address)
    assert shopper.say(shopper.begin(), BOOTS)[-1][0] == "turn"


# Starting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"auth": "secret-alone"}, "no colon"),
        ({"auth": "anna:"}, "a password of 0 bytes"),
        ({"auth": "anna:" + "x" * 73}, "1 to 72 bytes"),
        ({"auth": ":secret-password"}, "the name ''"),
        ({"auth": "0" * 32 + ":secret-password"}, "32 hexadecimal digits"),
        ({"root_path": "shop"}, "a path such as /shop"),
        ({"root_path": "ftp://shop.example"}, "a path such as /shop"),
        ({"root_path": "https://shop.example/a?b"}, "a path such as /shop"),
        ({"root_path": '/"><script>'}, "a path such as /shop"),
        ({"share_nothing": True, "model": "openai:gpt-5-mini"}, "contradict"),
        ({"share_nothing": True, "base_url": "http://192.0.2.1/v1"}, "contradict"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_contradicts_itself_is_refused(asked, said):
    with pytest.raises(ShopError, match=re.escape(said)) as refused:
        Serving.of(**asked)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("anna:secret", "bcrypt hash"),
        ("secret", "bcrypt hash"),
        ("", "holds no login"),
        ("TWICE", "stands there twice"),
    ],
    ids=["plain-password", "no-name", "empty", "twice"],
)
def test_a_file_of_logins_holds_hashes_only(tmp_path, line, said):
    file = tmp_path / "logins"
    if line == "TWICE":
        logins.keep(file, "anna", "kestrel 1")
        line = file.read_text() * 2
    file.write_text(line)
    with pytest.raises(logins.LoginError, match=said) as refused:
        Logins.of(str(file))
    assert "secret" not in str(refused.value)


def test_a_login_is_written_hashed_and_for_its_owner_only(tmp_path):
    file = tmp_path / "logins"
    assert not logins.keep(file, "anna", "kestrel 1") and not logins.keep(file, "ben", "plover 2")
    assert logins.keep(file, "anna", "kestrel 3")
    assert "kestrel" not in file.read_text() and file.stat().st_mode & 0o077 == 0
    assert Logins.of(str(file)).names == {"anna", "ben"}


@pytest.mark.parametrize(
    ("asked", "warned"),
    [({}, 0), ({"host": "0.0.0.0"}, 1), ({"host": "0.0.0.0", "auth": "anna:kestrel"}, 1), ({"host": "::1"}, 0)],
    ids=["here", "open-to-all", "unencrypted", "here-6"],
)
def test_an_open_door_is_said(asked, warned):
    assert len(Serving.of(**asked).warnings()) == warned


def test_a_taken_port_is_said(assistant):
    from shopping_assistant.ui.app import launch

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PageError, match=f"port {port} on 127.0.0.1 cannot be used: it is taken"):
            launch(assistant, port=port, block=False)


def test_weights_that_are_cut_off_are_said_at_the_start(demo_store, tmp_path):
    from shopping_assistant.ui.app import launch

    store = shutil.copytree(demo_store, tmp_path / "store")
    weights = store / "models" / "ids" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assistant = Assistant.open(store)
    try:
        with pytest.raises(PageError, match=r"ids/model.safetensors cannot be read .*shop build"):
            launch(assistant, port=free_port(), block=False)
    finally:
        assistant.close()


def test_share_nothing_keeps_nothing_and_reaches_nobody(demo_store, tmp_path):
    store = shutil.copytree(demo_store, tmp_path / "store")
    assistant = Assistant.open(store)
    app = served(assistant, share_nothing=True)
    try:
        shopper = Shopper(app.local_url.rstrip("/"))
        conversation = shopper.begin()
        assert conversation.startswith("guest-")
        turn = shopper.say(conversation, "show me crimson ankle boots for Quillon")[-1][1]
        assert shopper.say(conversation, "something else")[-1][1]["turn"] == 2
        shopper.http.put(f"/conversations/{conversation}/bag/{turn['products'][0]['product_id']}")
        with socket.socket() as outward, pytest.raises(OSError, match="no connection to another machine"):
            outward.connect(("192.0.2.1", 80))
        with pytest.raises(OSError, match="no name of another machine"):
            socket.getaddrinfo("shop.example", 80)
    finally:
        app.close()
        assistant.close()
    for file in store.rglob("*"):
        assert not file.is_file() or b"Quillon" not in file.read_bytes(), file
    reopened = Assistant.open(store)
    assert reopened.threads() == [] and reopened.events().height == 0
    reopened.close()
