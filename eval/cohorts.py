"""The groups a session counts in."""

from __future__ import annotations

from collections import Counter

from shopping_assistant.tools.sessions import Example, current_query

HISTORY_BANDS = ((0, 4), (5, 9), (10, 19), (20, 39), (40, None))


def cohorts_of(example: Example, trained_items: Counter[str] | set[str]) -> tuple[str, ...]:
    """The groups a session counts in. A cold item has no click or purchase among the training events."""
    length = len(example.history)
    low, high = next((lo, hi) for lo, hi in HISTORY_BANDS if hi is None or length <= hi)
    return (
        "warm items" if example.target in trained_items else "cold items",
        "with query" if current_query(example.history) else "without query",
        f"history {low}+" if high is None else f"history {low}-{high}",
    )
