"""Figures with intervals, the failures that are shown, and what lies on disk."""

import gzip
import json

import numpy as np
import pytest

from shopping_assistant.eval.understanding.__main__ import main
from shopping_assistant.eval.understanding.crowdflower import judged_of, lay_down, rank, read_rows
from shopping_assistant.eval.understanding.record import (
    Failure,
    compared,
    drawn,
    f1_with_ci,
    half_of,
    most_telling,
    share_with_ci,
)
from shopping_assistant.eval.understanding.scratch import DataMissing, scratch_store, spread
from shopping_assistant.eval.understanding.simmc_records import read_dialogues
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.store import Store


def test_f1_is_of_all_values_together():
    figures, ci = f1_with_ci(np.array([[1.0, 2.0, 1.0], [3.0, 3.0, 4.0]]), "slots")
    assert figures["slots_precision"] == pytest.approx(4 / 5) and figures["slots_recall"] == pytest.approx(4 / 5)
    assert ci["slots_f1"][0] <= figures["slots_f1"] == pytest.approx(4 / 5)
    assert f1_with_ci(np.zeros((3, 3)), "slots") == ({}, {})


def test_a_share_counts_chances_not_conversations():
    value, (low, high) = share_with_ci(np.array([1.0, 0.0]), np.array([1.0, 3.0]))
    assert value == pytest.approx(0.25) and (low, high) == (0.0, 1.0)


def test_one_failure_of_each_kind_before_a_second_of_any():
    failures = [Failure(("common",), {"i": i}) for i in range(5)] + [Failure(("rare", "common"), {"i": 9})]
    assert [f["i"] for f in most_telling(failures, 3)] == [0, 9, 1]
    assert len(most_telling(failures, 20)) == 6


def test_paired_tests_are_corrected_for_how_many_there_are():
    rng = np.random.default_rng(0)
    scores = {"a/m": rng.random(50), "b/m": rng.random(50), "c/m": rng.random(50)}
    tests = compared(scores, (("a", "b"), ("a", "c")), ("m",))
    assert all(t["p_adjusted"] >= t["p"] for t in tests) and tests[0]["sessions"] == 50


def test_halves_and_draws_are_the_same_every_time():
    halves = [half_of(f"simmc2-{n}") for n in range(400)]
    assert 150 < halves.count("development") < 250
    assert drawn(range(100), 5) == drawn(range(100), 5) and drawn(range(3), 5) == [0, 1, 2]


def test_a_scratch_store_is_kept_until_the_data_change(tmp_path):
    source, filled = tmp_path / "data.txt", []

    def fill(path):
        filled.append(path)
        Store.create(path, name="Two").write_catalog(Catalog.from_products([Product("a", "Boot"), Product("b", "Hat")]))

    source.write_text("one")
    first = scratch_store("two", [source], tmp_path / "scratch", fill)
    again = scratch_store("two", [source], tmp_path / "scratch", fill)
    assert (first.path == again.path and len(filled) == 1) and again.has("search")
    source.write_text("two")
    assert scratch_store("two", [source], tmp_path / "scratch", fill).path != first.path
    assert [p.name for p in (tmp_path / "scratch").iterdir()] == [filled[-1].name]


def test_the_command_writes_what_the_report_reads(crowdflower_data, tmp_path, capsys):
    data, out = crowdflower_data.parent / "all", tmp_path / "out"
    data.mkdir()
    (data / "crowdflower_search").symlink_to(crowdflower_data)
    given = ["crowdflower", "--data", str(data), "--out", str(out), "--workers", "1", "--json"]
    assert main(given) == 0
    printed = json.loads(capsys.readouterr().out)["crowdflower"]
    written = json.loads((out / "understanding/crowdflower.json").read_text())
    assert {"set", "what", "figures", "ci95", "n", "seconds", "protocol", "worst", "command"} <= set(written)
    assert written["figures"] == printed["figures"] and written["protocol"]["processor_seconds"] > 0
    assert (out / "understanding/crowdflower-failures.jsonl").is_file()


def test_data_that_are_not_there_are_said_in_a_sentence(tmp_path, capsys):
    assert main(["webshop", "--data", str(tmp_path / "none"), "--out", str(tmp_path)]) == 1
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage", [b"no gzip at all", gzip.compress(b"[{'", mtime=0), gzip.compress(b"[1, 2]" * 99, mtime=0)[:-9]]
)
def test_a_damaged_file_is_said_in_a_sentence(tmp_path, damage):
    file = tmp_path / "dialogues.jsonl.gz"
    file.write_bytes(damage)
    with pytest.raises(DataMissing, match=r"dialogues.jsonl.gz is damaged \(.*fetch it again"):
        read_dialogues(file)


@pytest.mark.parametrize("option", ["--sample", "--workers"])
def test_numbers_below_one_are_refused_in_a_sentence(tmp_path, capsys, option):
    with pytest.raises(SystemExit):
        main(["webshop", "--data", str(tmp_path), "--out", str(tmp_path), option, "-3"])
    assert f"{option} -3: expected at least 1" in capsys.readouterr().err


def test_work_spread_over_processes_comes_back_in_order(crowdflower_data, scratch):
    rows = read_rows(crowdflower_data / "train.csv.gz")
    store = scratch_store("spread", [crowdflower_data / "train.csv.gz"], scratch, lambda path: lay_down(rows, path))
    queries = judged_of(rows) * 2
    orders = [[r.orders for r in spread(rank, store.path, queries, workers)] for workers in (1, 2)]
    assert orders[0] == orders[1] and len(orders[0]) == 6
