"""The streamed questions are those that a whole log in memory gives: same sessions, same order, same training log."""

import gzip
import json

import numpy as np
import polars as pl
import pytest

from shopping_assistant.eval import log_parts
from shopping_assistant.eval.asked import Training, ask, cut_of, examples_of
from shopping_assistant.eval.log_parts import LogParts, open_log, store_log
from shopping_assistant.eval.protocol import LeakError, Protocol, ReplayError, questions
from shopping_assistant.tools import sessions
from shopping_assistant.tools.importers import ImportRefused, read_log
from shopping_assistant.tools.sessions import EVENT_SCHEMA, empty_events
from shopping_assistant.tools.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory, small_shop):
    store = Store.create(tmp_path_factory.mktemp("asked") / "small", name="Small", currency="EUR")
    store.write_catalog(small_shop[0])
    store.write_events(small_shop[1])
    return store


@pytest.fixture
def small_parts(monkeypatch):
    """Parts and slices so small that this log has many."""
    monkeypatch.setattr(log_parts, "PART_EVENTS", 500)
    monkeypatch.setattr(log_parts, "SLICE_EVENTS", 90)


def streamed(store, protocol, folder, events=None):
    """What a replay asks, and its examples in the order of its batches."""
    own = events is None
    log = LogParts.cut(open_log(events, store, folder / "rows"), folder / "log")
    training = Training(folder / "training", store.path)
    if not own:
        training = Training.withheld_from(LogParts.cut(store_log(store), folder / "own"), training.folder, store)
    asked = ask(log, protocol, training, folder / "asked", own)
    examples = []
    for batch in asked.batches(7):
        made = examples_of(log.frame(batch.part), batch, protocol, cut_of(log, protocol))
        assert [(e.session_id, e.user_id) for e in made] == list(batch.keys)
        examples += made
    return asked, examples, training, log


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"part": "validation", "min_items": 2},
        {"split": "session", "min_items": 1},
        {"split": "temporal"},
        {"split": "session", "sample": 60, "seed": 3},
        {"sample": 25},
    ],
    ids=str,
)
def test_a_log_in_parts_asks_what_the_whole_log_asks(store, small_parts, tmp_path, settings):
    protocol = Protocol(**settings)
    split = store.split()
    whole = questions(store.events(), protocol, split.train, split)
    asked, examples, training, log = streamed(store, protocol, tmp_path)
    assert len(log) > 3
    assert examples == whole.examples and len(asked) == len(examples) > 10
    assert asked.left_out == whole.left_out
    assert (asked.trained_on, asked.targets_in_training) == (whole.trained_on, whole.targets_in_training)
    assert training.frame().equals(split.train)
    assert training.lazy().collect().sort(list(EVENT_SCHEMA)).equals(split.train.sort(list(EVENT_SCHEMA)))


def test_the_size_of_the_parts_changes_nothing(store, monkeypatch, tmp_path):
    protocol = Protocol(split="session", sample=50)
    at_once = streamed(store, protocol, tmp_path / "whole")
    monkeypatch.setattr(log_parts, "PART_EVENTS", 300)
    in_parts = streamed(store, protocol, tmp_path / "parts")
    assert at_once[1] == in_parts[1] and at_once[0].digest == in_parts[0].digest
    assert len(at_once[3]) == 1 < len(in_parts[3])
    another = streamed(store, Protocol(split="session", sample=50, seed=2), tmp_path / "seed")
    assert another[0].digest != at_once[0].digest


@pytest.mark.parametrize("split", ["leave-one-out", "session", "temporal"])
def test_another_log_is_asked_about_as_the_whole_of_it_is(store, small_parts, tmp_path, split):
    protocol, train = Protocol(split=split, min_items=1), store.split().train
    other = store.events().filter(pl.col("user_id").hash(1) % 2 == 0)
    whole = questions(other, protocol, train)
    asked, examples, training, _ = streamed(store, protocol, tmp_path, other)
    assert examples == whole.examples
    assert (asked.trained_on, asked.targets_in_training) == (whole.trained_on, whole.targets_in_training)
    assert training.frame().equals(train)


def test_some_of_the_sessions_come_in_order(store, small_parts, tmp_path):
    asked, examples, _, _ = streamed(store, Protocol(), tmp_path)
    some = np.array([0, 3, 4, 40, len(asked) - 1])
    keys = [key for batch in asked.batches(2, some) for key in batch.keys]
    assert keys == [(examples[i].session_id, examples[i].user_id) for i in some]


