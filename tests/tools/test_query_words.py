import pytest

from shopping_assistant.tools.query_words import GUESSED, MOST_WORDS, QueryReader
from shopping_assistant.tools.search import plain_words, stems_of

COUNTS = {
    "chelsea": 9, "boots": 40, "backpack": 5, "backpacks": 1, "sunglasses": 7, "trench": 4, "coat": 12, "cashmere": 3,
    "scarf": 6, "silver": 8, "ring": 9, "memory": 2, "gb": 3, "16": 3, "sneakers": 11, "sweater": 5,
}  # fmt: skip


@pytest.fixture(scope="module")
def reader() -> QueryReader:
    counts = {stems_of([word])[0]: count for word, count in COUNTS.items()}
    surfaces = {stems_of([word])[0]: word for word in reversed(COUNTS)}
    ordinary = {"wedding", "winter", "nice"}
    return QueryReader(
        surfaces, lambda stem: counts.get(stem, 0), plain_words, lambda w: stems_of([w])[0], ordinary.__contains__
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("chesea boots", "chelsea boots"),
        ("Cashmire SCRAF", "cashmere scarf"),
        ("snekers", "sneakers"),
        ("trenchcoat", "trench coat"),
        ("16gb", "16 gb"),
    ],
)
def test_slips_become_the_catalogues_words(reader, typed, meant):
    assert reader.read(typed).text == meant


@pytest.mark.parametrize("typed", ["nice winter wedding", "rng", "xq1200", "zzzzzz", "", "🙂 …"])
def test_what_is_a_word_or_too_short_or_far_from_any_stays(reader, typed):
    assert reader.read(typed).text == typed


def test_a_guess_counts_less_than_what_was_typed(reader):
    (wanted,) = reader.read("scraf").wanted
    assert dict(wanted.stems) == {"scraf": 1.0, "scarf": GUESSED}


def test_two_words_are_also_one(reader):
    wanted = reader.read("back pack, black").wanted
    assert ("backpack", 1.0) in wanted[0].stems and ("backpack", 1.0) in wanted[1].stems
    assert wanted[2].stems == (("black", 1.0),)
    # "silverring" would be stemmed to "silver": a ring is not met by silver.
    assert [w.stems for w in reader.read("silver ring").wanted] == [(("silver", 1.0),), (("ring", 1.0),)]


def test_each_word_counts_once_and_a_page_of_them_is_cut(reader):
    assert len(reader.read("boots boots boots").wanted) == 1
    assert len(reader.read(" ".join(f"boots{i}" for i in range(500))).wanted) <= 2 * MOST_WORDS
