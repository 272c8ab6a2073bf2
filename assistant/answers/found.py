"""What a search, a recommendation or a look for similar products came to, in a sentence or two above the cards."""

from __future__ import annotations

from shopping_assistant.assistant.answers.changes import changed
from shopping_assistant.assistant.answers.combining import combined
from shopping_assistant.assistant.answers.photo import like_photo, shown_a_photo
from shopping_assistant.assistant.answers.wording import described, is_pair, listed, money, name_of, noun_for, pick

_SEARCH_FEW = ("I found {n} {what}.", "Here {are} {n} {what}.", "{n} {what} for you.")
_SEARCH_MANY = (
    "{n} {what}; these {k} fit best.",
    "I found {n} {what}. Here are the first {k}.",
    "There are {n} {what}; here are my top {k}.",
)
_NARROWED = ("Narrowed down: {n} {what}.", "That leaves {n} {what}.", "{n} {what} now.")
_MORE = ("{k} more {what}.", "Here are {k} further {what}.", "Some more: {k} {what}.")
_CLOSEST = ("Here is what comes closest to {words}", "These come closest to {words}", "The nearest I have to {words}")
_SOME = ("Here are some of our pieces", "Some of our pieces to begin with", "A look into the shop")
_NO_MORE = (
    "You have seen all {what} we have. Shall I set something aside?",
    "Those were all {what} there are. Which wish may go?",
)
_NOTHING = (
    "I found no {what}. Take back a wish, or tell me what matters most.",
    "There are no {what} here. Which of these wishes matters least?",
)
_WAY_BACK = (
    "If {it} matters more than the rest, tell me what may go instead.",
    "Say so if {it} comes first, and I drop something else.",
)
_ONE_LIKE = ("{n} like {title}{what}.", "These {n} resemble {title}{what}.")
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


def found(state: dict, content: dict) -> str:
    """The answer to a search, with what changed before it, and the question to narrow it."""
    text = _found(state, content)
    return " ".join(part for part in (changed(state), text) if part)


def _found(state: dict, content: dict) -> str:
    currency, count, k = _currency(state), content["count"], len(content["products"])
    wishes = content["wishes"]
    if not k:
        return nothing(state)
    if shown_a_photo(state):
        return with_relaxed(like_photo(state, content, currency), state, content)
    if not any(w["op"] != "not in" for w in wishes):
        words = state.get("query", "").strip()
        without = described([w for w in wishes if w["op"] == "not in"], currency).removeprefix("pieces").strip(" ,")
        text = pick(_CLOSEST, state).format(words=f"“{words}”") if words else pick(_SOME, state)
        return with_relaxed(f"{text}{', ' + without if without else ''}.", state, content)
    what = described(wishes, currency, count)
    template = pick(_SEARCH_FEW if count <= k else _SEARCH_MANY, state)
    widened = state.get("gone") or "drop" in (state.get("tapped") or {})
    if state.get("act") == "refine" and count <= k and not widened:
        template = pick(_NARROWED, state)
    if state.get("more"):
        template, what = pick(_MORE, state), described(wishes, currency, k)
        count = k
    pair = " pair of" if count == 1 and is_pair(noun_for(wishes, 1)) else ""
    figure = "one" if count == 1 else f"{count:,}"
    text = template.format(n=f"{figure}{pair}", k=f"{figure}{pair}" if count == 1 else k, what=what,
                           are="is" if count == 1 else "are")  # fmt: skip
    text = text[0].upper() + text[1:]
    if state.get("words") and k < count:
        text += f" Those closest to “{' '.join(state['words'])}” come first."
    return with_relaxed(text, state, content)


def with_relaxed(text: str, state: dict, content: dict) -> str:
    """``text``, after which single wishes were set aside for it, and before how to have it otherwise."""
    relaxed = content.get("relaxed") or []
    if not relaxed:
        return text
    dropped = listed([said_of(c, _currency(state)) for c in relaxed])
    every = described([*content["wishes"], *relaxed], _currency(state))
    first = f"You have seen all {every} we have" if state.get("more") else f"There are no {every}"
    names = listed(dict.fromkeys(f"the {name_of(c['attribute'])}" for c in relaxed))
    back = pick(_WAY_BACK, state).format(it=names) if len(relaxed) == 1 and content["wishes"] else ""
    return f"{first}, so I set aside {dropped}. {text} {back}".strip()


def said_of(c: dict, currency: str | None) -> str:
    """One wish by its name and the words it came from: "the colour (red)"."""
    if c["attribute"] == "price":
        return f"the price ({'under' if c['op'] == '<=' else 'from'} {money(float(c['values'][0]), currency)})"
    said = c["said"] or listed([str(v) for v in c["values"][:3]], "or")
    return f"the {name_of(c['attribute'])} ({said.removeprefix(name_of(c['attribute'])).strip()})"


def nothing(state: dict) -> str:
    """Nothing meets the wishes, exclusions alone among them, or nothing more does."""
    what = described(state.get("wishes", []), _currency(state))
    return pick(_NO_MORE if state.get("more") else _NOTHING, state).format(what=what)


def recommended(state: dict, content: dict) -> str:
    """What a recommendation goes by, and why the first of it comes first."""
    if content.get("goes_with"):
        return with_relaxed(combined(content), state, content)
    if not content["products"]:
        return nothing(state)
    wishes = [w for w in content["wishes"] if w["said"]]
    what = described(wishes, _currency(state)) if wishes else "pieces"
    if content["by"] == "recommender":
        text = pick(_RECOMMENDED[content.get("goes_by", "nothing")], state).format(what=what)
        first = content["products"][0]
        if first.get("reason"):
            why = first["reason"].split("; ")[0]
            text += f" My first: {first['title']}, {why[0].lower()}{why[1:]}."
    elif content["by"] == "popular":
        text = f"This shop has no trained recommender yet, so these are its most bought {what}."
    else:
        text = f"This shop has no trained recommender and no sales to go by yet; here are some of its {what}."
    return with_relaxed(text, state, content)


def similar(state: dict, content: dict) -> str:
    """How many products are like the one that was pointed at."""
    if not content["products"]:
        return f"I found nothing else like {content['like']['title']}."
    wishes = [w for w in content["wishes"] if w["said"]]
    what = f": {described(wishes, _currency(state))}" if wishes else ""
    many = len(content["products"])
    text = pick(_ONE_LIKE, state) if many > 1 else _ONE_LIKE[0]
    text = text.format(n=many if many > 1 else "One", title=content["like"]["title"], what=what)
    return with_relaxed(text, state, content)


def _currency(state: dict) -> str | None:
    return state.get("currency")
