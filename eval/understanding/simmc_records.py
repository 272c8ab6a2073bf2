"""SIMMC 2.0 fashion dialogues, read; what they expect, in our words; and their scenes, rebuilt from a catalogue.

Kottur, Moon, Geramifard and Damavandi, *SIMMC 2.0: A Task-oriented Dialog Dataset for Immersive Multimodal
Conversations*, EMNLP 2021.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shopping_assistant.eval.understanding.scratch import DataMissing, reading
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.search import words_of

# Their acts in ours. They have one act for a shopper's answer to "which one?"; it is scored apart.
ACTS = {
    "REQUEST:GET": "search", "INFORM:REFINE": "refine", "INFORM:GET": "similar", "ASK:GET": "ask",
    "REQUEST:COMPARE": "compare", "REQUEST:ADD_TO_CART": "add_to_bag", "INFORM:DISAMBIGUATE": "disambiguate",
}  # fmt: skip
# Their slots as this catalogue names its attributes.
ATTRIBUTES = {"type": "category", "customerReview": "rating", "sleeveLength": "sleeve_length", "availableSizes": "size"}
# "Affordable" and "good" have no one figure: that there is a wish about these counts, not which.
AMOUNTS = ("price", "rating")
# A word for several kinds ("tops", "pants") is right when the kind meant is among them and nothing else is.
KINDS_OF_A_WORD = (
    frozenset({"blouse", "shirt", "tshirt", "tank top", "vest"}), frozenset({"jeans", "trousers", "joggers"}),
    frozenset({"coat", "jacket"}), frozenset({"sweater", "hoodie"}),
)  # fmt: skip
# Words by which a value may have been typed, beyond its own.
ALSO_SAID = {
    "xs": ("extra small",), "s": ("small",), "m": ("medium",), "l": ("large",), "xl": ("extra large",),
    "xxl": ("extra extra large", "double extra large", "2xl"), "tshirt": ("tee", "t shirt", "top"),
    "blouse": ("top",), "shirt": ("top",), "tank top": ("tank", "top"), "trousers": ("pants", "slacks"),
    "jeans": ("denims", "pants"), "sweater": ("jumper", "pullover"), "hoodie": ("sweatshirt",), "coat": ("outerwear",),
    "jacket": ("outerwear",), "joggers": ("pants", "sweatpants"), "full": ("long",), "long": ("full",),
    "sleeveless": ("no sleeves", "without sleeves"),
}  # fmt: skip
_AMOUNT_SAID = re.compile(
    r"cheap|afford|expens|pric|cost|budget|bargain|dollar|\$|\d|review|rat(?:ed|ing)|feedback|star"
)

Slot = tuple[str, str]


@dataclass(frozen=True)
class Turn:
    """One shopper's sentence and what it meant; then what the shop said and showed. Objects are the scene's numbers."""

    said: str
    act: str
    slots: frozenset[Slot]
    asked: frozenset[str]
    objects: tuple[int, ...]
    reply: str
    reply_act: str
    reply_objects: tuple[int, ...]
    reply_type: str


@dataclass(frozen=True)
class Dialogue:
    """``facts``: what the shop said of an object at any time, by our attribute names: an object does not change."""

    name: str
    turns: tuple[Turn, ...]
    facts: dict[int, dict[str, object]]


def read_dialogues(path: Path) -> list[Dialogue]:
    """Raises: DataMissing: the file is not there, or a line is no such dialogue."""
    with reading(path) as file:
        rows = [json.loads(line) for line in file if line.strip()]
    try:
        return [Dialogue(f"simmc2-{r['dialogue_idx']}", tuple(map(_turn, r["turns"])), _facts(r)) for r in rows]
    except KeyError as error:
        raise DataMissing(f"{path}: a dialogue has no {error}; expected shopper turns with acts and slots") from error


def _turn(row: dict) -> Turn:
    return Turn(
        row["user"], row["act"], expected_slots(row["slots"]),
        frozenset(ATTRIBUTES.get(s, s) for s in row["request_slots"]), tuple(row["objects"]), row["system"],
        row["system_act"], tuple(row["system_objects"]), str(row["system_slots"].get("type", "")),
    )  # fmt: skip


def _facts(row: dict) -> dict[int, dict[str, object]]:
    facts: dict[int, dict[str, object]] = {}
    for turn in row["turns"]:
        for name, told in turn["system_slots"].items():
            number = re.fullmatch(r"Object ID: (\d+)", name)
            if number and isinstance(told, dict):
                facts.setdefault(int(number[1]), {}).update({ATTRIBUTES.get(k, k): v for k, v in told.items()})
    return facts


def _singles(value: object) -> list[str]:
    """One spoken value may name several: "black, white" is black and white."""
    plain = str(value).lower().replace("gray", "grey")
    return [v.strip() for v in re.split(r",| and ", plain) if v.strip()]


def expected_slots(slots: dict) -> frozenset[Slot]:
    """Their slots as pairs of our attribute and one value; of an amount only that there is one, ``*``."""
    out: set[Slot] = set()
    for name, value in slots.items():
        attribute = ATTRIBUTES.get(name, name)
        for v in value if isinstance(value, list) else [value]:
            if v not in ("", None):
                out |= {(attribute, "*")} if attribute in AMOUNTS else {(attribute, s) for s in _singles(v)}
    return frozenset(out)


def understood_slots(constraints: Sequence[Constraint], expected: frozenset[Slot]) -> frozenset[Slot]:
    """Our constraints in the same pairs. Every value counts as a prediction; exclusions have no like in these data.

    A word for several kinds is one prediction when the kind expected is among them (`KINDS_OF_A_WORD`).
    """
    out: set[Slot] = set()
    for c in constraints:
        if c.attribute in AMOUNTS:
            out.add((c.attribute, "*"))
        elif c.op == "in":
            values = {s for v in c.values for s in _singles(v)}
            wanted = {v for a, v in expected if a == c.attribute}
            if c.attribute == "category" and values & wanted and any(values <= kinds for kinds in KINDS_OF_A_WORD):
                values &= wanted
            out |= {(c.attribute, v) for v in values}
    return frozenset(out)


def was_typed(slot: Slot, sentences: Sequence[str]) -> bool:
    """Whether the words of a slot, or other common words for it, stand in the shopper's sentences so far."""
    attribute, value = slot
    text = " ".join(sentences).lower().replace("gray", "grey")
    if attribute in AMOUNTS:
        return bool(_AMOUNT_SAID.search(text))
    typed = set(words_of(text))
    return any(set(words_of(form)) <= typed for form in (value, *ALSO_SAID.get(value, ())))


