"""What the page is made of: what it shows of turns and products, and that nothing in it is anybody's markup."""

from html.parser import HTMLParser

import pytest

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.ui.page import cards, comparison, inspection, keepsakes, markup, turns, wishes
from shopping_assistant.ui.page.opening import examples, plural, welcome
from shopping_assistant.ui.page.product_sheet import product_sheet
from shopping_assistant.ui.page.words import languages, words_in

EN = words_in("en")
BOOT = {
    "product_id": "AV1-BLK", "title": "Aldervane Camden Ankle Boots", "brand": "Aldervane", "category": "ankle boots",
    "color": "black", "material": "suede", "size": ["37", "38", "39"], "price": 1119.5, "currency": "EUR",
    "available": True, "reason": "Under the 1,200 you named", "attributes": {"heel height": "low", "style": "internal"},
    "description": "Made for rain.",
}  # fmt: skip
BARE = {"product_id": "7", "title": "Seven"}
EVIL = "\"><img src=x onerror=alert(1)><script>alert(2)</script>${alert(3)}' onclick=alert(4) {what}"
VOID = {"input", "path", "circle", "rect", "use", "line", "ellipse", "stop", "polygon", "polyline", "br", "img"}


class Page(HTMLParser):
    """Tags, attributes and texts of a piece of HTML; refuses one that closes what it did not open."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def values(self, name: str) -> list[str]:
        return [value for _, n, value in self.attributes if n == name]


def turn(**more) -> dict:
    plain = {"turn": 1, "shopper": "boots", "reply": "Here.", "act": "search", "constraints": [], "products": [BOOT]}
    return {**plain, **more}


def evil(value: object) -> object:
    """The same thing with every text in it, keys too, written by somebody who means harm."""
    if isinstance(value, dict):
        return {k: evil(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [evil(v) for v in value]
    return EVIL if isinstance(value, str) else value


def catalog_of(*products: Product) -> Catalog:
    return Catalog.from_products(products)


WISH = {"attribute": "price", "op": "<=", "values": [120.0], "said": "under 120"}
LEANING = {"attribute": "price", "direction": "less", "said": "cheaper"}
QUESTION = {"attribute": "color", "text": "Which?", "choices": [{"label": "black", "say": "in black"}]}
COMPARISON = {"attributes": ["price", "heel_height"], "rows": [
    {"product_id": "1", "title": "One", "values": {"price": 10.0, "heel_height": ["low", "mid"]}},
    {"product_id": "2", "title": "Two", "values": {"price": 12.5, "heel_height": None}},
]}  # fmt: skip
REASONS = [{"product_id": "1", "title": "One", "evidence": [], "route": {"id": 1, "title": None, "search": 4},
            "words": ["You asked for black."]}]  # fmt: skip
TRACE = {
    "turn": 1,
    "ms": 12.5,
    "parts_ms": {"search": 8.0},
    "model": None,
    "model_error": "TimeoutError: slow",
    "tools": [{"name": "search_products", "arguments": {"query": "boots"}, "ms": 8, "error": "broken"}],
}
THREAD = {"thread_id": "a", "user_id": "u", "title": "boots", "started": "2026-11-21T10:00", "last": None, "turns": 2}
#: Everything the page can draw, as functions of what others wrote.
DRAWN = {
    "a card": lambda w: cards.card(w(BOOT), 1, EN, 1),
    "a card without a picture": lambda w: cards.card(w(BOOT), 1, EN, 1, picture=False),
    "a card sold out": lambda w: cards.card({**w(BOOT), "available": False}, 1, EN, 1),
    "a card of a product removed": lambda w: cards.card({**w(BOOT), "removed": True}, 1, EN, 1),
    "a card with little": lambda w: cards.card(w(BARE), 1, EN, 1),
    "a row": lambda w: cards.grid([w(BOOT), w(BARE)], EN, 1),
    "ghosts": lambda w: cards.ghosts(),
    "a turn": lambda w: turns.turn_section(w(turn(constraints=[WISH], relaxed=[WISH])), EN),
    "a question": lambda w: turns.turn_section(w(turn(question=QUESTION)), EN),
    "a turn that compares": lambda w: turns.turn_section({**w(turn()), "comparison": w(COMPARISON)}, EN),
    "a wish tapped away": lambda w: turns.turn_section(turn(tapped={"drop": {**w(WISH), "op": "in"}}), EN),
    "a leaning tapped away": lambda w: turns.turn_section(turn(tapped={"drop": w(LEANING)}), EN),
    "an undo": lambda w: turns.turn_section(turn(tapped={"undo": True}), EN),
    "a turn that is answered": lambda w: turns.pending({"shopper": w("boots")}, w("He"), EN),
    "a turn that waits": lambda w: turns.pending({"shopper": w("boots")}, "", EN),
    "a turn that failed": lambda w: turns.pending({"shopper": w("boots")}, w("Sorry"), EN, failed=True),
    "a transcript": lambda w: turns.transcript([w(turn()), w(turn(turn=2))], EN),
    "wishes": lambda w: wishes.wishes_bar(
        {"turn": 2, "constraints": [{**w(WISH), "op": "in"}], "leanings": [w(LEANING)]}, EN
    ),
    "a product sheet": lambda w: product_sheet(
        {"product": w(BOOT), "colors": [w(BARE)], "similar": [w(BOOT)], "goes_with": [w(BOOT)],
         "size": w({"text": "39"})}, EN, 1, 1,
    ),
    "a product sheet with little": lambda w: product_sheet({"product": w(BARE)}, EN),
    "a comparison": lambda w: comparison.comparison_table({**w(COMPARISON), "attributes": ["price", w("look")]}, EN),
    "why these": lambda w: inspection.why_these([{**w(REASONS[0]), "route": REASONS[0]["route"]}], EN),
    "why nothing": lambda w: inspection.why_these([], EN),
    "a trace": lambda w: inspection.trace_of(w(TRACE), EN),
    "a bag": lambda w: keepsakes.bag([w(BOOT), {**w(BARE), "removed": True}], EN),
    "an empty bag": lambda w: keepsakes.bag([], EN),
    "saved things": lambda w: keepsakes.saved([w(BOOT), {**w(BARE), "removed": True}], EN),
    "conversations": lambda w: keepsakes.conversations([w(THREAD)], "a", False, EN),
    "conversations of a guest": lambda w: keepsakes.conversations([w(THREAD)], "a", True, EN),
    "an opening": lambda w: welcome(
        w("Shop"), catalog_of(Product("1", w("t"), w("boots"), w("b"), w("red"), price=50.0, material=w("silk"))), EN
    ),
    "an opening of a catalogue with little": lambda w: welcome(w("Shop"), catalog_of(Product("1", w("Title"))), EN),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_it_is_whole_and_says_the_same_twice(name):
    html = DRAWN[name](lambda value: value)
    Page(html)
    assert html == DRAWN[name](lambda value: value)
    assert "None" not in Page(html).text and "{" not in Page(html).text.replace('{ "query": "boots" }', "")


@pytest.mark.parametrize("name", DRAWN)
def test_what_others_wrote_is_text(name):
    seen = Page(DRAWN[name](evil))
    assert not {"script", "img", "iframe", "object", "link", "style"} & set(seen.tags)
    for tag, attribute, value in seen.attributes:
        assert not attribute.startswith("on"), (tag, attribute)
        if attribute in ("href", "src"):
            assert value.startswith("#"), (tag, attribute, value)
        if attribute == "style":
            assert "url(" not in value


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", DRAWN)
def test_every_button_has_a_name(name, language, monkeypatch):
    monkeypatch.setitem(globals(), "EN", words_in(language))
    html = DRAWN[name](lambda value: value)
    for opening, inside in ((p.split(">", 1)) for p in html.split("<button")[1:]):
        label = Page(inside.split("</button>")[0]).text
        assert label or 'aria-label="' in opening, f"a button without a name: <button{opening}>"


def test_a_card_shows_what_a_shopper_decides_by():
    card = Page(cards.card(BOOT, 2, EN, 3))
    for shown in (BOOT["title"], "€1,119.50", "black · suede", "37", "39", BOOT["reason"], "Add to bag"):
        assert shown in card.text
    assert "svg" in card.tags
    about = {n: v for tag, n, v in card.attributes if tag == "button" and n.startswith("data-")}
    assert about["data-pid"] == "AV1-BLK" and about["data-turn"] == "3" and about["data-position"] == "2"
    assert {"open", "add", "judge", "compare", "save"} <= set(card.values("data-do"))


@pytest.mark.parametrize(
    ("more", "said"), [({"available": False}, "Sold out"), ({"removed": True}, "No longer sold")], ids=("out", "gone")
)  # fmt: skip
def test_what_cannot_be_had_cannot_be_added(more, said):
    for html in (cards.card({**BOOT, **more}, 1, EN), product_sheet({"product": {**BOOT, **more}}, EN)):
        assert said in Page(html).text and "add" not in Page(html).values("data-do")


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"price": 9.9, "currency": "EUR"}, "€9.90"), ({"price": 1200, "currency": "SEK"}, "1,200.00 SEK"),
     ({"price": 5, "currency": None}, "5.00"), ({"price": None, "currency": "EUR"}, "price not given"),
     ({}, "price not given")],
    ids=("sign", "letters", "no currency", "no price", "nothing"),
)  # fmt: skip
def test_prices(given, expected):
    assert markup.price(given, EN) == expected


def test_many_sizes_are_counted():
    sizes = Page(cards.card({**BOOT, "size": [str(n) for n in range(20)]}, 1, EN))
    assert "+13" in sizes.text
    assert "sizes" not in cards.card({**BOOT, "size": ["", " "]}, 1, EN)


@pytest.mark.parametrize(
    ("attribute", "op", "values", "expected"),
    [("category", "in", ["boots"], "boots"), ("category", "in", ["kitchen > towels"], "towels"),
     ("price", "<=", [120.0], "up to 120"), ("price", ">=", [50.0], "from 50"),
     ("price", "<=", [124.9], "up to 124.90"),
     ("material", "not in", ["leather"], "not leather"), ("color", "in", ["black", "navy"], "black or navy"),
     ("color", "in", list("abcde"), "a or b or c +2"), ("size", "in", ["39"], "size 39"),
     ("size", "in", [39.5], "size 39.5"),
     ("heel_height", "<=", [5.0], "heel height up to 5")],
)  # fmt: skip
def test_wishes_in_words(attribute, op, values, expected):
    assert wishes.wish_words({"attribute": attribute, "op": op, "values": values, "said": ""}, EN) == expected


def test_each_wish_goes_by_a_tap_of_its_own():
    bar = Page(wishes.wishes_bar(turn(constraints=[WISH], leanings=[LEANING]), EN))
    assert bar.values("data-do") == ["drop", "drop", "undo"]
    assert [v for v in bar.values("aria-label") if v.startswith("Remove")] == ["Remove: up to 120", "Remove: cheaper"]
    assert wishes.wishes_bar(None, EN) == "" and wishes.wishes_bar(turn(), EN) == ""


def test_what_was_set_aside_is_said_beside_the_cards_only():
    assert "up to 120" in turns.turn_section(turn(relaxed=[WISH]), EN)
    for other in ({"products": []}, {"act": "outfit"}):
        assert "up to 120" not in turns.turn_section(turn(relaxed=[WISH], **other), EN)


def test_the_bag_adds_up_in_one_currency_only():
    other = {**BOOT, "product_id": "X", "price": 0.5}
    assert "€1,120.00" in keepsakes.bag([BOOT, other], EN)
    assert "Total" not in keepsakes.bag([BOOT, {**other, "currency": "USD"}], EN)
    assert "€1,119.50" in Page(keepsakes.bag([BOOT, {**other, "removed": True}], EN)).text.split("Total")[1]
    assert "Total" not in keepsakes.bag([{**BOOT, "price": None}], EN)


def test_what_is_in_the_bag_can_be_opened_and_taken_out():
    bag = Page(keepsakes.bag([BOOT], EN))
    assert bag.values("data-do") == ["open", "remove"] and f"Remove: {BOOT['title']}" in bag.values("aria-label")
    assert Page(keepsakes.saved([BOOT], EN)).values("data-do") == ["open", "add", "unsave"]


def test_a_product_sheet_tells_all_but_bookkeeping():
    sheet = Page(product_sheet({"product": BOOT, "size": {"text": "Take 39."}, "similar": [BOOT]}, EN, 1, 2))
    for told in ("Made for rain.", "heel height", "low", "Take 39.", "Similar", "In stock"):
        assert told in sheet.text
    assert "internal" not in sheet.text and "Goes with it" not in sheet.text


def test_ids_are_named_once():
    view = {"product": BOOT, "colors": [BOOT], "similar": [BOOT, BOOT], "goes_with": [BOOT]}
    html = turns.transcript([turn(), turn(turn=2)], EN) + product_sheet(view, EN) + keepsakes.bag([BOOT], EN)
    ids = Page(html + keepsakes.saved([BOOT], EN)).values("id")
    assert len(ids) == len(set(ids))


def test_a_long_conversation_draws_only_the_latest_answers():
    html = turns.transcript([turn(turn=n) for n in range(1, 101)], EN)
    assert html.count("<svg viewBox") + html.count('role="img"') <= 2 * turns.TURNS_WITH_PICTURES
    assert html.count('class="card slim"') == 100 - turns.TURNS_WITH_PICTURES
    assert html.count('<section class="turn"') == 100 and html.count('class="prompts next"') == 1
    assert len(html) < 800_000


def test_a_turn_without_products_is_only_words():
    said = Page(turns.turn_section(turn(products=[], reply="Hello.\n\nWhat do you need?"), EN))
    assert "article" not in said.tags and "why" not in said.values("data-do")
    assert "Hello." in said.texts and "What do you need?" in said.texts


def test_a_catalogue_of_ids_and_titles_can_be_shown():
    html = Page(turns.turn_section(turn(products=[BARE, {**BARE, "product_id": "8"}]), EN))
    assert html.text.count("price not given") == 2 and html.values("data-do").count("add") == 2


def test_a_question_has_its_choices_between_the_words_and_the_products():
    choices = [{"label": "black", "say": "in <black>"}, {"label": "No preference", "say": "any colour is fine"}]
    asking = turn(question={"attribute": "color", "text": "Which colour?", "choices": choices})
    html = turns.transcript([turn(), asking], EN)
    assert html.count('class="prompts choices"') == 1 and 'data-text="in &lt;black&gt;"' in html
    assert html.index("prompts choices") < html.rindex('class="grid"')
    assert 'class="prompts choices"' not in turns.transcript([asking, turn()], EN)


def test_a_comparison_marks_what_differs():
    same = {**COMPARISON, "attributes": ["price", "color"]}
    html = comparison.comparison_table(same, EN)
    assert html.count('class="different"') == 1 and Page(html).tags.count("td") == 5
    assert Page(comparison.comparison_table(COMPARISON, EN)).text.endswith("heel height low, mid –")


def test_why_these_names_the_roads_a_card_came_on():
    told = Page(inspection.why_these(REASONS, EN)).text
    assert "You asked for black." in told and "place 1" in told and "place 4" in told and told.count("place") == 2


def test_a_trace_has_times_arguments_and_causes():
    told = Page(inspection.trace_of(TRACE, EN)).text
    for there in ("12.5 ms", "search_products", '"query": "boots"', "broken", "TimeoutError: slow", "embedded"):
        assert there in told


def test_conversations_that_hold_nothing_are_not_listed():
    listed = keepsakes.conversations([THREAD, {**THREAD, "thread_id": "b", "turns": 0}], "a", False, EN)
    assert Page(listed).values("data-do") == ["resume", "rename", "export", "delete", "forget"]
    assert 'aria-current="true"' in listed
    assert "resume" not in keepsakes.conversations([THREAD], "a", True, EN)


def test_an_opening_asks_for_what_the_shop_has():
    rows = [Product(f"{c}{n}", f"{c} {n}", c, "B", "black" if n else "red", price=20.0 + 10 * n, material="wool")
            for c in ("boots", "dress", "watch") for n in range(6)]  # fmt: skip
    catalog = Catalog.from_products(rows)
    said = [text for group in examples(catalog).values() for text in group]
    assert "show me black boots under 60" in said and "watches in wool" in said
    assert Page(welcome("Shop", catalog, EN)).values("data-text")[-3:] == [
        f"show me {plural(c)}" for c in ("boots", "dress", "watch")
    ]
    assert [plural(c) for c in ("Kitchen > Towel", "Küchenhelfer", "Watch")] == ["towels", "küchenhelfer", "watches"]


def test_an_opening_of_a_shop_without_kinds_still_helps():
    told = Page(welcome("Shop", Catalog.from_products([Product("1", "One"), Product("2", "Two")]), EN))
    assert "what would you recommend for me?" in told.values("data-text") and "2 products" in told.text
