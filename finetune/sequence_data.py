"""What the two models of sequences share in training: withheld purchases, and batches of like lengths."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.sessions import Event, Example

T = TypeVar("T")


def withheld_sample(
    examples: Sequence[Example],
    catalog: Catalog,
    read: Callable[[Sequence[Event], Catalog], list[T]],
    most: int,
    seed: int,
) -> list[tuple[list[T], int, list[int]]]:
    """At most ``most`` of (history as ``read`` gives it, target row, rows bought before), those with a history."""
    chosen = list(examples)
    random.Random(seed).shuffle(chosen)
    sample = []
    for example in chosen:
        history = read(example.history, catalog)
        if history and example.target in catalog:
            bought = [e.product_id for e in example.history if e.action == "purchase" and e.product_id in catalog]
            sample.append((history, catalog.index(example.target), [catalog.index(p) for p in bought]))
        if len(sample) == most:
            break
    return sample


def like_lengths(
    lengths: Sequence[int], counts: Sequence[int], predictions: int, rng: np.random.Generator
) -> Iterator[list[int]]:
    """Numbers of sequences of similar length, about so many ``predictions`` together, in random order.

    Args:
        lengths, counts: of each sequence, its events and its predictions.
    """
    # Lengths with a little noise: batches waste no padding and still differ from epoch to epoch.
    order = np.argsort(np.asarray(lengths) + rng.random(len(lengths)) * 2, kind="stable")
    cuts = np.flatnonzero(np.diff(np.asarray(counts)[order].cumsum() // predictions)) + 1
    parts = np.split(order, cuts)
    for i in rng.permutation(len(parts)):
        yield parts[i].tolist()
