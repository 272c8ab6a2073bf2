"""Product cards, as a grid on a desk and a row to swipe on a phone."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.ui.drawing.pictures import draw
from shopping_assistant.ui.page.markup import button, data, english, icon, price, text
from shopping_assistant.ui.page.words import Words

SIZES_ON_A_CARD = 7


def sizes(product: dict, most: int, words: Words) -> str:
    there = [s for s in product.get("size") or () if str(s).strip()]
    if not there:
        return ""
    rest = f'<li class="more">+{len(there) - most}</li>' if len(there) > most else ""
    listed = "".join(f"<li>{text(s)}</li>" for s in there[:most])
    return f'<ul class="sizes" aria-label="{text(words("sizes"))}">{listed}{rest}</ul>'


def add_button(product: dict, words: Words, turn: object = None, position: int | None = None) -> str:
    if product.get("removed"):
        return f'<button class="add" type="button" disabled>{text(words("removed"))}</button>'
    if product.get("available") is False:
        return f'<button class="add" type="button" disabled>{text(words("sold_out"))}</button>'
    about = data(do="add", pid=product["product_id"], turn=turn, position=position, name=product["title"])
    return (
        f'<button class="add" type="button"{about}><span class="out">{text(words("add_to_bag"))}</span>'
        f'<span class="in">{icon("check")}{text(words("in_bag"))}</span>'
        f'<span class="unseen"> {text(product["title"])}</span></button>'
    )


def judging(product: dict, words: Words, turn: object = None, position: int | None = None) -> str:
    """The small buttons of a product: like this, not this, compare, save."""
    whose = product["title"]
    about = {"pid": product["product_id"], "turn": turn, "position": position, "name": whose}
    return (
        '<div class="judging">'
        + button(words("like_this"), "judge", "small", "like", False, whose, verdict="up", **about)
        + button(words("not_this"), "judge", "small", "dislike", False, whose, verdict="down", **about)
        + button(words("compare_this"), "compare", "small", "compare", False, whose, **about)
        + button(words("save_this"), "save", "small", "save", False, whose, **about)
        + "</div>"
    )


def card(
    product: dict, position: int, words: Words, turn: object = 0, picture: bool = True, mark: str = "t"
) -> str:  # fmt: skip
    """One product of an answer; ``position`` counts from 1 and is the number shoppers can refer to.

    Args:
        mark: tells the lists of a page apart; the drawing's ids begin with it.
    """
    lang = english(words)
    about = " · ".join(text(v) for v in (product.get("color"), product.get("material")) if v)
    reason = f'<p class="reason"{lang}>{text(product["reason"])}</p>' if product.get("reason") else ""
    drawing = draw(product, f"{mark}{turn}n{position}") if picture else ""
    number = f'<span class="number" aria-hidden="true">{position}</span>' if mark == "t" else ""
    opened = data(do="open", pid=product["product_id"], turn=turn, position=position)
    cost = text(price(product, words))
    return (
        f'<article class="card{"" if picture else " slim"}"{data(pid=product["product_id"])}>'
        f'<div class="picture">{number}{drawing}{judging(product, words, turn, position)}</div>'
        f'<div class="facts"><p class="brand"{lang}>{text(product.get("brand") or "")}</p>'
        f'<h3{lang}><button type="button" class="opens"{opened}>{text(product["title"])}</button></h3>'
        f'<p class="line"><span class="price">{cost}</span><span class="about"{lang}>{about}</span></p>'
        f"{sizes(product, SIZES_ON_A_CARD, words)}{reason}</div>{add_button(product, words, turn, position)}</article>"
    )


def grid(
    products: Sequence[dict], words: Words, turn: object = 0, picture: bool = True, mark: str = "t"
) -> str:  # fmt: skip
    """The cards of an answer, in the order of their numbers."""
    items = "".join(f"<li>{card(p, i, words, turn, picture, mark)}</li>" for i, p in enumerate(products, 1))
    # A row that scrolls must be reachable by keyboard.
    label = text(words.counted("products_shown", len(products)))
    return f'<ul class="grid" tabindex="0" aria-label="{label}">{items}</ul>' if items else ""


def ghosts(count: int = 4) -> str:
    """What stands where cards will be."""
    lines = '<i class="g-picture"></i><i class="g-line"></i><i class="g-line short"></i>'
    one = f'<li><div class="ghost">{lines}</div></li>'
    return f'<ul class="grid ghosts" aria-hidden="true">{one * count}</ul>'
