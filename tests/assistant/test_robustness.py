"""What goes wrong in a turn stays in that turn: tools, reading, a changing shop, shoppers in a hurry, odd names."""

import json
import threading

import pytest

from shopping_assistant.assistant import toolbox
from shopping_assistant.assistant.agent_tools.desk import Nothing, ToolResult, tool
from shopping_assistant.assistant.answers.failures import SORRY
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.tools.stock_changes import add_products, remove_products


def shown(turn) -> list[str]:
    return [p["product_id"] for p in turn["products"]]


def test_a_tool_that_breaks_is_told_kindly_and_kept_in_the_trace(assistant, thread, monkeypatch):
    @tool(Nothing)
    def show_bag(desk, given) -> ToolResult:
        """What is in the bag."""
        raise ZeroDivisionError("no bag to divide by")

    assistant.turn(thread, "black ankle boots, not leather")
    monkeypatch.setitem(toolbox.TOOLS, "show_bag", show_bag)
    turn = assistant.turn(thread, "what is in my bag?")
    assert "did not work" in turn["reply"] and "ZeroDivisionError" in turn["tools"][0]["error"]
    monkeypatch.undo()
    assert "empty" in assistant.turn(thread, "what is in my bag?")["reply"]
    assert "material" in {c["attribute"] for c in assistant.turn(thread, "cheaper")["constraints"]}


def test_a_sentence_that_cannot_be_read_leaves_the_wishes_as_they_were(assistant, thread, monkeypatch):
    before = assistant.turn(thread, "black ankle boots, not leather")

    def fails(text, known):
        raise RuntimeError("unreadable")

    monkeypatch.setattr(assistant.shelf.understanding, "understand", fails)
    broken = assistant.turn(thread, "cheaper")
    assert broken["reply"] == SORRY and "unreadable" in broken["tools"][0]["error"]
    monkeypatch.undo()
    after = assistant.turn(thread, "under 120")
    held = [c for c in after["constraints"] if c["attribute"] != "price"]
    assert held == before["constraints"] and after["products"]


def test_a_turn_sees_one_shop_however_the_store_changes_meanwhile(assistant, store, thread, tmp_path, monkeypatch):
    """While a search runs, another shopper's turn opens the changed store: this turn ends as it began."""
    search = toolbox.TOOLS["search_products"]
    new = tmp_path / "new.jsonl"
    new.write_text(json.dumps({"product_id": "cl1", "title": "Teal Cork Clogs", "category": "clogs", "price": 75.0}))

    def slow(desk, given):
        if desk.thread_id == thread:
            add_products(new, store.path)
            remove_products(["ab3"], store.path)
            assert shown(assistant.turn("another", "show me clogs")) == ["cl1"]
        return search.run(desk, given)

    monkeypatch.setitem(
        toolbox.TOOLS, "search_products", type(search)(search.name, search.description, search.arguments, slow)
    )
    turn = assistant.turn(thread, "black ankle boots")
    assert "ab3" in shown(turn) and not turn["tools"][0]["error"]
    monkeypatch.undo()
    assert "ab3" not in shown(assistant.turn(thread, "black ankle boots under 120"))


def test_two_sentences_at_once_in_one_conversation_are_answered_one_after_the_other(assistant, thread):
    assistant.turn(thread, "shoes")
    said = ["black ones", "not leather", "women's", "under 120", "what is in my bag?", "no heels"]
    answered = []
    threads = [threading.Thread(target=lambda s=s: answered.append(assistant.turn(thread, s))) for s in said]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(t["turn"] for t in answered) == list(range(2, 2 + len(said)))
    assert {t["shopper"] for t in answered} == set(said) and all(t["reply"] != SORRY for t in answered)
    last = {c["attribute"] for c in max(answered, key=lambda t: t["turn"])["constraints"]}
    assert {"color", "material", "price"} <= last
    assert len(assistant.history(thread)) == 1 + len(said)


def test_a_reply_that_nobody_reads_to_its_end_blocks_no_later_one(assistant, thread):
    stream = assistant.stream(thread, "black ankle boots")
    next(stream)
    stream.close()
    assert assistant.turn(thread, "not leather")["products"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../etc",
        "a'; DROP TABLE turns; --",
        "mañana 🧥 / %s {}",
        "a\x00b",
        "x" * 5_000,
        "tab\tand\nline",
    ],
    ids=["empty", "a path", "SQL", "signs", "a zero", "long", "white"],
)
def test_a_conversation_may_be_called_anything(store, name):
    opened = Assistant.open(store.path)
    opened.turn(name, "black ankle boots, not leather")
    turn = opened.turn(name, "add the first one to my bag")
    assert len(opened.bag(name)) == 1 and turn["turn"] == 2
    assert [t["turn"] for t in opened.history(name)] == [1, 2] and len(opened.history("another")) == 0
    opened.close()
    again = Assistant.open(store.path)
    assert again.turn(name, "what is in my bag?")["turn"] == 3 and len(again.bag(name)) == 1
    again.close()


@pytest.mark.parametrize(
    "text", ["", " \n ", "\x00", "\ud83e boots", "🧥" * 700, "a" * 9_000, "((((", "%s %d {}", "<b>boots</b>"]
)
def test_a_shopper_may_type_anything(assistant, thread, text):
    turn = assistant.turn(thread, text)
    assert turn["reply"] and turn["reply"] != SORRY
    assert assistant.turn(thread, "black ankle boots")["products"]
