"""The bench of size: an invented store holds all that a recommendation reads, and the sizes are timed side by side."""

import json

import numpy as np
import pytest

from shopping_assistant.eval.bench import large_store
from shopping_assistant.eval.bench.scale import CASES, SYSTEMS, main
from shopping_assistant.tools.attribute_filter import mask
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.sessions import leave_one_out
from shopping_assistant.tools.stocked import title_table
from shopping_assistant.tools.store import Store


@pytest.fixture(scope="module")
def timed(demo_store, tmp_path_factory) -> tuple[Store, dict]:
    """The larger one of two invented stores, and what the bench said of both."""
    folder = tmp_path_factory.mktemp("scale")
    out = folder / "out.json"
    with pytest.MonkeyPatch.context() as patched, out.open("w") as file:
        patched.setattr("sys.stdout", file)
        common = ["--like", str(demo_store), "--folder", str(folder), "-n", "1", "--threads", "1", "--json"]
        assert main([*common, "--products", "1000", "2000"]) == 0
    return Store.open(folder / "2000-products"), json.loads(out.read_text())


def test_every_system_and_case_is_timed_on_every_size(timed):
    _, result = timed
    assert [s["products"] for s in result["stores"]] == [1000, 2000]
    told = [(r["system"], r["case"], r["products"]) for r in result["recommendations"]]
    assert told == [(s, c, n) for s in SYSTEMS for c in CASES for n in (1000, 2000)]
    for row in result["recommendations"]:
        assert {"rest", "prompt", "write", "retrieval"} <= set(row["parts"]) and min(row["parts"].values()) >= 0
        assert row["median_ms"] > 0 and row["processor_ms"] > 0
    small, large = result["recommendations"][:2]
    assert result["ratios"][0]["median"] == pytest.approx(large["median_ms"] / small["median_ms"], abs=0.02)


def test_an_invented_store_is_whole(timed):
    store, _ = timed
    catalog = store.catalog()
    assert len(catalog) == 2000 and not store.damaged()
    assert len(set(catalog.titles)) > 1_500
    assert 0.9 < catalog.available.mean() < 1
    assert len(ItemCodes.load(store.model_dir("recommender"))) == 2000
    assert len(leave_one_out(store.events()).test) > 50
    wishes = CASES["constrained"]
    assert 0.01 < mask(catalog, wishes).mean() < 0.4


def test_titles_that_share_words_are_near_each_other(timed):
    store, _ = timed
    catalog, table = store.catalog(), title_table(store)
    kinds = np.array(catalog.cells("category"))
    likeness = table @ table[:200].T
    np.fill_diagonal(likeness[:200], np.nan)
    same = kinds[:, None] == kinds[None, :200]
    assert np.nanmean(likeness[same]) > np.nanmean(likeness[~same]) + 0.2


def test_the_same_seed_gives_the_same_products():
    first, again = (large_store.make_catalog(rng, large_store.make_assortment(rng, 3_000)).frame
                    for rng in map(np.random.default_rng, (4, 4)))  # fmt: skip
    assert first.equals(again)


def test_what_cannot_be_measured_is_said(demo_store, tmp_path, capsys):
    common = ["--like", str(demo_store), "--folder", str(tmp_path)]
    assert main([*common, "--products", "10"]) == 2
    assert "expected 1,000 or more" in capsys.readouterr().err
    assert main(["--like", str(tmp_path / "nowhere"), "--folder", str(tmp_path)]) == 2
    assert "no store at" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*common, "--calls", "0"])
