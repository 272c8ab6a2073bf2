"""What people say to a shop assistant that is no wish: how are you, where is my parcel, a joke, another language.

`heard` reads the sentence alone. Some kinds are plain whatever else is said ("how do I return these shoes?"); others
give way to any word of the shop: "you dummy, I said black boots" is about boots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from shopping_assistant.assistant.language import talk_forms as forms
from shopping_assistant.assistant.language.languages import language_of, thanked_in

# A shopper says what is wanted in fewer words; more is a pasted page.
MOST_WORDS = 120


_POLITE = forms.HELLO_ALONE | forms.THANKS | forms.BYE
_ACTS = {"the maker": "help", "how are you": "greet"}


@dataclass(frozen=True)
class Talk:
    """A sentence beside shopping: what kind it is, its act, and the language where it is not English."""

    kind: str
    act: str = "other"
    language: str = ""
    about: str = ""  # the goods that this shop has not


def heard(text: str, names_goods: Callable[[], bool], known_word: Callable[[str], bool]) -> Talk | None:
    """What kind of talk a sentence is; None when it may be about the shop's goods.

    Args:
        text: as typed.
        names_goods: whether it names any value, price or size of this shop; asked only when it matters.
        known_word: whether this shop speaks of a word (lower case): a foreign word that is a brand is no foreign word.
    """
    low = " ".join(text.replace("’", "'").lower().split())
    words = forms.WORD.findall(low)
    if not any(c.isalnum() for c in low):
        return Talk("a frown" if forms.FROWNS.search(text) else "a smile" if forms.SMILES.search(text) else "no words")
    if len(low.split()) > MOST_WORDS:
        return Talk("a pasted page")
    language = language_of(text, known_word)
    if thanked := thanked_in(text):
        return Talk("thanks", "thanks", thanked)
    if language:
        return Talk("another language", language=language)
    if courtesy := _courtesy([_respelled(w, known_word) for w in words]):
        return courtesy
    for kind, alone in forms.ALONE.items():
        if words and set(words) <= alone and not any(c.isdigit() for c in low):  # "34 please" is a size
            return Talk(kind)
    for kind, pattern in forms.PLAIN:
        if pattern.search(low):
            return Talk(kind, "explain" if kind == "the wishes" else "other")
    for kind, pattern in forms.WEAK:
        if pattern.search(low):
            about_goods = forms.REQUEST.search(low) or names_goods()
            return None if about_goods else Talk(kind, _ACTS.get(kind, "other"))
    return None


def _respelled(word: str, known_word: Callable[[str], bool]) -> str:
    """A word of courtesy with one slip in it ("thnaks") as it is spelled; a tank is no thank."""
    if len(word) < 4 or word in forms.HELLO or word in _POLITE or word in forms.COURTEOUS or known_word(word):
        return word
    near = (w for w in sorted(_POLITE) if len(w) >= 4 and OSA.distance(word, w, score_cutoff=1) <= 1)
    return next(near, word)


def _courtesy(words: list[str]) -> Talk | None:
    """A greeting or thanks: nothing but such words, and one that says which."""
    said = set(words)
    if not said or len(words) > 14 or said - forms.HELLO - forms.THANKS - forms.BYE - forms.COURTEOUS:
        return None
    if said & {"done", "finished"} and "well" not in said and len(said) < len(("that", "is", "me", "done")):
        return Talk("thanks", "thanks")
    if said & (forms.THANKS | forms.BYE) or {"see", "you"} <= said or {"take", "care"} <= said:
        return Talk("thanks", "thanks")
    if said & forms.HELLO_ALONE or any(set(day.split()) <= said for day in forms.GOOD_DAYS):
        return Talk("greeting", "greet")
    return None
