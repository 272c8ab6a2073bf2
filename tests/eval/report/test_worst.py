"""The histories beside the worst sessions are those that the replay asked about."""

import pytest

from shopping_assistant.eval.protocol import Protocol, questions
from shopping_assistant.eval.report.worst import Shelf
from shopping_assistant.eval.runs import Run
from shopping_assistant.tools.store import Store


@pytest.mark.parametrize("split", ["leave-one-out", "session", "temporal"])
def test_a_history_is_what_the_replay_asked_about(small_store: Store, split):
    protocol = Protocol(split=split)
    asked = questions(small_store.events(), protocol, small_store.split().train).examples[:60]
    runs = [Run(e.session_id, e.user_id, "mixup", e.target, 1, (), 1.0) for e in asked]
    found = Shelf(small_store, {**protocol.as_dict(), "events": "the store's"}).histories(runs)
    assert found == {(e.session_id, e.user_id): e.history for e in asked}


def test_another_log_is_read_where_it_lies(small_store: Store, tmp_path):
    event = small_store.events()
    event.write_parquet(tmp_path / "log.parquet")
    example = small_store.split().test[0]
    run = Run(example.session_id, example.user_id, "mixup", example.target, 1, (), 1.0)
    here = Shelf(small_store, {"split": "leave-one-out", "events": str(tmp_path / "log.parquet")}).histories([run])
    gone = Shelf(small_store, {"split": "leave-one-out", "events": str(tmp_path / "gone.parquet")}).histories([run])
    assert here == {run.key: example.history} and gone == {}
