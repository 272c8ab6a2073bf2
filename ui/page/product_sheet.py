"""A product close up: a larger picture, all it is said to be, sizes, what is like it, what goes with it."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.ui.drawing.pictures import draw
from shopping_assistant.ui.page.cards import add_button, grid, judging, sizes
from shopping_assistant.ui.page.markup import column_name, data, english, price, text
from shopping_assistant.ui.page.turns import prompts
from shopping_assistant.ui.page.words import Words

# Attributes that are bookkeeping of a shop, not something a shopper asks about.
_NOT_SHOWN = {"style", "launched", "group", "line"}
_SHOWN_COLUMNS = ("color", "material", "season", "occasion", "department")
_ALL_SIZES = 40


def product_sheet(view: dict, words: Words, turn: object = None, position: int | None = None) -> str:
    """The inside of the product dialog.

    Args:
        view: as ``Assistant.view`` gives it: ``product``; where there are any ``colors``, ``similar``, ``goes_with``.
        turn, position: where in the conversation it was opened from.
    """
    product, lang = view["product"], english(words)
    rows = [(name, product.get(name)) for name in _SHOWN_COLUMNS]
    rows += [(n, v) for n, v in (product.get("attributes") or {}).items() if n not in _NOT_SHOWN]
    told = [(n, _told(v, words)) for n, v in rows]
    table = "".join(
        f"<dt>{column_name(n, words)}</dt><dd{lang}>{text(v)}</dd>" for n, v in told if v is not None and v != ""
    )
    description, reason = (
        f'<p class="{name}"{lang}>{text(product[name])}</p>' if product.get(name) else ""
        for name in ("description", "reason")
    )
    picture = draw(product, "sheet").replace("<svg ", '<svg preserveAspectRatio="xMidYMid slice" ', 1)
    out = product.get("removed") or product.get("available") is False
    stock = words("removed" if product.get("removed") else "sold_out" if out else "in_stock")
    return (
        f'<div class="close-up"><div class="picture">{picture}{judging(product, words, turn, position)}</div>'
        f'<div class="facts"><p class="brand"{lang}>{text(product.get("brand") or "")}</p>'
        f'<h2 id="sheet-title"{lang}>{text(product["title"])}</h2>'
        f'<p class="line"><span class="price">{text(price(product, words))}</span>'
        f'<span class="about{" out" if out else ""}">{text(stock)}</span></p>'
        f"{reason}{description}{sizes(product, _ALL_SIZES, words)}{_size_advice(view.get('size'), words)}"
        f"<dl>{table}</dl>{add_button(product, words, turn, position)}{_ask_about(product, words)}</div></div>"
        + _shelf(words("other_colors"), view.get("colors") or (), words, "c")
        + _shelf(words("similar"), view.get("similar") or (), words, "l")
        + _shelf(words("goes_with"), view.get("goes_with") or (), words, "g")
    )


def _told(value: object, words: Words) -> object:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return words.number(value, grouped=False) if isinstance(value, float) else value


def _ask_about(product: dict, words: Words) -> str:
    """A question about the product that lies open: the assistant takes it to be about the last one looked at."""
    asked = [(words("ask_material"), "what is it made of?")] if product.get("material") else []
    asked += [(words("ask_fit"), "does it run small?")] if product.get("size") else []
    asked += [(words("ask_occasion"), "can I wear it to work?")] if product.get("occasion") else []
    label, hint = text(words("ask_about")), text(words("ask_placeholder"))
    return (
        f'<form class="ask-about"{data(do="ask-about")}><label for="ask-about">{label}</label>'
        f'<div><input id="ask-about" type="text" maxlength="300" autocomplete="off" placeholder="{hint}">'
        f'<button type="submit" class="chip">{text(words("ask"))}</button></div></form>{prompts(asked, words, "asked")}'
    )


def _size_advice(advice: object, words: Words) -> str:
    said = advice.get("text") if isinstance(advice, dict) else None
    return f'<p class="fit"{english(words)}>{text(said)}</p>' if said else ""


def _shelf(title: str, products: Sequence[dict], words: Words, mark: str) -> str:
    return (
        f'<section class="shelf"><h3>{text(title)}</h3>{grid(products, words, "", True, mark)}</section>'
        if products
        else ""
    )
