import json

import numpy as np
import pytest

from shopping_assistant.eval.baselines import Recommended
from shopping_assistant.eval.beyond_accuracy import BeyondAccuracy
from shopping_assistant.eval.metrics import scores_of_ranking, target_ranks
from shopping_assistant.eval.protocol import Candidates, Protocol, ReplayError, questions
from shopping_assistant.eval.rank_sessions import rank_batch
from shopping_assistant.eval.ranking import Vectors, ranked
from shopping_assistant.eval.replay import rank_sessions, replay
from shopping_assistant.eval.runs import RunError
from shopping_assistant.eval.score import compare, score_runs
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import empty_events, frame_of
from tests.tools.fused_shop import lay_down

METRICS = ("recall@10", "ndcg@10", "mrr@10", "mrr")
COUNTED = (*METRICS, "sessions")


@pytest.fixture
def log(buys, event):
    """p0 is bought most in training, then p2 (twice) and p4 (once); p9 and p5 are only ever withheld."""
    return [
        *buys("ann", "p0", "p2", "p9", "p4"),
        *buys("bob", "p0", "p9", "p2"),
        *buys("cyd", "p0", "p2", "p9", "p5"),
        *buys("dan", "p4", "p7", "p8"),
        event("dan", 1, "search", query="boots"),
    ]


def test_popularity_by_hand(shop, log):
    out = replay(shop(log), ["popularity"])
    # Training: p0 p2 | p0 | p0 p2 | p4, so p0 3, p2 2, p4 1, the rest 0 in row order.
    # ann has p0 p2 p9: p4 is first. bob has p0 p9: p2 is first. cyd has p0 p2 p9, then p4 p1 p3 p5: fourth.
    # dan has p4 p7, then p0 p2 p1 p3 p5 p6 p8: seventh.
    system = out["systems"]["popularity"]
    assert out["sessions"] == system["sessions"] == 4
    assert system["mrr"] == pytest.approx((1 + 1 + 1 / 4 + 1 / 7) / 4)
    assert system["recall@10"] == 1
    assert {m: v for m, v in system["cohorts"]["cold items"].items() if m in COUNTED} == pytest.approx(
        {"sessions": 2, "recall@10": 1, "ndcg@10": (np.log(2) / np.log(5) + np.log(2) / np.log(8)) / 2,
         "mrr@10": (1 / 4 + 1 / 7) / 2, "mrr": (1 / 4 + 1 / 7) / 2}
    )  # fmt: skip
    assert system["cohorts"]["with query"]["sessions"] == 1
    assert all(low <= system[m] <= high for m, (low, high) in system["ci95"].items())
    assert out["protocol"].items() >= {"split": "leave-one-out", "ranking": "full", "k": 10, "seed": 1}.items()
    assert out["protocol"]["trained_on"] is False
    json.dumps(out)


def test_every_setting_reaches_the_ranks(shop, log):
    store = shop(log)

    def mrr(**settings):
        return replay(store, ["popularity"], **settings)["systems"]["popularity"]["mrr"]

    # Within boots (p0 p2 p4 …) ann and bob stay first; cyd's p5 is behind p1 p3; dan's p8 is behind p0 p2 p6.
    assert mrr(candidates="category") == pytest.approx((1 + 1 + 1 / 3 + 1 / 4) / 4)
    # With the history in the ranking p0 and p2 stand before p4; p2 is behind p0.
    assert mrr(exclude_history=False) == pytest.approx((1 / 3 + 1 / 2 + 1 / 6 + 1 / 9) / 4)
    assert mrr(candidates="available") == pytest.approx((1 + 1 + 1 / 3 + 1 / 6) / 4)
    # The purchases before the last are ranked after histories one shorter.
    assert mrr(part="validation") != mrr()


def test_item_knn_finds_what_was_bought_together(shop, buys):
    log = [e for u in range(6) for e in buys(f"u{u}", "p0", "p7", "p1", "p2")]
    log += [e for u in range(6) for e in buys(f"v{u}", "p4", "p5", "p1", "p3")]
    log += buys("zoe", "p6", "p0", "p7")
    systems = replay(shop(log), ["popularity", "item-knn"], min_items=3)["systems"]
    assert systems["item-knn"]["mrr"] > systems["popularity"]["mrr"]


class Planted:
    """A ranker that knows what every shopper wants: the product after the one bought last."""

    names = ("planted", "planted backwards")

    def __init__(self, catalog):
        self.catalog = catalog

    def scores(self, histories, masks):
        last = [self.catalog.index(h[-1].product_id) for h in histories]
        ahead = (np.arange(len(self.catalog))[None] - np.array(last)[:, None] - 1) % len(self.catalog)
        return {"planted": -ahead.astype(np.float32), "planted backwards": ahead.astype(np.float32)}


