"""Ranks set out as a table: seeds averaged a session, tests corrected, and the text that is printed."""

import numpy as np
import pytest

from shopping_assistant.eval.tables import TableError, as_text, table_of_ranks

COLD = np.arange(40) % 4 == 0
FIRST, SECOND, NONE = np.ones(40, int), np.full(40, 2), np.zeros(40, int)
HALF = np.where(np.arange(40) < 20, 1, 0)


def test_seeds_are_averaged_a_session_before_anything_is_compared():
    found = table_of_ranks({"fused": {1: FIRST, 2: SECOND}, "gru4rec": {1: NONE, 2: HALF, 3: HALF}}, COLD)
    fused, peer = found["systems"]["fused"], found["systems"]["gru4rec"]
    place = 1 / np.log2(3)
    assert fused["ndcg@10"] == pytest.approx((1 + place) / 2)
    assert fused["sd"]["ndcg@10"] == pytest.approx((1 - place) / np.sqrt(2)) and fused["sd"]["recall@10"] == 0
    # The sessions agree with each other, and only the seeds differ: nothing is unsure but the training.
    assert fused["ci95"]["ndcg@10"] == pytest.approx([(1 + place) / 2] * 2)
    assert peer["recall@10"] == pytest.approx(1 / 3)
    assert peer["fused against it"]["recall@10"]["all"]["difference"] == pytest.approx(2 / 3)
    assert [own["recall@10"] for own in peer["seeds"].values()] == [0, 0.5, 0.5]


def test_peers_and_parts_are_corrected_apart():
    """Five per cent is shared among the tests that answer one question."""
    random = np.random.default_rng(0)
    near = np.where(random.random(40) < 0.25, 2, FIRST)
    peers = {"fused": {1: FIRST}, "peer": {1: near}, "other": {1: NONE}}
    alone = table_of_ranks(peers, COLD)["systems"]["peer"]["fused against it"]["ndcg@10"]["all"]
    parts = {f"fused-without-{i}": {1: near} for i in range(5)}
    beside = table_of_ranks(peers | parts, COLD)["systems"]
    assert beside["peer"]["fused against it"]["ndcg@10"]["all"] == alone
    # Of four tests the two against `other` are clearer; of the parts' ten this is one of the five clearest.
    assert alone["p"] < 0.05 and alone["p_adjusted"] == pytest.approx(2 * alone["p"])
    part = beside["fused-without-0"]["fused against it"]["ndcg@10"]["all"]
    assert part["p"] == alone["p"] and part["p_adjusted"] == pytest.approx(10 * alone["p"])


def test_the_text_has_a_row_for_each_system_and_says_which_are_not_told_apart():
    ranks = {"fused": {1: FIRST, 2: FIRST}, "same": {1: FIRST}, "fused-without-falcon": {1: NONE}}
    lines = as_text(table_of_ranks(ranks, COLD), "A set").splitlines()
    assert lines[0] == "A set: 40 sessions, 10 with a cold target"
    rows = [line for line in lines if line.startswith("|")]
    assert {row.count("|") for row in rows} == {10}
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| fused", "| same", "| fused-without-falcon"]
    assert "1.0000 ± 0.0000 (2)" in rows[2] and "| < 0.0001, < 0.0001 |" in rows[4]
    assert lines[-1].endswith("from: same.")
    warm = as_text(table_of_ranks(ranks, np.zeros(40, bool))).splitlines()
    assert warm[0] == "40 sessions, 0 with a cold target" and {r.count("|") for r in warm if r[:1] == "|"} == {10}
    alone = as_text(table_of_ranks({"sasrec": {1: HALF}}, COLD)).splitlines()
    assert alone[-1].startswith("| sasrec |")


def test_ranks_of_other_sessions_are_refused():
    with pytest.raises(TableError, match="'short': 3 ranks, expected one for each of 40 sessions"):
        table_of_ranks({"short": {1: NONE[:3]}}, COLD)
