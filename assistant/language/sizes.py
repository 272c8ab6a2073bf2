"""Sizes in a sentence: "size M", "in a 38", "XXL", and what looks like a size and is none."""

from __future__ import annotations

import re

import numpy as np

from shopping_assistant.assistant.language.sentence import Sentence
from shopping_assistant.assistant.language.vocabulary import Vocabulary

_LETTER_SIZES = frozenset("xs s m l xl xxl xxxl".split())


def sizes_in(vocabulary: Vocabulary, sentence: Sentence, text: str) -> list[tuple[int, int, str]]:
    """(first token, last token + 1, size) for each size said."""
    found = []
    tokens, sizes = sentence.tokens, vocabulary.sizes
    at = 0
    while at < len(tokens):
        for end in range(min(len(tokens), at + 3), at, -1):
            key = " ".join(t.key for t in tokens[at:end])
            value = sizes.get(key) or (sizes.get(f"w{key}") if key.isdigit() else None)
            if value and _is_size(vocabulary, sentence, at, end, key, text):
                found.append((at, end, value))
                at = end - 1
                break
        at += 1
    return found


def _is_size(vocabulary: Vocabulary, sentence: Sentence, at: int, end: int, key: str, text: str) -> bool:
    tokens = sentence.tokens
    before = [t.text for t in tokens[max(0, at - 3) : at]]
    after = tokens[end].text if end < len(tokens) else ""
    cued = any(w in ("size", "sizes", "sized") for w in before) or after in ("size", "sized")
    if after in ("euro", "euros", "dollars", "€", "$", "£") or (before and before[-1] in ("€", "$", "£")):
        return False
    if cued:
        return True
    if key.isdigit() or re.fullmatch(r"\d+[a-z]?", key):
        stands = bool(before) and (
            before[-1] == "in" or before[-2:] == ["in", "a"] or before[-1] == "eu" or before[-2:] == ["in", "an"]
        )
        return stands and not re.match(
            r"\s*(?:different|other|more|colou?rs?|styles?|days)", sentence.text[tokens[end - 1].end :]
        )
    if key in ("s", "m", "l"):
        return text[tokens[at].start].isupper() and not (at and tokens[at - 1].text.endswith("'"))
    if key in _LETTER_SIZES or re.fullmatch(r"w\d+", key):
        return True
    if key in ("small", "medium", "large"):
        return (
            bool(before)
            and (before[-1] in ("in", "a", "an") or before[-1] == "or")
            and _no_other_meaning(vocabulary, sentence, at, end)
        )
    return " " in key or key in ("xlarge", "xsmall")


def _no_other_meaning(vocabulary: Vocabulary, sentence: Sentence, at: int, end: int) -> bool:
    """A "large tote" is no size L: the category that follows must come in letter sizes."""
    following = next((m for m in sentence.matches if m.start == end and m.means("category")), None)
    if following is None:
        return not any(m.start <= at < m.end for m in sentence.matches)
    catalog, size = vocabulary.catalog, vocabulary.sizes[sentence.tokens[at].key]
    rows = np.concatenate([catalog.rows_with("category", v) for v in following.means("category").values])
    return bool(len(np.intersect1d(rows, catalog.rows_with("size", size))))
