"""Size advice measured: on rentals with a planted pattern, and what the script says of data that it cannot use."""

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from shopping_assistant.eval import size_advice
from shopping_assistant.eval.size_advice import NoAdvice, measure
from shopping_assistant.tools.fit_feedback import part_of


def rentals(shoppers: range, seed: int = 1) -> pl.DataFrame:
    """Two rentals a shopper, a dress that runs small among them: half of all who wear it say so."""
    random, rows = np.random.default_rng(seed), []
    for n in shoppers:
        weight = random.uniform(110, 170)
        for item in (1, 2):
            size = int(np.clip(4 * round((weight - 110) / 10 + random.normal(0, 0.5)), 0, 24))
            off = size - 4 * (weight - 110) / 10 - 3 * (item == 2)
            fit = "small" if off < -2.5 else "large" if off > 2.5 else "fit"
            rows.append((fit, n, item, "gown", size, round(weight), 65.0))
    columns = ["fit", "user_id", "item_id", "category", "size", "weight_lbs", "height_in"]
    return pl.DataFrame(rows, schema=columns, orient="row")


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data" / "renttherunway"
    folder.mkdir(parents=True)
    rentals(range(900)).write_parquet(folder / "rentals.parquet")
    return folder.parent


def test_the_model_beats_its_peers_where_there_is_a_pattern(data, tmp_path):
    result = measure(data, tmp_path / "out")
    kept = [n for n in range(900) if part_of(str(n)) == 0]
    assert result.n == 2 * len(kept) and result.protocol["shoppers kept back"] == len(kept)
    assert result.protocol["learned answers"] == 1800 - result.n
    f1 = {name: result.figures[f"{name}/macro_f1"] for name in size_advice.SYSTEMS}
    assert f1["model"] > f1["size"] + 0.1 > f1["majority"] + 0.1
    low, high = result.ci95["model/macro_f1"]
    assert low < f1["model"] < high
    against = {c["second"]: c for c in result.comparisons}
    assert against["size"]["p_adjusted"] < 0.05 and against["size"]["ci95"][0] > 0
    assert 0.5 < result.figures["model/auc"] <= 1 and result.figures["majority/auc"] == 0.5
    assert result.figures["advice/fit_near"] > result.figures["most_worn/fit_near"]


def test_shoppers_of_another_file_are_foretold(data, tmp_path):
    file = tmp_path / "others.parquet"
    rentals(range(2000, 2100), seed=2).write_parquet(file)
    result = measure(data, tmp_path / "out", file)
    assert (result.n, result.protocol["learned answers"]) == (200, 1800)
    rentals(range(890, 910)).write_parquet(file)
    with pytest.raises(NoAdvice, match=r"shopper 890 stands in both files \(10 such\)"):
        measure(data, tmp_path / "out", file)


def test_the_command_says_what_is_missing(tmp_path):
    command = [
        sys.executable,
        "-m",
        "shopping_assistant.eval.size_advice",
        "--data",
        str(tmp_path),
        "--out",
        str(tmp_path / "o"),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "give the folder that holds renttherunway/" in done.stderr and not done.stdout


def test_macro_f1_and_areas_by_hand():
    answer, decided = np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, 1, 0, 2])
    assert size_advice._macro_f1(size_advice._counts(decided, answer).sum(axis=0)) == pytest.approx(
        (0.5 + 2 / 3 + 1) / 3
    )
    assert size_advice._auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True])) == pytest.approx(
        0.875
    )


def test_the_measurement_is_written_for_the_report(data, tmp_path, capsys):
    assert size_advice.main(["--data", str(data), "--out", str(tmp_path / "out"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "out" / "size_advice.json").read_text())["figures"] == printed["figures"]
