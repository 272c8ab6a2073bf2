"""The scorer of `fused`: which parts count, what it weighs, saved, loaded and damaged."""

import json

import numpy as np
import pytest
import torch

from shopping_assistant.tools.candidates import PARTS
from shopping_assistant.tools.fusion import FusionError, Scorer

FEATURES = tuple(f"{part}: {what}" for part in PARTS for what in ("one", "two"))
B, C = 4, 30


def scorer(hidden: int = 3, parts=PARTS) -> Scorer:
    made = Scorer(FEATURES, hidden, parts)
    torch.manual_seed(2)
    with torch.no_grad():
        for weights in made.parameters():
            weights.normal_()
    return made.eval()


@pytest.fixture
def candidates() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, rows and sources as `Candidates` has them; the last session has five candidates fewer."""
    draw = np.random.default_rng(7)
    features = draw.standard_normal((B, C, len(FEATURES))).astype(np.float32)
    rows = np.sort(draw.permutation(B * C).reshape(B, C), axis=1)
    sources = draw.integers(1, 1 << len(PARTS), (B, C)).astype(np.uint8)
    rows[-1, -5:], sources[-1, -5:] = -1, 0
    return features, rows, sources


@pytest.mark.parametrize("hidden", [0, 3])
@pytest.mark.parametrize("part", PARTS)
def test_a_part_switched_off_has_no_influence_at_all(candidates, hidden, part):
    features, rows, sources = candidates
    off = scorer(hidden, [p for p in PARTS if p != part])
    before = off.scores(features, rows, sources)
    other = features.copy()
    at = [i for i, name in enumerate(FEATURES) if name.startswith(f"{part}:")]
    other[..., at] = np.random.default_rng(1).standard_normal((B, C, len(at))) * 100
    assert (off.scores(other, rows, sources) == before).all()
    assert (scorer(hidden).scores(other, rows, sources) != scorer(hidden).scores(features, rows, sources)).any()
    # Nor does it matter whom else it names: a candidate of this part alone is none.
    bit = 1 << PARTS.index(part)
    assert (off.scores(features, rows, sources | np.where(sources > 0, bit, 0).astype(np.uint8)) == before).all()
    assert np.isneginf(off.scores(features, rows, np.full_like(sources, bit))).all()


def test_only_candidates_have_a_score(candidates):
    features, rows, sources = candidates
    scores = scorer().scores(features, rows, sources)
    assert scores.shape == (B, C) and scores.dtype == np.float32
    assert (np.isneginf(scores) == (rows < 0)).all()


def test_a_session_scores_alone_as_in_a_batch(candidates):
    together = scorer().scores(*candidates)
    for b in range(B):
        assert scorer().scores(*(part[b : b + 1] for part in candidates))[0] == pytest.approx(together[b], abs=1e-5)


def test_features_are_standardised_before_they_are_weighed(candidates):
    features, rows, sources = candidates
    plain, scaled = scorer(), scorer()
    flat = torch.from_numpy(features[rows >= 0])
    plain.standardise(flat)
    scaled.standardise(flat * 1000 + 5)
    assert plain.centre.numpy() == pytest.approx(flat.numpy().mean(axis=0), abs=1e-5)
    assert plain.spread.numpy() == pytest.approx(flat.numpy().std(axis=0, ddof=1), abs=1e-4)
    found = scaled.scores(features * 1000 + 5, rows, sources)
    assert found == pytest.approx(plain.scores(features, rows, sources), abs=1e-2)


def test_a_feature_that_never_changes_is_no_reason_to_fail(candidates):
    features, rows, sources = candidates
    features[..., 3] = 0.25
    made = scorer()
    made.standardise(torch.from_numpy(features[rows >= 0]))
    assert np.isfinite(made.scores(features, rows, sources)[rows >= 0]).all()


@pytest.mark.parametrize("candidates_there", [0, 1])
def test_with_too_few_candidates_to_standardise_scores_are_still_numbers(candidates, candidates_there):
    features, rows, sources = candidates
    made = scorer()
    made.standardise(torch.from_numpy(features[0, :candidates_there]))
    assert not np.isnan(made.scores(features, rows, sources)).any()


def test_saved_and_loaded_it_scores_the_same(candidates, tmp_path):
    made = scorer(3, PARTS[:4])
    made.standardise(torch.from_numpy(candidates[0].reshape(-1, len(FEATURES))))
    made.save(tmp_path)
    again = Scorer.load(tmp_path, FEATURES)
    assert (again.hidden, again.parts, again.features) == (3, PARTS[:4], FEATURES)
    assert (again.scores(*candidates) == made.scores(*candidates)).all()


@pytest.mark.parametrize("file", ["fusion.json", "fusion.safetensors"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:60]),
        lambda path: path.write_text("[]"),
    ],
)
def test_damage_is_told_with_its_remedy(tmp_path, file, damage):
    scorer().save(tmp_path)
    damage(tmp_path / file)
    with pytest.raises(FusionError, match=r"no readable weights .*shop build --only fused"):
        Scorer.load(tmp_path, FEATURES)


def test_weights_of_other_features_or_another_format_are_refused(tmp_path):
    scorer().save(tmp_path)
    with pytest.raises(FusionError, match=r"15.*falcon: three.*shop build --only fused"):
        Scorer.load(tmp_path, (*FEATURES, "falcon: three"))
    with pytest.raises(FusionError, match="in another order"):
        Scorer.load(tmp_path, FEATURES[::-1])
    described = json.loads((tmp_path / "fusion.json").read_text())
    (tmp_path / "fusion.json").write_text(json.dumps({**described, "format": 2}))
    with pytest.raises(FusionError, match="format 2"):
        Scorer.load(tmp_path, FEATURES)
