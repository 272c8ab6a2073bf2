"""The offline model's sentences. Facts come from the tools' results alone; the form varies with the turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shopping_assistant.assistant.answers import changes, chat, found
from shopping_assistant.assistant.answers.wording import listed, money, name_of, pick

_KINDS = (
    "I can search by colour, price, size, brand and more, recommend, compare, answer questions about a product, and "
    "keep your bag."
)
_HELP = (
    "I am this shop's assistant, a program. {kinds} Try “black ankle boots under 120”, then “not leather”.",
    "You talk, I look through the shop's products. {kinds} For example: “a red dress for a wedding, size M”.",
)
_SAVED = (
    "I have no wish list; this chat keeps what you were shown. Shall I put it into your bag instead?",
    "There is no wish list here, but what you saw stays in this chat. Would your bag do?",
)
_AFRESH = ("All clear: we start afresh. What are you looking for?", "A clean slate. What may I find for you?")
_NOT_UNDERSTOOD = (
    "I can only help with this shop's products. {kinds}",
    "That I did not understand, sorry. Say what you are looking for in a few words, like “grey wool coat”.",
    "I am not sure what you mean. {kinds}",
)
_NOTHING_SHOWN = (
    "I have not shown you any products yet. What are you looking for?",
    "There is nothing on the table yet. Tell me what you are after and I will look.",
)
_WHICH = (
    "Which one would you like to {doing}? Its number on the card will do{up_to}, or what sets it apart.",
    "Which of them do you mean? Say its number{up_to}, its colour or its brand.",
)
# Asked a second time in a row: another way out than saying it again.
_WHICH_AGAIN = (
    "I still cannot tell which one, sorry. Click on its card, or say “the first one”.",
    "That did not tell me which one. The numbers stand on the cards{up_to}; “number 1” is the first.",
)


def unclear(state: dict) -> bool:
    """Whether one product is meant and several fit."""
    return bool(state.get("singular")) and len(state.get("targets", [])) > 1


def without_tools(state: dict) -> str:
    """A short kind answer to what needs no tool, or a question back."""
    talk = state.get("talk")
    if talk:
        return changes.noted(state) if talk["kind"] == "the wishes" else chat.answer(state)
    act = state.get("act", "other")
    if act == "disambiguate":
        act = state.get("previous_act") or "ask"
    if act in ("greet", "thanks"):
        return chat.answer({**state, "talk": {"kind": "greeting" if act == "greet" else "thanks"}})
    forms = {"help": _HELP, "save": _SAVED, "reset": _AFRESH}
    if act in forms:
        return pick(forms[act], state).format(kinds=_KINDS)
    if act == "undo":
        return changes.undone(state)
    if act == "explain":
        return _explained(state)
    if act in ("add_to_bag", "remove_from_bag", "similar", "ask", "compare", "size_advice"):
        return _which(state, act, state.get("shown", []))
    return pick(_NOT_UNDERSTOOD, state).format(kinds=_KINDS)


def _explained(state: dict) -> str:
    shown = {p["product_id"]: p for p in state.get("shown", [])}
    chosen = [shown[t] for t in state.get("targets", []) if t in shown] or list(shown.values())[:1]
    if not chosen:
        return "I have not shown you anything yet, so there is nothing to explain."
    product = chosen[0]
    if product.get("reason"):
        return f"I showed you {product['title']} for this: {product['reason'][0].lower()}{product['reason'][1:]}."
    return f"{product['title']} came closest in words to what you asked for; there is no other reason."


def _which(state: dict, act: str, shown: list[dict]) -> str:
    doing = {
        "add_to_bag": "put into your bag",
        "remove_from_bag": "take out of your bag",
        "similar": "see more of",
        "compare": "compare",
    }.get(act, "know about")
    if act == "remove_from_bag":
        bag = state.get("bag", [])
        return (
            f"Which one shall I take out: {listed([p['title'] for p in bag[:4]], 'or')}?"
            if bag
            else "Your bag is empty."
        )
    if not shown:
        return pick(_NOTHING_SHOWN, state)
    if unclear(state):
        fitting = [f"number {p['number']} ({p['title']})" for p in shown if p["product_id"] in state["targets"]]
        return f"Several fit that: {listed(fitting[:4], 'or')}. Which one do you mean?"
    again = state.get("was_open") and state.get("previous_act") in (act, "disambiguate")
    up_to = f", 1 to {len(shown)}" if len(shown) > 1 else ""
    return pick(_WHICH_AGAIN if again else _WHICH, state).format(doing=doing, up_to=up_to)


def from_results(state: dict, results: Sequence[tuple[str, dict]]) -> str:
    """The reply to the results of this turn's tools."""
    failed = [content for _, content in results if "error" in content]
    if failed and len(failed) == len(results):
        return "Sorry, that did not work just now. Please try it again, or say it in other words."
    writers = {
        "search_products": found.found,
        "refine": found.found,
        "recommend": found.recommended,
        "popular": found.recommended,
        "similar": found.similar,
        "product_details": _details,
        "compare": _compared,
        "add_to_bag": _added,
        "remove_from_bag": _removed,
        "show_bag": _bag,
    }
    said = [writers[name](state, content) for name, content in results if "error" not in content and name in writers]
    question = state.get("question") or {}
    return " ".join(s for s in (*said, question.get("text", "")) if s) or "Done."


def _value(attribute: str, value: Any, currency: str | None) -> str:
    if value in (None, "", []):
        return ""
    if attribute == "price":
        return money(float(value), currency)
    if attribute == "available":
        return "in stock" if value else "sold out"
    if isinstance(value, list):
        return listed([str(v) for v in value])
    return f"{value:g}" if isinstance(value, float) else str(value)


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


