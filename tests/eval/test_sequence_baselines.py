"""RecBole's baselines of a store: the split they get, and that their ranks are those of a replay or are refused.

The models need an environment of their own (see test_recbole.py); what stands around them is tested here without it.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from shopping_assistant.eval.baselines import Popularity
from shopping_assistant.eval.metrics import target_ranks
from shopping_assistant.eval.protocol import Candidates, Protocol, ReplayError
from shopping_assistant.eval.replay import MADE_FROM, replay
from shopping_assistant.eval.runs import RunError, read_runs
from shopping_assistant.eval.score import score_runs
from shopping_assistant.eval.sequence_baselines import (
    KeptRanks,
    export,
    folder_of,
    items_of,
    main,
    refuse_other_questions,
)
from shopping_assistant.tools.mixup import top_k
from shopping_assistant.tools.store import Store

SCRIPTS = Path(__file__).parent.parent.parent / "eval" / "recbole"
GRU = "recbole-gru4rec"
OURS = ("sequences", "shop_split", "shop_run", "run")


@dataclass(frozen=True)
class Scripts:
    """The scripts import each other by bare names: they run from their folder, in an environment without ours."""

    split: ModuleType
    run: ModuleType


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, str(SCRIPTS))
    import shop_run
    import shop_split

    yield Scripts(shop_split, shop_run)
    sys.path.remove(str(SCRIPTS))
    for name in OURS:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def store(tmp_path_factory, small_shop) -> Store:
    """The small shop with the split for RecBole, and with the ranks of a model that scores by popularity."""
    store = Store.create(tmp_path_factory.mktemp("sequences") / "small", name="Small", currency="EUR")
    store.write_catalog(small_shop[0])
    store.write_events(small_shop[1])
    export(store)
    return store


def rank_by_popularity(store: Store, scripts: Scripts, name: str) -> None:
    """What RecBole's side writes, the scores of its model replaced by the training purchases of each product."""
    folder = folder_of(store)
    shop = scripts.split.read(folder, 20, "everything")
    for part in scripts.split.PARTS:
        rows = np.arange(len(shop.asked[part]))
        scores = np.repeat(shop.split.counts[None].astype(np.float32), len(rows), axis=0)
        scripts.run.rank_part(shop, part, [(rows, scores)]).write_parquet(folder / f"{name}.{part}.parquet")
    (folder / f"{name}.json").write_text(json.dumps({"system": name, "split": shop.digest}))


@pytest.fixture(scope="module")
def ranked(store, scripts) -> Store:
    rank_by_popularity(store, scripts, GRU)
    return store


@pytest.fixture
def own(ranked, tmp_path) -> Store:
    """A copy that a test may spoil."""
    shutil.copytree(ranked.path, tmp_path / "own")
    return Store.open(tmp_path / "own")


def allowed(store: Store, examples, **settings):
    return Candidates(store.catalog(), Protocol(**settings), store.events()).of(examples)


def answers(store: Store, examples, **settings) -> tuple[np.ndarray, list[np.ndarray]]:
    return KeptRanks(store, [GRU]).ranked(examples, allowed(store, examples, **settings))[GRU]


def test_a_purchase_counts_once_and_hides_the_clicks_that_led_to_it(event, buys):
    events = [
        event("ann", 0, "click", "p1"),
        event("ann", 1, "search", query="boots"),
        event("ann", 2, "click", "p1"),
        event("ann", 3, "click", "p2"),
        event("ann", 4, "click", "p1"),
        *buys("ann", "p2", "p3", "p2", start=5),
        event("ann", 9, "click", "p3"),
    ]
    assert items_of(events) == [("p1", False), ("p2", True), ("p3", True)]
    assert items_of([]) == []


def test_the_questions_are_those_of_the_stores_split(store):
    frame, split = pl.read_parquet(folder_of(store) / "split.parquet"), store.split()
    for part in ("validation", "test"):
        examples = getattr(split, part)
        own = frame.filter(pl.col("part") == part)
        assert own.select("user_id", "session_id", "target").rows() == [
            (e.user_id, e.session_id, e.target) for e in examples
        ]
        assert own["items"].to_list() == [[p for p, _ in items_of(e.history)] for e in examples]
        assert not own.filter(pl.col("items").list.contains(pl.col("target"))).height
    withheld = {(e.user_id, e.target) for e in (*split.validation, *split.test)}
    train = frame.filter(pl.col("part") == "train")
    learned = {(user, item) for user, items in train.select("user_id", "items").iter_rows() for item in items}
    assert len(learned) > 300 and not learned & withheld


