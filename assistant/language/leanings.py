"""Wishes that order products and never shut one out: "darker", "more like the second", "something for the beach"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from shopping_assistant.tools.errors import ShopError

Direction = Literal["more", "less", "like", "unlike"]
DIRECTIONS = get_args(Direction)
#: The attribute of a leaning that no word was said for: a thumb on the product it names in ``than``.
JUDGED = "(judged)"
#: That of a photo that was shown, named in ``values``: see `picture_search`.
PHOTO = "(photo)"
# Of a hundred turns the latest wishes are what is wanted now, and a state stays small.
KEPT = 24


class LeaningError(ShopError):
    """A leaning that points nowhere."""


@dataclass(frozen=True)
class Leaning:
    """A wish by degree, or a guessed one.

    Args:
        attribute: as the catalogue names it, "text" for words of titles and descriptions, "" for the whole product.
        direction: "more" or "less" of ``attribute`` (longer, cheaper, darker), "like" or "unlike" ``values``
            or ``than``.
        values: the catalogue's values meant, best first; empty where only the direction is known.
        said: the shopper's words.
        than: the product compared with, None for none.
    """

    attribute: str
    direction: Direction
    values: tuple[str, ...] = ()
    said: str = ""
    than: str | None = None

    def __post_init__(self):
        if self.direction not in DIRECTIONS:
            expected = ", ".join(DIRECTIONS)
            raise LeaningError(f"leaning on {self.attribute}: direction {self.direction!r}, expected one of {expected}")

    def as_dict(self) -> dict:
        return {"attribute": self.attribute, "direction": self.direction, "values": list(self.values),
                "said": self.said, "than": self.than}  # fmt: skip

    @classmethod
    def from_dict(cls, given: dict) -> Leaning:
        """Read the JSON form back.

        Raises:
            LeaningError: a key is missing, or the direction is none.
        """
        try:
            return cls(str(given["attribute"]), given["direction"], tuple(str(v) for v in given.get("values", ())),
                       str(given.get("said", "")), given.get("than"))  # fmt: skip
        except (KeyError, TypeError) as error:
            raise LeaningError(
                f"leaning {given!r}: expected an object with attribute and direction ({error})"
            ) from error


def with_newer(old: Sequence[Leaning], added: Sequence[Leaning]) -> tuple[Leaning, ...]:
    """``old`` and ``added`` together: a newer one replaces what it repeats or turns round."""
    kept = [o for o in old if not any(_replaces(new, o) for new in added)]
    return (*kept, *dict.fromkeys(added))[-KEPT:]


def _replaces(new: Leaning, old: Leaning) -> bool:
    if new.attribute != old.attribute:
        return False
    by_degree = {"more", "less"}
    if new.direction in by_degree and old.direction in by_degree:
        return True
    if new.attribute == "color" and new.direction == old.direction == "like":
        return not set(new.values) & set(old.values)  # muted colours now, no bright ones any more
    return (new.values, new.than) == (old.values, old.than)
