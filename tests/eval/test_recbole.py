"""The RecBole baselines: what they may see, how they are ranked; their models where their environment is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from shopping_assistant.eval import metrics

SCRIPTS = Path(__file__).parent.parent.parent / "eval" / "recbole"
CHECKS = Path(__file__).parent / "recbole_checks.py"


@pytest.fixture
def sequences(monkeypatch):
    """The scripts import each other by bare names: they run from their folder, in an environment without ours."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import sequences

    yield sequences
    del sys.modules["sequences"]


def learned_pairs(windows) -> list[tuple[list[int], int]]:
    """(what is read, what is learned from it), for each place of each window."""
    pairs = []
    for start, length, first in zip(windows.starts, windows.lengths, windows.first, strict=True):
        window = windows.flat[start : start + length].tolist()
        pairs += [(window[:t], window[t]) for t in range(first, length)]
    return pairs


def test_the_last_two_items_of_evaluated_users_are_never_trained_on(sequences):
    split = sequences.divide(["u", "v"], [list("abxy"), list("cde")], [True, False], longest=5)
    assert split.vocabulary == list("abcde")
    assert split.counts.tolist() == [1, 1, 1, 1, 1]
    assert learned_pairs(split.training) == [([1], 2), ([3], 4), ([3, 4], 5)]
    assert split.users == ["u"]


def test_every_prefix_is_learned_once_whatever_the_length(sequences):
    items = [[f"{i:03}" for i in range(n)] for n in (1, 2, 6, 7, 40)]
    windows = sequences.divide("abcde", items, [False] * 5, longest=6).training
    assert windows.lengths.max() == 7
    pairs = learned_pairs(windows)
    assert [target for _, target in pairs] == [n + 1 for size in (2, 6, 7, 40) for n in range(1, size)]
    # At least half of what the model could read, where the sequence has that much.
    assert all(len(read) >= min(target - 1, 3) for read, target in pairs)
    assert all(read == list(range(target - len(read), target)) for read, target in pairs)


def test_unseen_items_are_left_out_of_histories_and_have_no_rank(sequences):
    users, items = ["u", "v", "w"], [list("abcX"), list("aYbc"), list("Zab")]
    split = sequences.divide([*users, "t"], [*items, list("abc")], [True, True, True, False], longest=2)
    # v's a and Y are trained on; u's test target and w's only known item tell the rest.
    assert split.vocabulary == ["Y", "Z", "a", "b", "c"]
    assert split.test.targets.tolist() == [0, 5, 4]
    assert split.test.whole.tolist() == [3, 3, 2]
    assert split.test.lengths.tolist() == [2, 2, 2]
    ranks = sequences.target_ranks(np.zeros((3, 5)), split.test, np.arange(3))
    assert ranks.tolist() == [0, 2, 2]


def test_ranks_agree_with_the_metrics_of_the_evaluation(sequences):
    rng = np.random.default_rng(0)
    users = [f"u{n}" for n in range(40)]
    items = [[f"{i:02}" for i in rng.permutation(30)[: rng.integers(4, 12)]] for _ in users]
    everything = [f"{i:02}" for i in range(30)]
    split = sequences.divide([*users, "all"], [*items, everything], [True] * 40 + [False], longest=3)
    scores = rng.integers(0, 6, (40, 30)).astype(float)  # few values: many ties
    candidates = np.ones((40, 30), dtype=bool)
    for row, sequence in enumerate(items):
        candidates[row, [int(i) for i in sequence[:-1]]] = False
    wanted = metrics.target_ranks(scores, candidates, np.array([int(s[-1]) for s in items]))
    found = sequences.target_ranks(scores.copy(), split.test, np.arange(40))
    assert found.tolist() == wanted.tolist()
    values = metrics.scores_of_ranks(wanted)
    assert sequences.ndcg(found) == pytest.approx(values["ndcg@10"].mean())
    assert sequences.recall(found) == pytest.approx(values["recall@10"].mean())


def test_batches_hold_every_row_once_at_a_width_of_its_own(sequences):
    lengths = np.array([0, 1, 3, 9, 40, 50, 50, 2])
    for rng in (None, np.random.default_rng(1)):
        seen = {int(r): w for rows, w in sequences.batches(lengths, 60, 50, rng) for r in rows}
        assert seen == {1: 2, 2: 4, 3: 12, 4: 50, 5: 50, 6: 50, 7: 2}


def test_what_cannot_be_used_is_refused(sequences, tmp_path):
    with pytest.raises(sequences.SplitError, match=r"'u'.*fewer than 3"):
        sequences.divide(["u"], [["a", "b"]], [True], longest=5)
    with pytest.raises(sequences.SplitError, match="no such split"):
        sequences.read(tmp_path / "split.parquet", 5)
    pl.DataFrame({"user_id": ["u"]}).write_parquet(tmp_path / "split.parquet")
    with pytest.raises(sequences.SplitError, match="no column evaluated, items"):
        sequences.read(tmp_path / "split.parquet", 5)
    split = sequences.divide(["u"], [list("abc")], [True], longest=5)
    with pytest.raises(sequences.SplitError, match="NaN"):
        sequences.target_ranks(np.full((1, 1), np.nan), split.test, np.arange(1))


@pytest.mark.parametrize("model", ["SASRec", "CORE", "GRU4Rec", "NextItNet", "BERT4Rec"])
def test_the_model_is_recboles_and_learns(recbole_python, model):
    """Scores and loss equal RecBole's own calls, and a planted order is learned: see `recbole_checks.py`."""
    done = subprocess.run(
        [recbole_python, CHECKS, SCRIPTS, model],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_finished_run_is_kept_and_stands_in_the_table(recbole_python, tmp_path):
    rng = np.random.default_rng(0)
    items = [[f"p{(start + i) % 30:02}" for i in range(8)] for start in rng.integers(0, 30, 60)]
    folder = tmp_path / "hm-week"
    folder.mkdir()
    users = [f"u{n}" for n in range(60)]
    frame = pl.DataFrame({"user_id": users, "items": items, "evaluated": [True] * 60})
    frame.write_parquet(folder / "split.parquet")
    common = ["--runs", str(tmp_path), "--benchmark", "hm-week", "--model", "GRU4Rec"]

    def run(what: str, *more: str) -> str:
        command = [str(recbole_python), str(SCRIPTS / "run.py"), what, *common, *more]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    assert "validation" in run("all", "--budget", "0.05", "--seeds", "2")
    names = [f"recbole-gru4rec.seed{seed}" for seed in (1, 2)]
    for name in names:
        record = json.loads((folder / "ranks" / f"{name}.json").read_text())
        assert record["settings"]["learning_rate"] in (1e-3, 3e-3)
        for part in ("validation", "test"):
            ranks = pl.read_parquet(folder / "ranks" / f"{name}.{part}.parquet")
            assert ranks["user_id"].to_list() == users
            assert ranks["rank"].is_between(0, 30).all()
    assert run("all", "--budget", "0.05", "--seeds", "2") == ""
    rows = json.loads(run("table", "--json"))
    assert [(r["system"], r["seed"]) for r in rows] == [("recbole-gru4rec", 1), ("recbole-gru4rec", 2)]
    assert rows[0]["test"].keys() == {"ndcg@10", "recall@10"}
