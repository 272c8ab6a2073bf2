"""What the catalogue says of a product, as an answer to the question; what it does not say is said to be unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from shopping_assistant.assistant.answers.wording import is_pair, listed, money, name_of

_SENTENCES = {
    "price": "costs {v}",
    "material": "is made of {v}",
    "size": "comes in {v}",
    "color": "is {v}",
    "brand": "is by {v}",
    "available": "is {v}",
    "season": "is for {v}",
    "occasion": "is for {v}",
    "department": "is for {v}",
    "category": "is filed under {v}",
}
# Of more products than this a question of yes or no is answered in groups, not one by one.
ONE_BY_ONE = 2
DESCRIBED = 3


def value_of(attribute: str, value: Any, currency: str | None) -> str:
    """A cell in words; empty where the catalogue has none."""
    if value in (None, "", []):
        return ""
    if attribute == "price":
        return money(float(value), currency)
    if attribute == "available":
        return "in stock" if value else "sold out"
    if isinstance(value, list):
        return listed([str(v) for v in value])
    return f"{value:g}" if isinstance(value, float) else str(value)


def has(product: dict, attribute: str, values: Sequence[str]) -> bool:
    """Whether a product's cell has one of the values, without case."""
    cell = product.get(attribute)
    cells = cell if isinstance(cell, list) else [*str(cell).split(","), str(cell)]
    return bool({str(c).strip().lower() for c in cells} & {str(v).lower() for v in values})


def said_of(product: dict, attribute: str) -> str:
    """The part of a sentence that tells an attribute: "costs €40"; empty where the catalogue does not say it."""
    value = value_of(attribute, product.get(attribute), product.get("currency"))
    return _SENTENCES.get(attribute, f"has {name_of(attribute)} {{v}}").format(v=value) if value else ""


def quoted(text: str) -> str:
    """The seller's words as a quotation that cannot end itself."""
    plain = re.sub(r"[“”\"<>`\s]+", " ", text).strip()
    return f"“{plain}”"


def details(state: dict, content: dict) -> str:
    """The answer to a question about products."""
    asked, products = list(content["asked"]), content["products"]
    quality = state.get("quality") or {}
    if quality.get("attributes") and not set(quality["attributes"]) & set(asked):
        asked += quality["attributes"]
    wanted = [(a, v) for a, v in state.get("values", []) if not asked or a in asked]
    parts = []
    if wanted and len(products) > ONE_BY_ONE:
        parts.append(_which_have(products, *wanted[0]))
    elif wanted and not asked:
        parts += [_yes_or_no(p, *wanted[0]) for p in products]
    elif asked:
        parts += [_told(p, asked, wanted, quality) for p in products]
    if quality and not quality.get("attributes"):
        parts += [unsaid_quality(p, quality) for p in products[:DESCRIBED]]
    elif not parts and state.get("question_word"):
        parts.append(_by_its_text(products[0], state["question_word"]))
    if not parts:
        parts = [_described(p) for p in products[:DESCRIBED]]
    if state.get("act") == "size_advice":
        parts.append("It does not say how it fits.")
    return " ".join(parts)


def _told(product: dict, asked: Sequence[str], wanted: Sequence[tuple[str, Sequence[str]]], quality: dict) -> str:
    """One product's answers, those with yes or no first."""
    told, silent, answered = [], [], []
    values = dict(wanted)
    for a in asked:
        if a in values:
            answered.append(_yes_or_no(product, a, values[a]))
        elif part := said_of(product, a):
            told.append(part)
            if a == "color" and product.get("other_colors"):
                answered.append(_other_colors(product))
        else:
            silent.append(name_of(a))
    text = f"{product['title']} {listed(told)}." if told else ""
    # "How long is it" is asked of several attributes at once; one that says it is enough.
    enough = told and {name_of(a) for a in quality.get("attributes", ())} >= set(silent)
    if silent and not enough:
        whose, of = ("its", "") if told else ("the", f" of {product['title']}")
        text += f" The catalogue does not say {whose} {listed(silent, 'or')}{of}."
    return " ".join(part for part in (text.strip(), *answered) if part)


