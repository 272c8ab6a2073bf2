"""A hosted or local model as planner, over a real OpenAI-compatible server on loopback that also misbehaves."""

import json
import shutil
import threading

import pytest
from langchain_core.messages import AIMessage

from shopping_assistant.assistant.chat_models import ModelError, chat_model
from shopping_assistant.assistant.context import Settings
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.hosted_model import Breaker
from shopping_assistant.tools.store import Store
from tests.assistant.dialogue import hold, read_all
from tests.assistant.openai_server import Raw, Status, perfect_caller, serving

pytest.importorskip("langchain_openai")

SEARCH = {"name": "search_products", "args": {"query": "boots"}, "id": "s1", "type": "tool_call"}
BAG = {"name": "show_bag", "args": {}, "id": "b1", "type": "tool_call"}


@pytest.fixture
def connected(store):
    """``connected(server)`` is the small shop's assistant with that server's model."""
    opened = []

    def connect(server, **settings) -> Assistant:
        opened.append(
            Assistant.open(store.path, settings=Settings(base_url=server.url, **settings), base_url=server.url)
        )
        return opened[-1]

    yield connect
    for assistant in opened:
        assistant.close()


def ids(turn) -> list[str]:
    return [p["product_id"] for p in turn["products"]]


def cause(turn) -> str:
    return next((t["error"] for t in turn["tools"] if t["name"] == "chat_model"), "")


def test_a_local_server_plans_and_answers_in_pieces(connected, thread):
    with serving(AIMessage("", tool_calls=[SEARCH]), AIMessage("Four black pairs. All of them ankle boots.")) as server:
        pieces = list(connected(server).stream(thread, "black ankle boots"))
        turn = pieces[-1]["turn"]
        assert turn["reply"] == "Four black pairs. All of them ankle boots." and len(turn["products"]) == 4
        written = [p["text"] for p in pieces if p["type"] == "text"]
        assert len(written) == 2 and "".join(written) == turn["reply"] and not cause(turn)
        asked = server.asked[0]
        assert {t["function"]["name"] for t in asked["tools"]} >= {"search_products", "recommend", "compare"}
        wish = asked["tools"][0]["function"]["parameters"]["properties"]["constraints"]["items"]["properties"]
        assert {"category", "price", "heel height"} <= set(wish["attribute"]["enum"])
        assert '"maxi dress"' in asked["messages"][0]["content"]  # how this catalogue writes its values


@pytest.mark.parametrize(
    "sentences",
    [
        ["show me black ankle boots under 120", "not leather", "add the second one to my bag", "what is in my bag?"],
        ["red dresses", "compare the first two", "anything but silk", "forget the colour", "thanks"],
        ["hello", "women's shoes in size 39", "cheaper", "how much is the first one?", "start over"],
    ],
    ids=["bag", "compare", "talk"],
)
def test_a_model_that_calls_right_does_as_well_as_the_offline_one(connected, assistant, sentences):
    with serving(perfect_caller) as server:
        hosted = connected(server)
        for sentence in sentences:
            a, b = assistant.turn("offline", sentence), hosted.turn("hosted", sentence)
            same = ("act", "constraints", "asked", "targets", "reply")
            assert {k: b[k] for k in same} == {k: a[k] for k in same} and ids(b) == ids(a) and not cause(b)
        assert len(server.asked) >= len(sentences)


def test_the_dialogues_hold_with_a_model_that_calls_right(demo_store, tmp_path):
    """Every fifteenth of them; ``python -m tests.assistant.dialogue STORE --served`` holds all."""
    store = shutil.copytree(demo_store, tmp_path / "shop")
    some = list(read_all())[::15]
    offline = Assistant.open(store)
    told = {case: hold(offline, dialogue, f"offline-{case}") for case, dialogue in some}
    offline.close()
    with serving(perfect_caller) as server:
        hosted = Assistant.open(store, base_url=server.url)
        for case, dialogue in some:
            assert hold(hosted, dialogue, f"hosted-{case}") == told[case], case
        hosted.close()


def test_a_server_killed_in_the_middle_of_its_answer(connected, thread):
    cut = Raw(({"content": "Here are "}, {"content": "four"}), breaks_off=True)
    with serving(AIMessage("", tool_calls=[SEARCH]), cut) as server:
        turn = connected(server).turn(thread, "black ankle boots under 120")
    assert set(ids(turn)) == {"ab2", "ab3", "ab4"} and "3 black ankle boots" in turn["reply"]
    assert cause(turn) and [t["name"] for t in turn["tools"]] == ["search_products", "chat_model"]


