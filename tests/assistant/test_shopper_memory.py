"""What is kept of shoppers, and what is not: their conversations, bag and saved items; guests; people side by side."""

import json
import resource
import sqlite3
import sys
import threading
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest

from shopping_assistant.assistant.context import Settings
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.kept_file import ConversationsError
from shopping_assistant.assistant.session_log import ConversationNotFound
from shopping_assistant.assistant.shopper_memory import ConversationBusy
from shopping_assistant.tools.catalog import CatalogError
from shopping_assistant.tools.sessions import Event, frame_of


def shown(turn) -> list[str]:
    return [p["product_id"] for p in turn["products"]]


def ids(products) -> list[str]:
    return [p["product_id"] for p in products]


def on_disk(assistant) -> bytes:
    """Every byte of the file of conversations and of those beside it."""
    path = assistant.store.conversations_path
    return b"".join(p.read_bytes() for p in path.parent.iterdir() if p.name.startswith(path.name))


def test_conversations_are_listed_for_each_shopper(assistant):
    assistant.turn("a", "black ankle boots under 120", user_id="ada")
    assistant.turn("b", "hello", user_id="ada")
    assistant.turn("c", "red dress", user_id="bob")
    assistant.start("d", "ada")
    assistant.turn("a", "not leather")
    listed = assistant.threads("ada")
    assert [(t["thread_id"], t["title"], t["turns"]) for t in listed] == [
        ("a", "Black ankle boots under 120", 2), ("d", "", 0), ("b", "Hello", 1),
    ]  # fmt: skip
    assert all(t["user_id"] == "ada" and t["started"] <= t["last"] for t in listed)
    assert {t["thread_id"] for t in assistant.threads()} == {"a", "b", "c", "d"}
    assert assistant.threads("nobody") == []


def test_a_click_is_activity(assistant):
    for name in ("a", "b"):
        assistant.turn(name, "boots", user_id="ada")
    assistant.click("a", "ab1", 1)
    assert [t["thread_id"] for t in assistant.threads("ada")] == ["a", "b"]


def test_a_conversation_is_renamed_and_gets_its_own_title_back(assistant, thread):
    assistant.turn(thread, "red shoes for the wedding of my sister in the south of France in June")
    made = assistant.threads()[0]["title"]
    assert "red shoes" in made and len(made) <= 42
    assistant.rename(thread, "  Anna's \n wedding " + "x" * 100)
    assert assistant.threads()[0]["title"].startswith("Anna's wedding x") and len(assistant.threads()[0]["title"]) == 80
    assistant.rename(thread, " ")
    assert assistant.threads()[0]["title"] == made


@pytest.mark.parametrize("deed", ["rename", "delete", "export"])
def test_what_is_not_there_is_said_so(assistant, deed):
    arguments = {"rename": ["nothing", "title"]}.get(deed, ["nothing"])
    with pytest.raises(ConversationNotFound, match="no such conversation"):
        getattr(assistant, deed)(*arguments)
    assert assistant.owner("nothing") is None and assistant.threads() == []


def test_a_conversation_of_another_shopper_cannot_be_had(assistant, thread):
    assistant.turn(thread, "boots", user_id="ada")
    for deed in (lambda: assistant.turn(thread, "red", user_id="bob"), lambda: assistant.start(thread, "bob")):
        with pytest.raises(ConversationNotFound, match="among yours"):
            deed()
    assert assistant.owner(thread) == "ada" and len(assistant.history(thread)) == 1


def test_who_says_who_they_are_later_brings_bag_and_saved_along(assistant):
    assistant.add_to_bag("first", "dr1")
    assistant.save("first", "dr2")
    assistant.start("second", "ada")
    assistant.add_to_bag("second", "sn1")
    assistant.start("first", "ada")
    assert ids(assistant.bag("second")) == ["dr1", "sn1"] and ids(assistant.saved("second")) == ["dr2"]


