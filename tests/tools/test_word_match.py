import numpy as np
import pytest

from shopping_assistant.tools.query_words import Wanted
from shopping_assistant.tools.word_match import LONGEST_TITLE, ProductWords, WordMatch

# Three directions: footwear, colour, and all else; "shoe" lies near "boot".
VECTORS = {"boot": (1, 0, 0), "shoe": (0.8, 0, 0.6), "black": (0, 1, 0), "navy": (0, 0.6, 0.8), "lamp": (0, 0, 1)}


def encode(words) -> np.ndarray:
    return np.array([VECTORS.get(w, (0, 0, 1)) for w in words], dtype=np.float32).reshape(-1, 3)


def words_of(*texts: tuple[str, str]) -> ProductWords:
    return ProductWords.of([(t.split(), v.split()) for t, v in texts], list, encode)


@pytest.fixture(scope="module")
def shop() -> ProductWords:
    return words_of(("black boot", ""), ("boot", "black"), ("shoe", "black"), ("", ""), ("lamp 505", "navy"))


def met(products: ProductWords, *asked: str, said=None):
    wanted = [Wanted(w, ((w, 1.0),)) for w in asked]
    rows = np.arange(len(products.starts))
    return WordMatch(products, encode).met(wanted, rows, said or (lambda stem: np.zeros(len(rows))))


def test_each_word_is_met_by_the_nearest_of_title_and_values(shop):
    found = met(shop, "black", "boot")
    np.testing.assert_allclose(found.mean, [1.0, 1.0, 0.9, 0.0, 0.3], atol=1e-3)
    np.testing.assert_allclose(found.least, [1.0, 1.0, 0.8, 0.0, 0.0], atol=1e-3)
    # What has nothing to do with the query is counted over the title alone.
    np.testing.assert_allclose(found.off, [1.0, 1.0, 0.8, 0.0, 0.0], atol=1e-3)


def test_numbers_are_near_nothing_but_themselves(shop):
    np.testing.assert_allclose(met(shop, "505").mean, [0, 0, 0, 0, 1], atol=1e-3)
    assert met(shop, "506").mean.tolist() == [0, 0, 0, 0, 0]


def test_text_outside_title_and_values_counts_as_told(shop):
    said = lambda stem: np.array([0.0, 0.0, 0.0, 0.7, 0.0]) * (stem == "boot")  # noqa: E731
    np.testing.assert_allclose(met(shop, "boot", said=said).mean[[0, 3]], [1.0, 0.7], atol=1e-3)


def test_no_words_no_products():
    assert met(words_of(("boot", "")), *()).mean.tolist() == [0.0]
    assert len(met(words_of(), "boot").mean) == 0


def test_a_word_said_twice_is_one_and_a_long_title_gains_nothing():
    once, often = met(words_of(("boot", ""), ("boot boot boot", "boot")), "boot").off
    assert once == often == 1.0
    half = " ".join(["boot", *(f"x{i}" for i in range(LONGEST_TITLE - 1))])
    near = " ".join([half, "shoe"])
    fewer, more = met(words_of((half, ""), (near, "")), "boot").off
    assert more > fewer


def test_saved_and_loaded_it_is_the_same(shop, tmp_path):
    assert ProductWords.load(tmp_path) is None
    shop.save(tmp_path)
    again = met(ProductWords.load(tmp_path), "black", "boot").mean
    np.testing.assert_allclose(again, met(shop, "black", "boot").mean, atol=1e-3)


def test_later_products_take_their_place_and_bring_their_words(shop):
    changed = shop.extended(6, np.array([1, 5]), words_of(("navy lamp", ""), ("purple boot", "")))
    np.testing.assert_allclose(met(changed, "boot").mean, [1.0, 0.0, 0.8, 0.0, 0.0, 1.0], atol=1e-3)
    assert WordMatch(changed, encode).count("purple") == 1


def test_vectors_made_before_are_taken_over(shop):
    def refused(words):
        assert not len(words)
        return np.zeros((0, 3), dtype=np.float32)

    again = ProductWords.of([(["boot"], ["black"])], list, refused, known=shop)
    np.testing.assert_allclose(again.vectors, encode(["boot", "black"]), atol=1e-3)
