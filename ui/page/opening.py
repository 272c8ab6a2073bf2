"""The opening of a conversation: what can be asked here, with examples that this shop's catalogue can answer."""

from __future__ import annotations

from collections import Counter

from shopping_assistant.assistant import Catalog
from shopping_assistant.ui.drawing.pictures import draw
from shopping_assistant.ui.page.markup import data, english, text
from shopping_assistant.ui.page.turns import prompts
from shopping_assistant.ui.page.words import Words

KINDS_SHOWN = 8


def welcome(shop: str, catalog: Catalog, words: Words) -> str:
    """What an empty conversation shows.

    Args:
        catalog: the products that are in the shop now.
    """
    told = words.counted("welcome_text", catalog.products, shop=shop)
    abroad = words.language != "en" and not words.any_language
    asked = f'<p class="write-english">{text(words("write_english"))}</p>' if abroad else ""
    kinds = "".join(_kind(name, row, i, catalog, words) for i, (name, row) in enumerate(_kinds(catalog)))
    tiles = f'<h2>{text(words("kinds"))}</h2><ul class="kinds">{kinds}</ul>' if kinds else ""
    groups = "".join(
        f"<div><h2>{text(words(name))}</h2>{prompts(sentences, words, 'examples')}</div>"
        for name, sentences in examples(catalog).items() if sentences
    )  # fmt: skip
    return (
        f'<section class="welcome"><h1>{text(words("welcome_title"))}</h1><p>{text(told)}</p>{asked}'
        f'<div class="example-groups">{groups}</div>{tiles}</section>'
    )


def examples(catalog: Catalog) -> dict[str, list[str]]:
    """Sentences to begin with, in groups, made of this catalogue's own most frequent values."""
    names = catalog.attribute_names
    kinds = [name for name, _ in _kinds(catalog)]
    found: list[str] = []
    if kinds:
        colour, limit = _usual(catalog, kinds[0])
        found.append(
            " ".join(w for w in ("show me", colour, plural(kinds[0]), f"under {limit:g}" if limit else "") if w)
        )
    if len(kinds) > 2 and "material" in names:
        materials = Counter(m for row in catalog.rows_with("category", kinds[2]) if (m := catalog.at(row).material))
        common = materials.most_common(1)
        found.append(f"{plural(kinds[2])} in {common[0][0].lower()}" if common else plural(kinds[2]))
    advice = ["what would you recommend for me?"]
    if "occasion" in names and (occasions := list(catalog.values("occasion"))):
        advice.insert(0, f"something for {'a wedding' if 'wedding' in occasions else occasions[0]}")
    asked = []
    if len(kinds) > 1:
        colour, _ = _usual(catalog, kinds[1])
        asked.append(
            f"what goes with {colour} {plural(kinds[1])}?" if colour else f"what goes with {plural(kinds[1])}?"
        )
    return {"examples_find": found, "examples_advice": [*advice, *asked]}


def _usual(catalog: Catalog, kind: str) -> tuple[str, float | None]:
    """The commonest colour of a kind, and a round price that about two fifths of it stay under."""
    products = [catalog.at(row) for row in catalog.rows_with("category", kind)]
    colours = Counter(p.color.lower() for p in products if p.color)
    colour = min(colours, key=lambda c: (-colours[c], c)) if colours else ""
    prices = sorted(p.price for p in products if p.price is not None and (p.color or "").lower() == colour)
    limit = prices[len(prices) * 2 // 5] if prices else 0
    return colour, round(limit + 5, -1) if limit >= 15 else None


def _kinds(catalog: Catalog) -> list[tuple[str, int]]:
    """The most frequent categories, each with the row of a product to be had; colours differ where they can."""
    if "category" not in catalog.attribute_names:
        return []
    chosen, colours = [], set()
    for name in list(catalog.values("category"))[:KINDS_SHOWN]:
        there = [row for row in catalog.rows_with("category", name)[:60] if catalog.at(row).available]
        if there:
            row = next((r for r in there if catalog.at(r).color not in colours), there[0])
            colours.add(catalog.at(row).color)
            chosen.append((name, row))
    return chosen


def _kind(name: str, row: int, number: int, catalog: Catalog, words: Words) -> str:
    # The drawing is a little higher than its tile.
    drawing = draw(catalog.at(row).as_dict(), f"w{number}").replace(
        "<svg ", '<svg preserveAspectRatio="xMidYMid slice" ', 1
    )
    return (
        f'<li><button type="button" class="kind"{data(do="say", text=f"show me {plural(name)}")}>{drawing}'
        f"<span{english(words)}>{text(plural(name))}</span></button></li>"
    )


def plural(word: str) -> str:
    """A category in the plural, lower case; one that is a plural already stays, and one that is not English.

    Of a path, "kitchen > towels", the end is named.
    """
    word = word.lower().split(">")[-1].strip() or word.lower()
    if not word.isascii():
        return word
    if word.endswith(("ss", "ch", "sh", "x")):
        return f"{word}es"
    return word if word.endswith("s") else f"{word}s"
