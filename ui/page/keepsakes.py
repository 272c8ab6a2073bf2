"""What a shopper keeps: the bag and the saved things."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.ui.drawing.pictures import draw
from shopping_assistant.ui.page.cards import add_button
from shopping_assistant.ui.page.markup import button, data, english, price, text
from shopping_assistant.ui.page.words import Words


def bag(products: Sequence[dict], words: Words) -> str:
    """The bag, with its total; every product in it can be opened and taken out."""
    if not products:
        return f'<p class="empty">{text(words("bag_empty"))}</p>'
    rows = "".join(_row(p, f"b{i}", "remove", words("remove"), words) for i, p in enumerate(products))
    return f'<ul class="kept-list">{rows}</ul>{_total(products, words)}'


def saved(products: Sequence[dict], words: Words) -> str:
    """What was saved for later."""
    if not products:
        return f'<p class="empty">{text(words("saved_empty"))}</p>'
    rows = "".join(
        _row(p, f"s{i}", "unsave", words("remove"), words, add_button(p, words)) for i, p in enumerate(products)
    )
    return f'<ul class="kept-list">{rows}</ul>'


def _row(product: dict, mark: str, out: str, out_label: str, words: Words, more: str = "") -> str:
    pid, title = product["product_id"], product["title"]
    worth = words("removed") if product.get("removed") else price(product, words)
    away = (
        f'<button type="button" class="quiet"{data(do=out, pid=pid, name=title)} '
        f'aria-label="{text(out_label)}: {text(title)}">{text(out_label)}</button>'
    )
    opens = f'<button type="button" class="opens"{data(do="open", pid=pid)}>{text(title)}</button>'
    brand, lang = text(product.get("brand") or ""), english(words)
    return (
        f'<li><div class="thumb">{draw(product, mark)}</div><div><p class="brand"{lang}>{brand}</p>'
        f'<p class="name"{lang}>{opens}</p>'
        f'<p class="price">{text(worth)}</p>{more}{away}</div></li>'
    )


def _total(products: Sequence[dict], words: Words) -> str:
    sold = [p for p in products if p.get("price") is not None and not p.get("removed")]
    currencies = {p.get("currency") for p in sold}
    if len(currencies) != 1:  # a sum over several currencies means nothing
        return ""
    whole = price({"price": sum(p["price"] for p in sold), "currency": currencies.pop()}, words)
    return f'<p class="total"><span>{text(words("total"))}</span><b>{text(whole)}</b></p>'


def conversations(threads: Sequence[dict], current: str, guest: bool, words: Words) -> str:
    """A shopper's conversations, the newest first, each to be resumed, renamed, exported and deleted."""
    if guest:
        return f'<p class="empty">{text(words("guest_keeps_nothing"))}</p>'
    rows = "".join(_conversation(t, t["thread_id"] == current, words) for t in threads if t["turns"])
    none = f'<p class="empty">{text(words("no_conversations"))}</p>'
    listed = f'<ul class="conversations">{rows}</ul>' if rows else none
    # Also without a conversation there may be a bag.
    return listed + button(words("forget_me"), "forget", "quiet danger")


def _conversation(thread: dict, current: bool, words: Words) -> str:
    title = thread.get("title") or words("untitled")
    about = {"thread": thread["thread_id"], "name": title}
    here = ' aria-current="true"' if current else ""
    small = "".join(
        button(f"{words(label)}: {title}", do, "small", sign, **about)
        for label, do, sign in (
            ("rename", "rename", "pen"), ("export", "export", "download"), ("delete", "delete", "bin"),
        )
    )  # fmt: skip
    lang = english(words) if thread.get("title") else ""
    when = str(thread.get("last") or thread.get("started") or "")
    # The script writes the time as the shopper's clock and language have it.
    time = f'<time datetime="{text(when)}">{text(when[:16].replace("T", " "))}</time>'
    return (
        f'<li><button type="button" class="resume"{here}{data(do="resume", **about)}>'
        f'<span{lang} title="{text(title)}">{text(title)}</span>{time}</button>'
        f'<div class="small-buttons">{small}</div></li>'
    )
