"""The bench of a replay: what it prints is measured, and a rank that is wrong stops it."""

import json

import numpy as np
import pytest

from shopping_assistant.eval.bench import replay as bench


def test_ranks_beside_bare_products(capsys):
    assert bench.main(["--products", "3000", "--dim", "24", "--sessions", "70", "--top", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["products"], found["sessions"], found["sessions_checked"]) == (3000, 70, 64)
    assert found["ranks_seconds"] > 0 and found["product_seconds"] > 0
    assert found["ratio"] == pytest.approx(found["ranks_seconds"] / found["product_seconds"], rel=0.05, abs=0.02)
    assert found["table_bytes"] == 3000 * 24 * 4 and found["scratch_bytes"] > 0
    assert bench.main(["--products", "500", "--dim", "8", "--sessions", "3"]) == 0
    assert "equal to a full sort in all of 3 sessions" in capsys.readouterr().out


def test_a_wrong_rank_is_found(monkeypatch, capsys):
    right = bench.ranked

    def off_by_one(vectors, among, targets, top=0):
        ranks, tops = right(vectors, among, targets, top)
        return ranks + (np.arange(len(ranks)) == 1), tops

    monkeypatch.setattr(bench, "ranked", off_by_one)
    assert bench.main(["--products", "500", "--dim", "8", "--sessions", "3"]) == 2
    assert "session 1: rank" in capsys.readouterr().err


def test_the_memory_of_longer_logs(small_store, capsys):
    given = ["--store", str(small_store.path), "--events", "1500", "--events", "5000", "--json"]
    assert bench.main(given) == 0
    short, long = json.loads(capsys.readouterr().out)
    there = len(small_store.events())
    assert 1200 < short["events"] <= 1500 and long["events"] == 2 * there
    assert long["sessions"] > 2 * short["sessions"] > 0 and short["peak_mb"] > 20


def test_settings_that_do_not_go_together_are_refused(capsys):
    with pytest.raises(SystemExit):
        bench.main(["--events", "1000"])
    assert "--store and --events go together" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        bench.main(["--sessions", "0"])
    assert "expected 1 or more" in capsys.readouterr().err