def test_what_every_shopper_did_stays_together(store, small_parts, tmp_path):
    log = LogParts.cut(store_log(store), tmp_path / "log")
    frames = [events for part in range(len(log)) for events in log.slices(part)]
    assert sum(map(len, frames)) == log.events == len(store.events())
    shoppers = [set(events["user_id"].unique()) for events in frames]
    assert len(set.union(*shoppers)) == sum(map(len, shoppers))
    order = [user for events in frames for user in events["user_id"].unique(maintain_order=True)]
    assert order == sorted(order)
    assert (log.first, log.last) == (store.events()["timestamp"].min(), store.events()["timestamp"].max())


def test_a_shopper_with_most_of_the_log_is_not_cut(store, small_parts, tmp_path):
    events = store.events().with_columns(
        user_id=pl.when(pl.col("user_id") > "u5").then(pl.lit("u9")).otherwise("user_id")
    )
    log = LogParts.cut(events.lazy(), tmp_path / "log")
    of_one = [part for part in range(len(log)) if "u9" in log.frame(part)["user_id"]]
    assert len(of_one) == 1 and log.frame(of_one[0]).filter(pl.col("user_id") == "u9").height > 500


def test_a_click_on_the_target_planted_in_the_log_is_caught(store, small_parts, tmp_path, monkeypatch):
    protocol = Protocol()
    log = LogParts.cut(store_log(store), tmp_path / "log")
    asked = ask(log, protocol, Training(tmp_path / "training", store.path), tmp_path / "asked", own=True)
    batch = next(asked.batches(500))
    # Now histories keep the clicks on what is bought in the end.
    monkeypatch.setattr(sessions, "without_clicks_on", lambda events, products: tuple(events))
    with pytest.raises(LeakError, match="a click of the target"):
        ask(log, protocol, Training(tmp_path / "again", store.path), tmp_path / "leaking", own=True)
    with pytest.raises(LeakError, match="a click of the target"):
        examples_of(log.frame(batch.part), batch, protocol, None)


def test_a_log_without_sessions_is_refused(store, tmp_path):
    with pytest.raises(ReplayError, match="no session to replay: 0 events hold 0 leave-one-out targets"):
        streamed(store, Protocol(), tmp_path, empty_events())


def written(frame, folder, kind):
    path = folder / f"log.{kind}"
    if kind == "parquet":
        frame.write_parquet(path)
    elif kind == "csv":
        lists = pl.col("shown").list.join("|")
        frame.with_columns(lists, pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_csv(path)
    else:
        with gzip.open(path, "wt", encoding="utf-8") as file:
            for row in frame.iter_rows(named=True):
                row["timestamp"] = row["timestamp"].isoformat()
                file.write(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n")
    return path


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl.gz"])
def test_a_file_is_read_in_blocks_as_it_is_read_at_once(store, small_parts, tmp_path, kind):
    path = written(store.events(), tmp_path, kind)
    events = open_log(path, store, tmp_path / "rows").collect()
    assert len(events) > 3000 and events.equals(read_log(path, store.catalog()))


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl.gz"])
def test_a_bad_row_is_named_as_it_is_when_read_at_once(store, small_parts, tmp_path, kind):
    events = store.events()
    wrong = pl.int_range(pl.len()).is_in([700, 1400])
    bad = events.with_columns(product_id=pl.when(wrong).then(pl.lit("no-such")).otherwise("product_id"))
    path = written(bad, tmp_path, kind)
    with pytest.raises(ImportRefused) as at_once:
        read_log(path, store.catalog())
    with pytest.raises(ImportRefused) as in_blocks:
        open_log(path, store, tmp_path / "rows")
    assert str(in_blocks.value) == str(at_once.value) and "no-such" in str(in_blocks.value)


def test_a_file_that_is_no_log_is_refused(store, tmp_path):
    with pytest.raises(ImportRefused, match="does not exist"):
        open_log(tmp_path / "nowhere.csv", store, tmp_path / "rows")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ImportRefused, match="not a readable Parquet file"):
        open_log(tmp_path / "torn.parquet", store, tmp_path / "rows")
    written(store.events().clear(), tmp_path, "parquet")
    with pytest.raises(ImportRefused, match="holds no events"):
        open_log(tmp_path / "log.parquet", store, tmp_path / "more")