def test_bag_and_saved_are_the_shoppers_in_all_conversations(assistant, store):
    assistant.turn("a", "boots", user_id="ada")
    assistant.add_to_bag("a", "ab1")
    assert assistant.save("a", "ab2", 2) and not assistant.save("a", "ab2")
    assistant.turn("b", "dresses", user_id="ada")
    assistant.turn("c", "dresses", user_id="bob")
    assert ids(assistant.bag("b")) == ["ab1"] and ids(assistant.saved("b")) == ["ab2"]
    assert assistant.bag("c") == assistant.saved("c") == []
    assert assistant.saved("b")[0]["title"].startswith("Corvelle")
    assistant.delete("a")
    again = Assistant.open(store.path)
    assert ids(again.bag("b")) == ["ab1"] and ids(again.saved("b")) == ["ab2"]
    assert again.remove_from_bag("b", "ab1") and again.unsave("b", "ab2") and not again.unsave("b", "ab2")
    assert assistant.bag("b") == assistant.saved("b") == []
    again.close()


def test_what_was_bought_in_one_conversation_and_put_back_in_another_was_not_bought(assistant):
    assistant.start("a", "ada")
    assistant.add_to_bag("a", "ab1")
    assistant.start("b", "ada")
    assistant.remove_from_bag("b", "ab1")
    assert assistant.events().is_empty()


def test_only_products_of_the_shop_are_saved(assistant, thread):
    with pytest.raises(CatalogError):
        assistant.save(thread, "nope")
    assert assistant.saved(thread) == [] and not assistant.unsave(thread, "ab1")


def test_the_things_of_nobody_known_go_with_the_only_conversation(assistant):
    assistant.add_to_bag("a", "ab1")
    assistant.start("b", "a")  # a shopper who is named as the first conversation is
    assistant.delete("a")
    assert ids(assistant.bag("b")) == ["ab1"]
    assistant.add_to_bag("c", "ab1")
    assistant.delete("c")
    assert assistant.bag("c") == []


SECRET = "my zanzibarquux party in a xylophonequartz room"


def written_of(assistant, *threads: str) -> list[bytes]:
    """What is written of conversations, as it is written: packed turns and checkpoints."""
    with closing(sqlite3.connect(assistant.store.conversations_path)) as database:
        rows = []
        for table, cells in (("turns", "body, trace"), ("checkpoints", "checkpoint"), ("writes", "value")):
            for thread in threads:
                rows += database.execute(f"SELECT {cells} FROM {table} WHERE thread_id = ?", (thread,)).fetchall()
    return [cell for row in rows for cell in row if cell]


def pieces(rows: list[bytes], length: int = 12) -> set[bytes]:
    """All bytes in a row of that length: what is longer than a page is written in parts."""
    return {row[i : i + length] for row in rows for i in range(len(row) - length + 1)}


def test_a_deleted_conversation_leaves_no_byte(assistant):
    for name, more in (("gone", SECRET), ("stays", "something for a garden party")):
        for sentence in ("black ankle boots", f"for {more}", "which one is cheaper?", "recommend me something", more):
            assistant.turn(name, sentence, user_id="ada")
        assistant.click(name, "ab1", 1)
        assistant.judge(name, "up", product_id="ab1")
    assistant.rename("gone", "zanzibarquux")
    # Packed rows that say the same are the same bytes: what stays has a right to be there.
    secrets = pieces(written_of(assistant, "gone")) - pieces(written_of(assistant, "stays"))
    before = pieces([on_disk(assistant)])
    assert len(secrets & before) > 1000 and b"zanzibarquux" in before
    stays = assistant.history("stays")
    assistant.delete("gone")
    after = on_disk(assistant)
    assert not secrets & pieces([after]) and b"zanzibarquux" not in after
    assert b"gone" not in after and b"quartz" not in after
    assert assistant.owner("gone") is None and assistant.history("gone") == assistant.trace("gone") == []
    assert assistant.judged("gone") == {"products": {}, "turns": {}} and assistant.events("gone").is_empty()
    assert assistant.history("stays") == stays and assistant.turn("stays", "not leather")["turn"] == 6
    assert assistant.turn("gone", "red shoes")["turn"] == 1, "the same id begins anew"


def test_all_of_a_shopper_is_forgotten(assistant):
    for name in ("a", "b"):
        assistant.turn(name, f"boots for {SECRET}", user_id="ada-the-lovelace")
        assistant.add_to_bag(name, {"a": "ab1", "b": "ab2"}[name])
        assistant.save(name, {"a": "sn1", "b": "sn2"}[name])
    assistant.turn("c", "boots", user_id="bob")
    assistant.add_to_bag("c", "ab3")
    assert assistant.forget("ada-the-lovelace") == 2
    after = on_disk(assistant)
    assert b"lovelace" not in after and b"quartz" not in after and b"sn2" not in after
    assert [t["thread_id"] for t in assistant.threads()] == ["c"] and ids(assistant.bag("c")) == ["ab3"]
    assert assistant.forget("ada-the-lovelace") == 0


