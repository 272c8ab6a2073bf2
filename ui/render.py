"""The chat page's HTML: turns, product cards, constraint chips, the bag, a product's details.

Everything that comes from shoppers, sellers or a language model is escaped here; nothing of it is markup. Buttons carry
``data-do`` and plain data attributes; ``page.js`` turns clicks on them into events of the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from shopping_assistant.ui.pictures import draw

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "INR": "₹", "JPY": "¥"}
SIZES_ON_A_CARD = 7
# Pictures of older answers are left out: a long conversation must not become a page of a thousand drawings.
TURNS_WITH_PICTURES = 12
# Attributes that are bookkeeping of a shop, not something a shopper asks about.
_NOT_SHOWN = {"style", "launched", "group", "line"}
_SHOWN_COLUMNS = ("color", "material", "season", "occasion", "department")


def price(product: dict) -> str:
    """The price with its currency; words where the catalogue gives none."""
    amount, currency = product.get("price"), product.get("currency") or ""
    if amount is None:
        return "price not given"
    figure = f"{amount:,.2f}"
    return f"{SIGNS[currency]}{figure}" if currency in SIGNS else f"{figure} {currency}".strip()


def _text(value: object) -> str:
    return escape(" ".join(str(value).split()), quote=True)


def _data(**names: object) -> str:
    return "".join(f' data-{name}="{_text(value)}"' for name, value in names.items() if value is not None)


def _sizes(product: dict, most: int) -> str:
    sizes = [s for s in product.get("size") or () if str(s).strip()]
    if not sizes:
        return ""
    rest = f'<li class="more">+{len(sizes) - most}</li>' if len(sizes) > most else ""
    return f'<ul class="sizes" aria-label="Sizes">{"".join(f"<li>{_text(s)}</li>" for s in sizes[:most])}{rest}</ul>'


def _add_button(product: dict, turn: object = None, position: int | None = None) -> str:
    if product.get("available") is False:
        return '<button class="add" type="button" disabled>Sold out</button>'
    return (
        f'<button class="add" type="button"{_data(do="add", pid=product["product_id"], turn=turn, position=position)}>'
        '<span class="out">Add to bag</span><span class="in">In your bag ✓</span></button>'
    )


def card(product: dict, position: int, turn: object = 0, picture: bool = True) -> str:
    """One product of an answer; ``position`` counts from 1 and is the number shoppers can refer to."""
    pid = product["product_id"]
    about = " · ".join(_text(v) for v in (product.get("color"), product.get("material")) if v)
    reason = f'<p class="reason">{_text(product["reason"])}</p>' if product.get("reason") else ""
    drawing = f'<div class="picture">{draw(product, f"t{turn}n{position}")}</div>' if picture else ""
    open_it = _data(do="open", pid=pid, turn=turn, position=position)
    return (
        f'<article class="card{"" if picture else " slim"}" tabindex="0"{open_it}>'
        f'<span class="number" aria-hidden="true">{position}</span>{drawing}<div class="facts">'
        f'<p class="brand">{_text(product.get("brand") or "")}</p><h3>{_text(product["title"])}</h3>'
        f'<p class="line"><span class="price">{_text(price(product))}</span><span class="about">{about}</span></p>'
        f'{_sizes(product, SIZES_ON_A_CARD)}{reason}</div>{_add_button(product, turn, position)}</article>'
    )


def constraint_words(constraint: dict) -> str:
    """A constraint as a shopper would say it: "not leather", "up to €120", "black or navy"."""
    attribute, op, values = constraint["attribute"], constraint["op"], constraint["values"]
    if op in ("<=", ">="):
        bound = values[0]
        amount = f"{bound:g}" if isinstance(bound, (int, float)) else str(bound)
        name = "" if attribute == "price" else f"{attribute.replace('_', ' ')} "
        return f"{name}{'up to' if op == '<=' else 'from'} {amount}"
    words = [f"{v:g}" if isinstance(v, float) else str(v) for v in values]
    said = " or ".join(words[:3]) + (f" +{len(words) - 3}" if len(words) > 3 else "")
    if attribute == "size":
        said = f"size {said}"
    return f"not {said}" if op == "not in" else said


def chips(turn: dict) -> str:
    """What the shopper wants so far, and what was set aside for this answer."""

    def chip(constraint: object, kind: str) -> str:
        words = constraint_words(constraint) if isinstance(constraint, dict) and "op" in constraint else str(constraint)
        return f'<li class="{kind}">{_text(words)}</li>'

    wanted = "".join(chip(c, "no" if c.get("op") == "not in" else "yes") for c in turn.get("constraints") or ())
    aside = turn.get("relaxed") or ()
    aside = "".join(chip(c, "aside") for c in (aside if isinstance(aside, (list, tuple)) else [aside]))
    return f'<ul class="chips" aria-label="What you asked for">{wanted}{aside}</ul>' if wanted or aside else ""


def said(text: str) -> str:
    return f'<div class="said"><p>{_text(text)}</p></div>'


def reply(text: str, busy: bool = False) -> str:
    paragraphs = "".join(f"<p>{_text(part)}</p>" for part in text.split("\n") if part.strip())
    dots = '<span class="dots" aria-label="thinking"><i></i><i></i><i></i></span>' if busy and not paragraphs else ""
    return f'<div class="reply{" busy" if busy else ""}" aria-live="polite">{paragraphs}{dots}</div>'


def turn_html(turn: dict, pictures: bool = True, suggestions: Iterable[str | tuple[str, str]] = ()) -> str:
    number = turn.get("turn", 0)
    cards = "".join(card(p, i, number, pictures) for i, p in enumerate(turn.get("products") or (), 1))
    grid = f'<div class="grid" role="list">{cards}</div>' if cards else ""
    # The choices of a question stand below it; what may be said next, below the products.
    below = prompts(suggestions, "choices") + grid if turn.get("question") else grid + prompts(suggestions)
    return (
        f'<section class="turn"{_data(turn=number, act=turn.get("act"))}>{said(turn.get("shopper") or "")}'
        f"{reply(turn.get('reply') or '')}{chips(turn) if grid else ''}{below}</section>"
    )


def prompts(texts: Iterable[str | tuple[str, str]], kind: str = "next") -> str:
    """Things to say with one click; a pair is what stands on the button and what it says."""
    pairs = [(t, t) if isinstance(t, str) else t for t in texts]
    buttons = "".join(
        f'<button type="button"{_data(do="say", text=say)}>{_text(label)}</button>' for label, say in pairs
    )
    return f'<div class="prompts {kind}">{buttons}</div>' if buttons else ""


def next_steps(turn: dict) -> list[str | tuple[str, str]]:
    """The choices of the question that was put, else what shoppers often say next."""
    if turn.get("question"):
        return [(c["label"], c["say"]) for c in turn["question"]["choices"]]
    if not turn.get("products"):
        return [] if turn.get("act") in ("add_to_bag", "show_bag") else ["what would you recommend for me?"]
    steps = ["what would you recommend for me?"] if turn.get("act") != "recommend" else []
    steps += ["something cheaper"] if len(turn["products"]) > 1 else []
    return [*steps, "what is in my bag?"]


def transcript(turns: Sequence[dict]) -> str:
    """All finished turns; the last :data:`TURNS_WITH_PICTURES` answers with pictures."""
    with_products = [t for t in turns if t.get("products")]
    recent = {id(t) for t in with_products[-TURNS_WITH_PICTURES:]}
    return "".join(
        turn_html(t, pictures=id(t) in recent, suggestions=next_steps(t) if t is turns[-1] else ()) for t in turns
    )


def welcome(shop: str, examples: Iterable[str], products: int | None = None) -> str:
    among = f"the {products:,} products of {_text(shop)}" if products else _text(shop)
    return (
        f'<section class="welcome"><h1>What are you looking for?</h1><p>Say it in your own words: I know {among}. '
        "What you look at and put into your bag shapes what I recommend next.</p>"
        f"{prompts(examples, 'examples')}</section>"
    )


def header(shop: str) -> str:
    return (
        f'<div class="bar"><span class="shop">{_text(shop)}</span><span class="gap"></span>'
        '<button type="button" class="plain" data-do="fresh">New conversation</button>'
        '<button type="button" class="plain bag-button" data-do="bag" aria-label="Your bag">Bag'
        '<b class="count"></b></button></div>'
    )


def bag(products: Sequence[dict]) -> str:
    """The bag panel; every product in it can be opened and taken out."""
    close = '<button type="button" class="plain close" data-do="bag">Close</button>'
    head = f'<div class="bag-head"><h2>Your bag</h2>{close}</div>'
    if not products:
        empty = '<p class="empty">Nothing here yet. Add what you like.</p>'
        return f'<div class="bag-panel" data-pids="">{head}{empty}</div>'
    rows = "".join(
        f'<li><div class="thumb"{_data(do="open", pid=p["product_id"])}>{draw(p, f"b{i}")}</div><div>'
        f'<p class="brand">{_text(p.get("brand") or "")}</p><p class="name">{_text(p["title"])}</p>'
        f'<p class="price">{"No longer in this shop" if p.get("removed") else _text(price(p))}</p>'
        f'<button type="button" class="plain"{_data(do="remove", pid=p["product_id"])}>Remove</button></div></li>'
        for i, p in enumerate(products)
    )
    pids = " ".join(_text(p["product_id"]) for p in products)
    sold = [p for p in products if p.get("price") is not None and not p.get("removed")]
    priced, currencies = [p["price"] for p in sold], {p.get("currency") for p in sold}
    total = ""
    if priced and len(currencies) == 1:  # a sum over several currencies means nothing
        whole = price({"price": sum(priced), "currency": currencies.pop()})
        total = f'<p class="total"><span>Total</span><b>{_text(whole)}</b></p>'
    return f'<div class="bag-panel" data-pids="{pids}">{head}<ul class="bag-list">{rows}</ul>{total}</div>'


def details(product: dict, turn: object = None, position: int | None = None) -> str:
    """A product on a sheet over the page."""
    rows = [(name, product.get(name)) for name in _SHOWN_COLUMNS]
    rows += [(n, v) for n, v in (product.get("attributes") or {}).items() if n not in _NOT_SHOWN]
    said = [(n, ", ".join(map(str, v)) if isinstance(v, (list, tuple)) else v) for n, v in rows]
    table = "".join(
        f"<dt>{_text(n.replace('_', ' '))}</dt><dd>{_text(v)}</dd>" for n, v in said if v is not None and v != ""
    )
    description = f'<p class="description">{_text(product["description"])}</p>' if product.get("description") else ""
    reason = f'<p class="reason">{_text(product["reason"])}</p>' if product.get("reason") else ""
    picture = draw(product, "sheet").replace("<svg ", '<svg preserveAspectRatio="xMidYMid slice" ', 1)
    stock = "Sold out" if product.get("available") is False else "In stock"
    close = '<button type="button" class="plain close" data-do="close">Close</button>'
    return (
        f'<div class="veil" data-do="close"></div><div class="sheet" role="dialog" aria-modal="true" '
        f'aria-label="{_text(product["title"])}">{close}<div class="picture">{picture}</div><div class="facts">'
        f'<p class="brand">{_text(product.get("brand") or "")}</p><h2>{_text(product["title"])}</h2>'
        f'<p class="line"><span class="price">{_text(price(product))}</span><span class="about">{stock}</span></p>'
        f"{reason}{description}{_sizes(product, 24)}<dl>{table}</dl>{_add_button(product, turn, position)}</div></div>"
    )
