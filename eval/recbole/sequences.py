"""What a baseline may see of a split: windows to train on, histories to rank for, and the rank of each target.

Plain numpy, so that it can be read and tested without RecBole. Item 0 is the padding; item i is ``vocabulary[i - 1]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# A row is padded to the smallest of these that holds it, whatever else is in its batch: scores never depend on the
# batch, and short sequences, which are most, do not pay for long ones.
WIDTHS = (2, 4, 6, 8, 12, 16, 24, 32, 50, 100, 200)


class SplitError(Exception):
    """A split that cannot be trained on or ranked for: what was found, what was expected, and the remedy."""


@dataclass(frozen=True)
class Windows:
    """Training sequences, cut where they are longer than a model reads. Window w is ``flat[starts[w] : starts[w] +
    lengths[w]]``; its item at place t is learned from the items before it, for t at least ``first[w]``.

    Windows of one sequence overlap by half, and each place of the sequence is learned in exactly one of them: this is
    training on every prefix (RecBole's data augmentation), in one pass over the sequence. Where ``taught`` is given, as
    long as ``flat``, only its places are learned, and the others are read alone.
    """

    flat: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    first: np.ndarray
    taught: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def rows(self, rows: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Items ``(rows, width)`` padded with 0 behind, and which of these places are taught ``(rows, width)``."""
        starts, lengths = self.starts[rows], self.lengths[rows]
        items = table(self.flat, starts, lengths, width)
        return items, items > 0 if self.taught is None else table(self.taught, starts, lengths, width) > 0


@dataclass(frozen=True)
class Histories:
    """One row a user. All of row r's known items are ``flat[ends[r] - whole[r] : ends[r]]``; a model reads the latest
    ``lengths[r]`` of them. ``targets[r]`` is 0 for an item that no training sequence holds.

    No candidates are row r's ``owned[r]``, where that is None its whole history, and the items ``unlisted``.
    """

    flat: np.ndarray
    ends: np.ndarray
    whole: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray
    owned: tuple[np.ndarray, ...] | None = None
    unlisted: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.targets)

    def owned_by(self, row: int) -> np.ndarray:
        end = self.ends[row]
        return self.flat[end - self.whole[row] : end] if self.owned is None else self.owned[row]

    def sample(self, size: int, rng: np.random.Generator) -> Histories:
        """`size` rows drawn without repetition; all where there are no more."""
        rows = np.sort(rng.permutation(len(self))[:size])
        owned = None if self.owned is None else tuple(self.owned[row] for row in rows)
        own = (self.ends[rows], self.whole[rows], self.lengths[rows], self.targets[rows])
        return Histories(self.flat, *own, owned, self.unlisted)


@dataclass(frozen=True)
class Split:
    """One benchmark as a baseline sees it: ``counts[i]`` are the training purchases of ``vocabulary[i]``."""

    vocabulary: list[str]
    counts: np.ndarray
    training: Windows
    users: list[str]
    validation: Histories
    test: Histories


def read(path: Path, longest: int) -> Split:
    """Read ``split.parquet`` (user_id, items, evaluated).

    Of an evaluated user the last item is the test target, the one before the validation target, the rest is training
    data; of all others everything is training data.

    Args:
        longest: how many of the latest items a model reads.

    Raises:
        SplitError: no file, a column is missing, or an evaluated user has fewer than three items.
    """
    import polars

    if not path.is_file():
        raise SplitError(f"{path}: no such split; eval/benchmarks.py writes it")
    frame = polars.read_parquet(path)
    missing = {"user_id", "items", "evaluated"} - set(frame.columns)
    if missing:
        raise SplitError(f"{path}: no column {', '.join(sorted(missing))}; write the split again")
    return divide(frame["user_id"].to_list(), frame["items"].to_list(), frame["evaluated"].to_list(), longest)


def divide(users: Sequence[str], items: Sequence[Sequence[str]], evaluated: Sequence[bool], longest: int) -> Split:
    """`read` on columns that are in memory already."""
    short = next((u for u, i, e in zip(users, items, evaluated, strict=True) if e and len(i) < 3), None)
    if short is not None:
        raise SplitError(f"user {short!r} is evaluated with fewer than 3 items; mark such users as not evaluated")
    training = [i[:-2] if e else i for i, e in zip(items, evaluated, strict=True)]
    vocabulary = sorted({item for sequence in training for item in sequence})
    number = {item: n for n, item in enumerate(vocabulary, start=1)}
    numbered = [[number[i] for i in s] for s in training]
    judged = [(u, i) for u, i, e in zip(users, items, evaluated, strict=True) if e]
    return Split(
        vocabulary,
        np.bincount([i - 1 for s in numbered for i in s], minlength=len(vocabulary)),
        windows_of(numbered, longest),
        [u for u, _ in judged],
        histories_of([i[:-2] for _, i in judged], [i[-2] for _, i in judged], number, longest),
        histories_of([i[:-1] for _, i in judged], [i[-1] for _, i in judged], number, longest),
    )