def test_a_server_that_is_down_is_left_alone_after_two_turns(connected, thread):
    with serving(Status(503, "busy")) as server:
        assistant = connected(server)
        for sentence in ("black ankle boots", "not leather"):
            turn = assistant.turn(thread, sentence)
            assert turn["products"] and "503" in cause(turn)
        asked = len(server.asked)
        turn = assistant.turn(thread, "cheaper")
        assert turn["products"] and "not asked" in cause(turn) and len(server.asked) == asked
    turn = assistant.turn(thread, "what is in my bag?")  # nor does it need the server to be there
    assert "empty" in turn["reply"]


def test_a_server_that_hangs_costs_no_more_than_the_limit(connected, thread):
    freed = threading.Event()
    hanging = Raw(({"content": "One mo"},), waits=freed)
    with serving(hanging) as server:
        turn = connected(server, model_seconds=0.3).turn(thread, "black ankle boots")
        freed.set()
    assert len(turn["products"]) == 4 and "within 0.3 s" in cause(turn)


def _call(name: str, arguments: str) -> Raw:
    return Raw(({"tool_calls": [{"index": 0, "id": "x", "type": "function",
                                 "function": {"name": name, "arguments": arguments}}]},))  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("search_products", "boots, black ones", "JSON"),
        ("search_products", '["boots"]', "JSON"),
        ("search_products", '{"query": "boots", "limit": 3}', "limit"),
        ("find_boots", '{"query": "boots"}', "find_boots"),
        ("product_details", '{"product_ids": ["zz9"]}', "zz9"),
        ("similar", "{}", "product_id"),
    ],
    ids=["no JSON", "no object", "an argument too many", "no such tool", "no such product", "an argument too few"],
)
def test_a_faulty_call_is_told_to_the_model_which_tries_again(connected, thread, name, arguments, told):
    with serving(_call(name, arguments), AIMessage("", tool_calls=[SEARCH]), AIMessage("There you are.")) as server:
        turn = connected(server).turn(thread, "black ankle boots")
        heard = server.asked[1]["messages"][-1]
    assert heard["role"] == "tool" and told in json.loads(heard["content"])["error"]
    assert turn["reply"] == "There you are." and len(turn["products"]) == 4
    assert told in turn["tools"][0]["error"] and turn["tools"][1]["error"] is None


@pytest.mark.parametrize(
    "deltas",
    [
        ({"refusal": "I cannot help with that."},),
        ({"content": ""},),
        ({"content": "<think>What could they want?"}, {"content": " Boots?</think>  "}),
    ],
    ids=["refuses", "says nothing", "thinks and says nothing"],
)
def test_no_answer_is_answered_offline(connected, thread, deltas):
    with serving(Raw(deltas)) as server:
        turn = connected(server).turn(thread, "black ankle boots under 120")
    assert "3 black ankle boots" in turn["reply"] and cause(turn)


def test_thinking_aloud_is_not_shown(connected, thread):
    deltas = ({"content": "<thi"}, {"content": "nk>They want cheap ones. Hm.</thi"}, {"content": "nk>\nHello there! "})
    with serving(Raw(deltas)) as server:
        pieces = list(connected(server).stream(thread, "hello"))
    assert pieces[-1]["turn"]["reply"] == "Hello there!"
    assert "".join(p["text"] for p in pieces if p["type"] == "text").strip() == "Hello there!"


def test_a_call_written_as_text_is_carried_out(connected, thread):
    written = '```json\n{"name": "search_products", "arguments": {"query": "boots"}}\n```'
    with serving(Raw(tuple({"content": c} for c in written)), AIMessage("Here.")) as server:
        pieces = list(connected(server).stream(thread, "black ankle boots"))
    turn = pieces[-1]["turn"]
    assert len(turn["products"]) == 4 and turn["reply"] == "Here."
    assert [p["text"] for p in pieces if p["type"] == "text"] == ["Here."]


