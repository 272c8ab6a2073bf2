"""Products side by side."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.ui.drawing.pictures import draw
from shopping_assistant.ui.page.cards import add_button
from shopping_assistant.ui.page.markup import column_name, data, english, price, text
from shopping_assistant.ui.page.words import Words

_OUR_WORDS = ("price", "available")  # columns whose cells the page says itself


def comparison_table(comparison: dict, words: Words, products: Sequence[dict] = (), mark: str = "v") -> str:
    """The turn object's ``comparison`` as a table: a column a product, a row an attribute; what differs stands out.

    Args:
        products: the same products with all the catalogue says, for pictures, currencies and buttons; those that it
            no longer has are left out.
        mark: tells the tables of a page apart; the drawings' ids begin with it.
    """
    rows, attributes = comparison["rows"], comparison["attributes"]
    known = {p["product_id"]: p for p in products}
    heads = "".join(_head(r, known.get(r["product_id"]), words, f"{mark}{i}") for i, r in enumerate(rows))
    body = ""
    for name in attributes:
        cells = [_cell(name, r, known.get(r["product_id"]), words) for r in rows]
        different = ' class="different"' if len(set(cells)) > 1 else ""
        speaks = "" if name in _OUR_WORDS else english(words)
        filled = "".join(f"<td{speaks}>{cell or '–'}</td>" for cell in cells)
        body += f'<tr{different}><th scope="row">{column_name(name, words)}</th>{filled}</tr>'
    buttons = "".join(f"<td>{add_button(known[r['product_id']], words)}</td>" for r in rows if r["product_id"] in known)
    foot = f"<tfoot><tr><td></td>{buttons}</tr></tfoot>" if len(known) == len(rows) else ""
    return (
        f'<div class="compared" tabindex="0" role="region" aria-label="{text(words("comparison"))}"><table>'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody>{foot}</table></div>"
    )


def _head(row: dict, product: dict | None, words: Words, mark: str) -> str:
    drawing = f'<div class="thumb">{draw(product, mark)}</div>' if product else ""
    opens = data(do="open", pid=row["product_id"])
    return (
        f'<th scope="col"{english(words)}>{drawing}'
        f'<button type="button" class="opens"{opens}>{text(row["title"])}</button></th>'
    )


def _cell(name: str, row: dict, product: dict | None, words: Words) -> str:
    value = row["values"].get(name)
    if name == "price" and value is not None:
        return text(price({**(product or {}), "price": value}, words))
    if name == "available":
        return text(words("sold_out" if value is False else "in_stock"))
    if isinstance(value, (list, tuple)):
        return text(", ".join(map(str, value)))
    return "" if value is None else text(words.number(value, grouped=False) if isinstance(value, float) else value)