def _yes_or_no(product: dict, attribute: str, values: Sequence[str]) -> str:
    """ "Does it come in 38?", "is it suede?", "in blue?": by the cell, and for colours by the style's others."""
    title, asked = product["title"], listed([_sized(attribute, v) for v in values[:3]], "or")
    if product.get(attribute) in (None, "", []):
        return f"The catalogue does not say the {name_of(attribute)} of {title}."
    if has(product, attribute, values):
        return f"Yes: {title} {said_of(product, attribute)}."
    if attribute == "color":
        same = [o for o in product.get("other_colors", ()) if has(o, "color", values)]
        if same:
            price = value_of("price", same[0].get("price"), same[0].get("currency"))
            return f"Yes: it comes in {asked} too, {same[0]['title']}{f' at {price}' if price else ''}."
        if product.get("other_colors"):
            return f"Not in {asked}. {_other_colors(product)}"
    if attribute == "category":
        return _by_its_text(product, str(values[0]), "has")
    before = "Not in" if attribute in ("size", "color") else "No, not"
    return f"{before} {asked}: {title} {said_of(product, attribute)}."


def _sized(attribute: str, value: str) -> str:
    return str(value).upper() if attribute == "size" and len(str(value)) < 4 else str(value)


def _other_colors(product: dict) -> str:
    colors = list(dict.fromkeys(str(o["color"]) for o in product["other_colors"] if o.get("color")))
    return f"The same style also comes in {listed(colors)}." if colors else ""


def _which_have(products: Sequence[dict], attribute: str, values: Sequence[str]) -> str:
    """Of many products: those that have it, those that have not, those of which nobody knows."""
    asked = listed([_sized(attribute, v) for v in values[:3]], "or")
    known = [p for p in products if p.get(attribute) not in (None, "", [])]
    yes = [p for p in known if has(p, attribute, values)]
    no = [p for p in known if p not in yes]
    unknown = [p for p in products if p not in known]
    where = f"in {asked}" if attribute in ("size", "color") else f"with {name_of(attribute)} {asked}"
    parts = []
    if yes:
        verb = "comes" if len(yes) == 1 else "come"
        parts.append(f"{listed(names(yes))} {verb} {where}.")
    if no:
        parts.append(f"{'Not so' if yes else f'Not {where}'}: {listed(names(no))}.")
    if unknown:
        parts.append(f"Of {listed(names(unknown))} the catalogue does not say it.")
    return " ".join(parts)


def unsaid_quality(product: dict, quality: dict) -> str:
    """What no attribute says: a sentence of the description that does, or that it is not known, and what is near it."""
    hit = _sentence_with(product.get("description") or "", quality.get("words", ()))
    if hit:
        return f"About {product['title']} the shop says: {quoted(hit)}."
    near = [part for a in quality.get("beside", ()) if (part := said_of(product, a))]
    more = f" I only know that it {listed(near)}." if near else ""
    return f"The catalogue does not say {quality['phrase']}: {product['title']}.{more}"


def _by_its_text(product: dict, word: str, verb: str = "is") -> str:
    hit = _sentence_with(product.get("description") or "", [word])
    if hit:
        return f"About {product['title']} the shop says: {quoted(hit)}."
    if verb == "has":
        word = word if is_pair(word) else f"a {word}"
    return f"The catalogue does not say whether {product['title']} {verb} {word}."


def _sentence_with(text: str, words: Iterable[str]) -> str:
    """The first sentence that has one of the words whole: "lined" does not stand in "outlined"."""
    pattern = "|".join(re.escape(w).replace(r"\ ", r"[\s-]+") for w in words if w)
    if not pattern:
        return ""
    sentences = re.split(r"(?<=[.!?])\s+", text)
    return next((s.strip(" .") for s in sentences if re.search(rf"\b(?:{pattern})\b", s, re.IGNORECASE)), "")


def _described(product: dict) -> str:
    facts = [value_of(a, product.get(a), product.get("currency")) for a in ("color", "material", "price")]
    sizes = value_of("size", product.get("size"), None)
    text = f"{product['title']}: {', '.join(f for f in facts if f)}."
    text += f" Sizes {sizes}." if sizes else ""
    said = product.get("description")
    return f"{text} The shop says: {quoted(said)}" if said else text


def names(products: Sequence[dict]) -> list[str]:
    """Short titles, "Norrvik Juno Loafers"; whole ones where the short would be the same for two."""
    short = [p["title"].split(" in ")[0].strip() or p["title"] for p in products]
    return [s if short.count(s) == 1 else p["title"] for s, p in zip(short, products, strict=True)]
