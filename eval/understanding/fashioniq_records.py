"""FashionIQ's multi-turn feedback, read, and a catalogue made of its attribute words.

Wu, Gao, Guo, Al-Halah, Rennie, Grauman and Feris, *Fashion IQ: A New Dataset Towards Retrieving Images by Natural
Language Feedback*, CVPR 2021; its turns: Yuan and Lam, *Conversational Fashion Image Retrieval via Multiturn Natural
Language Feedback*, SIGIR 2021.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shopping_assistant.eval.understanding.scratch import DataMissing, reading
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.store import Store

# The three files, and what a shopper calls such a thing.
CATEGORIES = {"dress": "dress", "shirt": "shirt", "toptee": "top"}
# The six lists of words a product has, in the file's order.
KINDS = ("garment", "pattern", "fabric", "shape", "details", "style")
COLORS = frozenset(
    """beige black blue brown burgundy charcoal coral cream fuchsia gold gray green grey ivory khaki lavender maroon
    mint navy olive orange peach pink plum purple red rust silver tan taupe teal turquoise white yellow""".split()
)
# How people finished the sentence that the picture began: "the one I want …".
_CONTINUES = re.compile(r"(?:is|are|has|have|had|was|with|does|looks|comes)\b")


@dataclass(frozen=True)
class Step:
    """What the shopper was looking at and said of it."""

    reference: str
    said: str


@dataclass(frozen=True)
class Wanted:
    """One conversation: steps towards a target product. ``name`` tells conversations apart."""

    name: str
    category: str
    target: str
    steps: tuple[Step, ...]


def read_words(path: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """Product id → kind of word → words. Where several listings of a product follow each other they are joined."""
    with reading(path) as file:
        rows = json.load(file)
    if not isinstance(rows, dict):
        raise DataMissing(f"{path}: expected an object of product ids, got a {type(rows).__name__}")
    return {
        asin: {
            kind: tuple(dict.fromkeys(w.strip().lower() for part in lists[i :: len(KINDS)] for w in part if w.strip()))
            for i, kind in enumerate(KINDS)
        }
        for asin, lists in rows.items()
    }


def read_wanted(path: Path, category: str) -> list[Wanted]:
    """Conversations in the file's order; a step's captions, by different people, become one sentence."""
    with reading(path) as file:
        rows = json.load(file)
    try:
        return [
            Wanted(
                f"{category}-{i}", category, row["target"][1],
                tuple(Step(asin, feedback_of(captions)) for _, captions, asin in row["reference"]),
            )
            for i, row in enumerate(rows)
        ]  # fmt: skip
    except (KeyError, IndexError, ValueError) as error:
        raise DataMissing(f"{path}: a conversation without target or reference ({error})") from error


def feedback_of(captions: Sequence[str]) -> str:
    """What the shopper types: "I want one that is strapless and has the same length"."""
    parts = list(dict.fromkeys(p for c in captions if (p := " ".join(c.lower().strip().rstrip(".").split()))))
    said = [f"that {p}" if _CONTINUES.match(p) else p for p in parts]
    return "I want one " + " and ".join(said) if said else ""


def titled(words: Mapping[str, Sequence[str]], noun: str) -> str:
    """A title of all attribute words, in the order in which titles have them, and what the thing is."""
    order = ("style", "pattern", "fabric", "shape", "details", "garment")
    return " ".join(dict.fromkeys([w for kind in order for w in words[kind]] + [noun]))


def lay_down(path: Path, category: str, products: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """A store of these products: there is nothing of them but attribute words. Words for colours are the colour."""
    noun, rows = CATEGORIES[category], []
    for asin, words in products.items():
        colors = [w for kind in KINDS for w in words[kind] if w in COLORS]
        attributes = {k: tuple(w for w in words[k] if w not in COLORS) for k in KINDS}
        rows.append(
            Product(
                asin, titled(words, noun), category=noun, color=", ".join(dict.fromkeys(colors)) or None,
                attributes={k: v for k, v in attributes.items() if v},
            )
        )  # fmt: skip
    Store.create(path, name=f"FashionIQ {category}").write_catalog(Catalog.from_products(rows))
