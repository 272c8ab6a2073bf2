"""Run by `test_recbole.py` in RecBole's environment: ``python recbole_checks.py FOLDER_OF_THE_SCRIPTS MODEL``."""

import sys

folder, name = sys.argv[1:3]
del sys.argv[1:]
sys.path.insert(0, folder)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from models import Baseline  # noqa: E402
from sequences import divide, ndcg, table  # noqa: E402
from training import fit, rank_all  # noqa: E402

ITEMS, LONGEST = 40, 12


def prefixes(sequences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each prefix padded behind, its length, and the item after it."""
    rows, lengths, targets = [], [], []
    for sequence in sequences:
        real = sequence[sequence > 0]
        for t in range(1, len(real)):
            rows.append(np.pad(real[:t], (0, LONGEST - t)))
            lengths.append(t)
            targets.append(real[t])
    return np.array(rows), np.array(lengths), np.array(targets)


def interaction(rows: np.ndarray, lengths: np.ndarray, targets: np.ndarray | None = None) -> dict:
    batch = {"item_id_list": torch.from_numpy(rows), "item_length": torch.from_numpy(lengths)}
    return batch if targets is None else {**batch, "item_id": torch.from_numpy(targets)}


def theirs(model, rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """RecBole's own scores."""
    if name == "NextItNet":  # it reads the last column: padding behind has to go
        pairs = zip(rows, lengths, strict=True)
        parts = [model.full_sort_predict(interaction(r[None, :n], np.array([n]))) for r, n in pairs]
        return torch.cat(parts)[:, 1:].detach().numpy()
    if name == "BERT4Rec":  # it drops the first item: one more in front
        rows, lengths = np.concatenate([np.ones_like(rows[:, :1]), rows[:, :-1]], axis=1), lengths + 1
    return model.full_sort_predict(interaction(rows, lengths))[:, 1:].detach().numpy()


def check_scores_and_loss() -> None:
    rng = np.random.default_rng(0)
    sequences = np.array([np.pad(rng.permutation(ITEMS)[:n] + 1, (0, LONGEST - n)) for n in (2, 5, 9, 11)])
    baseline = Baseline(name, ITEMS, LONGEST, {}, seed=1)
    baseline.model.eval()
    rows, lengths, targets = prefixes(sequences)
    ours = baseline.scores(rows, lengths)
    np.testing.assert_allclose(ours, theirs(baseline.model, rows, lengths), atol=2e-5)
    # The width of the table must not matter.
    np.testing.assert_allclose(ours[:1], baseline.scores(rows[:1, :2], lengths[:1]), atol=2e-5)
    if name in ("SASRec", "CORE", "GRU4Rec"):
        wanted = baseline.model.calculate_loss(interaction(rows, lengths, targets))
        found = baseline.loss(sequences, np.ones(len(sequences), dtype=np.int64), sequences > 0)
        np.testing.assert_allclose(found.item(), wanted.item(), rtol=5e-3)  # products in bfloat16
        gradients = []
        for loss in (wanted, found):
            baseline.model.zero_grad()
            loss.backward()
            gradients.append(torch.cat([p.grad.flatten() for p in baseline.model.parameters() if p.grad is not None]))
        assert torch.cosine_similarity(*gradients, dim=0) > 0.999


def check_learning() -> None:
    """Each sequence walks a circle of 40 items: who has learned the order ranks the next item first."""
    rng = np.random.default_rng(0)
    items = [
        [f"{(start + i) % ITEMS:02}" for i in range(n)] for start, n in rng.integers((0, 4), (ITEMS, 14), (400, 2))
    ]
    split = divide([str(n) for n in range(400)], items, [True] * 400, LONGEST)
    training, tried = fit(name, split, LONGEST, [{"learning_rate": 3e-3}], 1, 100.0, lambda line: None)
    figure = ndcg(rank_all(training.baseline, split.test, split.counts))
    assert figure > 0.6, f"ndcg@10 {figure:.3f} after {training.epochs:.0f} epochs; chance is 0.12"
    assert tried[0]["epochs"] == training.epochs
    assert table(split.training.flat, split.training.starts[:1], split.training.lengths[:1], 3).shape == (1, 3)


check_scores_and_loss()
check_learning()
