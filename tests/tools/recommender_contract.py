"""What every recommender promises. A test module subclasses `RecommenderContract` and gives the fixtures."""

from datetime import UTC, datetime

import numpy as np

from shopping_assistant.tools.attribute_filter import Constraint, mask
from shopping_assistant.tools.mixup import top_k
from shopping_assistant.tools.sessions import leave_one_out

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class RecommenderContract:
    """Fixtures: ``store`` (a trained shop), ``score(histories, masks) -> (b, n)`` of the system under test."""

    def histories(self, store, count=8):
        return [e.history for e in leave_one_out(store.events()).test if len(e.history) > 3][:count]

    def lists(self, store, score, histories, masks=None, k=20):
        scores = score(histories, masks)
        assert scores.shape == (len(histories), len(store.catalog()))
        masks = masks or [None] * len(histories)
        return [top_k(s, k, m).tolist() for s, m in zip(scores, masks, strict=True)]

    def test_lists_are_full_and_without_duplicates(self, store, score):
        for ranked in self.lists(store, score, self.histories(store)):
            assert len(ranked) == len(set(ranked)) == 20

    def test_the_same_histories_give_the_same_lists(self, store, score):
        histories = self.histories(store)
        assert self.lists(store, score, histories) == self.lists(store, score, histories)

    def test_a_history_is_served_alike_alone_and_in_a_batch(self, store, score):
        histories = self.histories(store, 3)
        alone = [self.lists(store, score, [h])[0] for h in histories]
        assert self.lists(store, score, histories) == alone

    def test_filters_hold(self, store, score):
        catalog = store.catalog()
        price = Constraint("price", "<=", (60.0,))
        keep = mask(catalog, [price])
        for ranked in self.lists(store, score, self.histories(store), [keep] * 8):
            assert ranked and all(catalog.at(row).price <= 60 and catalog.at(row).available for row in ranked)

    def test_an_empty_history_is_served(self, store, score):
        assert len(self.lists(store, score, [()])[0]) == 20

    def test_a_score_is_finite_or_leaves_the_product_out(self, store, score):
        scores = np.asarray(score([(), *self.histories(store, 2)], None))
        assert np.issubdtype(scores.dtype, np.floating)
        assert (np.isfinite(scores) | (scores == -np.inf)).all()

    def test_what_a_caller_gave_is_left_as_it_was(self, store, score):
        masks = [np.arange(len(store.catalog())) % 3 > 0 for _ in range(2)]
        histories = self.histories(store, 4)
        first = np.array(score(histories[:2], masks))
        assert all((m == (np.arange(len(m)) % 3 > 0)).all() for m in masks)
        score(histories[2:], masks)
        assert (score(histories[:2], masks) == first).all(), "no session leaves a trace in the next one"
