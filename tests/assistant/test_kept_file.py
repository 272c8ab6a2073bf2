"""The file of conversations: what is deleted leaves no byte, old files are brought up, trouble is told kindly."""

import random
import sqlite3
import threading
from contextlib import closing

import pytest

from shopping_assistant.assistant.kept_file import ConversationsError, KeptFile, connect
from shopping_assistant.assistant.session_log import SessionLog

_STEPS = (("CREATE TABLE said (who TEXT, n INTEGER, words BLOB, PRIMARY KEY (who, n))",),)


def on_disk(path) -> bytes:
    """All bytes of a database and of the files beside it."""
    return b"".join(p.read_bytes() for p in path.parent.iterdir() if p.name.startswith(path.name))


def pieces_left(words: list[bytes], path, length: int = 12) -> int:
    """How many of them are there with at least so many bytes in a row."""
    left = on_disk(path)
    return sum(any(w[i : i + length] in left for i in range(0, len(w) - length + 1, length)) for w in words)


@pytest.fixture
def said(tmp_path):
    """A file in which several write rows of all lengths, some of them anew; ``said(seed)`` gives the victim's words."""
    path = tmp_path / "kept.sqlite"
    file = KeptFile(path, _STEPS)

    def write(seed: int) -> list[bytes]:
        chosen, victims = random.Random(seed), []
        for n in range(60):
            for who in ("victim", "ann", "bob", "cat", "zoe"):
                words = chosen.randbytes(chosen.choice((40, 100, 300, 700, 1500)))
                row = (who, n if chosen.random() < 0.8 else chosen.randrange(60), words)
                file.write("INSERT OR REPLACE INTO said VALUES (?, ?, ?)", row)
                victims += [words] if who == "victim" else []
        return victims

    write.file, write.path = file, path
    yield write
    file.close()


@pytest.mark.parametrize("seed", range(6))
def test_nothing_deleted_is_left_in_the_file_or_beside_it(said, seed):
    words = said(seed)
    with said.file.together() as connection:
        connection.execute("DELETE FROM said WHERE who = 'victim'")
        said.file.deleted(connection, "now")
    assert pieces_left(words, said.path), "deleting alone leaves bytes: without them this test shows nothing"
    said.file.scrub()
    assert not pieces_left(words, said.path) and b"victim" not in on_disk(said.path)
    assert said.file.read("SELECT COUNT(DISTINCT who) FROM said") == [(4,)]


def test_what_a_killed_process_left_to_overwrite_is_done_later(said):
    words = said(1)
    with said.file.together() as connection:
        connection.execute("DELETE FROM said WHERE who = 'victim'")
        said.file.deleted(connection, "now")
    again = KeptFile(said.path, _STEPS)  # as the next process opens it
    again.fold()
    again.close()  # waits for it
    assert not pieces_left(words, said.path)


def test_who_reads_the_file_elsewhere_only_puts_it_off(said, monkeypatch):
    monkeypatch.setattr("shopping_assistant.assistant.kept_file._PATIENCE_SECONDS", 0.1)
    words = said(2)
    with closing(sqlite3.connect(said.path, isolation_level=None)) as elsewhere:
        elsewhere.execute("BEGIN")
        elsewhere.execute("SELECT COUNT(*) FROM said").fetchone()
        with said.file.together() as connection:
            connection.execute("DELETE FROM said WHERE who = 'victim'")
            said.file.deleted(connection, "now")
        with pytest.raises(ConversationsError, match="It is deleted"):
            said.file.scrub()
    said.file.scrub()
    assert not pieces_left(words, said.path)


def test_all_statements_count_or_none(said):
    with pytest.raises(ConversationsError), said.file.together() as connection:
        connection.execute("INSERT INTO said VALUES ('ann', 1, 'one')")
        connection.execute("INSERT INTO nothing VALUES (1)")
    assert said.file.read("SELECT * FROM said") == []


def test_several_processes_may_open_a_new_file_at_once(tmp_path):
    errors = []

    def open_it():
        try:
            KeptFile(tmp_path / "kept.sqlite", _STEPS).close()
        except Exception as error:
            errors.append(error)

    opening = [threading.Thread(target=open_it) for _ in range(8)]
    for t in opening:
        t.start()
    for t in opening:
        t.join()
    assert not errors


def test_a_file_of_a_newer_program_is_left_alone(tmp_path):
    KeptFile(tmp_path / "kept.sqlite", (*_STEPS, ("CREATE TABLE more (x)",))).close()
    with pytest.raises(ConversationsError, match="newer version"):
        KeptFile(tmp_path / "kept.sqlite", _STEPS)


@pytest.fixture
def old_file(tmp_path):
    """conversations.sqlite as it was written before files had versions."""
    path = tmp_path / "conversations.sqlite"
    with closing(connect(path)) as old, old:
        old.execute("PRAGMA secure_delete=0")  # some systems compile SQLite with it
        old.execute("CREATE TABLE threads (thread_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, started TEXT NOT NULL)")
        old.execute(
            "CREATE TABLE events (session_id TEXT NOT NULL, user_id TEXT NOT NULL, timestamp TEXT NOT NULL, action TEXT"
            " NOT NULL, query TEXT, product_id TEXT, shown TEXT, position INTEGER)"
        )
        when = "2026-05-01T10:00:00.000000+00:00"
        old.executemany(
            "INSERT INTO threads VALUES (?, ?, ?)", [("a", "ada", when), ("b", "ada", when), ("c", "c", when)]
        )
        old.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
            [
                ("a", "ada", when, "search", "red dress, preferably long", None),
                ("a", "ada", when, "purchase", None, "dr1"),
                ("b", "ada", when, "purchase", None, "dr2"),
                ("b", "ada", when, "purchase", None, "dr1"),
                ("c", "c", when, "purchase", None, "sn1"),
                ("c", "c", when, "search", "unspeakable", None),
            ],
        )
        old.execute("DELETE FROM events WHERE query = 'unspeakable'")
    return path


def test_an_old_file_is_brought_up_once(old_file):
    assert b"unspeakable" in on_disk(old_file), "older programs left what they deleted"
    log = SessionLog(old_file)
    assert log.bag("a") == log.bag("b") == ["dr1", "dr2"] and log.bag("c") == ["sn1"]
    assert {t["thread_id"]: t["title"] for t in log.threads("ada")} == {"a": "Red dress, preferably long", "b": ""}
    assert log.unbagged("b", "dr1")
    log.close()
    assert b"unspeakable" not in on_disk(old_file)
    again = SessionLog(old_file)
    assert again.bag("a") == ["dr2"], "what was taken out since does not come back"
    again.close()