class Scenery:
    """Products of the catalogue in the place of a dialogue's objects.

    The data name objects by numbers of a picture that nobody has here. The type is that of the search they answer; the
    colour is read from the shop's sentence, which lists the objects in order ("a blue and white, a brown"); price,
    brand and so on are what the shop says of them later. The product that has most of these stands in.
    """

    def __init__(self, catalog: Catalog):
        products = [catalog.at(row) for row in range(len(catalog))]
        names = ("category", "brand", "color", "size", "price", "pattern", "rating", "sleeve_length")
        self._values = {p.product_id: {n: v for n in names if (v := _value_set(p.get(n)))} for p in products}
        self._of_type: dict[str, list[str]] = {}
        for p in products:
            self._of_type.setdefault((p.category or "").lower(), []).append(p.product_id)
        colors = {p.color.lower() for p in products if p.color}
        self._spoken = {form: color for color in sorted(colors) for form in _spoken_colors(color)}
        forms = "|".join(sorted(map(re.escape, self._spoken), key=lambda n: (-len(n), n)))
        self._mention = re.compile(
            rf"\b(?:(two|three|four|five)\s+(?:(?:in|other|different|more)\s+)?)?({forms or '(?!)'})\b"
        )

    def colors_in(self, reply: str, objects: Sequence[int]) -> list[str | None]:
        """The colour of each object as the shop's sentence lists them; None each where it cannot be told."""
        text = reply.lower().replace("gray", "grey")
        counts = {"": 1, "two": 2, "three": 3, "four": 4, "five": 5}
        found = [(self._spoken[m[2]], counts[m[1] or ""]) for m in self._mention.finditer(text)]
        listed: list[str | None] = [color for color, count in found for _ in range(count)]
        if len({c for c, _ in found}) == 1 and len(objects) > 1:
            return [found[0][0]] * len(objects)
        return listed if len(listed) == len(objects) else [None] * len(objects)

    def stand_in(self, facts: dict[str, object], taken: set[str]) -> tuple[str, bool] | None:
        """The product with most of these facts, and whether it has the colour; None where none has the type."""
        told = {name: values for name, value in facts.items() if (values := _value_set(value))}
        free = [p for p in self._of_type.get(str(facts.get("category", "")).lower(), ()) if p not in taken]
        if not free:
            return None
        best = max(free, key=lambda p: (self._likeness(p, told), p))
        return best, "color" in told and self._values[best].get("color") == told["color"]

    def _likeness(self, product: str, told: dict[str, frozenset[str]]) -> float:
        """How many facts a product has; the colour, by which shoppers point, counts most."""
        has = self._values[product]
        return sum(
            (8.0 if name == "color" else 1.0) * len(values & has[name]) / len(values | has[name])
            for name, values in told.items()
            if name in has
        )


def _spoken_colors(color: str) -> list[str]:
    parts = [p.strip() for p in color.split(",")]
    return [joint.join(order) for order in itertools.permutations(parts) for joint in (" and ", ", ", "/")]


def _value_set(value: object) -> frozenset[str]:
    """A fact's values, lower-cased; a number is one value. A list of colours or sizes is all of them."""
    several = value if isinstance(value, (list, tuple)) else str(value).split(",")
    return frozenset(v for one in several if one is not None and (v := str(one).strip().lower()) not in ("", "none"))