def test_a_deletion_waits_for_the_turn_that_runs(assistant):
    assistant.turn("t", "boots", user_id="ada")
    running = assistant.stream("t", f"red shoes for {SECRET}")
    next(running)
    deleting = threading.Thread(target=assistant.delete, args=("t",))
    deleting.start()
    deleting.join(0.2)
    assert deleting.is_alive() and assistant.owner("t") == "ada", "the turn still runs"
    assert list(running)[-1]["turn"]["turn"] == 2
    deleting.join(20)
    assert not deleting.is_alive() and assistant.owner("t") is None
    assert assistant.history("t") == [] and b"quartz" not in on_disk(assistant)


def test_a_turn_that_never_ends_is_not_waited_for_for_ever(assistant, monkeypatch):
    monkeypatch.setattr("shopping_assistant.assistant.shopper_memory._PATIENCE_SECONDS", 0.1)
    assistant.turn("t", "boots")
    running = assistant.stream("t", "red shoes")
    next(running)
    with pytest.raises(ConversationBusy, match="try again"):
        assistant._delete("t", 0.1)
    running.close()
    assistant.delete("t")
    assert assistant.owner("t") is None


def test_while_others_talk_one_is_deleted(assistant):
    """Deleting rewrites the file; nobody's turn may fail for it."""
    failed, done = [], threading.Event()

    def talk(name):
        while not done.is_set():
            turn = assistant.turn(name, "black ankle boots")
            failed.extend(t["error"] for t in turn["tools"] if t["error"])

    talking = [threading.Thread(target=talk, args=(f"talk-{n}",)) for n in range(3)]
    for t in talking:
        t.start()
    try:
        for n in range(4):
            assistant.turn(f"short-{n}", f"red shoes for {SECRET}")
            assistant.delete(f"short-{n}")
    finally:
        done.set()
        for t in talking:
            t.join()
    assert not failed and b"quartz" not in on_disk(assistant)


def test_an_export_is_whole_and_plain(assistant):
    assistant.turn("a", "black ankle boots under 120", user_id="secret-token")
    last = assistant.turn("a", "not leather")
    assistant.click("a", "ab3", 1)
    assistant.turn("a", "add the first one to my bag")
    assistant.save("a", "ab4", 2)
    assistant.judge("a", "up", product_id="ab4")
    assistant.judge("a", "down", turn=1)
    assistant.start("b", "secret-token")
    assistant.save("b", "dr1")
    told = assistant.export("a")
    assert json.loads(json.dumps(told)) == told and "secret-token" not in json.dumps(told)
    assert told["shop"] == "Corner shop" and told["conversation"]["title"] == "Black ankle boots under 120"
    assert [t["shopper"] for t in told["turns"]] == [
        "black ankle boots under 120", "not leather", "add the first one to my bag",
    ]  # fmt: skip
    assert [t["reply"] for t in told["turns"]] == [t["reply"] for t in assistant.history("a")]
    assert not any({"tools", "ms"} & set(t) for t in told["turns"])
    assert ids(told["turns"][1]["products"]) == shown(last)
    assert told["turns"][1]["products"][0] | {"position": 1, "price": 119.0} == told["turns"][1]["products"][0]
    assert [e["action"] for e in told["events"]] == ["search", "search", "click", "purchase"]
    assert told["events"][2]["title"].startswith("Brackley") and told["events"][2]["position"] == 1
    assert [(j.get("product_id"), j.get("turn"), j["verdict"]) for j in told["judgements"]] == [
        ("ab4", None, "up"), (None, 1, "down"),
    ]  # fmt: skip
    assert ids(told["bag"]) == ["ab3"]
    assert [(p["product_id"], p.get("here", False)) for p in told["saved"]] == [("ab4", True), ("dr1", False)]


