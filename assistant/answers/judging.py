"""What is said to a shopper who likes a product, or does not."""

from __future__ import annotations

from shopping_assistant.assistant.answers.wording import listed, money

_GONE = "I have put {what} away and will not show {it} again here."
_GONE_ALL = "None of those, then."
_OTHERS = ("One other is left.", "Here are the others.")
_LAST = "That was the last I have for these wishes; which of them may go?"
_NEAREST = "Nothing else meets all your wishes, so I set aside {aside}."
_LIKED = "Good to know: what is like {what} comes first from now on. {facts} Say “add it” and it is in your bag."
_LIKED_SOME = "Good to know: what is like {what} comes first from now on."
_LIKED_ALL = "I am glad. Tell me which one you like best, or ask me to compare some of them."


def judged(content: dict) -> str:
    """The reply to a thumb that was said."""
    titles = [f"the {p['title']}" for p in content["judged"]]
    what = listed(titles)
    if content["verdict"] == "up":
        if not titles:
            return _LIKED_ALL
        if len(titles) > 1:
            return _LIKED_SOME.format(what=what)
        return _LIKED.format(what=what, facts=_facts(content["judged"][0]))
    said = _GONE.format(what=what, it="it" if len(titles) == 1 else "them") if titles else _GONE_ALL
    if "products" not in content:
        return said
    many, aside = len(content["products"]), content.get("relaxed") or []
    if not many:
        return f"{said} {_LAST}"
    if aside:
        said += " " + _NEAREST.format(aside=listed([f"“{c['said'] or c['attribute']}”" for c in aside]))
    return f"{said} {_OTHERS[min(many, 2) - 1]}"


def _facts(product: dict) -> str:
    """ "It is linen and costs €70." of what the catalogue says."""
    price = product.get("price")
    parts = [f"is {product['material']}"] if product.get("material") else []
    parts += [f"costs {money(price, product.get('currency'))}"] if price is not None else []
    return f"It {' and '.join(parts)}." if parts else ""
