"""Values too plain to stand for an attribute anywhere, where their place says what they are: "a large tote", "slim"."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from shopping_assistant.assistant.language.fashion_words import COMMON
from shopping_assistant.assistant.language.vocabulary import Match, Meaning, Token, Vocabulary

# "As long as", "how short", "no longer", "too wide": said of degree, not of kind.
_OF_DEGREE = frozenset("as so too how that no any not very".split())
_LONGEST = 3
Share = Callable[[str, Sequence[str], Sequence[str]], int]


def plain_matches(
    vocabulary: Vocabulary, tokens: Sequence[Token], matches: Sequence[Match], context: Sequence[str], share: Share,
    other: Container[int] = (),
) -> list[Match]:  # fmt: skip
    """Values that stand right before the kind they describe, or alone in a sentence about a kind talked of.

    Args:
        context: the categories talked of before.
        share: how many products of these categories have these values of an attribute.
        other: tokens that say something else that is known, a price.
    """
    found: list[Match] = []
    taken = {i for m in matches for i in range(m.start, m.end)}
    named = [v for m in matches if (kind := m.means("category")) for v in kind.values]
    alone = all(i in taken or i in other or _says_nothing(t, vocabulary) for i, t in enumerate(tokens))
    at = 0
    while at < len(tokens):
        end = at + 1
        for longest in range(min(len(tokens), at + _LONGEST), at, -1):
            meanings = vocabulary.plain_meanings(" ".join(t.key for t in tokens[at:longest]))
            if not meanings or taken & set(range(at, longest)) or (at and tokens[at - 1].text in _OF_DEGREE):
                continue
            kind = _kind_behind(longest, matches)
            if not kind and (not alone or (longest < len(tokens) and tokens[longest].key in vocabulary.asking)):
                continue
            best = _best(meanings, kind or named or context, share)
            if best:
                said = " ".join(t.text for t in tokens[at:longest])
                found.append(Match(at, longest, said, (best,)))
                end = longest
                break
        at = end
    return found


def _says_nothing(token: Token, vocabulary: Vocabulary) -> bool:
    return token.text in COMMON or token.key in COMMON or not token.key.isalpha() or bool(
        vocabulary.plain_meanings(token.key)
    )  # fmt: skip


def _kind_behind(at: int, matches: Sequence[Match]) -> tuple[str, ...]:
    """The category that is named next, with nothing but other values between."""
    starts = {m.start: m for m in matches}
    while at in starts:
        kind = starts[at].means("category")
        if kind:
            return kind.values
        at = starts[at].end
    return ()


def _best(meanings: dict[str, tuple[str, ...]], categories: Sequence[str], share: Share) -> Meaning | None:
    """The meaning that most products of these categories have; none without categories."""
    if not categories:
        return None
    counted = {a: share(a, v, categories) for a, v in meanings.items()}
    best = max(counted, key=counted.get)
    return Meaning(best, meanings[best]) if counted[best] else None