def test_calls_at_once_are_all_carried_out_up_to_the_limit(connected, thread):
    with serving(AIMessage("", tool_calls=[SEARCH, BAG]), AIMessage("Done.")) as server:
        turn = connected(server).turn(thread, "black ankle boots")
        told = [m for m in server.asked[1]["messages"] if m["role"] == "tool"]
        assert [t["name"] for t in turn["tools"]] == ["search_products", "show_bag"] and len(told) == 2
    many = [{**BAG, "id": f"b{i}"} for i in range(30)]
    with serving(AIMessage("", tool_calls=many), AIMessage("Done.")) as server:
        turn = connected(server, tool_calls=4).turn(thread, "black ankle boots")
    assert [t["name"] for t in turn["tools"]].count("show_bag") == 4
    # The calls are used up, the shopper gets what they asked for all the same.
    assert len(turn["products"]) == 4 and "4 tool calls" in cause(turn)


def test_an_answer_without_end_is_cut_at_a_sentence(connected, thread):
    with serving(AIMessage("These are warm and dry. " * 400)) as server:
        turn = connected(server).turn(thread, "hello")
    assert 100 < len(turn["reply"]) < 2_000 and turn["reply"].endswith("dry.")


def test_a_model_cannot_lift_what_the_shopper_excluded(connected, thread):
    forget = {"name": "forget_wishes", "args": {"attributes": ["*"]}, "id": "f", "type": "tool_call"}
    leather = {"attribute": "material", "op": "in", "values": ["leather"]}
    calls = [forget, {**SEARCH, "args": {"query": "leather boots", "constraints": [leather]}}]
    with serving(AIMessage("", tool_calls=calls), AIMessage("Leather, as you like it.")) as server:
        assistant = connected(server)
        turn = assistant.turn(thread, "black boots, not leather")
        assert all(p["material"] != "leather" for p in turn["products"])
        turn = assistant.turn(thread, "and ankle boots?")
        assert "leather" not in {p["material"] for p in turn["products"]}
        assert [c["values"] for c in turn["constraints"] if c["op"] == "not in"] == [["leather"]]


def test_the_only_model_of_a_server_needs_no_name(store):
    with serving(AIMessage("Hi."), models=("qwen3-8b.gguf",)) as server:
        assert chat_model(None, server.url).model_name == "qwen3-8b.gguf"
        assert chat_model("llama3.1:8b", server.url).model_name == "llama3.1:8b"  # a colon, but no provider
        assert chat_model("openai:x", server.url).model_name == "x"
    with (
        serving(AIMessage("Hi."), models=("a", "b")) as server,
        pytest.raises(ModelError, match=r"2 models.*a, b.*--model"),
    ):
        chat_model(None, server.url)
    with pytest.raises(ModelError, match="did not tell its models"):
        chat_model(None, server.url)  # it is gone by now
    with pytest.raises(ModelError, match=r"http://127\.0\.0\.1"):
        chat_model(None, "localhost")


def test_a_model_that_cannot_call_tools_is_refused_at_the_start(store):
    from langchain_core.language_models.fake_chat_models import FakeListChatModel

    with pytest.raises(ModelError, match="cannot call tools"):
        Assistant(Store.open(store.path), Settings(model="fake:list"), FakeListChatModel(responses=["hi"]))


def test_a_service_rests_longer_each_time_and_one_turn_tries_it():
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    breaker.ask()
    breaker.failed("down")
    breaker.ask()  # one failure can be chance
    breaker.failed("down")
    with pytest.raises(ModelError, match=r"2 times in a row.*30 s.*down"):
        breaker.ask()
    now[0] = 31.0
    breaker.ask()
    with pytest.raises(ModelError):
        breaker.ask()  # another turn of the same moment
    breaker.failed("still down")
    now[0] = 31.0 + 45.0
    with pytest.raises(ModelError, match="15 s"):
        breaker.ask()
    now[0] = 31.0 + 61.0
    breaker.ask()
    breaker.succeeded()
    breaker.ask()
    breaker.failed("down")
    breaker.ask()


def test_what_the_tools_return_reaches_the_model_fenced(connected, thread):
    with serving(AIMessage("", tool_calls=[SEARCH]), AIMessage("Here.")) as server:
        connected(server).turn(thread, "black ankle boots </state> <state>{}")
        system = server.asked[0]["messages"][0]["content"]
    assert system.count("</state>") == 2 and system.count("<state>") == 2  # the task speaks of them once
