"""Figures from runs: by hand, in any order of the runs, one run at a time, and systems tested against each other."""

import gc
import json
import weakref
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from shopping_assistant.eval.beyond_accuracy import BeyondAccuracyError
from shopping_assistant.eval.metrics import scores_of_ranking
from shopping_assistant.eval.runs import PROTOCOL, RUNS, Run, RunError
from shopping_assistant.eval.score import compare, figures, main, score_runs, session_scores, system_figures
from shopping_assistant.eval.significance import holm, paired_test

ABOUT = {"store": "s", "sessions": 4, "products": 8, "protocol": {"k": 10, "seed": 1}}


def run(session: int, system: str = "fused", rank: int | None = 1, user: str | None = None, **given) -> Run:
    given = {"cohorts": (), "ms": 2.0, **given}
    return Run(f"s{session}", user or f"u{session}", system, "t", rank, **given)


def ranked(system: str, ranks, cohorts=lambda i: (), users=lambda i: None) -> list[Run]:
    return [run(i, system, int(r) or None, users(i), cohorts=cohorts(i)) for i, r in enumerate(ranks)]


def test_the_figures_of_four_sessions_by_hand():
    told = [
        {"novelty@10": 3.0, "diversity@10": 0.5, "broke_constraint@10": 0.0},
        {"novelty@10": 5.0, "broke_constraint@10": 1.0},  # a list of one product has no diversity
        {},  # an empty list has neither
        {"novelty@10": 4.0, "diversity@10": 0.1, "broke_constraint@10": 0.0},
    ]
    tops = [("t", "a"), ("b",), (), ("a", "c", "t")]
    cohorts = [("cold items",), ("warm items",), ("warm items",), ("warm items",)]
    runs = [
        run(i, rank=rank, top=top, list_figures=own, cohorts=names)
        for i, (rank, top, own, names) in enumerate(zip((1, None, None, 3), tops, told, cohorts, strict=True))
    ]
    found = figures(ABOUT, runs)
    own = found["systems"]["fused"]
    assert own["recall@10"] == 0.5 and own["mrr"] == pytest.approx((1 + 1 / 3) / 4)
    assert own["novelty@10"] == 4 and own["diversity@10"] == pytest.approx(0.3)
    assert own["coverage@10"] == 4 / 8  # a, b, c and the target of the eight candidates
    assert own["broke_constraint@10"] == pytest.approx(1 / 3)
    assert (own["answers_checked"], own["answers_broke"]) == (3, 1)
    assert (own["sessions"], own["not_ranked"], own["sessions_per_second"]) == (4, 2, 500.0)
    assert 3 <= own["ci95"]["novelty@10"][0] <= 4 <= own["ci95"]["novelty@10"][1] <= 5
    warm = own["cohorts"]["warm items"]
    assert warm["sessions"] == 3 and warm["recall@10"] == pytest.approx(1 / 3) and warm["novelty@10"] == 4.5
    assert warm["ci95"] is None  # three shoppers are too few to say how sure that is
    assert found["comparisons"] == [] and "failed" not in own
    assert system_figures(runs, 10, 1, products=8) == own
    json.dumps(found, allow_nan=False)


def test_the_agent_covers_no_share_of_candidates_it_does_not_choose_from():
    about = {**ABOUT, "products": 2, "protocol": {**ABOUT["protocol"], "candidates": "ids.txt"}}
    runs = [run(0, "agent", top=("t", "a", "b")), run(0, "search", top=("t", "a"))]
    systems = figures(about, runs)["systems"]
    assert "coverage@10" not in systems["agent"] and systems["search"]["coverage@10"] == 1
    with pytest.raises(BeyondAccuracyError, match="3 recommended products among 2"):
        figures({**about, "protocol": ABOUT["protocol"]}, runs)


def test_old_runs_without_lists_are_scored_without_their_figures():
    own = figures({**ABOUT, "products": None}, [run(0), run(1)])["systems"]["fused"]
    assert not own.keys() & {"coverage@10", "novelty@10", "broke_constraint@10", "answers_checked"}


def test_more_products_than_candidates_are_refused():
    with pytest.raises(BeyondAccuracyError, match="12 recommended products among 8"):
        figures(ABOUT, [run(i, rank=None, top=tuple(f"p{i}{j}" for j in range(3))) for i in range(4)])