def test_a_perfect_ranker_scores_one_and_its_reverse_comes_last(shop, buys):
    log = [e for u in range(10) for e in buys(f"u{u}", f"p{u}", f"p{(u + 5) % 12}", f"p{(u + 6) % 12}")]
    store, protocol = shop(log), Protocol()
    found = questions(frame_of(log), protocol, empty_events())
    among = Candidates(store.catalog(), protocol, frame_of(log))
    cohorts = [()] * len(found.examples)
    ranked = list(rank_sessions(Planted(store.catalog()), found.examples, cohorts, among, top=12))
    runs = [run for _, batch in ranked for run in batch]
    assert [r.rank for r in runs if r.system == "planted"] == [1] * 10
    assert [r.rank for r in runs if r.system == "planted backwards"] == [10] * 10, "12 products, two of them owned"
    for run in runs:
        assert len(run.top) == len(set(run.top)) == 10
        assert scores_of_ranking(run.top, {run.target})["mrr"] == 1 / run.rank


def test_a_target_that_is_no_candidate_is_a_miss_and_is_counted(shop, buys):
    out = replay(shop([*buys("ann", "p0", "p2", "p3"), *buys("bob", "p2", "p4", "gone")]), ["popularity"])
    assert out["systems"]["popularity"]["not_ranked"] == 1
    out = replay(shop_of_both(out), ["popularity"], candidates="available")
    assert out["systems"]["popularity"]["not_ranked"] == 2, "p3 cannot be bought"
    assert out["systems"]["popularity"]["recall@10"] == 0


def shop_of_both(out):
    from shopping_assistant.tools.store import Store

    return Store.open(out["store"])


def test_another_log_is_replayed_against_this_store(shop, log, buys, tmp_path):
    from shopping_assistant.tools.sessions import write_events

    store = shop(log)
    other = frame_of(buys("eve", "p1", "p0", "p2"))
    write_events(other, tmp_path / "other.parquet")
    out = replay(store, ["popularity"], events=tmp_path / "other.parquet")
    assert out["sessions"] == 1 and out["systems"]["popularity"]["mrr"] == 1
    assert out["protocol"]["events"] == str(tmp_path / "other.parquet")
    assert replay(store, ["popularity"], events=frame_of(log[:4]))["protocol"]["trained_on"] is False
    assert replay(store, ["popularity"], events=frame_of([*log[:2], *buys("ann", "p9")]), min_items=1)["protocol"][
        "trained_on"
    ], "ann's p2 is among the purchases the store trains on"


def test_runs_are_scored_again_without_the_store(shop, log, tmp_path):
    out = replay(shop(log), ["popularity", "item-knn"], out=tmp_path / "runs")
    assert score_runs(tmp_path / "runs") == out
    lines = [json.loads(x) for x in (tmp_path / "runs/runs.jsonl").read_text().splitlines()]
    assert len(lines) == 8
    assert lines[0].keys() >= {"session_id", "user_id", "system", "target", "rank", "top"}
    comparison = compare(tmp_path / "runs", "popularity", "item-knn")
    assert comparison["mrr"].sessions == 4
    assert comparison["mrr"].difference == pytest.approx(
        out["systems"]["popularity"]["mrr"] - out["systems"]["item-knn"]["mrr"]
    )


def test_an_interrupted_replay_goes_on_where_it_stopped(shop, buys, tmp_path):
    store = shop([e for u in range(150) for e in buys(f"u{u:03d}", f"p{u % 5}", f"p{5 + u % 3}", f"p{8 + u % 4}")])

    class Interrupted(Exception):
        pass

    def after_a_batch(done, total):
        raise Interrupted

    straight = replay(store, ["popularity"], out=tmp_path / "straight")
    with pytest.raises(Interrupted):
        replay(store, ["popularity"], out=tmp_path / "runs", progress=after_a_batch)
    with pytest.raises(RunError, match="unfinished"):
        score_runs(tmp_path / "runs")
    partial = tmp_path / "runs/runs.partial.jsonl"
    first = partial.read_text().splitlines()
    assert 0 < len(first) < 150
    partial.write_text("\n".join(first) + '\n{"session_id": "u1')  # killed while it wrote
    resumed = replay(store, ["popularity"], out=tmp_path / "runs")
    assert (tmp_path / "runs/runs.jsonl").read_text().splitlines()[: len(first)] == first
    for name in METRICS:
        assert resumed["systems"]["popularity"][name] == straight["systems"]["popularity"][name]
    assert resumed["systems"]["popularity"]["ci95"] == straight["systems"]["popularity"]["ci95"]
    more = replay(store, ["popularity", "item-knn"], out=tmp_path / "runs")
    assert list(more["systems"]) == ["popularity", "item-knn"], "another system joins"
    for name in METRICS:
        assert more["systems"]["popularity"][name] == resumed["systems"]["popularity"][name]


