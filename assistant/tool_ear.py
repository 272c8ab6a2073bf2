"""Which tool a sentence is for, among those that say what they listen to (`Tool.hears`).

Searching, asking and buying are read word by word elsewhere. A tool that somebody adds ("when do you open?") brings a
few
sentences instead; a sentence that means nearly the same reaches it, by sentence vectors and by the words it shares with
them, and only if it is clearly nearer to them than to what people say when they shop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import Stemmer

from shopping_assistant.assistant.agent_tools.desk import Tool
from shopping_assistant.tools.sentence_encoder import SentenceEncoder

# Both chosen on what the dialogues say and 30 questions about returns, delivery and opening hours: docs/experiments.md.
NEAR_ENOUGH = 0.5
NEARER_THAN_SHOPPING = 0.1
# A telling word in common ("refund") counts as much as this in cosine.
SHARED_WORD = 0.25
# Sentences of this many words are pasted pages, not questions.
_LONGEST = 40
# What is said while shopping and is never meant for such a tool: every act, small talk, and wishes of all kinds.
SHOPPING = """show me black dresses
I am looking for a winter coat
do you have sneakers in size 40?
something cheaper please
not that colour
no leather please
under fifty
between 40 and 80 euros
what do you recommend for me?
which one is the best?
compare the first two
how much is the second one?
what is it made of?
which sizes does it come in?
is it available in red?
is it still in stock?
does it run small?
which size should I take?
what brand is this?
tell me more about the first one
add it to my bag
take it out of my bag
put it back
what is in my bag?
how much is my bag in total?
I want to buy the third one
show me more
anything else?
more like this one
what goes with it?
why did you show me this?
forget the price
undo that
start over
go back to the coat from before
hello
good morning
thank you
goodbye
that is nice
no, I do not like it
yes please
who are you?
what can you do?
what is the weather like?
how are you?
do you like music?
for a wedding in summer
for my sister
a gift for my father
with long sleeves
is it waterproof?
is it any good?
what do other people buy?
what is new?
what is on sale?
do you sell scarves?
I need a bag for my laptop
can I get it for less money?
a wallet with room for my cards
do you have it in another colour?
longer and a bit more elegant
the one on the left
in silk or satin
in navy if possible""".splitlines()
# Said of anything.
_COMMON = """the and are can could would you your how what when where who there here this that will may must have has
had get got take give need want like know find sell buy pay work use make way any some for with from not out about"""
_WORD = re.compile(r"[^\W\d_]{3,}")
_STEMMER = Stemmer.Stemmer("english")


class ToolEar:
    """Listens for the tools that hear sentences; with none of them it costs nothing.

    Args:
        tools: all tools of the assistant.
    """

    def __init__(self, tools: Iterable[Tool]):
        self._examples = [(sentence, t.name, dict(given)) for t in tools for sentence, given in t.hears.items()]

    def heard(self, text: str, is_a_wish: bool = False) -> tuple[str, Mapping[str, Any]] | None:
        """The tool that a sentence is for, with the arguments of the sentence it is nearest to; None for none.

        Args:
            is_a_wish: the sentence was read as a wish; then a telling word in common is asked for besides.
        """
        if not self._examples or len(text.split()) > _LONGEST:
            return None
        shared = self._shared(text)
        if is_a_wish and not any(shared):
            return None
        vector = self._encoder.encode([text])[0]
        near = self._vectors @ vector + SHARED_WORD * np.array(shared)
        best = int(near.argmax())
        if near[best] < NEAR_ENOUGH or near[best] - float((self._shopping @ vector).max()) < NEARER_THAN_SHOPPING:
            return None
        _, name, given = self._examples[best]
        return name, given

    def _shared(self, text: str) -> list[bool]:
        said = _stems(text)
        return [bool(said & telling) for telling in self._telling]

    @cached_property
    def _telling(self) -> list[frozenset[str]]:
        """The words of each example that nobody says while shopping."""
        usual = frozenset().union(*(_stems(s) for s in SHOPPING)) | _stems(_COMMON)
        return [_stems(sentence) - usual for sentence, _, _ in self._examples]

    @cached_property
    def _encoder(self) -> SentenceEncoder:
        return SentenceEncoder.load()

    @cached_property
    def _vectors(self) -> np.ndarray:
        """``(examples, dim)`` unit vectors."""
        return self._encoder.encode([sentence for sentence, _, _ in self._examples])

    @cached_property
    def _shopping(self) -> np.ndarray:
        return self._encoder.encode(SHOPPING)


def _stems(text: str) -> frozenset[str]:
    return frozenset(_STEMMER.stemWords([w.lower() for w in _WORD.findall(text)]))
