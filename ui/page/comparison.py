"""Products side by side."""

from __future__ import annotations

from shopping_assistant.ui.page.markup import data, text
from shopping_assistant.ui.page.words import Words


def comparison_table(comparison: dict, words: Words) -> str:
    """The turn object's ``comparison`` as a table: a column a product, a row an attribute; what differs stands out."""
    rows, attributes = comparison["rows"], comparison["attributes"]
    heads = "".join(
        f'<th scope="col"><button type="button" class="opens"{data(do="open", pid=r["product_id"])}>'
        f"{text(r['title'])}</button></th>"
        for r in rows
    )
    body = ""
    for name in attributes:
        cells = [_cell(r["values"].get(name)) for r in rows]
        different = ' class="different"' if len(set(cells)) > 1 else ""
        filled = "".join(f"<td>{cell or '–'}</td>" for cell in cells)
        body += f'<tr{different}><th scope="row">{text(name.replace("_", " "))}</th>{filled}</tr>'
    return (
        f'<div class="compared" tabindex="0" role="region" aria-label="{text(words("comparison"))}"><table>'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return text(", ".join(map(str, value)))
    return "" if value is None else text(f"{value:g}" if isinstance(value, float) else value)