@pytest.mark.parametrize("part", ["validation", "test"])
def test_ranks_and_lists_are_those_of_a_replay(ranked, part):
    """The same scores, ranked here and there: exclusions, ties and the first places must not differ."""
    split, catalog = ranked.split(), ranked.catalog()
    seen = set(split.train["product_id"].drop_nulls())
    popularity = Popularity(catalog, split.train)
    sold = popularity.scores([()], None)["popularity"][0]
    # Products that were never sold stand in the catalogue and not in the model, and it has no place for them.
    examples = [e for e in getattr(split, part) if e.target in seen and sold[catalog.index(e.target)] > 0]
    among = allowed(ranked, examples)
    scores, masks = popularity.scores([e.history for e in examples], None)["popularity"], among.masks()
    ranks, tops = KeptRanks(ranked, [GRU]).ranked(examples, among)[GRU]
    assert ranks.tolist() == target_ranks(scores, masks, among.targets).tolist()
    assert len(examples) > 50 and len(set(ranks.tolist())) > 20
    count = int((sold > 0).sum()) - 10  # nobody here owns ten products
    for top, row_scores, mask in zip(tops, scores, masks, strict=True):
        length = min(100, count)
        assert top[:length].tolist() == top_k(row_scores, length, mask).tolist()


def test_a_target_that_was_never_trained_on_has_no_rank(ranked):
    split = ranked.split()
    seen = set(split.train.filter(pl.col("action") != "search")["product_id"])
    unknown = [e for e in split.test if e.target not in seen]
    assert unknown
    ranks, tops = answers(ranked, unknown)
    assert ranks.tolist() == [0] * len(unknown)
    assert all(len(top) == len(set(top.tolist())) > 50 for top in tops)


def test_a_removed_product_is_no_candidate(own, scripts):
    best = int(np.argmax(Popularity(own.catalog(), own.split().train).scores([()], None)["popularity"][0]))
    KeptRanks(own, [GRU])
    from shopping_assistant.tools.stock_changes import remove_products

    remove_products([own.catalog().ids[best]], own.path)
    changed = Store.open(own.path)
    with pytest.raises(ReplayError, match=r"another log or catalogue.*make baselines STORE="):
        KeptRanks(changed, [GRU])
    export(changed)
    rank_by_popularity(changed, scripts, GRU)
    examples = changed.split().test
    ranks, tops = KeptRanks(changed, [GRU]).ranked(examples, allowed(changed, examples))[GRU]
    assert not any(best in top for top in tops)
    gone = [rank for rank, e in zip(ranks, examples, strict=True) if changed.catalog().index(e.target) == best]
    assert gone and not any(gone)


def test_what_can_be_learned_is_what_the_view_says(store, scripts):
    def taught(view: str) -> tuple[int, int]:
        windows = scripts.split.read(folder_of(store), 20, view).split.training
        learned = windows.lengths - windows.first if windows.taught is None else None
        every = np.arange(len(windows))
        items, places = windows.rows(every, int(windows.lengths.max()))
        assert (items[every, windows.lengths - 1] > 0).all() and places[every, windows.lengths - 1].all()
        return int((items > 0).sum()), int(learned.sum()) if learned is not None else int(places[:, 1:].sum())

    purchases, everything, bought = (taught(view) for view in scripts.split.VIEWS)
    assert purchases[0] < bought[0] <= everything[0], (
        "clicks are read, those after the last purchase only where learned"
    )
    assert bought[1] < everything[1]
    assert purchases[1] <= bought[1], "a first purchase can be foretold from the clicks before it"


def test_the_first_places_keep_the_order_of_ties(scripts):
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (20, 50)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    for k in (1, 7, 100):
        found = scripts.split.first(scores, k)
        assert [f.tolist() for f in found] == [top_k(row, k).tolist() for row in scores]


def test_an_export_is_kept_until_the_log_changes(own):
    folder = folder_of(own)
    before = (folder / "split.parquet").stat().st_mtime_ns
    export(own)
    assert (folder / "split.parquet").stat().st_mtime_ns == before
    own.write_events(own.events().head(2000))
    changed = Store.open(own.path)
    with pytest.raises(ReplayError, match=r"recbole-gru4rec.*another log.*make baselines STORE="):
        KeptRanks(changed, [GRU])
    assert main(["export", "--store", str(changed.path)]) == 0
    assert (folder / "split.parquet").stat().st_mtime_ns > before


def test_other_questions_are_refused(ranked, event):
    kept = KeptRanks(ranked, [GRU])
    examples = ranked.split().test[:5]
    with pytest.raises(ReplayError, match=r"candidates here, and was about \d+ when"):
        kept.ranked(examples, allowed(ranked, examples, candidates="category"))
    with pytest.raises(ReplayError, match=r"--exclude-history"):
        kept.ranked(examples, allowed(ranked, examples, exclude_history=False))
    other = type(examples[0])("nobody", "s", (), examples[0].target, examples[0].timestamp)
    with pytest.raises(ReplayError, match=r"'nobody'.*make baselines STORE="):
        kept.ranked([other], allowed(ranked, [other]))
    with pytest.raises(ReplayError, match=r"recbole-core.*no ranks of it; make them with `make baselines STORE="):
        KeptRanks(ranked, ["recbole-core"])


