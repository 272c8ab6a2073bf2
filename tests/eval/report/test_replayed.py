"""One system beside the others: whose lead it is, and what is more than chance."""

import pytest

from shopping_assistant.eval.report.replayed import Replayed


def system(ndcg: float, sessions: int = 100, **cohorts: tuple[int, float]) -> dict:
    values = dict.fromkeys(("recall@10", "mrr@10", "mrr"), ndcg) | {"ndcg@10": ndcg}
    groups = {n.replace("_", " "): {"sessions": s, **values, "ndcg@10": v} for n, (s, v) in cohorts.items()}
    return {**values, "ci95": {m: [v - 0.02, v + 0.02] for m, v in values.items()}, "cohorts": groups,
            "sessions": sessions, "sessions_per_second": 5.0}  # fmt: skip


def comparison(first: str, second: str, difference: float, p: float, cohort: str | None = None) -> dict:
    return {"first": first, "second": second, "metric": "ndcg@10", "cohort": cohort, "difference": difference,
            "ci95": [difference - 0.01, difference + 0.03], "p": p / 2, "p_adjusted": p, "sessions": 100}  # fmt: skip


def test_what_the_shop_answers_with_is_in_the_middle():
    r = Replayed({"systems": {"item-knn": system(0.5), "mixup": system(0.4), "fused": system(0.3)}}, 10)
    assert (r.main, r.leader, r.names) == ("fused", "item-knn", ["item-knn", "mixup", "fused"])


def test_a_system_with_other_sessions_is_not_ranked_beside_the_rest():
    r = Replayed({"systems": {"agent": system(0.9, 50), "mixup": system(0.4)}}, 10)
    assert (r.leader, r.main) == ("mixup", "mixup")
    (agent, mixup) = r.rows()
    assert agent.note == "other sessions than the rest" and not any(cell.best for cell in agent.cells)
    assert mixup.note == ""


def test_a_comparison_is_turned_to_the_main_system():
    figures = {
        "systems": {"fused": system(0.4), "bm25": system(0.5)},
        "comparisons": [comparison("bm25", "fused", 0.1, 0.01)],
    }
    (found,) = Replayed(figures, 10).differences
    assert found.other == "bm25" and found.mean == -0.1 and found.beyond_chance
    assert found.ci95 == pytest.approx((-0.13, -0.09))


def test_losses_beyond_chance_come_first_and_small_groups_are_left_out():
    systems = {
        "fused": system(0.6, cold_items=(40, 0.1), new_shoppers=(60, 0.5), season_winter=(10, 0.0)),
        "bm25": system(0.5, cold_items=(40, 0.2), new_shoppers=(60, 0.55), season_winter=(10, 0.9)),
        "vectors": system(0.4, cold_items=(40, 0.3), new_shoppers=(60, 0.9), season_winter=(10, 0.9)),
    }
    tests = [comparison("fused", "bm25", -0.1, 0.02, "cold items")]
    cold, new = Replayed({"systems": systems, "comparisons": tests}, 10).lost()
    assert (cold.cohort, cold.other, cold.best, cold.test.p_adjusted) == ("cold items", "bm25", "vectors", 0.02)
    assert (new.cohort, new.other, new.best, new.test) == ("new shoppers", "vectors", "vectors", None)


def test_groups_stand_by_family_and_in_the_order_of_their_numbers():
    names = {"history_10-19": (40, 0.1), "history_5-9": (40, 0.2), "category_boots": (40, 0.3), "cold_items": (40, 0.4)}
    found = Replayed({"systems": {"fused": system(0.6, **names)}}, 10).cohorts()
    assert [(family, [row.name for row in rows]) for family, rows in found] == [
        ("items", ["cold items"]), ("history", ["history 5-9", "history 10-19"]), ("category", ["category boots"]),
    ]  # fmt: skip
    assert [row.cells[0].shade for _, rows in found for row in rows] == pytest.approx([1.0, 1 / 3, 0.0, 2 / 3])
