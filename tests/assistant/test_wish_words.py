"""The words of a wish: numbers in words, slips, qualities, plain values in their place, sizes, guesses by meaning."""

import pytest

from shopping_assistant.assistant.language import english
from shopping_assistant.assistant.language.amounts import bare_amount, price_amounts
from shopping_assistant.assistant.language.figures import in_figures
from shopping_assistant.assistant.language.leanings import Leaning, LeaningError, with_newer
from shopping_assistant.assistant.language.understanding import Understanding
from shopping_assistant.assistant.language.vocabulary import Vocabulary
from shopping_assistant.assistant.state import search_query
from shopping_assistant.tools.catalog import Catalog, Product


@pytest.mark.parametrize(
    ("words", "figure"),
    [
        ("two hundred and fifty", "250"),
        ("a hundred euros", "100"),
        ("twenty-five quid", "25"),
        ("one fifty", "150"),
        ("4 hundred", "400"),
        ("1,200 at most", "1200"),
        ("one thousand two hundred", "1200"),
    ],
)
def test_numbers_in_words_keep_their_place(words, figure):
    read = in_figures(words)
    assert figure in read and len(read) == len(words)


@pytest.mark.parametrize("words", ["the first two", "one of those", "a hundred percent wool", "item 3", "99.95"])
def test_what_counts_or_points_is_no_figure(words):
    assert in_figures(words) == words


@pytest.mark.parametrize(
    ("sentence", "bounds"),
    [
        ("not under 50", {(">=", 50.0)}),
        ("no boots over 100", {("<=", 100.0)}),
        ("don't show me bags under eighty", {(">=", 80.0)}),
        ("it can't cost more than 35", {("<=", 35.0)}),
        ("fifty to eighty", {(">=", 50.0), ("<=", 80.0)}),
        ("around a hundred", {(">=", 80.0), ("<=", 120.0)}),
        ("fifty quid at the very most", {("<=", 50.0)}),
        ("no leather and under 50", {("<=", 50.0)}),
        ("what about 58", set()),
    ],
)
def test_bounds(sentence, bounds):
    assert {(a.op, a.value) for a in price_amounts(sentence)} == bounds


def test_a_bare_figure():
    assert bare_amount("make that one hundred and twenty") == 120.0
    assert bare_amount("the 120 on the left") is None


def test_no_boots_over_a_price_still_means_boots(said, wishes):
    held = wishes(said("no boots over 100 please"))
    assert held[("price", "<=")] == {100.0} and ("category", "in") in held and ("category", "not in") not in held


def test_a_bare_figure_moves_the_price_talked_of(said, wishes):
    said("dresses under 60")
    assert wishes(said("make that eighty"))[("price", "<=")] == {80.0}


@pytest.mark.parametrize("word", ["pick", "leave", "torn", "garden", "check", "moved", "cheer"])
def test_everyday_words_are_known(word):
    assert english.is_everyday(word)


@pytest.mark.parametrize(
    "sentence",
    ["let me check the boots", "can you pick out some boots", "boots before I leave", "boots that cheer me up"],
)
def test_an_everyday_word_is_no_slip_and_a_deed_no_value(said, wishes, sentence):
    assert set(wishes(said(sentence))) == {("category", "in")}


def test_a_kind_is_believed_before_a_name():
    products = [
        Product(f"g{i}", f"Glen Shirt {i}", "shirt", color="green", attributes={"line": f"Name{i}"}) for i in range(70)
    ]
    products[0] = Product("g0", "Glen Shirt", "shirt", color="green", attributes={"line": "Glen"})
    u = Understanding(Vocabulary(Catalog.from_products(products))).understand("a gren shirt")
    assert ("gren", "green") in u.corrected


def test_vowels_are_misheard(said, wishes):
    assert wishes(said("snaekers in whit"))[("category", "in")] == {"sneakers"}


@pytest.mark.parametrize(
    "sentence", ["non-slip boots", "wrinkle-free boots", "water resistant boots", "anti-odour boots"]
)
def test_a_quality_refuses_nothing(said, wishes, sentence):
    assert not any(op == "not in" for _, op in wishes(said(sentence)))


def test_free_of_a_value_refuses_it(said, wishes):
    assert ("material", "not in") in wishes(said("leather-free boots"))


