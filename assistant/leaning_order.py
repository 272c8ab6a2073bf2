"""How wishes that only order (`Leaning`) move products up and down a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shopping_assistant.assistant.answers.reasons import short_title
from shopping_assistant.assistant.kinship import Kinship
from shopping_assistant.assistant.language.degree_words import HUES, LITTLE, MUCH
from shopping_assistant.assistant.language.leanings import JUDGED, PHOTO, Leaning
from shopping_assistant.assistant.language.scales import STATED, Scale, Scales
from shopping_assistant.assistant.language.stated import Stated

# Weights beside a search score, whose cosine and best word count 1 and 0.6. Chosen on half of the FashionIQ
# conversations (`eval/understanding/fashioniq.py`), the figures are of the other half; docs/experiments.md has more.
NEAR = 2.0  # to the product looked at, by title and words
OLDER = 1.0  # of a product looked at before the last one
MOVED = 3.0  # along what the catalogue states
MOVED_BY_TITLES = 0.3  # the same where only some titles say it
OPPOSITES = 0.05  # from the words for less of it to those for more, in sentence vectors, where only some titles say it
TOWARDS = 0.15  # a word that is on no scale: "more whimsical"
BEARS = 2.0  # a value that would be liked
OF_THE_HUE = 1.5  # a shade asked for that is another of the same hue
BEARS_TAG = 0.6  # the same of an attribute that is stated now and then
# Steps asked for: "a bit longer", "longer", "much longer"; each step beside them costs so much.
STEPS = {"little": 1.0, "": 1.5, "much": 3.0}
STEP_COSTS = 0.15
# A step less than this is none: two names of one shade.
NOTICED = 0.4
# What a thumb adds for a product like the one judged. Among products that meet all wishes it breaks ties, and is less
# than one word of the search; chosen on validation sessions, docs/experiments.md (21 November 2026).
LIKED, DISLIKED = 0.4, 0.2
# Products looked at that still count; a long conversation has been elsewhere meanwhile.
LOOKED_AT = 3
# A spread of likeness to the shopper's photo: what looks most like it is 2 to 4 of them away from the others, so that
# two or three words, or one wish by degree, turn the order as well.
LOOKS = 1.0
# Who wants another one has seen this one: it comes last.
PASSED = 100.0
_KEPT = 500
_SHADES = frozenset("shade tone tint hue".split())


@dataclass(frozen=True)
class Words:
    """What a search knows of words and titles: scores of a text ``(n,)`` and, where there are any, title vectors."""

    scores: Callable[..., np.ndarray]
    vectors: np.ndarray | None
    encode: Callable[[list[str]], np.ndarray] | None


class LeaningOrder:
    """Scores of all products for the leanings that hold. Made once for a shop."""

    def __init__(self, scales: Scales, words: Words, looks: Callable[[str], np.ndarray] | None = None):
        """``looks`` says how much each product looks like a photo, ``(n,)``; None where this shop sees none."""
        self.scales, self.catalog, self._words, self._looks = scales, scales.catalog, words, looks
        self._stated = Stated(scales.catalog)
        self._kinship = Kinship(scales.catalog, scales.vocabulary, words.vectors)
        self._encoded: dict[str, np.ndarray] = {}

    def scores(self, leanings: Sequence[Leaning], mask: np.ndarray | None = None) -> np.ndarray:
        """What the leanings add to a search score, ``(n,)`` float32.

        Args:
            mask: the products that are ordered ``(n,)``: steps are counted among them.
        """
        total = self._judged([w for w in leanings if w.attribute == JUDGED and w.than in self.catalog], mask)
        leanings = [w for w in leanings if w.attribute != JUDGED]
        fading = 1.0
        for wish in reversed([w for w in leanings if not w.attribute][-LOOKED_AT:]):
            if wish.than in self.catalog:
                total += (1 if wish.direction == "like" else -1) * NEAR * fading * self._nearness(wish.than)
                fading *= OLDER
        for wish in leanings:
            if wish.attribute:
                total += self._of(wish, mask)
            elif wish.than in self.catalog:
                total[self.catalog.index(wish.than)] -= PASSED
        return total

    def _judged(self, thumbs: Sequence[Leaning], mask: np.ndarray | None) -> np.ndarray:
        """What is like the products judged, on the average of each verdict; cards of a refused reply come last."""
        total = np.zeros(len(self.catalog), dtype=np.float32)
        for direction, weight in (("like", LIKED), ("unlike", -DISLIKED)):
            found = [self._kinship.of(w.than, mask) for w in thumbs if w.direction == direction and not w.values]
            found = [likeness for likeness in found if likeness.any()]  # of another kind: nothing is said of these
            if found:
                total += weight * np.mean(found, axis=0)
        total[[self.catalog.index(w.than) for w in thumbs if w.values]] -= PASSED
        return total

    def _of(self, wish: Leaning, mask: np.ndarray | None) -> np.ndarray:
        sign = 1.0 if wish.direction in ("more", "like") else -1.0
        if wish.attribute == PHOTO:
            known = self._looks is not None and len(wish.values) == 2  # a name, and the vector it stands for
            return LOOKS * self._looks(wish.values[1]) if known else np.zeros(len(self.catalog), dtype=np.float32)
        if wish.direction in ("like", "unlike"):
            return sign * self._bearing(wish)
        scale = self.scales.by_attribute(wish.attribute, wish.values[0] if wish.values else "")
        if scale is None:
            return sign * TOWARDS * self._along(wish.values[0] if wish.values else wish.said, "", wish.than)
        named = tuple(v for v in wish.values if v in wish.said.split())
        moved = self._moved(scale, int(sign), wish, mask)
        if scale.degree.name == "color" and _SHADES & set(wish.said.split()) and wish.than in self.catalog:
            moved = moved + OF_THE_HUE * self._of_its_hue(wish.than) * (moved > 0)
        # "More casual" names where it leads.
        return moved + self._bearing(replace(wish, values=named)) if named and scale.attribute != "text" else moved

    def _nearness(self, product_id: str) -> np.ndarray:
        row = self.catalog.index(product_id)
        title = self.catalog.titles[row]
        if self._words.vectors is None:
            scores = self._words.scores(title)
            best = scores.max(initial=0.0)
            return scores / best if best > 0 else scores
        return self._words.scores(title, self._words.vectors[row])

    def _bearing(self, wish: Leaning) -> np.ndarray:
        """What it is worth to have one of the values; words of titles are looked for by the search itself."""
        has = np.zeros(len(self.catalog), dtype=np.float32)
        for value in wish.values if wish.attribute != "text" else ():
            has[self.catalog.rows_with(wish.attribute, value)] = 1.0
        return has * (BEARS if self._stated.can_filter(wish.attribute) else BEARS_TAG)

    def _of_its_hue(self, product_id: str) -> np.ndarray:
        """1 for each product ``(n,)`` whose colour is of the hue of this one's, else 0."""
        of_hue = np.zeros(len(self.catalog), dtype=np.float32)
        words = (self.catalog.product(product_id).color or "").lower().split()[-1:]
        hue = next((h for h in HUES if set(words) & h), frozenset())
        for value in self.scales.vocabulary.values.get("color", ()):
            if set(value.split()[-1:]) & hue:
                of_hue[self.catalog.rows_with("color", value)] = 1.0
        return of_hue

    def _moved(self, scale: Scale, sign: int, wish: Leaning, mask: np.ndarray | None) -> np.ndarray:
        """From -1 for the wrong way over 1 for as far as asked for; 0 where nothing says where a product stands."""
        at = self.scales.positions(scale)
        out = np.zeros(len(at), dtype=np.float32)
        start = float(at[self.catalog.index(wish.than)]) if wish.than in self.catalog else float("nan")
        known = ~np.isnan(at)
        if np.isnan(start):
            # Nobody knows how long that one is: the further the better.
            among = at[known & mask] if mask is not None else at[known]
            if len(among):
                span = max(float(among.max() - among.min()), 1.0)
                middle = float(among.max() + among.min()) / 2
                out[known] = np.clip(sign * (at[known] - middle) / span * 2, -1, 1)
        else:
            steps = _ranks(at, known & mask if mask is not None else known, start)
            gone = sign * steps[known]
            wanted = STEPS["little" if _said(wish, LITTLE) else "much" if _said(wish, MUCH) else ""]
            out[known] = np.where(
                gone < -NOTICED, -1.0, np.where(gone <= NOTICED, -0.7, 1 - STEP_COSTS * np.abs(gone - wanted))
            )
        if float((known & mask).sum() if mask is not None else known.sum()) < STATED * (
            mask.sum() if mask is not None else len(at)
        ):
            words = ", ".join(scale.degree.more[:3]), ", ".join(scale.degree.less[:3])
            out = MOVED_BY_TITLES * out + sign * OPPOSITES * self._along(words[0], words[1], wish.than)
            return out.astype(np.float32)
        return MOVED * out

    def _along(self, more: str, less: str, than: str | None) -> np.ndarray:
        """How far each title lies towards one word and away from the other, in standard deviations, at most 2."""
        if self._words.encode is None:
            scores = self._words.scores(more)
            best = scores.max(initial=0.0)
            return scores / best if best > 0 else scores
        direction = self._encode(more) - (self._encode(less) if less else 0.0)
        along = self._words.vectors @ direction
        start = along[self.catalog.index(than)] if than in self.catalog else along.mean()
        return np.clip((along - start) / (along.std() + 1e-6), -2, 2).astype(np.float32) / 2

    def _encode(self, text: str) -> np.ndarray:
        if text not in self._encoded:
            if len(self._encoded) > _KEPT:
                self._encoded.clear()
            self._encoded[text] = self._words.encode([text])[0]
        return self._encoded[text]