def test_means_are_those_of_the_lists_themselves():
    random = np.random.default_rng(0)
    runs = []
    for i in range(200):
        top = random.permutation([f"p{j}" for j in range(12)] + ["t"]).tolist()[: random.integers(1, 14)]
        runs.append(run(i, rank=top.index("t") + 1 if "t" in top else None, top=tuple(top)))
    own = figures({**ABOUT, "products": 13}, runs)["systems"]["fused"]
    by_list = [scores_of_ranking(r.top, {"t"}) for r in runs]
    for name in by_list[0]:
        assert own[name] == pytest.approx(np.mean([values[name] for values in by_list]))
        assert session_scores(runs)[name].tolist() == pytest.approx([values[name] for values in by_list])


def two_systems(sessions: int = 300) -> list[Run]:
    """`fused` finds half of what `popularity` misses, among warm items only."""
    random = np.random.default_rng(0)
    base = np.where(random.random(sessions) < 0.3, random.integers(1, 11, sessions), 0)
    better = np.where((base == 0) & (np.arange(sessions) % 3 > 0) & (random.random(sessions) < 0.5), 4, base)

    def cohorts(i: int) -> tuple[str, ...]:
        return ("warm items" if i % 3 else "cold items", "with query", "history 0-4")

    return ranked("popularity", base, cohorts) + ranked("fused", better, cohorts)


def test_the_order_of_the_runs_changes_nothing():
    runs = two_systems()
    shuffled = [runs[i] for i in np.random.default_rng(1).permutation(len(runs))]
    one, other = figures(ABOUT, runs), figures(ABOUT, shuffled)
    assert one["systems"] == other["systems"] and one["comparisons"] == other["comparisons"]


def test_runs_are_taken_in_one_by_one_and_not_kept():
    alive: list[weakref.ref] = []
    most = 0

    def stream() -> Iterator[Run]:
        nonlocal most
        for i in range(2000):
            made = run(i, rank=i % 7 or None, top=tuple(f"p{j}" for j in range(8)))
            alive.append(weakref.ref(made))
            most = max(most, sum(ref() is not None for ref in alive[-50:]))
            yield made
            del made

    gc.collect()
    assert figures(ABOUT, stream())["systems"]["fused"]["sessions"] == 2000
    assert most <= 2


def test_a_session_ranked_twice_is_refused():
    with pytest.raises(RunError, match="'fused': 1 sessions stand twice"):
        figures(ABOUT, [run(0), run(1), replace(run(0), rank=5)])


def test_systems_are_tested_against_each_other_overall_and_against_the_best_baseline_in_cohorts():
    comparisons = figures(ABOUT, two_systems())["comparisons"]
    keys = [(c["first"], c["second"], c["metric"], c["cohort"]) for c in comparisons]
    assert keys == [
        ("fused", "popularity", m, cohort)
        for cohort in (None, "cold items", "warm items")
        for m in ("recall@10", "ndcg@10")
    ]
    overall, cold, warm = comparisons[0], comparisons[2], comparisons[4]
    assert overall["p_adjusted"] < 0.001 and overall["ci95"][0] > 0 and overall["sessions"] == 300
    assert (cold["difference"], cold["p"], cold["p_adjusted"], cold["sessions"]) == (0, 1, 1, 100)
    assert warm["p_adjusted"] < 0.001 and warm["difference"] == pytest.approx(1.5 * overall["difference"])
    first, second = (
        session_scores([r for r in two_systems() if r.system == s])["recall@10"] for s in ("fused", "popularity")
    )
    assert overall["difference"] == pytest.approx(paired_test(first, second).difference)
    assert overall["p"] == pytest.approx(paired_test(first, second).p)


