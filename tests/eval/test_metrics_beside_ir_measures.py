"""Our metrics beside those of `ir_measures` (trec_eval's own code) on random runs; and mistakes planted in ours."""

import types
from pathlib import Path

import ir_measures
import numpy as np
import pytest

from shopping_assistant.eval import metrics

CUTS = (1, 3, 10, 20)
TOLERANCE = 1e-9


def names() -> list[str]:
    return [f"{kind}@{k}" for kind in ("recall", "ndcg", "mrr") for k in CUTS] + ["mrr", "ndcg"]


def measure(name: str):
    kind, k = metrics.parse_name(name)
    named = {"recall": ir_measures.R, "ndcg": ir_measures.nDCG, "mrr": ir_measures.RR}[kind]
    return named if k is None else named @ k


def elsewhere(truth: dict[str, dict[str, int]], runs: dict[str, dict[str, float]]) -> dict[tuple[str, str], float]:
    """``{(metric, session): value}``; trec_eval has no cut reciprocal rank, so MS MARCO's program gives that one."""
    wanted = {measure(name): name for name in names()}
    cut = [m for m in wanted if m.NAME == "RR" and "cutoff" in m.params]
    found = [*ir_measures.pytrec_eval.iter_calc([m for m in wanted if m not in cut], truth, runs)]
    found += [*ir_measures.msmarco.iter_calc(cut, truth, runs)]
    values = {(wanted[f.measure], f.query_id): f.value for f in found}
    assert len(values) == len(wanted) * len(truth)
    return values


def random_lists(seed: int, sessions: int = 150) -> tuple[dict[str, dict[str, int]], dict[str, list[str]]]:
    """Graded truths of one to six products, some of them in no list; lists of none to thirty products."""
    random = np.random.default_rng(seed)
    products = [f"p{i}" for i in range(40)]
    truth, lists = {}, {}
    for i in range(sessions):
        relevant = random.choice(products, random.integers(1, 7), replace=False)
        truth[f"s{i}"] = {str(p): int(g) for p, g in zip(relevant, random.integers(1, 5, len(relevant)), strict=True)}
        lists[f"s{i}"] = random.choice(products, random.integers(0, 31), replace=False).tolist()
    return truth, lists


def lists_disagree(ours: types.ModuleType, seed: int) -> float:
    """The largest difference of any metric on any session."""
    truth, lists = random_lists(seed)
    # Strictly falling scores: which of two equal ones comes first is each program's own choice.
    runs = {s: {p: float(len(ranked) - i) for i, p in enumerate(ranked)} for s, ranked in lists.items()}
    theirs = elsewhere(truth, runs)
    return max(
        abs(value - theirs[name, session])
        for session, ranked in lists.items()
        for name, value in ours.scores_of_ranking(ranked, truth[session], names()).items()
    )


def replayed_ranks_disagree(ours: types.ModuleType, seed: int, sessions: int = 120, products: int = 60) -> float:
    """The path of a replay: scores with many ties, candidates, products not returned (-inf), one target, its rank.

    trec_eval puts the *later* id first among equal scores and we the lower row: with ids that fall while rows rise,
    both mean the same product, and its own sort checks our rule for ties.
    """
    random = np.random.default_rng(seed)
    scores = random.integers(0, 12, (sessions, products)).astype(np.float32)
    scores[random.random(scores.shape) < 0.1] = -np.inf
    masks = random.random(scores.shape) < 0.8
    returned = masks & (scores > -np.inf)
    targets = random.integers(-1, products, sessions)  # -1: not in the catalogue
    ids = [f"p{products - row:03d}" for row in range(products)]
    truth = {f"s{s}": {ids[t] if t >= 0 else "unknown": 1} for s, t in enumerate(targets)}
    runs = {f"s{s}": {ids[r]: float(scores[s, r]) for r in np.flatnonzero(returned[s])} for s in range(sessions)}
    # MS MARCO's program puts the earlier id first, so its runs say the order in scores that are all different.
    order = {s: sorted(run, key=lambda p: (run[p], p)) for s, run in runs.items()}
    strict = {s: {p: float(place) for place, p in enumerate(ranked)} for s, ranked in order.items()}
    tied, untied = elsewhere(truth, runs), elsewhere(truth, strict)
    theirs = {key: untied[key] if key[0].startswith("mrr@") else value for key, value in tied.items()}
    found = ours.scores_of_ranks(ours.target_ranks(scores, masks, targets), names())
    return max(abs(found[name][s] - theirs[name, f"s{s}"]) for name in found for s in range(sessions))


@pytest.mark.parametrize("seed", range(4))
def test_lists_with_several_graded_products_agree(seed):
    assert lists_disagree(metrics, seed) < TOLERANCE


@pytest.mark.parametrize("seed", range(4))
def test_ranks_of_a_replay_agree_ties_included(seed):
    assert replayed_ranks_disagree(metrics, seed) < TOLERANCE


# What is written in metrics.py, the mistake in its place, and which check finds it.
MISTAKES = {
    "recall over k": ("/ len(gains))", "/ min(len(gains), k))", lists_disagree),
    "recall one place too far": ("(gain_at[:k] > 0).sum()", "(gain_at[: k + 1] > 0).sum()", lists_disagree),
    "the ideal list is not cut": ("/ _dcg(best[:k])", "/ _dcg(best)", lists_disagree),
    "the ideal list in another order": ("np.sort(np.array(list(gains.values()), dtype=np.float64))[::-1]",
                                        "np.sort(np.array(list(gains.values()), dtype=np.float64))", lists_disagree),
    "gains as powers of two": ("gain_at = np.array([gains.get(p, 0.0)",
                               "gain_at = np.array([2 ** gains.get(p, 0.0) - 1", lists_disagree),
    "discount of the place behind": ("np.log2(np.arange(len(gains)) + 2)", "np.log2(np.arange(len(gains)) + 3)",
                                       lists_disagree),
    "the last relevant product's place": ("int(places[0])", "int(places[-1])", lists_disagree),
    "no discount at the second place": ("1 / np.log2(place + 1)", "1 / np.log2(np.maximum(place, 2))",
                                     replayed_ranks_disagree),
    "cut before the last place": ("(given <= k)", "(given < k)", replayed_ranks_disagree),
    "ties favour the target": ("((scores == of_target) & lower_row)", "False", replayed_ranks_disagree),
    "ties go to the higher row": ("< at[:, None]", "> at[:, None]", replayed_ranks_disagree),
    "all products are ahead": ("(ahead & masks)", "ahead", replayed_ranks_disagree),
    "a target outside the candidates has a rank": ("known & masks[session, at] &", "known &", replayed_ranks_disagree),
    "a target that was not returned has a rank": (" & (of_target[:, 0] > -np.inf)", "", replayed_ranks_disagree),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_planted_in_our_metrics_is_found(mistake):
    written, wrong, disagreement = MISTAKES[mistake]
    source = Path(metrics.__file__).read_text(encoding="utf-8")
    assert source.count(written) == 1
    mutant = types.ModuleType("mutant")
    exec(compile(source.replace(written, wrong), "mutant.py", "exec"), mutant.__dict__)
    assert disagreement(mutant, seed=0) > 0.01
