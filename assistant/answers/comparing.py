"""Products side by side in a sentence or two; the table beside it has the rest."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.assistant.answers.facts import has, names, unsaid_quality, value_of
from shopping_assistant.assistant.answers.wording import listed, money, name_of

# Differences told in words: more than these are read more easily in the table.
TOLD = 2


def compared(state: dict, content: dict) -> str:
    """How products differ: the price first, then the size that is wished for, then what tells them apart best."""
    products, columns = content["products"], list(content["differ"])
    called = names(products)
    quality = state.get("quality") or {}
    if quality and not quality.get("attributes"):
        return _unknown_quality(products, called, quality)
    if content["asked"]:
        return _as_asked(products, called, columns)
    if not columns:
        return f"{listed(called)} are the same in all the catalogue says."
    parts = [_price(products, called) if "price" in columns else _one_price(products)]
    size = next((w["values"] for w in state.get("wishes", []) if w["attribute"] == "size" and w["op"] == "in"), None)
    size = next((v for a, v in state.get("values", []) if a == "size"), size)
    if size and "size" in columns:
        parts.append(_size(products, called, size))
    rest = [a for a in columns if a not in ("price", "size")][:TOLD]
    if len(columns) == 1 and rest and len(products) == 2:
        return _but_for(products, called, rest[0])
    if rest:
        parts.append(_apart(products, called, rest))
    elif "size" in columns and not size:
        parts.append(_apart(products, called, ["size"]))
    return " ".join(p for p in parts if p)


def _price(products: Sequence[dict], called: Sequence[str]) -> str:
    priced = sorted((p["price"], n, p.get("currency")) for p, n in zip(products, called, strict=True) if p.get("price"))
    if len(priced) < 2 or priced[0][0] == priced[-1][0]:
        return ""
    (low, cheap, currency), (high, dear, _) = priced[0], priced[-1]
    if len(priced) == 2:
        less = money(round(high - low, 2), currency)
        return f"{cheap} is {less} cheaper than {dear}, {money(low, currency)} against {money(high, currency)}."
    return f"{cheap} is the cheapest at {money(low, currency)}, {dear} the dearest at {money(high, currency)}."


def _one_price(products: Sequence[dict]) -> str:
    """What all of them cost, where that is the same: it answers which is the cheapest."""
    prices = {(p.get("price"), p.get("currency")) for p in products}
    if len(prices) != 1 or None in (price := next(iter(prices))):
        return ""
    return f"{'Both' if len(products) == 2 else f'All {len(products)}'} cost {money(*price)}."


def _size(products: Sequence[dict], called: Sequence[str], size: Sequence[str]) -> str:
    asked = listed([str(v).upper() if len(str(v)) < 4 else str(v) for v in size], "or")
    able = [n for p, n in zip(products, called, strict=True) if has(p, "size", size)]
    if not able:
        return f"None of them comes in {asked}."
    if len(able) == len(products):
        return f"All of them come in {asked}." if len(able) > 2 else f"Both come in {asked}."
    return f"Only {listed(able)} {'comes' if len(able) == 1 else 'come'} in {asked}."


def _apart(products: Sequence[dict], called: Sequence[str], columns: Sequence[str]) -> str:
    """ "Material: Juno is leather, Kale suede and Espen suede."""
    told = []
    for a in columns:
        values = [value_of(a, p.get(a), p.get("currency")) or "not stated" for p in products]
        told.append(f"{name_of(a)}: {listed([f'{v} ({n})' for v, n in zip(values, called, strict=True)])}")
    text = "; ".join(told)
    return f"{text[:1].upper()}{text[1:]}."


def _but_for(products: Sequence[dict], called: Sequence[str], attribute: str) -> str:
    """ "They differ in colour only: Juno Loafers in White is white, Juno Loafers in Black black."."""
    first, second = (value_of(attribute, p.get(attribute), p.get("currency")) or "" for p in products)
    name = name_of(attribute)
    if not first or not second:
        return f"They differ in {name} only, which the catalogue says of one of them alone."
    priced = products[0].get("price"), products[0].get("currency")
    cost = f" Both cost {money(*priced)}." if priced[0] is not None and priced[0] == products[1].get("price") else ""
    return f"They differ in {name} only: {called[0]} is {first}, {called[1]} {second}.{cost}"


def _as_asked(products: Sequence[dict], called: Sequence[str], columns: Sequence[str]) -> str:
    """Each product's answers; where only the price is asked for, also which is the cheapest."""
    lines = []
    for p, name in zip(products, called, strict=True):
        facts = [f"{name_of(a)} {value_of(a, p.get(a), p.get('currency')) or 'not stated'}" for a in columns]
        lines.append(f"{name}: {', '.join(facts)}.")
    silent = [name_of(a) for a in columns if not any(p.get(a) not in (None, "", []) for p in products)]
    if silent and len(silent) == len(columns):
        return f"The catalogue does not say the {listed(silent, 'or')} of {listed(called)}."
    if "price" in columns:
        lines.append(_price(products, called))
    return " ".join(line for line in lines if line)


def _unknown_quality(products: Sequence[dict], called: Sequence[str], quality: dict) -> str:
    """Nobody knows which is warmer; a description that speaks of it is quoted, else what is near it is told."""
    said = [unsaid_quality(p, quality) for p in products]
    if any(s.startswith("About") for s in said):
        return " ".join(said)
    near = [a for a in quality.get("beside", ()) if any(p.get(a) not in (None, "", []) for p in products)]
    of = listed(called)
    text = f"The catalogue does not say {quality['phrases']}, so I cannot tell which of {of} has more of it."
    if not near:
        return text
    told = _apart(products, called, near)
    return f"{text} What it does say: {told[:1].lower()}{told[1:]}"