def test_what_is_owned_is_not_wished_for(said, wishes):
    assert wishes(said("a tote bag to go with my new black boots")) == {("category", "in"): {"tote bag"}}


def test_a_plain_value_needs_its_place(said, wishes):
    assert ("heel height", "in") not in wishes(said("how high are the boots"))
    assert wishes(said("high boots"))[("heel height", "in")] == {"high"}


@pytest.mark.parametrize(
    ("sentence", "sizes"),
    [
        ("a dress in M or L", {"m", "l"}),
        ("I'm between a 38 and a 39, boots", {"38", "39"}),
        ("boots, EU 38", {"38"}),
        ("boots in size thirty-eight", {"38"}),
        ("any small tees", {"s"}),
    ],
)
def test_sizes(said, wishes, sentence, sizes):
    assert wishes(said(sentence))[("size", "in")] == sizes


@pytest.mark.parametrize(
    "sentence", ["boots in UK 38", "a large tote", "2 pairs of boots", "boots for my 38th birthday"]
)
def test_figures_and_words_that_are_no_sizes(said, wishes, sentence):
    assert ("size", "in") not in wishes(said(sentence))


def test_a_finely_labelled_catalogue_does_not_filter_by_its_labels():
    fine = Catalog.from_products([Product(f"p{i}", f"Linen shirt {i}", f"kind {i} shirts") for i in range(120)])
    u = Understanding(Vocabulary(fine)).understand("linen shirts")
    assert u.constraints == () and "shirts" in u.words


def test_no_color_is_named_by_a_word_of_everyday():
    odd = [Product(f"p{i}", f"Mug {i}", "mugs", color="black") for i in range(250)]
    odd[0] = Product("p0", "Mug", "mugs", color="captivate me")
    assert not [
        c for c in Understanding(Vocabulary(Catalog.from_products(odd))).understand("find me mugs").constraints
        if c.attribute == "color"
    ]  # fmt: skip


def test_a_phrase_without_a_value_leans_and_does_not_filter(said):
    u = said("boots for a gala")
    assert {c.attribute for c in u.constraints} == {"category"}


def test_a_leaning_survives_its_json_form():
    wish = Leaning("color", "like", ("black", "navy"), "darkish", "p1")
    assert Leaning.from_dict(wish.as_dict()) == wish
    with pytest.raises(LeaningError, match="sideways"):
        Leaning("color", "sideways")
    with pytest.raises(LeaningError, match="attribute"):
        Leaning.from_dict({"direction": "more"})


def test_the_newer_degree_replaces_the_older():
    longer, shorter = Leaning("length", "more", (), "longer"), Leaning("length", "less", (), "shorter")
    assert with_newer((longer,), (shorter,)) == (shorter,)


def test_a_childs_age_names_its_department_and_leans_to_a_size():
    kids = [Product(f"k{i}", f"Jacket {i}", "jacket", size=("104", "116", "128"), department="kids") for i in range(3)]
    grown = [Product(f"w{i}", f"Coat {i}", "jacket", size=("S", "M"), department="women") for i in range(3)]
    u = Understanding(Vocabulary(Catalog.from_products(kids + grown))).understand("a jacket for my six year old")
    assert ("department", ("kids",)) in {(c.attribute, c.values) for c in u.constraints}
    assert not any(c.attribute == "size" for c in u.constraints)
    assert ("size", ("116",)) in {(w.attribute, w.values) for w in u.leanings}


def test_a_shop_with_words_of_other_scripts_opens():
    """A value of which no word can be typed in English is there, and found by the words beside it."""
    pot = Product("1", "إبريق شاي نحاسي", "teapot", "دار الشاي", "نحاسي", price=5.0, attributes={"طراز": "مغربي"})
    vocabulary = Vocabulary(Catalog.from_products([pot, Product("2", "花瓶", "vase", "窯元", "青")]))
    assert Understanding(vocabulary).understand("show me teapots").constraints[0].values == ("teapot",)


@pytest.mark.parametrize(
    ("said", "looked_for"), [("not so colourful", False), ("nothing too loud", False), ("muted", True)]
)  # fmt: skip
def test_what_is_denied_is_not_looked_for(said, looked_for):
    leaning = Leaning("color", "like", ("grey", "beige"), said)
    assert (said in search_query((), ("dress",), (leaning,))) is looked_for
