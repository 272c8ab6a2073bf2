"""The weights of `fused`: planted patterns are found, and no session is scored by weights that were fitted on it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from shopping_assistant.finetune.config import ConfigError, from_mapping
from shopping_assistant.finetune.fusion import (
    Evidence,
    FusionConfig,
    cross_validated,
    figures,
    fit,
    ranks_of,
    train,
    variants,
)
from shopping_assistant.tools.candidates import PARTS
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.fusion import Scorer

FEATURES = tuple(f"{part}: said" for part in PARTS)
ALL = (1 << len(PARTS)) - 1
QUICK = FusionConfig(hidden=(0,), folds=3, steps=150, batch=64, learning_rate=0.02)


def evidence(sessions: int, candidates: int = 30, seed: int = 0) -> Evidence:
    """Noise: every candidate named by all parts, the bought one anywhere."""
    draw = np.random.default_rng(seed)
    rows = np.sort(np.stack([draw.permutation(500)[:candidates] for _ in range(sessions)]), axis=1)
    features = draw.standard_normal((sessions, candidates, len(PARTS))).astype(np.float32)
    return Evidence(rows, np.full(rows.shape, ALL, np.uint8), features, draw.integers(0, candidates, sessions))


def planted(sessions: int, seed: int = 0) -> Evidence:
    """The session encoder's word counts most, the titles' against: what is bought is the best of s − t / 2 + noise."""
    made = evidence(sessions, seed=seed)
    said = made.features[..., PARTS.index("session")] - 0.5 * made.features[..., PARTS.index("titles")]
    noise = 0.3 * np.random.default_rng(seed + 1).standard_normal(said.shape)
    return replace(made, targets=(said + noise).argmax(axis=1))


def test_the_parts_that_tell_are_weighed_as_they_tell():
    made = planted(400)
    config = replace(QUICK, steps=280, learning_rate=0.1)
    scorer = fit(made, FEATURES, config, 0)
    weights = dict(zip(PARTS, scorer.linear.weight[0].tolist(), strict=True))
    assert weights["session"] > 4 * abs(weights["falcon"]) and weights["titles"] / weights["session"] == pytest.approx(
        -0.5, abs=0.15
    )
    found = cross_validated(made, FEATURES, config, 0)
    assert found["ndcg@10"] > 0.8  # 0.15 by chance
    without = cross_validated(made, FEATURES, config, 0, [p for p in PARTS if p != "session"])
    assert without["ndcg@10"] < found["ndcg@10"] - 0.2
    again = fit(made, FEATURES, config, 0)
    assert (again.linear.weight == scorer.linear.weight).all()


def test_a_network_beside_the_sum_learns_what_no_sum_can():
    made = evidence(500, seed=3)
    said = made.features[..., 0] * made.features[..., 1]
    made = replace(made, targets=said.argmax(axis=1))
    many = replace(QUICK, folds=2, steps=250, learning_rate=0.05)
    alone, beside = (cross_validated(made, FEATURES, many, hidden)["ndcg@10"] for hidden in (0, 12))
    assert alone < 0.35 and beside > 0.6


def test_no_session_is_scored_by_weights_fitted_on_it():
    """Of noise, sixty features a part learn sixty sessions by heart; cross-validation must show chance."""
    made, names = evidence(60, seed=5), [f"{part}: {i}" for part in PARTS for i in range(60)]
    noise = np.random.default_rng(6).standard_normal((60, 30, len(names))).astype(np.float32)
    made, by_heart = replace(made, features=noise), replace(QUICK, batch=16, weight_decay=0.0, learning_rate=0.2)
    own = figures(ranks_of(fit(made, names, by_heart, 0), made))
    held = cross_validated(made, names, by_heart, 0)
    assert own["recall@10"] > 0.9
    assert held["recall@10"] == pytest.approx(1 / 3, abs=0.2)


def test_ranks_are_those_of_a_plain_count_ties_in_row_order():
    made = evidence(40, 25, seed=7)
    draw = np.random.default_rng(8)
    features = np.round(made.features)  # many ties
    rows, sources, targets = made.rows.copy(), made.sources.copy(), made.targets.copy()
    rows[::3, -6:], sources[::3, -6:] = -1, 0
    targets = np.minimum(targets, 18)
    sources[1, targets[1]] = 1 << PARTS.index("memory")
    targets[2] = -1
    scorer = Scorer(FEATURES, 0, [p for p in PARTS if p != "memory"])
    with torch.no_grad():
        scorer.linear.weight[:] = torch.from_numpy(draw.integers(-1, 2, (1, len(PARTS))).astype(np.float32))
    found = ranks_of(scorer.eval(), Evidence(rows, sources, features, targets))
    for b in range(40):
        scores = scorer.scores(features[b : b + 1], rows[b : b + 1], sources[b : b + 1])[0].tolist()
        order = sorted((c for c in range(25) if np.isfinite(scores[c])), key=lambda c: (-scores[c], rows[b, c]))
        ranked = targets[b] >= 0 and targets[b] in order
        assert found[b] == (1 + order.index(targets[b]) if ranked else 0)
    assert found[1] == found[2] == 0 and found.max() <= 25 and len(set(found.tolist())) > 5


def test_figures_of_ranks():
    found = figures(np.array([1, 0, 3, 11, 10]))
    assert found == pytest.approx({"recall@10": 3 / 5, "ndcg@10": (1 + 1 / 2 + 1 / np.log2(11)) / 5})


def test_a_target_that_nobody_named_teaches_nothing_and_counts_as_missed():
    made = planted(120, seed=9)
    lost = replace(made, targets=np.where(np.arange(120) < 60, -1, made.targets))
    kept = made.part(np.arange(60, 120))
    scorer = fit(lost, FEATURES, QUICK, 0)
    ranks = ranks_of(scorer, lost)
    assert (ranks[:60] == 0).all() and (ranks[60:] > 0).all()
    assert cross_validated(lost, FEATURES, QUICK, 0)["recall@10"] <= 0.5
    assert figures(ranks)["ndcg@10"] == pytest.approx(figures(ranks_of(scorer, kept))["ndcg@10"] / 2)


def test_fewer_sessions_than_folds_are_enough():
    found = cross_validated(evidence(2), FEATURES, QUICK, 0)
    assert 0 <= found["ndcg@10"] <= found["recall@10"] <= 1


def test_a_part_that_named_nothing_has_weights_without_a_fault():
    made = evidence(20, seed=11)
    silent = replace(made, sources=np.full_like(made.sources, ALL & ~(1 << PARTS.index("memory"))))
    scorer = fit(silent, FEATURES, QUICK, 0, ["memory"])
    assert np.isneginf(scorer.scores(silent.features, silent.rows, silent.sources)).all()
    assert all(torch.isfinite(w).all() for w in scorer.state_dict().values())
    assert (ranks_of(scorer, silent) == 0).all()


def test_the_ablations_are_each_part_left_out_and_alone():
    made = variants()
    assert len(made) == 2 * len(PARTS)
    for part in PARTS:
        assert made[f"only-{part}"] == (part,)
        assert made[f"without-{part}"] == tuple(p for p in PARTS if p != part)


@pytest.mark.parametrize("settings", [{"folds": 1}, {"hidden": []}, {"hidden": [-1]}, {"sessions": 0}, {"batch": 0}])
def test_settings_without_a_meaning_are_refused(settings):
    with pytest.raises(ConfigError, match=rf"fused.yaml: {next(iter(settings))}: got .* expected"):
        from_mapping(settings, FusionConfig, "fused.yaml")


def test_a_shop_without_models_is_told(small_store):
    with pytest.raises(ShopError, match="shop build"):
        train(small_store, QUICK)