def _details(state: dict, content: dict) -> str:
    asked = content["asked"]
    products = content["products"]
    if not asked:
        said = _yes_or_no(state, products)
        return said or " ".join(_described(p) for p in products[:3])
    sentences = []
    for p in products:
        parts, silent = [], []
        for a in asked:
            value = _value(a, p.get(a), p.get("currency"))
            if value:
                parts.append(_SENTENCES.get(a, f"has {name_of(a)} {{v}}").format(v=value))
            else:
                silent.append(name_of(a))
        text = f"{p['title']} {listed(parts)}." if parts else ""
        if silent:
            whose = "its" if parts else "the"
            of = "" if parts else f" of {p['title']}"
            text += f" The catalogue does not say {whose} {listed(silent, 'or')}{of}."
        sentences.append(f"{_checked(state, p)}{text.strip()}")
    advice = " It does not say how it fits." if state.get("act") == "size_advice" else ""
    return " ".join(sentences) + advice


def _checked(state: dict, product: dict) -> str:
    """Yes or no first, when a value was asked for: "does it come in 38?"."""
    for attribute, values in state.get("values", []):
        if attribute in state.get("asked", []) and product.get(attribute) not in (None, "", []):
            return "Yes: " if _has(product, attribute, values) else f"Not in {listed([str(v) for v in values], 'or')}: "
    return ""


def _has(product: dict, attribute: str, values: Sequence[str]) -> bool:
    cell = product.get(attribute)
    cells = cell if isinstance(cell, list) else str(cell).split(",")
    return bool(
        {str(c).strip().lower() for c in cells} & {str(v).lower() for v in values} | ({str(cell).lower()} & set(values))
    )


def _yes_or_no(state: dict, products: Sequence[dict]) -> str:
    """ "Is it leather?" is answered by the product's cell, "is it waterproof?" by its description."""
    if state.get("values"):
        attribute, values = state["values"][0]
        lines = []
        for p in products[:4]:
            if p.get(attribute) in (None, "", []):
                lines.append(f"The catalogue does not say the {name_of(attribute)} of {p['title']}.")
            else:
                yes = "Yes" if _has(p, attribute, values) else "No"
                says = _SENTENCES.get(attribute, f"has {name_of(attribute)} {{v}}")
                lines.append(
                    f"{yes}: {p['title']} {says.format(v=_value(attribute, p[attribute], p.get('currency')))}."
                )
        return " ".join(lines)
    if state.get("question_word"):
        word = state["question_word"]
        p = products[0]
        hit = next((s for s in p.get("description", "").split(". ") if word in s.lower()), "")
        return (
            f"About {p['title']} the shop says: “{hit.strip(' .')}.”"
            if hit
            else f"The catalogue does not say whether {p['title']} is {word}."
        )
    return ""


def _described(p: dict) -> str:
    facts = [_value(a, p.get(a), p.get("currency")) for a in ("color", "material", "price")]
    head = f"{p['title']}: {', '.join(f for f in facts if f)}."
    sizes = _value("size", p.get("size"), None)
    text = f" Sizes {sizes}." if sizes else ""
    return f"{head}{text} {p.get('description', '')}".strip()


def _compared(state: dict, content: dict) -> str:
    products, names = content["products"], content["differ"]
    names = [n for n in names if n not in ("title",)]
    if not names:
        return f"{listed([p['title'] for p in products])} are the same in all the catalogue says."
    lines = []
    for p in products:
        facts = [f"{name_of(a)} {_value(a, p.get(a), p.get('currency')) or 'not stated'}" for a in names]
        lines.append(f"{p['title']}: {', '.join(facts)}.")
    priced = [p for p in products if p.get("price") is not None]
    if "price" in names and len({p["price"] for p in priced}) > 1:
        lines.append(
            f"The cheaper one is {min(priced, key=lambda p: p['price'])['title']}."
            if len(priced) == 2
            else f"The cheapest is {min(priced, key=lambda p: p['price'])['title']}."
        )
    return " ".join(lines)


def _total(bag: dict) -> str:
    n = len(bag["products"])
    pieces = f"{n} {'piece' if n == 1 else 'pieces'}"
    return pieces if bag["total"] is None else f"{pieces}, {money(bag['total'], bag['currency'])} in all"


def _added(state: dict, content: dict) -> str:
    parts = []
    if content["added"]:
        parts.append(
            f"{listed([p['title'] for p in content['added']])} {'is' if len(content['added']) == 1 else 'are'} in "
            f"your bag now: {_total(content['bag'])}."
        )
    if content["already_in_bag"]:
        parts.append(f"{listed([p['title'] for p in content['already_in_bag']])} was in your bag already.")
    if content["sold_out"]:
        parts.append(f"{listed([p['title'] for p in content['sold_out']])} is sold out, sorry.")
    return " ".join(parts)


def _removed(state: dict, content: dict) -> str:
    bag = content["bag"]
    left = f"{_total(bag)} left." if bag["products"] else "Your bag is empty now."
    if content["removed"]:
        return f"I took {listed([p['title'] for p in content['removed']])} out of your bag. {left}"
    return f"{listed([p['title'] for p in content['not_in_bag']])} was not in your bag."


def _bag(state: dict, content: dict) -> str:
    bag = content["bag"]
    gone = [p["title"] for p in bag.get("no_longer_sold", ())]
    lost = f" {listed(gone)} {'is' if len(gone) == 1 else 'are'} no longer in this shop, sorry." if gone else ""
    if not bag["products"]:
        return f"There is nothing in your bag that can still be bought.{lost}" if gone else "Your bag is empty so far."
    items = [f"{p['title']} ({money(p['price'], p['currency'])})" for p in bag["products"]]
    return f"In your bag: {listed(items)}. {_total(bag)}.{lost}"
