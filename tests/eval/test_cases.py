"""Bad answers written down: exported from the chat or a replay, held against later versions, refused when broken."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.eval.cases import CaseError, Expectation, read_case, read_cases, replay_cases, write_case
from shopping_assistant.eval.export_case import expectations, from_runs, from_thread, recent
from shopping_assistant.eval.replay import replay
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.sessions import Event, frame_of
from shopping_assistant.tools.store import Store
from shopping_assistant.ui.cli import app

REAL = Path(__file__).parent / "cases"
USER = "anna.larsson@example.com"


@pytest.fixture(scope="module")
def store(tmp_path_factory, small_shop) -> Store:
    """The small shop with one conversation of a shopper who has been here before."""
    made = Store.create(tmp_path_factory.mktemp("cases") / "shop", name="Small", currency="EUR")
    made.write_catalog(small_shop[0])
    made.write_events(small_shop[1])
    first = small_shop[1].filter(action="purchase").row(0, named=True)
    earlier = Event("earlier-visit", USER, first["timestamp"], "click", None, first["product_id"])
    made.write_events(frame_of([*made.split().validation[0].history, earlier]))
    assistant = Assistant.open(made.path)
    shown = assistant.turn("chat-1", "boots", user_id=USER)["products"]
    assistant.click("chat-1", shown[1]["product_id"], 2)
    assistant.turn("chat-1", "not black")
    assistant.turn("chat-1", "put the first one in my bag")
    assistant.close()
    return made


def turns_of(store: Store) -> list[dict]:
    assistant = Assistant.open(store.path)
    try:
        return assistant.history("chat-1")
    finally:
        assistant.close()


def test_a_turn_of_the_chat_becomes_a_case_that_passes_and_one_that_fails(store):
    second = turns_of(store)[1]
    first = second["products"][0]["product_id"]
    good = expectations(
        [f"product={first}", "category=" + second["products"][0]["category"]], ["color=black"], ["refine"]
    )
    (verdict,) = replay_cases(store, [from_thread(store, "chat-1", "good", good, turn=2)])
    assert verdict.passed, verdict
    bad = expectations(expect_not=[f"product={first}"], acts=["search"], expect=["color=black"])
    (verdict,) = replay_cases(store, [from_thread(store, "chat-1", "bad", bad, turn=2)])
    assert [expected for expected, _ in verdict.missed] == [
        "every product with color = black", f"not product {first} among the first 10", "act search",
    ]  # fmt: skip
    assert verdict.missed[2][1] == "act refine" and first in verdict.missed[1][1]


def test_a_case_names_no_shopper(store, tmp_path):
    case = from_thread(store, "chat-1", "nobody", expectations(expect_not=["color=black"]), turn=2)
    write_case(case, tmp_path / "nobody.json")
    text = (tmp_path / "nobody.json").read_text()
    assert USER not in text and "chat-1" not in text and "earlier-visit" not in text
    assert read_case(tmp_path / "nobody.json") == case
    assert [d.action for d in case.earlier] == ["click"], "what the shopper did before is part of the answer"
    assert case.steps[0].model_dump(exclude_none=True) == {"say": "boots"}
    assert case.steps[1].click and case.steps[1].position == 2 and case.steps[2].say == "not black"
    with pytest.raises(CaseError, match="exists; choose another name"):
        write_case(case, tmp_path / "nobody.json")


def test_what_was_put_into_the_bag_by_a_sentence_is_no_step_of_its_own(store):
    case = from_thread(store, "chat-1", "bag", expectations(acts=["add_to_bag"]))
    assert [s.say for s in case.steps if s.say] == ["boots", "not black", "put the first one in my bag"]
    assert not [s for s in case.steps if s.bag]
    assert replay_cases(store, [case])[0].passed


def test_thumbs_are_steps_and_the_same_cards_come_again(store):
    assistant = Assistant.open(store.path)
    shown = assistant.turn("thumbs", "boots", user_id=USER)["products"]
    liked, refused = shown[4]["product_id"], shown[1]["product_id"]
    assistant.judge("thumbs", "up", product_id=liked, position=5)
    assistant.judge("thumbs", "down", product_id=refused, position=2)
    assistant.turn("thumbs", "I don't like the first one")
    assistant.turn("thumbs", "show me more")
    assistant.judge("thumbs", "down", turn=3)
    assistant.judge("thumbs", "down", turn=1)
    assistant.judge("thumbs", None, turn=1)
    last = [p["product_id"] for p in assistant.turn("thumbs", "boots")["products"]]
    assistant.close()
    case = from_thread(store, "thumbs", "thumbs", expectations([f"product={last[0]}"], [f"product={refused}"]))
    assert [s.model_dump(exclude_none=True) for s in case.steps] == [
        {"say": "boots"}, {"like": liked, "position": 5}, {"dislike": refused, "position": 2},
        {"say": "I don't like the first one"}, {"say": "show me more"}, {"dislike": 3}, {"dislike": 1}, {"unjudge": 1},
        {"say": "boots"},
    ]  # fmt: skip
    assert case.saw["shown"] == last
    everything = tuple(Expectation(product=p, within=n) for n, p in enumerate(last, 1))
    (verdict,) = replay_cases(store, [case.model_copy(update={"expect": everything})])
    assert verdict.passed, verdict
    without = [s for s in case.steps if not (s.like or s.dislike or s.unjudge)]
    (verdict,) = replay_cases(store, [case.model_copy(update={"expect": everything, "steps": tuple(without)})])
    assert not verdict.passed, "the thumbs changed the answer"


def test_a_wish_tapped_away_is_a_step(store):
    assistant = Assistant.open(store.path)
    wish = next(c for c in assistant.turn("taps", "black boots")["constraints"] if c["attribute"] == "color")
    for _ in assistant.stream("taps", "", None, {"drop": wish}):
        pass
    assistant.close()
    case = from_thread(store, "taps", "taps", expectations(acts=["refine"]))
    assert case.steps[1].tap == {"drop": wish}
    assert replay_cases(store, [case])[0].passed


def test_the_newest_conversations_are_listed(store):
    (only,) = [c for c in recent(store) if c["thread_id"] == "chat-1"]
    assert only["turns"] == 3 and only["said"] == ["boots", "not black", "put the first one in my bag"]


def test_a_replayed_session_becomes_a_case_of_the_agent(searchable_store, tmp_path):
    replay(searchable_store, ["agent"], sample=4, part="validation", out=tmp_path / "runs")
    lines = [json.loads(line) for line in (tmp_path / "runs/runs.jsonl").read_text().splitlines()]
    cases = [from_runs(searchable_store, tmp_path / "runs", r["session_id"], f"s{i}", ()) for i, r in enumerate(lines)]
    verdicts = replay_cases(searchable_store, cases)
    assert [v.passed for v in verdicts] == [r["rank"] is not None for r in lines], "the target was shown, or was not"
    assert all(r["user_id"] not in c.model_dump_json() for r, c in zip(lines, cases, strict=True))
    assert lines[0]["target"] not in [s.click for s in cases[0].steps]
    with pytest.raises(CaseError, match=r"'nowhere'.*holds no run of it"):
        from_runs(searchable_store, tmp_path / "runs", "nowhere", "x", ())
    with pytest.raises(CaseError, match=r"--system 'mixup'.*agent"):
        from_runs(searchable_store, tmp_path / "runs", lines[0]["session_id"], "x", (), system="mixup")


def test_the_command_line_fails_with_the_names_of_failed_cases(store, tmp_path):
    run = CliRunner().invoke
    where = ["--store", str(store.path)]
    exported = ["export-case", *where, "--thread", "chat-1", "--turn", "2"]
    good = run(app, [*exported, "--expect-not", "color=black", "--out", str(tmp_path / "good.json")])
    assert good.exit_code == 0 and "no product with color = black" in good.output, good.output
    passed = run(app, ["replay", *where, "--cases", str(tmp_path), "--json"])
    assert passed.exit_code == 0 and json.loads(passed.output) == {"cases": 1, "passed": 1, "failed": []}
    run(app, [*exported, "--expect", "price<=1", "--out", str(tmp_path / "too-dear.json")])
    failed = run(app, ["replay", *where, "--cases", str(tmp_path)])
    assert failed.exit_code == 1
    assert (
        "too-dear: expected every product with price <= 1.0; got" in failed.output
        and "1 of 2 cases passed" in failed.output
    )
    for contradicting in (["replay", *where, "--cases", str(tmp_path), "--system", "mixup"],
                          [*exported, "--system", "agent", "--expect-act", "refine", "--out", str(tmp_path / "x.json")],
                          [*exported, "--expect-act", "refine"]):  # fmt: skip
        assert isinstance(run(app, contradicting).exception, CaseError)
    listed = run(app, ["export-case", *where, "--list"])
    assert "chat-1" in listed.output and "not black" in listed.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": []}, "ends with something the shopper says"),
        ({"expect": []}, "expect: Tuple should have at least 1 item"),
        ({"expect": [{"product": "p1", "act": "search"}]}, "exactly one of product, attribute and act"),
        ({"expect": [{"attribute": "price", "op": "<=", "value": "cheap"}]}, "expected a number"),
        ({"version": 2}, "version: Input should be 1"),
        ({"shopper": "anna"}, "shopper: Extra inputs are not permitted"),
        ({"at": "2026-01-01T12:00:00"}, "expected a time with its zone"),
        ({"steps": [{"say": "boots", "click": "p1"}]}, "exactly one of say, tap, click, bag, like"),
    ],
)
def test_a_broken_case_file_is_refused_with_file_and_reason(store, tmp_path, change, said):
    case = from_thread(store, "chat-1", "whole", expectations(acts=["refine"]), turn=2)
    (tmp_path / "broken.json").write_text(json.dumps({**case.model_dump(mode="json"), **change}))
    with pytest.raises(CaseError) as refused:
        read_cases(tmp_path)
    assert "broken.json" in str(refused.value) and said in str(refused.value)


def test_no_json_no_cases_and_two_of_one_name_are_refused(store, tmp_path):
    with pytest.raises(CaseError, match="holds no case"):
        read_cases(tmp_path)
    (tmp_path / "cut.json").write_text('{"version": 1, "name": "c')
    with pytest.raises(CaseError, match=r"cut\.json"):
        read_cases(tmp_path)
    (tmp_path / "cut.json").unlink()
    case = from_thread(store, "chat-1", "one", expectations(acts=["refine"]), turn=2)
    write_case(case, tmp_path / "a.json")
    write_case(case, tmp_path / "b.json")
    with pytest.raises(CaseError, match="two cases are named 'one'"):
        read_cases(tmp_path)


def test_a_case_of_another_shop_is_refused(store, tmp_path):
    case = from_thread(store, "chat-1", "foreign", expectations(acts=["refine"]), turn=2)
    other = Store.create(tmp_path / "other", name="Other")
    other.write_catalog(Catalog.from_products([Product("q1", "A hat", "hat")]))
    with pytest.raises(CaseError, match="is not in the shop 'Other'; the case was made in 'Small'"):
        replay_cases(other, [case])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "nothing is expected"),
        ({"expect": ["leather"]}, "--expect 'leather': expected product=ID"),
        ({"expect_not": ["price<=cheap"]}, "expected a number, got 'cheap'"),
        ({"acts": ["buy"]}, "--expect-act 'buy'"),
    ],
)
def test_expectations_that_cannot_be_read_are_refused(options, said):
    with pytest.raises(CaseError, match=said.replace("(", r"\(")):
        expectations(**options)


def test_unknown_conversations_turns_and_attributes_are_refused(store):
    acts = expectations(acts=["refine"])
    with pytest.raises(CaseError, match="conversation 'nobody'"):
        from_thread(store, "nobody", "x", acts)
    with pytest.raises(CaseError, match="turn 9: conversation 'chat-1' has 3 turns"):
        from_thread(store, "chat-1", "x", acts, turn=9)
    with pytest.raises(CaseError, match="attribute 'texture': expected one of category"):
        from_thread(store, "chat-1", "x", expectations(["texture=soft"]))


def test_a_session_of_the_recommender_gets_the_replayed_answer_again(demo_store, tmp_path):
    store = Store.open(demo_store)
    replay(store, ["fused"], sample=2, part="validation", candidates="available", out=tmp_path / "runs")
    lines = [json.loads(line) for line in (tmp_path / "runs/runs.jsonl").read_text().splitlines()]
    for i, line in enumerate(lines):
        same = expectations([f"product={line['top'][0]}"], within=1)
        gone = expectations(expect_not=[f"product={line['top'][0]}"])
        cases = [
            from_runs(store, tmp_path / "runs", line["session_id"], f"{name}-{i}", expected)
            for name, expected in (("same", same), ("gone", gone))
        ]
        assert [v.passed for v in replay_cases(store, cases)] == [True, False]
        assert cases[0].system == "recommender" and line["user_id"] not in cases[0].model_dump_json()


def test_the_cases_that_were_found_stay_right(demo_store):
    """Each of these was once a bad answer; see the note in each file."""
    verdicts = replay_cases(Store.open(demo_store), read_cases(REAL))
    assert len(verdicts) >= 3 and not [v for v in verdicts if not v.passed]
