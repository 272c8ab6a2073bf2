"""The page's words: the same in every language, all of them used, and figures as each language writes them."""

import re
import string
from pathlib import Path

import pytest

from shopping_assistant.ui.page import words as words_file
from shopping_assistant.ui.page.words import chosen, languages, words_in

PAGE = Path(words_file.__file__).parent
OTHERS = [code for code in languages() if code != "en"]
# Names that the code puts together: a column, a verdict, a kind of tap, a number.
MADE = re.compile(r"column_\w+|route_\w+|judged_(product|reply)_(up|down|back)|tapped_\w+|\w+_one|\w+_any")
# Words that are the same in both languages, or that the assistant must understand.
SAME = {
    "de": {"column_material"},
    "fr": {"column_occasion", "conversations", "total"},
    "es": {"column_material", "total"},
    "ja": {"decimal_mark", "thousands_mark", "money"},
}
SAME_EVERYWHERE = {"ok", "ask_placeholder"}


def placeholders(word: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(word) if name is not None}


def code(*patterns: str) -> str:
    files = [file for pattern in patterns for file in PAGE.glob(pattern)]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_the_languages_that_are_promised():
    assert languages() == {"de": "Deutsch", "en": "English", "es": "Español", "fr": "Français", "ja": "日本語"}


@pytest.mark.parametrize("language", languages())
def test_a_language_has_every_word_in_the_order_of_english(language):
    assert list(words_file._read(language)) == list(words_file._read("en"))


@pytest.mark.parametrize("language", languages())
def test_every_word_says_something_with_the_same_figures_in_it(language):
    for name, word in words_file._read(language).items():
        assert word.strip() or name == "thousands_mark", name
        assert placeholders(word) == placeholders(words_in("en")(name)), name


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_is_translated(language):
    english = words_in("en").said
    same = {name for name, word in words_in(language).said.items() if word == english[name]}
    assert same - SAME_EVERYWHERE == SAME[language]


def test_every_word_is_used():
    text = code("*.py", "script/*.js", "skeleton.html")
    written = {*re.findall(r"[\"'](\w+)[\"']", text), *re.findall(r"\bwords\.(\w+)", text)}
    assert [n for n in words_in("en").said if n not in written and not MADE.fullmatch(n)] == []


def test_every_word_used_is_there():
    python, script, skeleton = code("*.py"), code("script/*.js"), code("skeleton.html")
    asked = {
        *re.findall(r'\b(?:words|counted|_note\(v,)\(?\s*"(\w+)"', python), *re.findall(r"\bwords\.(\w+)", script),
        *re.findall(r'\bsay\("(\w+)"', script), *re.findall(r'data-(?:word|label|hint)="(\w+)"', skeleton),
    }  # fmt: skip
    assert asked > {"welcome_text", "added", "compare_chosen", "delete_sure", "skip"}
    assert asked <= set(words_in("en").said)


@pytest.mark.parametrize("base", [n for n in words_in("en").said if n.endswith(("_one", "_any"))])
def test_a_variant_varies_a_word(base):
    assert base.rsplit("_", 1)[0] in words_in("en").said


# Straight quotation marks, those of another language, forms of address that this shop does not use, spaces that break.
MISTAKES = {
    "de": r"\"|(^|\s)[“‘]|\bSie\b|\bIhre?[mnrs]?\b",
    "fr": r"\"|'|[ \w][?!;]| :|« | »|(?i:\b(tu|toi|ton|ta|tes)\b)",
    "es": r"\"|(?i:\b(usted|elija|pulse|escriba)\b)",
    "ja": r"\"|[?!]|[^\d},],[^\d]",
}


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_is_written_as_it_is(language):
    said = {n: w for n, w in words_in(language).said.items() if n not in SAME_EVERYWHERE and not n.endswith("_mark")}
    assert {n: w for n, w in said.items() if re.search(MISTAKES[language], w)} == {}
    if language == "es":
        assert {n: w for n, w in said.items() if w.count("¿") != w.count("?")} == {}


# Which language ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        (None, "", "en"), (None, "de", "de"), (None, "de-CH,de;q=0.9,en;q=0.8", "de"),
        (None, "en;q=0.5,fr;q=0.9", "fr"), (None, "it,pt;q=0.9,es;q=0.2", "es"), (None, "JA-jp", "ja"),
        (None, "it,*;q=0.5", "en"), ("es", "de", "es"), ("xx", "de", "de"), ("", "fr", "fr"),
        (None, "de;q=0,fr;q=0.1", "fr"), (None, "de;q=x,ja", "ja"), (None, "de; q=0.2, fr; q=0.7", "fr"),
        (None, ";;,,=", "en"), ("../de", "", "en"), (None, "de;q=nan", "en"),
    ],
    ids=lambda value: str(value) or "none",
)  # fmt: skip
def test_the_language_spoken(wanted, accepted, language):
    assert chosen(wanted, accepted) == language


def test_a_language_that_is_not_there_is_english():
    assert words_in("xx").language == "en" and words_in("xx")("ok") == "OK"


def test_only_a_language_model_may_be_spoken_to_in_any_language():
    assert "Englisch" in words_in("de")("ask_hint") and "Englisch" not in words_in("de", True)("ask_hint")


# Figures -----------------------------------------------------------------------------------------------------------

THIN, HARD = "\u202f", "\u00a0"


@pytest.mark.parametrize(
    ("language", "euro", "yen", "crowns"),
    [
        ("en", "€1,109.90", "¥12,000", "1,200.00 SEK"), ("de", f"1.109,90{HARD}€", f"12.000{HARD}¥", "1.200,00 SEK"),
        ("fr", f"1{THIN}109,90{HARD}€", f"12{THIN}000{HARD}¥", f"1{THIN}200,00 SEK"),
        ("es", f"1.109,90{HARD}€", f"12.000{HARD}¥", "1.200,00 SEK"), ("ja", "€1,109.90", "¥12,000", "1,200.00 SEK"),
    ],
    ids=("en", "de", "fr", "es", "ja"),
)  # fmt: skip
def test_money(language, euro, yen, crowns):
    words = words_in(language)
    assert words.money(1109.9, "EUR") == euro and words.money(12000, "JPY") == yen
    assert words.money(1200, "SEK").replace(HARD, " ") == crowns


@pytest.mark.parametrize(
    ("value", "more", "german"),
    [(120.0, {}, "120"), (99.5, {}, "99,5"), (2100, {}, "2.100"), (2024.0, {"grouped": False}, "2024"),
     (0.1 + 0.2, {}, "0,3"), (7, {"decimals": 2}, "7,00")],
    ids=("whole", "half", "thousands", "year", "sum", "places"),
)  # fmt: skip
def test_numbers(value, more, german):
    assert words_in("de").number(value, **more) == german


def test_one_thing_is_one():
    english, japanese = words_in("en"), words_in("ja")
    assert [english.counted("products_shown", n) for n in (1, 2)] == ["1 product", "2 products"]
    assert [japanese.counted("products_shown", n) for n in (1, 2)] == ["商品1点", "商品2点"]


def test_a_column_of_the_shops_own_keeps_its_name():
    german = words_in("de")
    assert german.column("color") == "Farbe" and german.column("heel_height") == "heel height"
