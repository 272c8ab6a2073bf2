"""The offline model's sentences. Facts come from the tools' results alone; the form varies with the turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shopping_assistant.assistant.answers.wording import described, is_pair, listed, money, name_of, noun_for

_SEARCH_FEW = ("I found {n} {what}.", "Here {are} {n} {what}.", "{n} {what} for you.")
_SEARCH_MANY = (
    "{n} {what}; these {k} fit best.",
    "I found {n} {what}. The first {k}:",
    "There are {n} {what}; here are my top {k}.",
)
_NARROWED = ("Narrowed down: {n} {what}.", "That leaves {n} {what}.", "{n} {what} now.")
# What a recommendation goes by must be true: nobody has "looked at" anything in a first sentence.
_RECOMMENDED = {
    "chosen": (
        "Going by what you chose, I would pick these {what}.",
        "With what you have chosen in mind: these {what}.",
        "Knowing what you took, these {what} come next.",
    ),
    "clicked": (
        "Going by what you looked at, I would pick these {what}.",
        "These {what} should suit you, after what you clicked.",
        "From what caught your eye, I would choose these {what}.",
    ),
    "searched": (
        "Going by your search, I would pick these {what}.",
        "These {what} fit what you searched for.",
        "For that search my choice would be these {what}.",
    ),
    "nothing": (
        "I know nothing of your taste yet; these {what} are where I would start.",
        "To begin with, I would look at these {what}. Click what you like and I learn.",
        "A first guess, before I know you: these {what}.",
    ),
}
_KINDS = (
    "I can search by colour, price, size, brand and more, recommend, compare, answer questions about a product, and "
    "keep your bag.",
)


def _pick(options: Sequence[str], state: dict) -> str:
    return options[state.get("turn", 0) % len(options)]


def unclear(state: dict) -> bool:
    """Whether one product is meant and several fit."""
    return bool(state.get("singular")) and len(state.get("targets", [])) > 1


def without_tools(state: dict) -> str:
    """A short kind answer to what needs no tool, or a question back."""
    act = state.get("act", "other")
    shown = state.get("shown", [])
    if act == "disambiguate":
        act = state.get("previous_act") or "ask"
    if act == "greet":
        return _pick(
            (
                "Hello! What are you looking for today?",
                "Hi there! Tell me what you have in mind: a piece, a colour, a budget.",
                "Welcome! What may I find for you?",
            ),
            state,
        )
    if act == "thanks":
        return _pick(
            ("You are welcome! Enjoy.", "My pleasure. Come back any time.", "Gladly! Your bag is kept for you."), state
        )
    if act == "help":
        return (
            f"I am this shop's assistant, a program. {_KINDS[0]} Try “black ankle boots under 120”, then “not leather”."
        )
    if act == "reset":
        return "All clear: we start afresh. What are you looking for?"
    if act == "undo":
        return "Done, that wish is gone. What shall I look for?"
    if act == "save":
        return "I have no wish list; this chat keeps what you were shown. Shall I put it into your bag instead?"
    if act == "explain":
        return _explained(state)
    if act in ("add_to_bag", "remove_from_bag", "similar", "ask", "compare", "size_advice"):
        return _which(state, act, shown)
    return "I can only help with this shop's products. " + _KINDS[0]


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
        return "I have not shown you any products yet. What are you looking for?"
    if unclear(state):
        fitting = [f"number {p['number']} ({p['title']})" for p in shown if p["product_id"] in state["targets"]]
        return f"Several fit that: {listed(fitting[:4], 'or')}. Which one do you mean?"
    return f"Which one would you like to {doing}? A number will do, 1 to {len(shown)}."


def from_results(state: dict, results: Sequence[tuple[str, dict]]) -> str:
    """The reply to the results of this turn's tools."""
    failed = [content for _, content in results if "error" in content]
    if failed and len(failed) == len(results):
        return "Sorry, that did not work just now. Please try it again, or say it in other words."
    writers = {
        "search_products": _found,
        "refine": _found,
        "recommend": _recommended,
        "popular": _recommended,
        "similar": _similar,
        "product_details": _details,
        "compare": _compared,
        "add_to_bag": _added,
        "remove_from_bag": _removed,
        "show_bag": _bag,
    }
    said = [writers[name](state, content) for name, content in results if "error" not in content and name in writers]
    return " ".join(s for s in said if s) or "Done."


