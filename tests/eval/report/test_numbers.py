"""Figures as the page writes them."""

import pytest

from shopping_assistant.eval.report import numbers


@pytest.mark.parametrize(
    ("half_width", "digits"), [(0.03, 3), (0.006, 3), (0.0021, 4), (0.05, 2), (0.2, 2), (0.00001, 4)]
)
def test_digits_follow_the_interval(half_width, digits):
    assert numbers.digits_for([(0.5 - half_width, 0.5 + half_width)]) == digits


def test_without_an_interval_there_are_three_digits():
    assert numbers.digits_for([]) == 3
    assert numbers.digits_for([(0.2, 0.2)]) == 3


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (-0.5, "−0.500"), (-0.0001, "0.000"), (1234.5, "1,234.500"), (None, "–")]
)
def test_numbers(value, text):
    assert numbers.number(value) == text
    assert numbers.number(float("nan")) == "–"


@pytest.mark.parametrize(("value", "text"), [(0.012, "+0.012"), (-0.012, "−0.012"), (0.0001, "0.000"), (0.0, "0.000")])
def test_differences_have_their_sign(value, text):
    assert numbers.signed(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0 %"), (0.0004, "< 0.1 %"), (0.125, "12.5 %"), (0.9999, "> 99.9 %"), (1.0, "100 %")]
)
def test_nothing_and_all_are_said_only_of_nothing_and_all(value, text):
    assert numbers.share(value).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(("p", "text"), [(0.0004, "< 0.001"), (0.0123, "0.012"), (0.456, "0.46"), (1.0, "1.00")])
def test_p_values(p, text):
    assert numbers.probability(p).replace("\N{NO-BREAK SPACE}", " ") == text


def test_lists_of_names():
    assert [numbers.listed(list("abc"[:n])) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
