"""What each part is worth: ranks of every variant against plain lists, and the table by hand."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from shopping_assistant.eval import parts
from shopping_assistant.eval.metrics import target_ranks
from shopping_assistant.eval.parts import PartsError, ranks_of_variants, table
from shopping_assistant.eval.protocol import Candidates, Protocol, questions
from shopping_assistant.tools.candidates import PARTS
from shopping_assistant.tools.fusion import Scorer
from shopping_assistant.tools.recommender import Recommender
from shopping_assistant.tools.store import Store
from tests.tools.fused_shop import lay_down

RANKS = pl.DataFrame(
    {
        "user_id": [f"u{i}" for i in range(40)],
        "cold": [i % 4 == 0 for i in range(40)],
        "fused": [1] * 30 + [0] * 10,
        "without-falcon": [2] * 30 + [0] * 10,
        "only-memory": [0] * 40,
    }
)


def test_the_table_of_variants_by_hand():
    found = table(RANKS)
    assert (found["sessions"], found["cold targets"]) == (40, 10)
    fused, without, memory = (found["systems"][name] for name in RANKS.columns[2:])
    assert fused["recall@10"] == fused["ndcg@10"] == without["recall@10"] == 0.75
    assert without["ndcg@10"] == pytest.approx(0.75 / np.log2(3)) and memory["ndcg@10"] == 0
    # Cold are the sessions 0, 4, … 36: eight of the ten are found.
    assert fused["cold"]["recall@10"] == pytest.approx(0.8)
    against = without["fused against it"]["ndcg@10"]["all"]
    assert against["difference"] == pytest.approx(0.75 * (1 - 1 / np.log2(3))) and against["p_adjusted"] < 0.01
    assert without["fused against it"]["recall@10"]["all"]["difference"] == 0
    assert "fused against it" not in fused
    json.dumps(found)


@pytest.fixture(scope="module")
def with_variants(tmp_path_factory) -> Store:
    """A shop with two ablations, whose weights are the whole's: which parts count is all that differs."""
    store = lay_down(tmp_path_factory.mktemp("parts") / "store")
    whole = Recommender.open(store).fused.scorer
    for name, kept in (("without-falcon", [p for p in PARTS if p != "falcon"]), ("only-session", ["session"])):
        scorer = Scorer(whole.features, whole.hidden, kept)
        scorer.load_state_dict(whole.state_dict())
        folder = store.model_dir("fused") / "variants" / name
        folder.mkdir(parents=True)
        scorer.save(folder)
    return store


def test_every_variant_ranks_as_its_own_list_does(with_variants):
    sample = 6
    found = ranks_of_variants(with_variants, "validation", sample)
    assert found.columns == ["user_id", "cold", "fused", "only-session", "without-falcon"] and len(found) == sample
    protocol, split = Protocol(part="validation", sample=sample), with_variants.split()
    asked = questions(with_variants.events(), protocol, split.train, split)
    assert found["user_id"].to_list() == [e.user_id for e in asked.examples]
    trained = set(split.train["product_id"].drop_nulls().to_list())
    assert found["cold"].to_list() == [e.target not in trained for e in asked.examples]
    among = Candidates(with_variants.catalog(), protocol, with_variants.events())
    masks, targets = among.masks(asked.examples), among.targets(asked.examples)
    fused = Recommender.open(with_variants).fused
    histories = [e.history for e in asked.examples]
    made = fused.candidates(histories, list(masks))
    scores = fused.scores(histories, list(masks))
    expected = target_ranks(scores, masks, targets)
    named = (made.rows == targets[:, None]).any(axis=1)
    assert found["fused"].to_list() == np.where(named, expected, 0).tolist()
    (alone,) = (s for name, s in fused.variants().items() if name == "only-session")
    own = np.full(scores.shape, -np.inf, np.float32)
    listed = alone.scores(made.features, made.rows, made.sources)
    b, c = np.nonzero(np.isfinite(listed))
    own[b, made.rows[b, c]] = listed[b, c]
    reached = np.isfinite(own[np.arange(sample), targets])
    assert found["only-session"].to_list() == np.where(reached, target_ranks(own, masks, targets), 0).tolist()


def test_the_ranks_are_kept_and_scored_again(with_variants, tmp_path, capsys):
    given = ["--store", str(with_variants.path), "--sample", "4", "--out", str(tmp_path), "--json"]
    assert parts.main(given) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["sessions"] == 4 and (tmp_path / "parts.validation.json").is_file()
    kept = pl.read_parquet(tmp_path / "parts.validation.parquet")
    (with_variants.path / "store.json").rename(with_variants.path / "away.json")
    try:
        assert parts.main(given) == 0  # without a store: nothing is ranked again
    finally:
        (with_variants.path / "away.json").rename(with_variants.path / "store.json")
    assert json.loads(capsys.readouterr().out) == first == json.loads(json.dumps(table(kept)))


def test_a_store_without_ablations_is_told_how_to_get_them(with_variants, tmp_path, capsys):
    shutil.copytree(with_variants.path, tmp_path / "store")
    shutil.rmtree(tmp_path / "store" / "models" / "fused" / "variants")
    with pytest.raises(PartsError, match="ablations: true"):
        ranks_of_variants(Store.open(tmp_path / "store"), "validation", 2)
    assert parts.main(["--store", str(tmp_path / "nowhere")]) == 2
    assert "no store at" in capsys.readouterr().err