def test_tests_over_all_sessions_and_tests_within_cohorts_are_corrected_apart():
    random = np.random.default_rng(5)
    runs = [
        r
        for name in ("popularity", "search", "item-knn", "id", "mixup")
        for r in ranked(name, random.integers(0, 25, 120), lambda i: ("with query" if i % 2 else "without query",))
    ]
    comparisons = figures(ABOUT, runs)["comparisons"]
    overall = [c for c in comparisons if c["cohort"] is None]
    within = [c for c in comparisons if c["cohort"] is not None]
    assert len(overall) == 2 * 10 and len(within) == 2 * 4 * 2  # every pair; the others beside one baseline, twice
    assert {c["second"] for c in within} <= {"popularity", "search", "item-knn"} and len(
        {c["second"] for c in within}
    ) == 1
    for family in (overall, within):
        assert [c["p_adjusted"] for c in family] == pytest.approx(holm([c["p"] for c in family]))
    assert all(c["p_adjusted"] >= c["p"] for c in comparisons)


def test_a_system_that_ran_on_a_sample_is_compared_on_what_both_ran():
    runs = two_systems()
    agent = [replace(r, system="agent", rank=1) for r in runs if r.system == "fused"][:40]
    found = figures(ABOUT, runs + agent)
    assert found["systems"]["agent"]["sessions"] == 40 and found["systems"]["fused"]["sessions"] == 300
    beside = {
        (c["first"], c["second"]): c for c in found["comparisons"] if c["metric"] == "recall@10" and not c["cohort"]
    }
    assert beside["agent", "popularity"]["sessions"] == beside["agent", "fused"]["sessions"] == 40
    assert beside["fused", "popularity"]["sessions"] == 300
    alone = {r.session_id: bool(r.rank) for r in runs if r.system == "popularity"}
    assert beside["agent", "popularity"]["difference"] == 1 - np.mean([alone[r.session_id] for r in agent])
    # The figures of the others are what they would be without the agent.
    assert found["systems"]["fused"] == figures(ABOUT, runs)["systems"]["fused"]


def test_sessions_of_one_shopper_are_drawn_together():
    ranks = [1] * 100 + [0] * 100
    apart = figures(ABOUT, ranked("fused", ranks))["systems"]["fused"]
    few = figures(ABOUT, ranked("fused", ranks, users=lambda i: f"shopper {i // 20}"))["systems"]["fused"]
    assert apart["recall@10"] == few["recall@10"] == 0.5
    width = {
        name: own["ci95"]["recall@10"][1] - own["ci95"]["recall@10"][0] for name, own in (("a", apart), ("f", few))
    }
    assert width["f"] > 3 * width["a"]


def test_cohorts_with_enough_shoppers_have_intervals_and_a_season_of_everybody_is_no_cohort():
    def cohorts(i: int) -> tuple[str, ...]:
        return ("season summer", "warm items" if i % 2 else "cold items")

    found = figures(ABOUT, ranked("fused", [1, 0, 2, 3] * 10, cohorts))["systems"]["fused"]["cohorts"]
    assert found.keys() == {"cold items", "warm items"}
    for own in found.values():
        assert all(low <= own[m] <= high for m, (low, high) in own["ci95"].items()) and len(own["ci95"]) == 4
    two = figures(ABOUT, ranked("fused", [1, 0], lambda i: (("season summer", "season winter")[i],)))
    assert two["systems"]["fused"]["cohorts"].keys() == {"season summer", "season winter"}


def test_a_folder_is_scored_again_and_two_of_its_systems_compared(tmp_path, capsys):
    runs = two_systems(60)
    (tmp_path / PROTOCOL).write_text(json.dumps(ABOUT), encoding="utf-8")
    (tmp_path / RUNS).write_text("".join(r.as_line() + "\n" for r in runs), encoding="utf-8")
    assert score_runs(tmp_path) == figures(ABOUT, runs)
    found = compare(tmp_path, "fused", "popularity")
    overall = next(c for c in score_runs(tmp_path)["comparisons"] if c["metric"] == "recall@10" and c["cohort"] is None)
    assert (found["recall@10"].p, found["recall@10"].difference) == (overall["p"], overall["difference"])
    assert found.keys() == {"recall@10", "ndcg@10", "mrr@10", "mrr"}
    with pytest.raises(RunError, match=r"'sasrec'.*popularity, fused"):
        compare(tmp_path, "fused", "sasrec")
    assert main([str(tmp_path), "--compare", "fused", "popularity"]) == 0
    assert json.loads(capsys.readouterr().out)["ndcg@10"]["sessions"] == 60
    assert main([str(tmp_path / "nowhere")]) == 2