def test_runs_of_another_protocol_are_not_mixed_in(shop, log, tmp_path):
    store = shop(log)
    replay(store, ["popularity"], out=tmp_path / "runs")
    with pytest.raises(RunError, match=r"differ in protocol \(candidates: all there, category now\)"):
        replay(store, ["popularity"], out=tmp_path / "runs", candidates="category")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("keep me")
    with pytest.raises(RunError, match="choose another folder"):
        replay(store, ["popularity"], out=tmp_path / "mine")


def test_a_file_of_candidates_that_changed_is_another_protocol(shop, log, tmp_path):
    store, ids = shop(log), tmp_path / "ids.txt"
    ids.write_text("p2\np4\np5\np8\n")
    replay(store, ["popularity"], out=tmp_path / "runs", candidates=str(ids))
    replay(store, ["item-knn"], out=tmp_path / "runs", candidates=str(ids))
    ids.write_text("p2\np4\np5\np7\n")
    with pytest.raises(RunError, match="differ in candidates_file"):
        replay(store, ["item-knn"], out=tmp_path / "runs", candidates=str(ids))
    ids.write_bytes(b"\xff\xfe")
    with pytest.raises(ReplayError, match=r"ids.txt cannot be read .*expected UTF-8"):
        replay(store, ["popularity"], candidates=str(ids))