def _found(state: dict, content: dict) -> str:
    currency, count, k = _currency(state), content["count"], len(content["products"])
    wishes = content["wishes"]
    if not k:
        return _nothing(state)
    bounded = [w for w in wishes if w["op"] != "not in"]
    if not bounded:
        words = state.get("query", "").strip()
        without = described([w for w in wishes if w["op"] == "not in"], currency).removeprefix("pieces").strip(" ,")
        text = f"Here is what comes closest to “{words}”" if words else "Here are some of our pieces"
        return _with_relaxed(f"{text}{', ' + without if without else ''}.", state, content)
    what = described(wishes, currency, count)
    template = _pick(_SEARCH_FEW if count <= k else _SEARCH_MANY, state)
    if state.get("act") == "refine" and count <= k:
        template = _pick(_NARROWED, state)
    pair = " pair of" if count == 1 and is_pair(noun_for(wishes, 1)) else ""
    text = template.format(n=f"{count:,}{pair}", k=k, what=what, are="is" if count == 1 else "are")
    if state.get("more"):
        text = f"{k} more {described(wishes, currency, k)}."
    if state.get("words") and k < count:
        text += f" Those closest to “{' '.join(state['words'])}” come first."
    return _with_relaxed(text, state, content)


def _with_relaxed(text: str, state: dict, content: dict) -> str:
    relaxed = content.get("relaxed") or []
    if not relaxed:
        return text
    dropped = listed([_said(c, _currency(state)) for c in relaxed])
    all_wishes = described([*content["wishes"], *relaxed], _currency(state))
    if state.get("more"):
        return f"You have seen all {all_wishes} we have, so I set aside {dropped}. {text}"
    return f"There are no {all_wishes}, so I set aside {dropped}. {text}"


def _said(c: dict, currency: str | None) -> str:
    if c["attribute"] == "price":
        return f"the price ({'under' if c['op'] == '<=' else 'from'} {money(float(c['values'][0]), currency)})"
    said = c["said"] or listed([str(v) for v in c["values"][:3]], "or")
    return f"the {name_of(c['attribute'])} ({said.removeprefix(name_of(c['attribute'])).strip()})"


def _nothing(state: dict) -> str:
    what = described(state.get("wishes", []), _currency(state))
    if state.get("more"):
        return f"You have seen all {what} we have. Shall I set something aside?"
    return f"I found no {what}. Take back a wish, or tell me what matters most."


def _currency(state: dict) -> str | None:
    return state.get("currency")


def _recommended(state: dict, content: dict) -> str:
    if not content["products"]:
        return _nothing(state)
    wishes = [w for w in content["wishes"] if w["said"]]
    what = described(wishes, _currency(state)) if wishes else "pieces"
    if content["by"] == "recommender":
        if state.get("act") == "outfit":
            text = "These would go with it."
        else:
            text = _pick(_RECOMMENDED[content.get("goes_by", "nothing")], state).format(what=what)
        first = content["products"][0]
        if first.get("reason"):
            why = first["reason"].split("; ")[0]
            text += f" My first: {first['title']}, {why[0].lower()}{why[1:]}."
    elif content["by"] == "popular":
        text = f"This shop has no trained recommender yet, so these are its most bought {what}."
    else:
        text = f"This shop has no trained recommender and no sales to go by yet; here are some of its {what}."
    return _with_relaxed(text, state, content)


def _similar(state: dict, content: dict) -> str:
    if not content["products"]:
        return f"I found nothing else like {content['like']['title']}."
    wishes = [w for w in content["wishes"] if w["said"]]
    what = f": {described(wishes, _currency(state))}" if wishes else ""
    return _with_relaxed(f"{len(content['products'])} like {content['like']['title']}{what}.", state, content)


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
