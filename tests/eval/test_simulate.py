"""Many simulated conversations: the same on any number of workers, continued after an interruption, scored."""

import json
import multiprocessing
import os
import shutil
import signal

import numpy as np
import pytest

from shopping_assistant.eval.hidden_wish import Wishes
from shopping_assistant.eval.protocol import LeakError, ReplayError
from shopping_assistant.eval.replay_agent import known_before
from shopping_assistant.eval.shopper_words import Writer
from shopping_assistant.eval.simulate import Plan, SimulationError, simulate
from shopping_assistant.eval.simulated_conversation import Stage, converse, wish_of
from shopping_assistant.eval.simulated_shopper import Heard
from shopping_assistant.eval.simulation_figures import comparisons, system_figures

PLAN = Plan(conversations=12, turns=5)


@pytest.fixture(scope="module")
def held(searchable_store, tmp_path_factory):
    """Twelve shoppers who talk to the assistant and to plain search: (result, folder)."""
    out = tmp_path_factory.mktemp("simulated") / "out"
    return simulate(searchable_store, PLAN, ("agent", "search"), out=out), out


def lines(out, name="conversations.jsonl") -> list[dict]:
    return [json.loads(line) for line in (out / name).read_text().splitlines()]


def test_conversations_are_held_with_the_agent_and_scored(held, searchable_store):
    result, out = held
    told = lines(out)
    assert result["conversations"] == len(told) == 12 and json.loads((out / "simulate.json").read_text()) == result
    assert result["mean_turns"] == pytest.approx(np.mean([t["turns_taken"] for t in told]))
    bought = [t for t in told if t["outcome"] == "bought"]
    assert result["gave_up"] == pytest.approx(1 - len(bought) / 12)
    within = [t for t in bought if t["turns_taken"] <= 3 and t["met_musts"]]
    assert within and result["success"]["3"] == pytest.approx(len(within) / 12)
    assert set(result["success"]) == {"3", "5"}, "no figure for turns nobody had"
    for t in told:
        assert 1 <= t["turns_taken"] <= PLAN.turns
        for turn in t["turns"]:
            assert {"shopper", "assistant", "act", "shown", "question"} <= set(turn)
        if t["outcome"] == "bought":
            assert t["bought"] in {p for turn in t["turns"] for p in turn["shown"]}
    assert not searchable_store.conversations_path.exists(), "the shop's own chats are not touched"


def test_the_simulator_is_checked_itself(held):
    simulator = held[0]["simulator"]
    kinds = [simulator[k] for k in ("statements", "purchases", "rejections")]
    assert simulator["checks"] == sum(k["checks"] for k in kinds) > 30 and all(k["checks"] for k in kinds)
    assert simulator["error_rate"] == simulator["errors"] / simulator["checks"] <= 0.02


def test_the_same_wishes_meet_each_system_and_are_compared(held, searchable_store):
    result, out = held
    agent, search = lines(out), lines(out, "conversations-search.jsonl")
    assert [t["wish"] for t in agent] == [t["wish"] for t in search]
    assert [t["turns"][0]["shopper"] for t in agent] == [t["turns"][0]["shopper"] for t in search]
    compared = {c["metric"]: c for c in result["comparisons"]}
    agent_success = np.array([t["met_musts"] and t["turns_taken"] <= 3 for t in agent], dtype=float)
    search_success = np.array([t["met_musts"] and t["turns_taken"] <= 3 for t in search], dtype=float)
    c = compared["success@3"]
    assert c["difference"] == pytest.approx(agent_success.mean() - search_success.mean())
    assert c["sessions"] == 12 and c["p_adjusted"] >= c["p"] and (c["first"], c["second"]) == ("agent", "search")


def test_what_costs_more_than_the_budget_is_a_broken_constraint(searchable_store, tmp_path):
    simulate(searchable_store, Plan(conversations=80, turns=6), ("search",), out=tmp_path / "out")
    catalog, dear = searchable_store.catalog(), 0
    for line in lines(tmp_path / "out", "conversations-search.jsonl"):
        most = None
        for turn in line["turns"]:
            most = turn["meant"].get("price", most)
            if most is None or turn["meant"]["kind"] in ("ask", "ask_has", "compare", "choose", "keep", "buy"):
                continue
            above = {p for p in turn["shown"] if (catalog.product(p).price or 0) > most}
            dear += len(above)
            assert {p for p, attribute, *_ in turn["broke"] if attribute == "price"} == above
    assert dear  # plain search knows no budget once it has been said