def test_runs_that_cannot_be_written_are_said_in_a_sentence(shop, log, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot be made \(.*\); choose another place"):
        replay(shop(log), ["popularity"], out=tmp_path / "file" / "runs")


def test_two_processes_do_not_write_into_one_folder(shop, log, tmp_path):
    store, out = shop(log), tmp_path / "runs"

    def another(done: int, total: int) -> None:
        with pytest.raises(RunError, match="another process writes there"):
            replay(store, ["popularity"], out=out)
        assert (tmp_path / ".runs.log").is_dir(), "what the first one works with is left to it"

    replay(store, ["popularity"], out=out, progress=another)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    assert replay(store, ["popularity"], out=out)["sessions"] == 4


@pytest.mark.parametrize("gone", ["store", "sessions", "protocol"])
def test_a_protocol_that_lacks_something_is_said_in_a_sentence(shop, log, tmp_path, gone):
    replay(shop(log), ["popularity"], out=tmp_path / "runs")
    file = tmp_path / "runs/protocol.json"
    file.write_text(json.dumps({k: v for k, v in json.loads(file.read_text()).items() if k != gone}))
    with pytest.raises(RunError, match=f"protocol.json cannot be read .*{gone}"):
        score_runs(tmp_path / "runs")


def test_a_replay_that_cannot_start_leaves_nothing(shop, log, tmp_path):
    with pytest.raises(ShopError, match="shop build"):
        replay(shop(log), ["mixup"], out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_run_changed_afterwards_is_caught(shop, log, tmp_path):
    replay(shop(log), ["popularity"], out=tmp_path / "runs")
    runs = tmp_path / "runs/runs.jsonl"
    runs.write_text(runs.read_text().replace('"rank": 4', '"rank": 1'))
    with pytest.raises(RunError, match="line 3, rank: says 1, but the list has 'p4'"):
        score_runs(tmp_path / "runs")


def test_what_cannot_be_replayed_is_refused(shop, buys):
    store = shop(buys("ann", "p0", "p2"))
    with pytest.raises(ReplayError, match="no session to replay"):
        replay(store, ["popularity"])
    for wrong in ("oracle", "popularity"):
        with pytest.raises(ReplayError, match=f"system '{wrong}': expected each at most once"):
            replay(store, ["popularity", wrong], min_items=2)


class Short:
    """A ranker that returns one product and is silent about the rest."""

    names = ("short",)

    def __init__(self, catalog, product):
        self.scored = np.full(len(catalog), -np.inf, dtype=np.float32)
        self.scored[catalog.index(product)] = 1.0

    def scores(self, histories, masks):
        return {"short": np.repeat(self.scored[None], len(histories), axis=0)}


def test_a_list_shorter_than_k_is_scored_as_it_is(shop, log):
    store = shop(log)
    found = questions(frame_of(log), Protocol(), empty_events())
    among = Candidates(store.catalog(), Protocol(), frame_of(log))
    of = BeyondAccuracy(store.catalog(), frame_of(log))
    runs = rank_batch(Short(store.catalog(), "p4"), found.examples, [()] * 4, among, top=10, of_lists=of)
    assert [run.rank for run in runs] == [1, None, None, None], "only ann bought p4; nothing stands behind it"
    assert [run.top for run in runs] == [("p4",), ("p4",), ("p4",), ()], "dan owns it"
    assert [run.list_figures.get("broke_constraint@10") for run in runs] == [0.0, 0.0, 0.0, None]


class Elsewhere:
    """Ranks made by another program, which lists what it likes."""

    names = ("elsewhere",)

    def ranked(self, examples, among):
        return {"elsewhere": (np.array([2] * len(examples)), [np.array([0, 3, 9])] * len(examples))}


def test_an_answer_that_is_no_candidate_breaks_a_constraint(shop, log):
    store = shop(log)
    examples = questions(frame_of(log), Protocol(), empty_events()).examples
    of = BeyondAccuracy(store.catalog(), frame_of(log))

    def broke(**settings):
        among = Candidates(store.catalog(), Protocol(**settings), frame_of(log))
        runs = rank_batch(Elsewhere(), examples, [()] * 4, among, top=10, of_lists=of)
        return [run.list_figures["broke_constraint@10"] for run in runs]

    assert broke() == [1.0, 1.0, 1.0, 0.0], "ann, bob and cyd own p0; dan owns p4 and p7"
    assert broke(exclude_history=False) == [0.0] * 4
    assert broke(exclude_history=False, candidates="available") == [1.0] * 4, "p3 cannot be bought"


def test_runs_hold_the_figures_of_their_lists(shop, log, tmp_path):
    out = replay(shop(log), ["popularity"], out=tmp_path / "runs")
    about = json.loads((tmp_path / "runs/protocol.json").read_text())
    assert about["products"] == 12
    lines = [json.loads(x) for x in (tmp_path / "runs/runs.jsonl").read_text().splitlines()]
    for line in lines:
        assert set(line["list_figures"]) == {"novelty@10", "diversity@10", "broke_constraint@10"}
        assert line["list_figures"]["broke_constraint@10"] == 0
    shown = {product for line in lines for product in line["top"][:10]}
    assert out["systems"]["popularity"]["coverage@10"] == len(shown) / 12
    # Runs written before there were such figures are read all the same.
    for line in lines:
        del line["list_figures"]
    (tmp_path / "runs/runs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    again = score_runs(tmp_path / "runs")["systems"]["popularity"]
    assert again["mrr"] == out["systems"]["popularity"]["mrr"] and "novelty@10" not in again


def test_products_of_a_later_time_are_no_candidates(shop, buys):
    log = [*buys("ann", "p0", "p2", "p4"), *buys("bob", "p0", "p2", "p9", start=10), *buys("cyd", "p1", "p0", "p2")]
    store = shop(log)

    def ranks(candidates):
        found = replay(store, ["popularity"], candidates=candidates)
        return found["systems"]["popularity"]["mrr"] * 3, found["protocol"]["candidates"]

    # Training: ann p0, bob p0, cyd p1. Among all: ann's p4 is behind p1 and p3, bob's p9 behind p1 and six others, and
    # cyd's p2 first. Then: p0 p1 p2 p4 had been seen, when bob came.
    assert ranks("all")[0] == pytest.approx(1 / 3 + 1 / 8 + 1)
    assert ranks("available-then") == (pytest.approx(1 / 2 + 1 / 3 + 1), "available-then")


def test_nearness_is_ranked_from_vectors_as_from_all_scores(tmp_path_factory):
    """`id` and `title` of a real recommender; single precision alone may order what is equal to its last bit."""
    store = lay_down(tmp_path_factory.mktemp("vectors") / "store")
    split = store.split()
    ranker = Recommended(store, ("id", "title", "mixup"))
    among = Candidates(store.catalog(), Protocol(), store.events())
    examples = split.test[:40]
    allowed = among.of(examples)
    masks = allowed.masks()
    histories = [e.history for e in examples]
    offered, dense = ranker.lists(histories, masks), ranker.scores(histories, masks)
    assert isinstance(offered["id"], Vectors) and isinstance(offered["title"], Vectors)
    assert np.array_equal(offered["mixup"], dense["mixup"])
    for name in ("id", "title"):
        ranks, tops = ranked(offered[name], allowed, allowed.targets, top=10)
        # A target that others are near to within single precision may stand anywhere among them.
        own = dense[name][np.arange(40), allowed.targets][:, None]
        near = (np.abs(dense[name] - own) < 1e-5) & masks
        apart = near.sum(axis=1) == 1
        assert apart.sum() > 20
        assert ranks[apart].tolist() == target_ranks(dense[name], masks, allowed.targets)[apart].tolist()
        for b in np.flatnonzero(apart):
            found = dense[name][b, tops[b]]
            assert (np.diff(found) < 1e-5).all() and len(tops[b]) == 10
