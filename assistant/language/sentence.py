"""One sentence as it is being read: its words, the values they name, and which of them are negated."""

from __future__ import annotations

from dataclasses import dataclass, field

from shopping_assistant.assistant.language.vocabulary import Match, Token


@dataclass
class Sentence:
    """The working state of one parse."""

    text: str
    tokens: list[Token]
    matches: list[Match]
    negated: list[bool]
    negated_tokens: frozenset[int] = frozenset()
    by_degree: frozenset[int] = frozenset()  # tokens of wishes that only order: "longer", "less plain"
    qualities: frozenset[int] = frozenset()  # tokens of "non-slip", "wrinkle-free"
    taken_back: list[tuple[int, int]] = field(default_factory=list)  # characters that withdraw a wish