def test_the_number_of_workers_changes_no_byte(held, searchable_store, tmp_path):
    simulate(searchable_store, PLAN, ("agent", "search"), workers=2, out=tmp_path / "two")
    for name in ("conversations.jsonl", "conversations-search.jsonl"):
        assert (tmp_path / "two" / name).read_bytes() == (held[1] / name).read_bytes()


def test_an_interrupted_simulation_goes_on_where_it_was(held, searchable_store, tmp_path):
    class Stopped(Exception):
        pass

    def stop(done: int, of: int) -> None:
        if done == 5:
            raise Stopped

    out = tmp_path / "interrupted"
    with pytest.raises(Stopped):
        simulate(searchable_store, PLAN, out=out, progress=stop)
    partial = out / "conversations.partial.jsonl"
    assert len(partial.read_text().splitlines()) == 5
    with partial.open("a") as file:
        file.write('{"session_id": "cut o')
    seen = []
    simulate(searchable_store, PLAN, out=out, progress=lambda done, of: seen.append((done, of)))
    assert seen[0] == (6, 12) and not partial.exists()
    assert (out / "conversations.jsonl").read_bytes() == (held[1] / "conversations.jsonl").read_bytes()
    again = simulate(searchable_store, PLAN, out=out, progress=lambda *_: pytest.fail("all is done"))
    assert again["success"] == held[0]["success"]
    with pytest.raises(SimulationError, match="differ in protocol"):
        simulate(searchable_store, Plan(conversations=12, turns=4), out=out)


def test_a_worker_that_dies_is_an_error_that_says_what_to_do(held, searchable_store, tmp_path):
    def kill_one(done: int, of: int) -> None:
        if done == 1:
            one = multiprocessing.active_children()[0]
            os.kill(one.pid, signal.SIGKILL)
            one.join()

    with pytest.raises(ReplayError, match="workers ended without a word"):
        simulate(searchable_store, PLAN, workers=2, out=tmp_path / "out", progress=kill_one)
    simulate(searchable_store, PLAN, out=tmp_path / "out")
    assert (tmp_path / "out" / "conversations.jsonl").read_bytes() == (held[1] / "conversations.jsonl").read_bytes()


def test_a_damaged_conversation_is_an_error_that_says_where(held, searchable_store, tmp_path):
    out = shutil.copytree(held[1], tmp_path / "damaged")
    with (out / "conversations.jsonl").open("a") as file:
        file.write('{"session_id": "no end\n')
    with pytest.raises(SimulationError, match=r"conversations.jsonl holds a line that is no conversation"):
        simulate(searchable_store, PLAN, ("agent", "search"), out=out)


def test_another_seed_gives_other_conversations(held, searchable_store, tmp_path):
    simulate(searchable_store, Plan(conversations=12, turns=5, seed=2), out=tmp_path / "other")
    one, other = ((folder / "conversations.jsonl").read_text() for folder in (held[1], tmp_path / "other"))
    assert one != other


class Confessing(Writer):
    """A planted leak: a writer that somehow learned the title."""

    title = ""

    def sentence(self, intent):
        return f"i want the {self.title}"


def test_a_leak_planted_in_the_words_stops_the_conversation_before_it_is_said(searchable_store, monkeypatch):
    stage = Stage(searchable_store.catalog(), Wishes(searchable_store.catalog()))
    example = searchable_store.split().validation[0]
    heard: list[str] = []

    class Silent:
        listens = judged = False

        def meet(self, thread, example): ...

        def say(self, text):
            heard.append(text)
            return Heard("", "search", ())

    monkeypatch.setattr(Confessing, "title", stage.catalog.product(example.target).title)
    monkeypatch.setattr("shopping_assistant.eval.simulated_conversation.Writer", Confessing)
    with pytest.raises(LeakError, match="a simulated shopper said 'i want the"):
        converse(stage, Silent(), example, "thread", turns=3, seed=1)
    assert heard == [], "it did not reach the other side"


