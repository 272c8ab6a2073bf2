"""What fails while a chat is open, each with the real thing: one sentence, the cause in the trace, nothing lost."""

import logging
import resource
import shutil
import sqlite3
from contextlib import contextmanager

import pytest

from shopping_assistant.assistant import kept_file, toolbox
from shopping_assistant.assistant.agent_tools.desk import Nothing, ToolResult, tool
from shopping_assistant.assistant.agent_tools.searching import Search
from shopping_assistant.assistant.conversation import Assistant
from tests.assistant.openai_server import Status, perfect_caller, serving


def said(assistant, thread) -> list[str]:
    return [t["shopper"] for t in assistant.history(thread)]


def about(turn) -> set[str]:
    return {w["attribute"] for w in turn["constraints"]}


@contextmanager
def no_room():
    """The disk takes no byte more: what this process writes to any file fails, as on a full one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@tool(Search)
def search_products(desk, given) -> ToolResult:
    """Find products."""
    raise OSError(5, f"the index broke on {given.query!r}")


def test_a_tool_that_raises_is_told_in_a_sentence(assistant, thread, monkeypatch, caplog):
    monkeypatch.setitem(toolbox.TOOLS, "search_products", search_products)
    with caplog.at_level(logging.DEBUG, logger="shopping_assistant.assistant"):
        turn = assistant.turn(thread, "scarlet ankle boots")
    assert "cannot look through the shop" in turn["reply"] and "try again" in turn["reply"] and turn["products"] == []
    assert "OSError" in turn["tools"][0]["error"] and "index broke" in assistant.trace(thread)[0]["tools"][0]["error"]
    assert "OSError (EIO)" in caplog.text and "scarlet" not in caplog.text and "boots" not in caplog.text
    monkeypatch.undo()
    after = assistant.turn(thread, "under 120")
    assert about(after) >= {"category", "price"} and after["products"]


def test_of_two_things_the_one_that_fails_is_told_beside_the_other(assistant, thread, monkeypatch):
    assistant.turn(thread, "black ankle boots")
    monkeypatch.setitem(toolbox.TOOLS, "search_products", search_products)
    turn = assistant.turn(thread, "put the first one in my bag and show me pumps")
    assert len(assistant.bag(thread)) == 1
    assert "in your bag now" in turn["reply"] and "cannot look through the shop" in turn["reply"]


def test_a_tool_of_ones_own_that_raises(assistant, thread, monkeypatch):
    """Registered as docs/add-a-tool.md shows; nothing is known of it but that it failed."""

    @tool(Nothing)
    def show_bag(desk, given) -> ToolResult:
        """What is in the bag."""
        raise RuntimeError("not today")

    monkeypatch.setitem(toolbox.TOOLS, "show_bag", show_bag)
    turn = assistant.turn(thread, "what is in my bag?")
    assert "bag did not work just now" in turn["reply"] and "RuntimeError: not today" in turn["tools"][0]["error"]


def test_a_hosted_model_is_told_what_to_say_of_a_tool_that_raises(store, thread, monkeypatch):
    monkeypatch.setitem(toolbox.TOOLS, "search_products", search_products)
    with serving(perfect_caller) as server:
        opened = Assistant.open(store.path, base_url=server.url)
        turn = opened.turn(thread, "ankle boots")
        assert "tell_shopper" in server.asked[-1]["messages"][-1]["content"]
        assert "cannot look through the shop" in turn["reply"]
        opened.close()


def test_a_chat_model_that_goes_down_is_stood_in_for(store, thread):
    with serving(perfect_caller, perfect_caller, Status(503, "gone for lunch")) as server:
        opened = Assistant.open(store.path, base_url=server.url)
        first = opened.turn(thread, "black ankle boots")
        turn = opened.turn(thread, tap={"drop": first["constraints"][0]})
        assert turn["products"] and turn["reply"]
        assert [t["name"] for t in turn["tools"] if t["error"]] == ["chat_model"]
        opened.close()


def test_a_full_disk(assistant, thread, caplog):
    first = assistant.turn(thread, "black ankle boots")
    with no_room():
        full = assistant.turn(thread, "not leather")
        assert "disk" in full["reply"] and "try again" in full["reply"] and "sqlite" not in full["reply"].lower()
        assert "ConversationsError" in full["tools"][0]["error"] and "OperationalError" in full["tools"][0]["error"]
        assert full["constraints"] == first["constraints"] and full["shopper"] == "not leather"
        tapped = assistant.turn(thread, tap={"undo": True})
        assert tapped["tapped"] == {"undo": True} and tapped["turn"] == 3
        assert said(assistant, thread) == ["black ankle boots", "not leather", ""]
        assert "disk" in assistant.turn("another", "red pumps")["reply"]
    assert "leather" not in caplog.text and "pumps" not in caplog.text
    after = assistant.turn(thread, "under 120")
    assert after["turn"] == 4 and after["products"] and about(after) == {"color", "category", "price"}
    assert [t["turn"] for t in assistant.history(thread)] == [1, 2, 3, 4]
    assert assistant.turn("another", "red pumps")["turn"] == 2


def test_what_was_said_while_the_disk_was_full_is_written_later(store, thread):
    opened = Assistant.open(store.path)
    opened.turn(thread, "black ankle boots")
    with no_room():
        opened.turn(thread, "not leather")
    opened.turn(thread, "thanks")
    opened.close()
    again = Assistant.open(store.path)
    assert said(again, thread) == ["black ankle boots", "not leather", "thanks"]
    assert "disk" in again.history(thread)[1]["reply"] and "disk" in again.trace(thread)[1]["tools"][0]["error"]
    again.close()


def test_what_waits_to_be_written_is_deleted_with_its_conversation(assistant, thread):
    assistant.turn(thread, "black ankle boots")
    with no_room():
        assistant.turn(thread, "a secret")
    assistant.delete(thread)
    assert assistant.history(thread) == [] and assistant.turn(thread, "hello")["turn"] == 1


def test_a_file_that_is_in_use_elsewhere(store, thread, monkeypatch):
    monkeypatch.setattr(kept_file, "_PATIENCE_SECONDS", 0.05)
    opened = Assistant.open(store.path)
    opened.turn(thread, "black ankle boots")
    other = sqlite3.connect(store.conversations_path)
    other.execute("BEGIN IMMEDIATE")
    busy = opened.turn(thread, "not leather")
    assert "try again in a moment" in busy["reply"] and "locked" in busy["tools"][0]["error"]
    assert said(opened, thread) == ["black ankle boots", "not leather"]
    other.rollback()
    other.close()
    assert opened.turn(thread, "not leather")["products"] and len(said(opened, thread)) == 3
    opened.close()


def test_a_file_that_may_only_be_read(store, thread):
    """A connection that may only read, as one to a file of somebody else's is; it is opened anew once it may write."""
    opened = Assistant.open(store.path)
    opened.turn(thread, "black ankle boots")
    for kept in (opened._log._disk._connection, opened._saver.conn):
        kept.execute("PRAGMA query_only=ON")
    turn = opened.turn(thread, "not leather")
    assert "may only be read" in turn["reply"] and "readonly" in turn["tools"][0]["error"]
    assert said(opened, thread) == ["black ankle boots", "not leather"]
    after = opened.turn(thread, "not leather")
    assert after["products"] and after["turn"] == 3 and "material" in about(after)
    opened.close()


