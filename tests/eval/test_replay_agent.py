import json
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.eval.broken_constraints import first_broken
from shopping_assistant.eval.replay import AGENT_SAMPLE, agent_sample, replay
from shopping_assistant.eval.replay_agent import known_before, play_sessions
from shopping_assistant.tools.judgements import JUDGEMENT_SCHEMA, empty_judgements
from shopping_assistant.tools.sessions import Event, leave_one_out


@pytest.fixture(scope="module")
def split(searchable_store):
    return leave_one_out(searchable_store.events())


def test_the_agent_is_replayed_by_the_conversation_alone(searchable_store, tmp_path):
    out = replay(searchable_store, ["popularity", "agent"], sample=6, out=tmp_path / "runs")
    agent = out["systems"]["agent"]
    assert agent["sessions"] == out["sessions"] == 6
    runs = [json.loads(line) for line in (tmp_path / "runs/runs.jsonl").read_text().splitlines()]
    played = [run for run in runs if run["system"] == "agent"]
    assert agent["not_ranked"] == sum(run["rank"] is None for run in played)
    for run in played:
        assert run["error"] is None and 1 <= len(run["top"]) <= 10
        assert run["rank"] == (run["top"].index(run["target"]) + 1 if run["target"] in run["top"] else None)
        assert run["list_figures"]["broke_constraint@10"] == 0.0 and run["list_figures"]["novelty@10"] > 0
    assert len({tuple(run["top"]) for run in played}) > 1, "different sessions get different answers"
    assert not searchable_store.conversations_path.exists(), "the shop's own chats are not touched"


def test_what_the_agent_can_look_up_holds_no_withheld_purchase(searchable_store, split):
    examples = split.test[:40]
    bought = known_before(split.train, examples).filter(action="purchase").select("user_id", "product_id")
    known = set(bought.iter_rows())
    for example in examples:
        assert (example.user_id, example.target) not in known
        earlier = {(e.user_id, e.product_id) for e in example.history if e.action == "purchase"}
        in_session = {(e.user_id, e.product_id) for e in example.history if e.session_id == example.session_id}
        assert earlier - in_session <= known, "what the shopper did before is there"


def test_a_session_that_cannot_be_played_is_a_miss_with_its_cause(searchable_store, split):
    first, second = split.test[:2]
    stray = Event(first.session_id, first.user_id, first.timestamp, "click", None, "not-a-product")
    broken = replace(first, history=(*first.history, stray))
    (_, (run,)), (_, (after,)) = play_sessions(searchable_store, split.train, [broken, second], [(), ()])
    assert run.rank is None and run.top == () and "not-a-product" in run.error
    assert after.error is None and after.top


def test_thumbs_of_a_session_are_given_again_but_for_those_on_the_target(searchable_store, split):
    example = next(e for e in split.test if any(x.session_id == e.session_id for x in e.history))
    (_, (run,)) = next(play_sessions(searchable_store, split.train, [example], [()]))
    refused = next(p for p in run.top if p != example.target)
    session = {"session_id": example.session_id, "user_id": example.user_id, "position": 1, "turn": None}
    before, after = example.timestamp - timedelta(seconds=1), example.timestamp + timedelta(days=1)
    searchable_store.write_judgements(
        pl.DataFrame(
            [
                {**session, "timestamp": before, "action": "dislike", "product_id": refused},
                {**session, "timestamp": before, "action": "dislike", "product_id": example.target},
                {**session, "timestamp": after, "action": "unjudge", "product_id": refused},
            ],
            schema=JUDGEMENT_SCHEMA,
        )
    )
    try:
        (_, (judged,)) = next(play_sessions(searchable_store, split.train, [example], [()]))
    finally:
        searchable_store.write_judgements(empty_judgements())
    assert judged.error is None and refused not in judged.top
    assert (example.target in judged.top) or run.rank is None


def test_unless_asked_for_more_the_agent_plays_fifty(split):
    examples = split.test * 3
    assert len(agent_sample(examples, None, 1)) == AGENT_SAMPLE == 50
    assert len(agent_sample(examples, 80, 1)) == len(examples), "a sample is already drawn"
    assert agent_sample(examples[:30], None, 1) == list(range(30))
    assert len(agent_sample(examples, 80, 1, 50)) == 50, "beside all other systems it plays a few of the sample"


def test_a_session_is_played_at_its_own_time_and_the_order_of_its_events_is_kept(searchable_store, split, monkeypatch):
    """The prompt names the month and the days since the last visit: both are those of the logged session."""
    kept = []
    close = Assistant.close

    def keep(self):
        kept.append(self.events())
        close(self)

    monkeypatch.setattr(Assistant, "close", keep)
    examples = split.validation[:3]
    list(play_sessions(searchable_store, split.train, examples, [()] * 3))
    (events,) = kept
    for number, example in enumerate(examples):
        played = events.filter(session_id=f"replay-{number}")
        session = [e for e in example.history if e.session_id == example.session_id]
        looked_at = [e.product_id for e in session if e.action == "click"]
        assert played.filter(action="click")["product_id"].to_list() == looked_at
        assert played["timestamp"].is_sorted()
        assert abs((played["timestamp"].max() - example.timestamp).total_seconds()) < 3600


def test_a_shown_product_that_breaks_what_the_turn_states_is_found(small_shop):
    catalog, _ = small_shop
    product = catalog.at(0)
    excluded = {"attribute": "color", "op": "not in", "values": [product.color], "said": ""}
    dear = {"attribute": "price", "op": "<=", "values": [product.price - 1], "said": ""}
    assert first_broken(catalog, [product.product_id], []) is None
    for broken in (excluded, dear):
        assert first_broken(catalog, [product.product_id], [broken])[0] == product.product_id
    assert first_broken(catalog, [product.product_id], [dear], [dear]) is None, "it said that it set this aside"
    assert first_broken(catalog, [product.product_id], [excluded], [excluded]), "an exclusion is never set aside"