def test_the_log_behind_the_assistant_holds_no_purchase_that_is_wished_for(searchable_store):
    split = searchable_store.split()
    known = known_before(split.train, split.validation[:60])
    bought = set(known.filter(action="purchase").select("user_id", "product_id").iter_rows())
    assert bought and not bought & {(e.user_id, e.target) for e in split.validation[:60]}


def test_the_wish_of_a_session_is_always_the_same(searchable_store):
    stage = Stage(searchable_store.catalog(), Wishes(searchable_store.catalog()))
    first, second = searchable_store.split().validation[:2]
    assert wish_of(stage, first, 1) == wish_of(stage, first, 1)
    assert wish_of(stage, first, 1) != wish_of(stage, first, 2) or wish_of(stage, second, 1) != wish_of(
        stage, second, 2
    )


def a_line(outcome: str, taken: int, bought=None, *, turns=(), met=True, **more) -> dict:
    told = [
        {"shown": ["x"], "question": None, "again": False, "broke": [], "unmet": 0, **turn} for turn in (turns or [{}])
    ]
    return {
        "target": "t", "outcome": outcome, "turns_taken": taken, "bought": bought, "met_musts": met and bool(bought),
        "musts": 2, "cohorts": ["new shoppers"], "turns": told, "spoken_purchase": False, "misread_purchase": False,
        **more,
    }  # fmt: skip


def test_figures_by_hand():
    asks = {"question": {"about": "size", "text": "Which size?"}}
    told = [
        a_line("bought", 2, "t"),
        a_line("bought", 4, "other", turns=[asks, {**asks, "again": True}], musts=4),
        a_line("bought", 3, "wrong", met=False),
        a_line("gave up", 8, turns=[{"broke": [["x", "color", "red", True]]}, {"error": "boom", "unmet": 1}]),
    ]
    slipped = [a_line("gave up", 8, turns=[{"broke": [["x", "color", "red", False]]}])]
    dear = [a_line("gave up", 8, turns=[{"broke": [["x", "price", "99", True]]}, {}])]
    f = system_figures(told, turns=8, seed=1)
    assert f["success"] == {"3": 0.25, "5": 0.5, "8": 0.5} and f["target"] == {"3": 0.25, "5": 0.25, "8": 0.25}
    assert (f["mean_turns"], f["gave_up"], f["questions_asked"]) == (17 / 4, 0.25, 0.5)
    assert (f["asked_twice"], f["excluded_shown"], f["reply_errors"]) == (1, 1, 1)
    assert f["asked_about"] == {"size": 2} and f["cards_lacking_a_stated_wish"] == pytest.approx(1 / 6)
    assert f["broke_constraint"] == pytest.approx(1 / 6)
    after_a_slip = system_figures(slipped, turns=8, seed=1)
    assert after_a_slip["broke_constraint"] == 0
    assert after_a_slip["excluded_shown_after_a_slip"] == after_a_slip["excluded_shown"] == 1
    above = system_figures(dear, turns=8, seed=1)
    assert (above["broke_constraint"], above["over_budget_shown"], above["excluded_shown"]) == (0.5, 1, 0)
    assert f["by_cohort"]["1-3 musts"]["conversations"] == 3 and f["by_cohort"]["4-5 musts"]["success@5"] == 1.0
    (first, *_) = comparisons({"a": told, "b": told}, turns=8, seed=1)
    assert first["difference"] == 0 and first["p_adjusted"] == 1.0


@pytest.mark.parametrize(
    ("plan", "named"),
    [({"conversations": 0}, "conversations 0"), ({"turns": 0}, "turns 0"), ({"part": "train"}, "part")],
)
def test_settings_that_make_no_sense_are_refused(plan, named):
    with pytest.raises(SimulationError, match=named):
        Plan(**plan)


def test_an_unknown_partner_is_refused(searchable_store):
    known = "agent, agent-unasking, search, search-all, agent-judged"
    with pytest.raises(SimulationError, match=f"assistant 'oracle': expected one of {known}"):
        simulate(searchable_store, PLAN, ("oracle",))
