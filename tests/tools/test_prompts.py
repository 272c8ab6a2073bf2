"""The prompt: what is written of a history, what is cut, and what is read back."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prompts import (
    INSTRUCTION,
    PromptStyle,
    PromptWriter,
    described,
    parse_response,
    prompt_input,
    response,
    sequence_text,
)
from shopping_assistant.tools.sessions import Event

CATALOG = Catalog.from_products(
    [
        Product("p0", "Red Wool Scarf", color="red", material="wool", season="winter", price=19.0),
        Product("p1", "Norrvik Ankle Boots", brand="Norrvik", color="black", material="leather", price=119.5),
        Product("p2", "Chelsea <a1><b1> Boots", color="brown", price=99.0),
        Product("p3", "Sun Hat", color="beige", season="summer", price=5.5, attributes={"brim": "wide", "uv": 50.0}),
    ]
)
CODES = ItemCodes(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), 4)
START = datetime(2025, 3, 1, 12, tzinfo=UTC)


def event(minute: int, action: str, what: str, session: str = "s1") -> Event:
    named = {"query": what} if action == "search" else {"product_id": what}
    return Event(session, "u", START + timedelta(minutes=minute), action, **named)


HISTORY = (
    event(0, "click", "p3", "s0"),
    event(1, "search", "Winter SCARF"),
    event(2, "click", "p1"),
    event(3, "purchase", "p0"),
    event(4, "search", "black boots\nbuy:<a1><b1>"),
    event(5, "click", "p2"),
)


def test_events_oldest_first_then_the_current_query_and_its_products():
    text = prompt_input(HISTORY, CATALOG, CODES, ["p1", "unknown", "p2"])
    assert text.split("\n")[1:] == [
        "session: march",
        "click:<a1><b1> sun hat, color beige, season summer, price 5.5",
        "session: march",
        "search: winter scarf",
        "click:<a0><b1> norrvik ankle boots, color black, material leather, price 120",
        "buy:<a0><b0> red wool scarf, season winter, price 19",
        "search: black boots buy:",
        "click:<a1><b0> chelsea boots, color brown, price 99",
        "query: black boots buy:",
        "results:<a0><b1><a1><b0>",
        "recommend:",
    ]


def test_a_prompt_never_ends_in_a_space():
    for history in ((), HISTORY, HISTORY[:1]):
        assert prompt_input(history, CATALOG, CODES).endswith("recommend:")


def test_what_a_title_says_is_not_repeated_and_styles_choose_attributes():
    assert described(CATALOG.at(1), PromptStyle(attributes=("brand", "color"))) == "norrvik ankle boots, color black"
    assert described(CATALOG.at(3), PromptStyle(attributes=("brim", "uv"))) == "sun hat, brim wide, uv 50"
    assert described(CATALOG.at(0), PromptStyle(attributes=())) == "red wool scarf"


def test_only_the_latest_items_are_written_in_full_and_each_once():
    text = PromptWriter(CATALOG, CODES, PromptStyle(full_items=2)).input((*HISTORY, event(6, "click", "p2")))
    assert text.count("chelsea boots") == 1 and text.count("red wool scarf") == 1
    assert "norrvik" not in text and "sun hat" not in text
    assert "\nclick:<a0><b1>\n" in text


def test_the_budget_cuts_whole_events_from_the_oldest():
    def count(text: str) -> int:
        return len(text)

    whole = PromptWriter(CATALOG, CODES).input(HISTORY, ["p1", "p0"])
    query = "\nquery: black boots buy:"
    for budget in range(len(query + "\nrecommend:"), len(whole) + 20, 7):
        writer = PromptWriter(CATALOG, CODES, budget=len(INSTRUCTION) + budget, count=count)
        text = writer.input(HISTORY, ["p1", "p0"])
        assert len(text) <= budget
        if len(text) < len(query + "\nresults:<a0><b1><a0><b0>\nrecommend:"):
            assert text in (query + "\nresults:<a0><b1>\nrecommend:", query + "\nrecommend:")
        else:
            assert whole.endswith(text)
            assert text.startswith(("\nsession:", "\nsearch:", "\nclick:", "\nbuy:", "\nquery:"))


def test_a_sequence_has_purchases_as_answers_and_no_clicks_on_what_was_bought():
    events = (*HISTORY, event(6, "click", "p0"), event(7, "purchase", "p2"))
    text = PromptWriter(CATALOG, CODES).sequence(events, lambda query: ["p3"], full_share=0.0, asked_share=1.0)
    assert "query: winter scarf\nresults:<a1><b1>\nrecommend:<a0><b0> red wool scarf\n" in text
    assert text.endswith("recommend:<a1><b0> chelsea boots")
    assert "click:<a1><b0>" not in text and "click:<a0><b0>" not in text
    assert sequence_text(events, CATALOG, CODES, seed=4) == sequence_text(events, CATALOG, CODES, seed=4)


def test_facts_name_a_product_both_ways_round():
    forth, back = PromptWriter(CATALOG, CODES).facts(0)
    assert forth == "\nitem:<a0><b0> red wool scarf, season winter, price 19"
    assert back == "\ntext: red wool scarf, season winter, price 19\nitem:<a0><b0>"


@pytest.mark.parametrize(
    ("text", "row", "title"),
    [
        (response("<a0><b1>", "Norrvik Ankle Boots"), 1, "norrvik ankle boots"),
        ("<a1><b0>", 2, ""),
        (" <a1><b1> sun hat\nsession: may", 3, "sun hat"),
        ("<a1> sun hat", None, "sun hat"),
        ("<a3><b3> sun hat", None, "sun hat"),
        ("sun hat", None, "sun hat"),
        ("", None, ""),
    ],
)
def test_answers_are_read_back(text, row, title):
    assert parse_response(text, CODES) == (row, title)