@pytest.fixture
def written():
    """Files opened for writing and databases opened while it is on; a hook stays for good, so it can be turned off."""
    seen, on = [], [True]

    def hear(event, arguments):
        if not on[0]:
            return
        to_write = event == "open" and arguments[1] and set(str(arguments[1])) & set("wax+")
        if to_write or event == "sqlite3.connect":
            seen.append(str(arguments[0]))

    sys.addaudithook(hear)
    yield seen
    on[0] = False


def test_a_guest_leaves_nothing_behind(assistant, written):
    path = assistant.store.conversations_path
    assistant._log.scrub()
    before = on_disk(assistant)
    files = {p: p.stat().st_mtime_ns for p in path.parent.rglob("*")}
    written.clear()
    guest = "guest-1"
    assistant.start(guest, "ada")
    first = assistant.turn(guest, f"black ankle boots for {SECRET}", user_id="ada")
    assistant.turn(guest, "not leather")
    assistant.click(guest, "ab3", 1)
    assistant.add_to_bag(guest, "ab3")
    assistant.save(guest, "ab4")
    assistant.judge(guest, "up", product_id="ab4")
    assistant.rename(guest, "zanzibarquux")
    turn = assistant.turn(guest, "what would you recommend for me?")
    assert turn["turn"] == 3 and shown(first) and {c["attribute"] for c in turn["constraints"]} >= {"material", "color"}
    assert ids(assistant.bag(guest)) == ["ab3"] and ids(assistant.saved(guest)) == ["ab4"]
    assert len(assistant.history(guest)) == 3 and assistant.export(guest)["turns"] and len(assistant.events(guest)) == 4
    assert assistant.owner(guest) == guest, "a guest is nobody else, whatever the page says"
    assert [t["title"] for t in assistant.threads(guest)] == ["zanzibarquux"]
    assert assistant.threads() == assistant.threads("ada") == [] and assistant.events().is_empty()
    assert written == [] and on_disk(assistant) == before
    assert {p: p.stat().st_mtime_ns for p in path.parent.rglob("*")} == files
    assistant.end_guest(guest)
    assert assistant.owner(guest) is None and assistant.bag(guest) == assistant.history(guest) == []
    assert assistant._saver.get_tuple({"configurable": {"thread_id": guest}}) is None
    assistant.end_guest(guest)
    with pytest.raises(ConversationNotFound):
        assistant.end_guest("ada")


def test_guests_share_nothing(assistant):
    assistant.turn("guest-1", "red shoes")
    assistant.add_to_bag("guest-1", "pu1")
    assistant.save("guest-1", "sn2")
    assert assistant.bag("guest-2") == assistant.saved("guest-2") == assistant.threads("guest-2") == []
    assert "empty" in assistant.turn("guest-2", "what is in my bag?")["reply"]
    with pytest.raises(ConversationNotFound):
        assistant.start("kept", "guest-1")


def test_guests_are_gone_when_the_shop_closes(store):
    first = Assistant.open(store.path)
    first.turn("guest-1", "red shoes")
    first.close()
    again = Assistant.open(store.path)
    assert again.history("guest-1") == [] and again.owner("guest-1") is None
    again.close()


def test_a_guest_who_went_away_is_forgotten(store):
    assistant = Assistant(store, Settings(guest_seconds=0.3))
    assistant.turn("guest-1", "red shoes")
    running = assistant.stream("guest-2", "blue shoes")
    next(running)
    until = time.monotonic() + 10
    while assistant.owner("guest-1") and time.monotonic() < until:
        time.sleep(0.05)
    assert assistant.owner("guest-1") is None
    assert assistant.owner("guest-2"), "a turn that runs is not cut off"
    assert list(running)[-1]["turn"]["turn"] == 1
    while assistant.owner("guest-2") and time.monotonic() < until:
        time.sleep(0.05)
    assert assistant.owner("guest-2") is None
    assistant.close()