def windows_of(sequences: list[list[int]], longest: int, taught: list[list[bool]] | None = None) -> Windows:
    """A window holds `longest` items to read and one more to predict.

    With `taught`, which items may be learned, a window ends with the last of these; one without any is left out.
    """
    starts, lengths, first, at = [], [], [], 0
    for s, sequence in enumerate(sequences):
        learned, start = 1, 0
        while learned < len(sequence):
            end = min(start + longest + 1, len(sequence))
            last = end if taught is None else max((t for t in range(learned, end) if taught[s][t]), default=-1) + 1
            if last:
                starts.append(at + start)
                lengths.append(last - start)
                first.append(learned - start)
            learned, start = end, start + max(longest // 2, 1)
        at += len(sequence)
    flat = np.array([i for s in sequences for i in s], dtype=np.int64)
    places = None if taught is None else np.array([t for s in taught for t in s], dtype=np.int64)
    return Windows(flat, *(np.array(x, dtype=np.int64) for x in (starts, lengths, first)), places)


def histories_of(histories: list[list[str]], targets: list[str], number: dict[str, int], longest: int) -> Histories:
    """Items without a number cannot be read by a model and are left out of its history."""
    known = [[number[i] for i in history if i in number] for history in histories]
    whole = np.array([len(h) for h in known], dtype=np.int64)
    flat = np.array([i for h in known for i in h], dtype=np.int64)
    wanted = np.array([number.get(t, 0) for t in targets], dtype=np.int64)
    return Histories(flat, np.cumsum(whole), whole, np.minimum(whole, longest), wanted)


def table(flat: np.ndarray, starts: np.ndarray, lengths: np.ndarray, width: int) -> np.ndarray:
    """Stretches of `flat` as rows ``(rows, width)``, padded with 0 behind."""
    place = np.arange(width)
    real = place < lengths[:, None]
    return np.where(real, flat[np.where(real, starts[:, None] + place, 0)], 0)


def batches(
    lengths: np.ndarray, events: int, longest: int, rng: np.random.Generator | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """Rows of like length as (rows, width), about `events` cells a batch; rows of length 0 are left out.

    Shuffled with `rng`, in a fixed order without.
    """
    widths = np.array([*(w for w in WIDTHS if w < longest), longest])
    bucket = np.searchsorted(widths, lengths)
    found = []
    for b, width in enumerate(widths):
        rows = np.flatnonzero((bucket == b) & (lengths > 0))
        if rng is not None:
            rng.shuffle(rows)
        size = max(events // int(width), 1)
        found += [(rows[i : i + size], int(width)) for i in range(0, len(rows), size)]
    order = rng.permutation(len(found)) if rng is not None else range(len(found))
    for i in order:
        yield found[i]


def target_ranks(scores: np.ndarray, histories: Histories, rows: np.ndarray) -> np.ndarray:
    """1-based rank of each row's target among the vocabulary without its history; ties count in vocabulary order.

    Args:
        scores: ``(rows, vocabulary)``; the entries of what is no candidate are overwritten with -inf.

    Returns:
        ``(rows,)`` int64, 0 for a target that is no candidate or not in the vocabulary: the model has no place for it.

    Raises:
        SplitError: a score is NaN.
    """
    if np.isnan(scores).any():
        raise SplitError("the model's scores hold NaN: its training broke down; try a lower learning rate")
    scores[:, histories.unlisted - 1] = -np.inf
    for r, row in enumerate(rows):
        scores[r, histories.owned_by(row) - 1] = -np.inf
    targets = histories.targets[rows]
    at = np.maximum(targets - 1, 0)
    of_target = scores[np.arange(len(rows)), at][:, None]
    ahead = (scores > of_target).sum(axis=1)
    tied = ((scores == of_target) & (np.arange(scores.shape[1]) < at[:, None])).sum(axis=1)
    return np.where((targets > 0) & (of_target[:, 0] > -np.inf), 1 + ahead + tied, 0)


def ndcg(ranks: np.ndarray, k: int = 10) -> float:
    """Mean ndcg@k of rows with one target each: 1 / log2(rank + 1) within the first k, else 0."""
    hit = (ranks > 0) & (ranks <= k)
    return float(np.where(hit, 1 / np.log2(np.where(hit, ranks, 1) + 1.0), 0.0).mean())


def recall(ranks: np.ndarray, k: int = 10) -> float:
    """Share of rows whose target is among the first k."""
    return float(((ranks > 0) & (ranks <= k)).mean())
