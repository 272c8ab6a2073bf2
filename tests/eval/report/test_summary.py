"""Sentences that are true to the figures, in words a reader can act on."""

from datetime import date
from pathlib import Path

import pytest

from shopping_assistant.eval.report.inputs import read_results
from shopping_assistant.eval.report.page import page_context
from shopping_assistant.tools.store import Store


def said(folder: Path, store: Store | None = None) -> list[str]:
    return page_context(read_results(folder), store, date(2026, 11, 21))["sentences"]


def about_constraints(sentences: list[str]) -> str:
    return next(s for s in sentences if "constraint" in s.lower())


def test_there_are_three_to_six(results, whole):
    assert 3 <= len(said(results)) <= len(said(whole)) <= 6


def test_two_systems_that_chance_could_tell_apart_are_not_told_apart(results):
    runs = results / "replay" / "runs.jsonl"
    lines = [line for line in runs.open() if '"fused"' in line]
    # The same ranks but for two sessions: one better, one worse.
    other = [line.replace('"fused"', '"mixup"') for line in lines]
    other[70], other[71] = other[70].replace('"rank": 40', '"rank": 30'), other[71].replace('"rank": 50', '"rank": 70')
    runs.write_text("".join([*lines, *other]))
    assert any("which chance explains" in s and "cannot be told apart" in s for s in said(results))


def test_a_better_baseline_is_said_to_be_ahead(results):
    runs = results / "replay" / "runs.jsonl"
    runs.write_text(
        runs.read_text().replace('"fused"', '"x"').replace('"popularity"', '"fused"').replace('"x"', '"bm25"')
    )
    sentences = said(results)
    assert sentences[0].startswith("Of 3 systems bm25 is ahead")
    assert sentences[1].startswith("The shop's own fused is behind bm25, the difference is 0.")


@pytest.mark.parametrize(
    ("broke", "sentence"),
    [
        (0.0, "No constraint was broken: none of 160 lists and no answer of the assistant to a simulated shopper"),
        (0.05, "5.0\N{NO-BREAK SPACE}% of the assistant's answers to simulated shoppers broke a constraint"),
    ],
)
def test_constraints_of_lists_and_of_conversations(whole, change, broke, sentence):
    runs = whole / "replay" / "runs.jsonl"
    runs.write_text("".join(line for line in runs.open() if '"search"' not in line))
    change(whole / "simulate" / "simulate.json", lambda found: found.update(broke_constraint=broke))
    assert about_constraints(said(whole)).startswith(sentence)


def test_what_was_not_measured_is_not_claimed(results):
    runs = results / "replay" / "runs.jsonl"
    runs.write_text(runs.read_text().replace('"broke_constraint@10"', '"another@10"'))
    assert about_constraints(said(results)) == "Whether any answer broke a constraint was not measured."


@pytest.mark.parametrize(
    ("protocol", "why"),
    [
        ({"part": "validation"}, "validation sessions, on which settings were chosen"),
        ({"trained_on": True}, "models have seen some of the answers"),
        ({"left_out": {"not in the sample": 1234}}, "1,234 further sessions were not drawn"),
    ],
)
def test_the_last_sentence_says_why_the_figures_may_mislead(results, change, protocol, why):
    assert why not in said(results)[-1]
    change(results / "replay" / "protocol.json", lambda about: about["protocol"].update(protocol))
    assert why in said(results)[-1]


def test_simulated_shoppers_are_named_only_where_the_store_says_so(results, shop, small_store):
    assert "simulated" in said(results, shop)[-1]
    assert "simulated" not in said(results, small_store)[-1] and "simulated" not in said(results)[-1]
