"""Pieces of HTML that every part of the page is made of.

Everything that comes from shoppers, sellers or a language model is escaped here; nothing of it is markup. Buttons carry
``data-do`` and plain data attributes; ``script/`` turns clicks on them into events of the page.
"""

from __future__ import annotations

import json
import re
from html import escape

from shopping_assistant.ui.page.words import Words

_SPACE = re.compile(r"[ \t\r\n\f\v]+")  # not the spaces that hold a figure and its unit together


def text(value: object) -> str:
    """A value as text between tags or in an attribute."""
    return escape(_SPACE.sub(" ", str(value)).strip(), quote=True)


def data(**names: object) -> str:
    """``data-`` attributes; those that are None are left out, dicts and lists are written as JSON."""
    written = {n: json.dumps(v) if isinstance(v, (dict, list)) else v for n, v in names.items() if v is not None}
    return "".join(f' data-{name.replace("_", "-")}="{text(value)}"' for name, value in written.items())


def english(words: Words) -> str:
    """The attribute of an element that speaks English whatever the page speaks: the assistant's replies, the catalogue.

    A screen reader pronounces it by that.
    """
    return "" if words.language == "en" else ' lang="en"'


def column_name(name: str, words: Words) -> str:
    """What a column of the catalogue is called; a name that only this shop has is the catalogue's own."""
    called = text(words.column(name))
    own = f"column_{name}" not in words.said and english(words)
    return f"<span{english(words)}>{called}</span>" if own else called


def icon(name: str) -> str:
    """One of the drawings at the end of ``skeleton.html``."""
    return f'<svg class="icon" aria-hidden="true"><use href="#icon-{name}"/></svg>'


def button(
    label: str, do: str, kind: str = "plain", sign: str = "", pressed: bool | None = None, of: str = "", **about: object
) -> str:
    """A button of the page.

    Args:
        sign: shows that icon, and ``label`` is what a screen reader says.
        of: with a sign, which product it is about: buttons that look the same sound different.
    """
    heard = f"{label}: {of}" if of else label
    named = f' aria-label="{text(heard)}" title="{text(label)}"' if sign else ""
    state = "" if pressed is None else f' aria-pressed="{str(pressed).lower()}"'
    return (
        f'<button type="button" class="{kind}"{named}{state}{data(do=do, **about)}>'
        f"{icon(sign) if sign else text(label)}</button>"
    )


def price(product: dict, words: Words) -> str:
    """The price with its currency; words where the catalogue gives none."""
    amount = product.get("price")
    return words("price_unknown") if amount is None else words.money(amount, product.get("currency") or "")