def test_two_shoppers_never_see_each_others_things(store, catalog):
    """Eight threads, two shoppers with two conversations each, and two guests: everything at once, then looked at."""
    purchases = [
        Event("old-1", "ada", datetime(2026, 1, 1, tzinfo=UTC), "purchase", product_id="dr3"),
        Event("old-2", "bob", datetime(2026, 1, 1, tzinfo=UTC), "purchase", product_id="sn1"),
    ]
    store.write_events(frame_of(purchases))
    assistant = Assistant.open(store.path)
    wanted = {"ada": ("red", "dr1", "pu1"), "bob": ("black", "cb1", "ab1"), None: ("navy", "sn2", "dr2")}
    who = {"ada-1": "ada", "ada-2": "ada", "bob-1": "bob", "bob-2": "bob", "guest-1": None, "guest-2": None}
    errors, recommended = [], {}

    def shop(thread: str):
        user = who[thread]
        color, bagged, saved = wanted[user]
        try:
            for _ in range(2):
                turn = assistant.turn(thread, f"show me {color} things", user_id=user)
                assert {p["color"] for p in turn["products"]} == {color}, thread
                assistant.click(thread, shown(turn)[0], 1)
                assistant.add_to_bag(thread, bagged)
                assistant.save(thread, saved)
                assistant.judge(thread, "up", product_id=bagged)
                turn = assistant.turn(thread, "what's in my bag?")
                assert catalog.product(bagged).title in turn["reply"]
                assert ids(assistant.turn(thread, "show my saved things")["products"]) == [saved]
                recommended[thread] = shown(assistant.turn(thread, "start over, what would you recommend for me?"))
        except Exception as error:
            errors.append((thread, error))

    def look():
        for _ in range(20):
            for user in ("ada", "bob"):
                if {t["user_id"] for t in assistant.threads(user)} - {user}:
                    errors.append((user, assistant.threads(user)))

    shopping = [threading.Thread(target=shop, args=(t,)) for t in who] + [threading.Thread(target=look) for _ in "ab"]
    for t in shopping:
        t.start()
    for t in shopping:
        t.join()
    assert not errors
    for thread, user in who.items():
        _, bagged, saved = wanted[user]
        assert ids(assistant.bag(thread)) == [bagged] and ids(assistant.saved(thread)) == [saved]
        assert {e["user_id"] for e in assistant.events(thread).to_dicts()} == {user or thread}
        assert len(assistant.history(thread)) == 8 and [t["turn"] for t in assistant.history(thread)] == [*range(1, 9)]
        told = json.dumps(assistant.export(thread))
        for other, (theirs, *_) in wanted.items():
            assert other == user or f"show me {theirs} things" not in told
        assert {"ada": "dr3", "bob": "sn1"}.get(user) not in recommended[thread], "what was bought long ago"
        assert bagged not in recommended[thread]
    assert sorted(t["thread_id"] for t in assistant.threads("ada")) == ["ada-1", "ada-2"]
    assert sorted(t["thread_id"] for t in assistant.threads()) == ["ada-1", "ada-2", "bob-1", "bob-2"]
    assistant.close()


def test_a_conversation_is_resumed_with_all_its_things(store):
    first = Assistant.open(store.path)
    turns = [first.turn("t", s, user_id="ada") for s in ("black ankle boots", "not leather", "save the first one")]
    first.rename("t", "Winter")
    listed = first.threads("ada")
    first.close()
    again = Assistant.open(store.path)
    assert again.threads("ada") == listed and again.history("t") == turns and again.owner("t") == "ada"
    assert ids(again.saved("t")) == shown(turns[1])[:1]
    turn = again.turn("t", "show my saved things", user_id="ada")
    assert turn["turn"] == 4 and ids(turn["products"]) == shown(turns[1])[:1]
    again.close()


@contextmanager
def no_room(folder):
    """As on a full disk: no file of this process may grow beyond what the file of conversations has."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = max(p.stat().st_size for p in folder.glob("conversations.sqlite*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_on_a_full_disk_nothing_said_is_lost(store):
    assistant = Assistant.open(store.path)
    turns = [assistant.turn("t", s, user_id="ada") for s in ("black ankle boots", "not leather")]
    assistant.save("t", "ab3")
    with no_room(store.path):
        with pytest.raises(ConversationsError, match="Nothing said before is lost"):
            for n in range(200):  # until what the files have left of their last pages is used up
                assistant.rename("t", f"title {n} " + "x" * 60)
                assistant.click("t", "ab4", 1)
        told = assistant.turn("t", "cheaper")
        assert told["reply"] and told["shopper"] == "cheaper"
        assert assistant.history("t")[:2] == turns and ids(assistant.saved("t")) == ["ab3"]
    turn = assistant.turn("t", "in black")
    assert turn["turn"] == 4 and turn["products"] and assistant.history("t")[:2] == turns
    assistant.delete("t")
    assert assistant.threads() == []
    assistant.close()
