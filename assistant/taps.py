"""Turns without a sentence: a wish tapped away, a step back, a step forward. What they mean is read from the tap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.language.understanding import Before, Understood
from shopping_assistant.assistant.language.wishes import BRING_BACK, FORGET_LAST
from shopping_assistant.assistant.picture_search import Photo, PictureSearch, seen, wished
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.errors import ShopError

_FORMS = '{"drop": a wish as the turn object has it}, {"undo": true}, {"redo": true} or {"photo": its bytes}'


class TapError(ShopError):
    """A tap that is none: nothing a shopper could have tapped."""


@dataclass(frozen=True)
class Tap:
    """What was tapped. ``wish`` is the constraint or the leaning of the chip, for "drop" alone.

    ``photo`` is what the shop's model made of a photo, for "photo" alone: its bytes go no further than to the model.
    """

    kind: Literal["drop", "undo", "redo", "photo"]
    wish: Constraint | Leaning | None = None
    photo: Photo | None = None

    def as_dict(self) -> dict[str, Any]:
        """The tap in the form that `read` takes; a photo as what was seen of it, see `in_state`."""
        if self.photo is not None:
            return {"photo": [self.photo.name, self.photo.vector]}
        return {self.kind: self.wish.as_dict() if self.wish is not None else True}

    @property
    def told(self) -> dict[str, Any]:
        """The tap as the turn object has it: of a photo only that there was one."""
        return {"photo": True} if self.photo is not None else self.as_dict()

    @property
    def words(self) -> str:
        """The tap as a chat model reads it in the place of a sentence. No shopper said this."""
        if self.kind == "photo":
            return "(showed a photo: something like this)"
        if self.kind != "drop":
            return "(tapped: undo, one step back)" if self.kind == "undo" else "(tapped: redo, what was undone returns)"
        w = self.wish
        if isinstance(w, Constraint):
            return f"(tapped away: {w.attribute} {w.op} {', '.join(map(str, w.values))})"
        return f"(tapped away: {w.direction} {w.attribute or w.said})"


def in_state(given: Mapping[str, Any]) -> Tap:
    """What `Tap.as_dict` made."""
    photo = given.get("photo")
    return Tap("photo", photo=Photo(*photo)) if photo else read(given)


def read(given: Mapping[str, Any], pictures: Callable[[], PictureSearch | None] = lambda: None) -> Tap:
    """A tap as the page sends it.

    Args:
        pictures: gives what looks at a photo; asked only when one was shown.

    Raises:
        TapError: it is none of the forms.
        PictureError: a photo that cannot be looked at, in a sentence for the shopper.
    """
    if not isinstance(given, Mapping) or len(given) != 1:
        raise TapError(f"tap {given!r}: expected one of {_FORMS}")
    ((kind, value),) = given.items()
    if kind in ("undo", "redo") and value is True:
        return Tap(kind)
    if kind == "photo":
        return Tap(kind, photo=seen(pictures(), value))
    if kind != "drop" or not isinstance(value, Mapping):
        raise TapError(f"tap {given!r}: expected one of {_FORMS}")
    try:
        return Tap("drop", (Leaning if "direction" in value else Constraint).from_dict(dict(value)))
    except ShopError as error:
        raise TapError(f"tap {given!r}: {error}") from error


def understood(tap: Tap, known: Before) -> tuple[Understood, bool]:
    """What a tap means, and whether there was anything to tap: a page may still show a chip of two turns ago."""
    same = Understood("refine", known.constraints, words=known.words, leanings=known.leanings)
    if tap.photo is not None:
        # With nothing wished for it begins something; else it is one more wish.
        act = "refine" if known.constraints or known.words else "search"
        return replace(same, act=act, leanings=wished(known.leanings, tap.photo)), True
    if tap.kind != "drop":
        forgot = (FORGET_LAST,) if tap.kind == "undo" else (BRING_BACK,)
        held = known.after(forgot)
        there = bool(known.earlier if tap.kind == "undo" else known.undone)
        return Understood(
            "undo", held.constraints, forgot=forgot if there else (), words=held.words, leanings=held.leanings
        ), there
    if isinstance(tap.wish, Leaning):
        left = tuple(w for w in known.leanings if not _same_leaning(w, tap.wish))
        return replace(same, leanings=left, forgot=_about(tap.wish)), len(left) < len(known.leanings)
    kept = tuple(c for old in known.constraints for c in _left_of(old, tap.wish))
    if kept == known.constraints:
        return same, False
    return replace(same, constraints=kept, forgot=_about(tap.wish)), True


def _about(wish: Constraint | Leaning) -> tuple[str, ...]:
    return (wish.attribute,) if wish.attribute else ()


def _same_leaning(held: Leaning, tapped: Leaning) -> bool:
    mine, its = ((w.attribute, w.direction, w.values, w.than) for w in (held, tapped))
    return mine == its


def _left_of(held: Constraint, tapped: Constraint) -> tuple[Constraint, ...]:
    """What remains of a wish when values of it are tapped away: nothing, or its other values."""
    if (held.attribute, held.op) != (tapped.attribute, tapped.op) or not set(tapped.values) <= set(held.values):
        return (held,)
    values = tuple(v for v in held.values if v not in tapped.values)
    if not values:
        return ()
    words = held.said.split(", ")
    each = len(words) == len(held.values)
    words = [w for w, v in zip(words, held.values, strict=True) if v in values] if each else values
    return (replace(held, values=values, said=", ".join(map(str, words))),)