def _ranks(at: np.ndarray, known: np.ndarray, start: float) -> np.ndarray:
    """Positions in steps from ``start``: of the levels that there are among ``known``, where these are few."""
    levels = np.unique(at[known])
    if not len(levels) or len(levels) > 12 or (levels % 1 > 0).any():
        return at - start
    places = np.interp(at, levels, np.arange(len(levels)))
    return places - np.interp(start, levels, np.arange(len(levels)))


def _said(wish: Leaning, adverbs: frozenset[str]) -> bool:
    return bool(adverbs & set(wish.said.split()))


def than(wish: Leaning, scales: Scales, product_id: str) -> str:
    """ "longer than the Maren Trench Coat" where that is so by the catalogue, else ""."""
    how = truly(wish, scales, product_id)
    return f"{how} than the {short_title(scales.catalog.product(wish.than))}" if how else ""


def truly(wish: Leaning, scales: Scales, product_id: str) -> str:
    """The comparative that is true of a product beside the one compared with, "" for none: "longer"."""
    if wish.direction not in ("more", "less") or wish.than not in scales.catalog or wish.than == product_id:
        return ""
    scale = scales.by_attribute(wish.attribute, wish.values[0] if wish.values else "")
    if scale is None or scale.attribute == "text":
        return ""
    at, sign = scales.positions(scale), 1 if wish.direction == "more" else -1
    here, there = (float(at[scales.catalog.index(p)]) for p in (product_id, wish.than))
    return scale.degree.reasoned[0 if sign > 0 else 1] if sign * (here - there) > NOTICED / 4 else ""