def overwritten(path, data: bytes) -> None:
    with path.open("r+b") as file:  # the same file that is open, not another one in its place
        file.write(data)


@pytest.mark.parametrize("way_out", ["mended", "moved away"])
def test_a_damaged_file(store, thread, way_out):
    opened = Assistant.open(store.path)
    opened.turn(thread, "black ankle boots")
    files = [p for p in store.path.glob("conversations.sqlite*") if not p.name.endswith("-shm")]
    good = {p: p.read_bytes() for p in files}
    for path, data in good.items():
        overwritten(path, b"no database " * (len(data) // 12))
    turn = opened.turn(thread, "not leather")
    assert "damaged" in turn["reply"] and "DatabaseError" in turn["tools"][0]["error"]
    for path, data in good.items():
        if way_out == "mended":
            overwritten(path, data)
        else:
            path.rename(path.with_suffix(".damaged"))
    if way_out == "moved away":
        store.path.joinpath("conversations.sqlite-shm").unlink(missing_ok=True)
    after = opened.turn(thread, "red pumps")
    assert after["products"] and after["act"] == "search"
    before = ["black ankle boots"] if way_out == "mended" else []
    assert said(opened, thread) == [*before, "not leather", "red pumps"]
    opened.close()


def test_a_store_that_is_away_for_a_while(store, thread):
    opened = Assistant.open(store.path)
    first = opened.turn(thread, "black ankle boots")
    away = store.path.rename(store.path.with_name("away"))
    turn = opened.turn(thread, "not leather")
    assert turn["products"] and about(turn) > about(first)
    away.rename(store.path)
    assert opened.turn(thread, "under 120")["turn"] == 3
    opened.close()


def test_weights_that_cannot_be_read(demo_store, tmp_path, thread):
    store = shutil.copytree(demo_store, tmp_path / "shop")
    opened = Assistant.open(store)
    weights = sorted((store / "models" / "recommender").rglob("*.safetensors"))
    good = [w.read_bytes() for w in weights]
    for path in weights:
        path.unlink()
        path.write_bytes(b"no weights")
    opened.turn(thread, "black ankle boots")
    turn = opened.turn(thread, "what would you recommend for me?")
    assert "cannot recommend" in turn["reply"] and "I can search" in turn["reply"] and turn["tools"][0]["error"]
    assert opened.turn(thread, "under 120")["products"]
    for path, data in zip(weights, good, strict=True):
        path.write_bytes(data)
    assert opened.turn(thread, "what would you recommend for me?")["products"]
    opened.close()


def test_a_reply_that_nobody_reads_to_its_end_is_in_the_history(assistant, thread):
    stream = assistant.stream(thread, "black ankle boots")
    next(stream)
    stream.close()
    (turn,) = assistant.history(thread)
    assert turn["shopper"] == "black ankle boots" and turn["products"] and turn["reply"]
