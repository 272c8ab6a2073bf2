"""Wishes, prices and products as a person would say them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shopping_assistant.assistant.language.vocabulary import singular

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
_UNCOUNTED = frozenset(
    "jewelry jewellery footwear clothing outerwear luggage knitwear swimwear underwear denim headwear".split()
)
_PAIRS = frozenset(
    """boot shoe sneaker trainer pump heel loafer flats sandal jean trouser pant chino legging shorts glove sock
    earring sunglasses runner bootie slipper tights booty mitten jogger slack kick sneakers ballerina oxford
    mule clog hoop stud""".split()
)
_POSSESSIVE = {"women": "women’s", "men": "men’s", "girls": "girls’", "boys": "boys’", "kids": "children’s",
               "children": "children’s", "ladies": "ladies’"}  # fmt: skip
# Attributes whose value stands before the noun: "black leather ankle boots".
_BEFORE_NOUN = ("color", "pattern", "look", "fit", "material")
_NAMES = {"color": "colour", "available": "availability"}


def pick(options: Sequence[str], state: dict) -> str:
    """One of several forms, another at the next turn: no sentence stands three times in a row."""
    return options[state.get("turn", 0) % len(options)]


def money(amount: float | None, currency: str | None) -> str:
    """ "€120", "$39.99", "80 SEK"; cents only where there are any."""
    if amount is None:
        return "no price"
    figure = f"{amount:,.0f}" if float(amount).is_integer() else f"{amount:,.2f}"
    sign = _SIGNS.get((currency or "").upper())
    return f"{sign}{figure}" if sign else f"{figure} {currency}".strip() if currency else figure


def name_of(attribute: str) -> str:
    return _NAMES.get(attribute, attribute.replace("_", " "))


def listed(parts: Iterable[str], last: str = "and") -> str:
    parts = list(parts)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}" if parts else ""


def plural(noun: str) -> str:
    noun = noun.strip()
    if not noun or noun.split()[-1] in _UNCOUNTED or (noun.endswith("s") and not noun.endswith("ss")):
        return noun
    if noun.endswith(("ss", "sh", "ch", "x")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun[:-1] + "ves" if noun.endswith("rf") else noun + "s"


# Occasions that one goes to, "a wedding", unlike "work" and "travel".
_EVENTS = frozenset(
    """wedding party date ball gala funeral festival dinner interview holiday graduation ceremony concert picnic prom
    christening reception brunch garden-party""".split()
)


def with_article(occasion: str) -> str:
    """ "a wedding", "an interview", and plain "work"."""
    if occasion.lower() in ("gym", "office", "beach", "mountains"):
        return f"the {occasion}"
    if occasion.split(" ")[-1].lower() not in _EVENTS:
        return occasion
    return f"{'an' if occasion[:1].lower() in 'aeiou' else 'a'} {occasion}"


def noun_for(constraints: Sequence[dict], count: int | None = None) -> str:
    """What is being looked for: the category as said, else "pieces"."""
    said = next(
        (c["said"] or "/".join(c["values"]) for c in constraints if c["attribute"] == "category" and c["op"] == "in"),
        "",
    )
    if not said:
        return "piece" if count == 1 else "pieces"
    said = " and ".join(dict.fromkeys(said.split(", ")))
    if count != 1:
        return plural(said)
    *front, head = said.split(" ")
    return " ".join([*front, head if is_pair(said) else singular(head)])


def is_pair(noun: str) -> bool:
    """Whether one of it is a pair: boots, jeans, earrings."""
    return singular(noun.split()[-1]) in _PAIRS


def described(constraints: Sequence[dict], currency: str | None, count: int | None = None) -> str:
    """Wishes as a noun phrase: "black ankle boots under €120 in size 39, without leather"."""

    def values(c: dict) -> str:
        said = c["said"].removeprefix("not ").strip().replace(", ", " or ")
        return said if said and c["op"] == "in" else listed([str(v) for v in c["values"][:3]], "or")

    wanted = {c["attribute"]: c for c in constraints if c["op"] == "in"}
    front = [values(wanted[a]) for a in _BEFORE_NOUN if a in wanted]
    of = _POSSESSIVE.get(str(wanted["department"]["values"][0]).lower(), "") if "department" in wanted else ""
    text = " ".join([*front, *([of] if of else []), noun_for(constraints, count)])
    if "department" in wanted and not of:
        text += f" for {wanted['department']['values'][0]}"
    if "brand" in wanted:
        text += f" by {listed([str(v).title() for v in wanted['brand']['values'][:3]], 'or')}"
    if "occasion" in wanted:
        said = values(wanted["occasion"]).removeprefix("for ")
        text += f" for {listed([with_article(o) for o in said.split(' or ')], 'or')}"
    if "season" in wanted:
        text += f" for {values(wanted['season'])}"
    other = [
        c
        for a, c in wanted.items()
        if a not in (*_BEFORE_NOUN, "category", "department", "brand", "occasion", "season", "size")
    ]
    for c in other:
        plain = _names_itself(c) or values(c).endswith("s")
        text += f" with {values(c)}{'' if plain else ' ' + name_of(c['attribute'])}"
    if "size" in wanted:
        sizes = [str(v).upper() if len(str(v)) < 4 else str(v) for v in wanted["size"]["values"]]
        text += f" in size {listed(sizes, 'or')}"
    text += _bounds(constraints, currency)
    excluded = [c for c in constraints if c["op"] == "not in"]
    if excluded:
        text += f", without {listed(dict.fromkeys(_excluded(c) for c in excluded), 'or')}"
    return text.strip()


def _names_itself(c: dict) -> bool:
    said = c["said"] + " ".join(str(v) for v in c["values"])
    return any(w.rstrip("s") in said for w in c["attribute"].split("_")[0].split())


def _excluded(c: dict) -> str:
    said = c["said"].replace("not ", "").strip().replace(", ", " or ")
    return said or listed([str(v) for v in c["values"][:3]], "or")


def _bounds(constraints: Sequence[dict], currency: str | None) -> str:
    text = ""
    by_attribute: dict[str, dict[str, float]] = {}
    said = {c["attribute"]: c["said"] for c in constraints if c["op"] == "<="}
    for c in constraints:
        if c["op"] in ("<=", ">="):
            by_attribute.setdefault(c["attribute"], {})[c["op"]] = float(c["values"][0])
    for attribute, bound in by_attribute.items():
        low, high = bound.get(">="), bound.get("<=")
        if attribute == "price":
            if low is not None and high is not None:
                text += f" between {money(low, currency)} and {money(high, currency)}"
            else:
                up_to = "under" if said.get(attribute, "").startswith(("under", "below", "less")) else "up to"
                text += f" {up_to} {money(high, currency)}" if high is not None else f" from {money(low, currency)}"
        else:
            text += (
                f" with a {name_of(attribute)} of {low:g} or more"
                if low is not None
                else f" with a {name_of(attribute)} of at most {high:g}"
            )
    return text
