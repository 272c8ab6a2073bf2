"""What a baseline may see of a store's split: plain numpy and polars, like `sequences`.

The files are written by shopping_assistant.eval.sequence_baselines, which says what stands in them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sequences import Split, SplitError, histories_of, windows_of

PARTS = ("validation", "test")
COLUMNS = {"part", "user_id", "session_id", "items", "bought", "target"}
# What a model reads, and what of it the training asks for.
VIEWS = ("purchases", "everything", "clicks, learning purchases")


@dataclass(frozen=True)
class Shop:
    """A store's split.

    ``asked[part]`` is a frame with a line a question, in the order of the part's histories: ``user_id``,
    ``session_id``, ``target``, and ``candidates``, the number of products the target is ranked among. ``rows`` are the
    vocabulary's rows in the catalogue.
    """

    split: Split
    asked: dict
    rows: np.ndarray
    digest: str


def read(folder: Path, longest: int, view: str) -> Shop:
    """Read the split that an export left in `folder`; its vocabulary is in the order of the catalogue's rows.

    Args:
        longest: how many of the latest items a model reads.
        view: one of `VIEWS`: purchases alone; clicks too, every item learned; clicks too, the purchases learned.

    Raises:
        SplitError: no split there, a column is missing, or nothing can be learned.
    """
    import polars as pl

    if not (folder / "split.json").is_file():
        raise SplitError(
            f"{folder}: no split.json; write it with `python -m shopping_assistant.eval.sequence_baselines export`"
        )
    digest = json.loads((folder / "split.json").read_text(encoding="utf-8"))["digest"]
    frame, products = pl.read_parquet(folder / "split.parquet"), pl.read_parquet(folder / "products.parquet")
    if missing := COLUMNS - set(frame.columns):
        raise SplitError(f"{folder / 'split.parquet'}: no column {', '.join(sorted(missing))}; write the split again")
    train = _lines(frame, "train", view)
    seen = {item for items, _ in train for item in items}
    known = [(row, p) for row, p in enumerate(products["product_id"].to_list()) if p in seen]
    vocabulary, rows = [p for _, p in known], np.array([row for row, _ in known], dtype=np.int64)
    number = {item: n for n, item in enumerate(vocabulary, start=1)}
    taught = [bought for _, bought in train] if view == VIEWS[2] else None
    windows = windows_of([[number[i] for i in items] for items, _ in train], longest, taught)
    if not len(windows):
        raise SplitError(f"{folder}: none of {len(train)} sequences has two items, the second of them to be learned")
    sold = [number[i] - 1 for items, bought in train for i, b in zip(items, bought, strict=True) if b]
    counts = np.bincount(sold, minlength=len(vocabulary))
    listed = set(products.filter(pl.col("listed"))["product_id"].to_list())
    unlisted = np.array([n for item, n in number.items() if item not in listed], dtype=np.int64)
    parts, asked = {}, {}
    for part in PARTS:
        lines, questions = _lines(frame, part, view), frame.filter(pl.col("part") == part)
        owned = [[i for i, b in zip(*line, strict=True) if b] for line in lines]
        read_ = histories_of([items for items, _ in lines], questions["target"].to_list(), number, longest)
        numbers = tuple(np.array([number[i] for i in own if i in number], dtype=np.int64) for own in owned)
        parts[part] = replace(read_, owned=numbers, unlisted=unlisted)
        asked[part] = questions.select("user_id", "session_id", "target").with_columns(
            candidates=pl.Series([len(listed) - sum(i in listed for i in own) for own in owned], dtype=pl.Int64)
        )
    split = Split(vocabulary, counts, windows, asked["test"]["user_id"].to_list(), parts["validation"], parts["test"])
    return Shop(split, asked, rows, digest)


def _lines(frame, part: str, view: str) -> list[tuple[list[str], list[bool]]]:
    """(items, which of them were bought) of each line of a part, as a view has them."""
    import polars as pl

    lines = list(frame.filter(pl.col("part") == part).select("items", "bought").iter_rows())
    if view != VIEWS[0]:
        return lines
    return [([i for i, b in zip(*line, strict=True) if b], [True] * sum(line[1])) for line in lines]


def first(scores: np.ndarray, k: int) -> list[np.ndarray]:
    """The best `k` columns of each row, best first, equal scores in the order of the columns; none at -inf.

    ``(rows, n)`` to as many arrays of at most `k`.
    """
    best = []
    for row in scores:
        at = np.flatnonzero(row > -np.inf)
        if k < len(at):
            least = np.partition(row[at], len(at) - k)[len(at) - k]
            at = at[row[at] >= least]
        best.append(at[np.argsort(-row[at], kind="stable")][:k])
    return best
