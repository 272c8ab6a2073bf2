"""The offline model's sentences. Facts come from the tools' results alone; the form varies with the turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from shopping_assistant.assistant.answers import changes, chat, comparing, facts, found, saved, size_replies
from shopping_assistant.assistant.answers.wording import listed, money, pick

_KINDS = (
    "I can search by colour, price, size, brand and more, recommend, compare, answer questions about a product, and "
    "keep your bag and what you save for later."
)
_HELP = (
    "I am this shop's assistant, a program. {kinds} Try “black ankle boots under 120”, then “not leather”.",
    "You talk, I look through the shop's products. {kinds} For example: “a red dress for a wedding, size M”.",
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
_WRONGLY_CALLED = "Sorry, that did not work just now. Please try it again, or say it in other words."
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
    if of_self := size_replies.about_self(state):
        return of_self
    act = state.get("act", "other")
    if act == "disambiguate":
        act = state.get("open_act") or state.get("previous_act") or "ask"
    if act in ("greet", "thanks"):
        return chat.answer({**state, "talk": {"kind": "greeting" if act == "greet" else "thanks"}})
    forms = {"help": _HELP, "reset": _AFRESH}
    if act in forms:
        return pick(forms[act], state).format(kinds=_KINDS)
    if state.get("tapped") and not state.get("there"):
        return changes.not_there(state)
    if act == "undo":
        return changes.undone(state)
    if act == "explain":
        if state.get("shown"):
            return _which(state, act, state["shown"])
        return "I have not shown you anything yet, so there is nothing to explain."
    if act in ("add_to_bag", "remove_from_bag", "similar", "ask", "compare", "size_advice", "save"):
        return _which(state, act, state.get("shown", []))
    return pick(_NOT_UNDERSTOOD, state).format(kinds=_KINDS)


def _which(state: dict, act: str, shown: list[dict]) -> str:
    doing = {
        "add_to_bag": "put into your bag",
        "remove_from_bag": "take out of your bag",
        "save": "save for later",
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


def from_results(
    state: dict, results: Sequence[tuple[str, dict]], sayings: Mapping[str, Callable[[dict], str]] | None = None
) -> str:
    """The reply to the results of this turn's tools.

    Args:
        sayings: replies that tools bring along, `Tool.says`.
    """
    worked = {name for name, content in results if "error" not in content}
    failed = [
        content.get("tell_shopper", _WRONGLY_CALLED)
        for name, content in results if "error" in content and name not in worked
    ]  # fmt: skip
    writers = {
        "search_products": found.found,
        "refine": found.found,
        "recommend": found.recommended,
        "popular": found.recommended,
        "similar": found.similar,
        "product_details": facts.details,
        "compare": comparing.compared,
        "size_advice": size_replies.advised,
        "add_to_bag": _added,
        "remove_from_bag": _removed,
        "show_bag": _bag,
        "save_for_later": saved.kept,
        "unsave": saved.dropped,
        "show_saved": saved.shown,
        "bag_saved": saved.moved,
    }
    own = sayings or {}
    said = [
        writers[name](state, content) if name in writers else own[name](content)
        for name, content in results if "error" not in content and (name in writers or name in own)
    ]  # fmt: skip
    question = state.get("question") or {}
    told = size_replies.noted(state)
    return " ".join(s for s in (told, *said, *dict.fromkeys(failed), question.get("text", "")) if s) or "Done."


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
