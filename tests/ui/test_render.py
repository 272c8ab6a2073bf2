"""The page's HTML: what it shows of a turn, and that nothing in it is anybody's markup."""

from html.parser import HTMLParser

import pytest

from shopping_assistant.ui import render

BOOT = {
    "product_id": "AV1-BLK", "title": "Aldervane Camden Ankle Boots", "brand": "Aldervane", "category": "ankle boots",
    "color": "black", "material": "suede", "size": ["37", "38", "39"], "price": 1119.5, "currency": "EUR",
    "available": True, "reason": "Under the 1,200 you named", "attributes": {"heel height": "low", "style": "internal"},
    "description": "Made for rain.",
}  # fmt: skip
EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>${alert(3)}'


class Tags(HTMLParser):
    """The tags and attribute names of a document, and whether every tag is closed."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def turn(**more) -> dict:
    plain = {"turn": 1, "shopper": "boots", "reply": "Here.", "act": "search", "constraints": [], "products": [BOOT]}
    return {**plain, **more}


def test_a_card_shows_what_a_shopper_decides_by():
    html = render.card(BOOT, 2, turn=3)
    text = " ".join(Tags(html).texts)
    for shown in (BOOT["title"], "€1,119.50", "black · suede", "37", "39", BOOT["reason"], "Add to bag"):
        assert shown in text
    assert 'data-do="open" data-pid="AV1-BLK" data-turn="3" data-position="2"' in html
    assert "<svg" in html


def test_sold_out_cannot_be_added():
    html = render.card({**BOOT, "available": False}, 1)
    assert "Sold out" in html and 'data-do="add"' not in html


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"price": 9.9, "currency": "EUR"}, "€9.90"), ({"price": 1200, "currency": "SEK"}, "1,200.00 SEK"),
     ({"price": 5, "currency": None}, "5.00"), ({"price": None, "currency": "EUR"}, "price not given")],
)  # fmt: skip
def test_prices(given, expected):
    assert render.price(given) == expected


@pytest.mark.parametrize(
    ("attribute", "op", "values", "expected"),
    [("category", "in", ["boots"], "boots"), ("price", "<=", [120.0], "up to 120"), ("price", ">=", [50.0], "from 50"),
     ("material", "not in", ["leather"], "not leather"), ("color", "in", ["black", "navy"], "black or navy"),
     ("size", "in", ["39"], "size 39"), ("heel_height", "<=", [5.0], "heel height up to 5")],
)  # fmt: skip
def test_constraints_in_words(attribute, op, values, expected):
    assert render.constraint_words({"attribute": attribute, "op": op, "values": values, "said": ""}) == expected


def test_what_was_set_aside_is_said():
    aside = {"attribute": "price", "op": "<=", "values": [20.0], "said": "under 20"}
    assert '<li class="aside">up to 20</li>' in render.chips(turn(relaxed=[aside]))


def test_everything_written_by_others_is_escaped():
    evil_product = {k: EVIL if isinstance(v, str) else v for k, v in BOOT.items()} | {
        "size": [EVIL], "attributes": {EVIL: EVIL}, "currency": EVIL,
    }  # fmt: skip
    constraint = {"attribute": EVIL, "op": "in", "values": [EVIL], "said": EVIL}
    evil_turn = turn(shopper=EVIL, reply=EVIL, act=EVIL, constraints=[constraint], relaxed=[EVIL])
    evil_turn["products"] = [evil_product]
    html = (
        render.transcript([evil_turn]) + render.bag([evil_product]) + render.details(evil_product) + render.header(EVIL)
        + render.welcome(EVIL, [EVIL], 3)
    )  # fmt: skip
    seen = Tags(html)
    assert not {"script", "img"} & set(seen.tags)
    assert not {name for name in seen.attributes if name.startswith("on")}
    assert not seen.open


def test_the_bag_adds_up_in_one_currency_only():
    other = {**BOOT, "product_id": "X", "price": 0.5}
    assert "€1,120.00" in render.bag([BOOT, other])
    assert "Total" not in render.bag([BOOT, {**other, "currency": "USD"}])
    assert "Nothing here yet" in render.bag([])
    assert 'data-pids="AV1-BLK X"' in render.bag([BOOT, other])


def test_details_tell_the_rest():
    text = " ".join(Tags(render.details(BOOT)).texts)
    assert "Made for rain." in text and "heel height" in text and "low" in text
    assert "internal" not in text


def test_a_long_conversation_draws_only_the_latest_answers():
    turns = [turn(turn=n) for n in range(1, 101)]
    html = render.transcript(turns)
    assert html.count("<svg") == render.TURNS_WITH_PICTURES
    assert html.count('<section class="turn"') == 100
    assert len(html) < 400_000
    assert html.count('class="prompts next"') == 1


def test_a_turn_without_products_is_only_words():
    html = render.turn_html(turn(products=[], reply="Hello.\n\nWhat do you need?"))
    assert "grid" not in html and html.count("<p>") == 3


def test_a_question_has_its_choices_between_the_words_and_the_products():
    choices = [{"label": "black", "say": "in <black>"}, {"label": "No preference", "say": "any colour is fine"}]
    asking = turn(question={"attribute": "color", "text": "Which colour?", "choices": choices})
    html = render.transcript([turn(), asking])
    assert html.count('class="prompts choices"') == 1 and 'data-text="in &lt;black&gt;"' in html
    assert html.index("prompts choices") < html.rindex('class="grid"')
    assert 'class="prompts choices"' not in render.transcript([asking, turn()])