def test_a_protocol_without_ranks_is_refused_before_the_replay():
    names = ["popularity", "recbole-sasrec"]
    refuse_other_questions(Protocol(part="validation", sample=10, min_items=2), names, own_log=True)
    refuse_other_questions(Protocol(candidates="category"), ["popularity"], own_log=False)
    for protocol, said in (
        (Protocol(candidates="category"), "candidates 'category'"),
        (Protocol(split="session"), "split 'session'"),
        (Protocol(exclude_history=False), "exclude_history False"),
    ):
        with pytest.raises(ReplayError, match=f"recbole-sasrec.*{said}"):
            refuse_other_questions(protocol, names, own_log=True)
    with pytest.raises(ReplayError, match="another log"):
        refuse_other_questions(Protocol(), names, own_log=False)


def test_a_replay_sets_them_beside_the_other_systems(ranked, tmp_path):
    """The model ranks by popularity here: session by session it must be where popularity is."""
    out = replay(ranked, ["popularity", GRU], part="validation", out=tmp_path / "runs")
    assert score_runs(tmp_path / "runs") == out
    assert out["systems"][GRU]["cohorts"].keys() == out["systems"]["popularity"]["cohorts"].keys()
    runs = read_runs(tmp_path / "runs" / "runs.jsonl")
    mine, theirs = ({r.key: r for r in runs if r.system == name} for name in (GRU, "popularity"))
    assert mine.keys() == theirs.keys() and len(mine) > 50
    sold = set(ranked.split().train.filter(pl.col("action") == "purchase")["product_id"])
    for key, run in mine.items():
        if run.target in sold:
            assert (run.rank, run.top[:20], run.list_figures) == (
                theirs[key].rank,
                theirs[key].top[:20],
                theirs[key].list_figures,
            )
    sampled = replay(ranked, [GRU], part="validation", sample=20, min_items=1, workers=2)
    assert sampled["systems"][GRU]["sessions"] == 20
    with pytest.raises(ReplayError, match="candidates 'category'"):
        replay(ranked, ["popularity", GRU], candidates="category", out=tmp_path / "refused")
    assert not (tmp_path / "refused").exists()


def test_a_log_without_questions_is_refused(shop, buys, capsys):
    bare = shop(buys("ann", "p1"))
    assert main(["export", "--store", str(bare.path)]) == 2
    assert "nothing can be withheld" in capsys.readouterr().err


def test_ranks_of_different_questions_do_not_stand_together(own):
    folder = folder_of(own)
    for part in ("validation", "test"):
        frame = pl.read_parquet(folder / f"recbole-gru4rec.{part}.parquet")
        frame.with_columns(pl.col("candidates") - 1).write_parquet(folder / f"recbole-core.{part}.parquet")
    shutil.copy(folder / "recbole-gru4rec.json", folder / "recbole-core.json")
    with pytest.raises(ReplayError, match="recbole-core: answers other questions"):
        KeptRanks(own, [GRU, "recbole-core"])


def test_a_model_is_trained_once_for_a_split(recbole_python, own):
    command = [str(recbole_python), str(SCRIPTS / "shop_run.py"), str(folder_of(own))]
    command += ["--model", "GRU4Rec", "--budget", "0.05"]

    def run(*more: str) -> str:
        done = subprocess.run([*command, *more], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    assert "validation" in run()
    examples = own.split().validation
    ranks, _ = answers(own, examples)
    record = json.loads((folder_of(own) / "recbole-gru4rec.json").read_text())
    assert record["validation"]["recall@10"] == pytest.approx(float(((ranks > 0) & (ranks <= 10)).mean()))
    assert run() == ""
    assert "validation" in run("--budget", "0.06")


def test_ranks_made_again_are_not_mixed_with_those_replayed_before(own, tmp_path):
    replay(own, [GRU], out=tmp_path / "runs", sample=5)
    replay(own, ["popularity"], out=tmp_path / "runs", sample=5)
    record = folder_of(own) / f"{GRU}.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "training_minutes": 3}))
    with pytest.raises(RunError, match="differ in made_from"):
        replay(own, [GRU], out=tmp_path / "runs", sample=5)


@pytest.mark.parametrize("name", ["recformer", "recformer-query"])
def test_a_model_that_came_later_tells_two_replays_apart(own, tmp_path, name):
    replay(own, ["popularity"], out=tmp_path / "runs", sample=5)
    with own.replacing(name) as folder:
        (folder / "weights").write_text("trained")
    own.record(name, {})
    with pytest.raises(RunError, match="differ in made_from"):
        replay(own, ["popularity"], out=tmp_path / "runs", sample=5)


def test_a_store_without_baselines_is_described_as_before_they_came(store, tmp_path):
    shutil.copytree(store.path, tmp_path / "plain", ignore=shutil.ignore_patterns("baselines"))
    plain = Store.open(tmp_path / "plain")
    replay(plain, ["popularity"], out=tmp_path / "runs", sample=5)
    assert json.loads((tmp_path / "runs/protocol.json").read_text())["made_from"] == plain.digest(*MADE_FROM)


def test_a_damaged_record_is_no_record(own):
    (folder_of(own) / f"{GRU}.json").write_text('{"system": ')
    with pytest.raises(ReplayError, match="holds no ranks of it; make them with"):
        replay(own, [GRU])
