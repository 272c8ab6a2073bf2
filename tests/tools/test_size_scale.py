"""Sizes as numbers on their scales."""

import pytest

from shopping_assistant.tools.size_scale import LETTERS, NUMBERS, SizeMark, size_mark


@pytest.mark.parametrize(
    ("text", "scale", "number"),
    [
        ("M", LETTERS, 0), ("xs", LETTERS, -2), ("XXL", LETTERS, 3), ("2XL", LETTERS, 3), ("3xl", LETTERS, 4),
        ("extra large", LETTERS, 2), ("X-Large", LETTERS, 2), ("medium", LETTERS, 0),
        ("S/M", LETTERS, -0.5), ("1x", LETTERS, 2),
        ("38", NUMBERS, 38), ("38,5", NUMBERS, 38.5), ("98/104", NUMBERS, 101), ("EU 38", "eu", 38), ("W32", "w", 32),
        ("W32 L34", "w", 32),
    ],
)  # fmt: skip
def test_a_size_has_its_place_on_its_scale(text, scale, number):
    assert size_mark(text) == SizeMark(scale, number)


@pytest.mark.parametrize("text", ["one size", "onesize", "", "assorted", "32x34x3"])
def test_what_does_not_grow_is_no_size(text):
    assert size_mark(text) is None


def test_letters_grow_in_order():
    numbers = [size_mark(s).number for s in ("xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl")]
    assert numbers == sorted(numbers) and len(set(numbers)) == len(numbers)
