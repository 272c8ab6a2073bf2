"""A shopper's photo as a wish: what looks like it comes first, and all that is said before and after holds.

The photo itself is gone when it was seen. What stays in the conversation is a vector of a kilobyte or two, under a name
made of it; the wish (a `Leaning`) holds the name alone, so that chips, exports and chat models see no figures.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shopping_assistant.assistant import trace
from shopping_assistant.assistant.language.leanings import PHOTO, Leaning
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.image_decoding import PictureError, decoded
from shopping_assistant.tools.image_encoder import ImageEncoder, is_here
from shopping_assistant.tools.image_index import NAME, ImageIndex, encoder_of, where
from shopping_assistant.tools.store import Store

SAID = "like your photo"
# What is seen on a photo, and not asked for beside it.
VISIBLE = ("category", "color", "pattern", "material", "look")
# Photos of one conversation whose vectors are kept: more than anybody goes back to.
KEPT = 6
# A product of which nothing is known to look at comes behind all that are.
UNSEEN = -10.0
NOT_HERE = "I cannot look at photos in this shop; please tell me in words what it looks like"


@dataclass(frozen=True)
class Photo:
    """What a photo looks like to the shop's encoder: a name, and the vector as text (base64 of float16)."""

    name: str
    vector: str

    @classmethod
    def of(cls, vector: np.ndarray) -> Photo:
        raw = np.asarray(vector, dtype=np.float16).tobytes()
        return cls(hashlib.sha256(raw).hexdigest()[:12], base64.b64encode(raw).decode())

    @property
    def wish(self) -> Leaning:
        return Leaning(PHOTO, "like", (self.name,), SAID)


class PictureSearch:
    """One shop's pictures, and the model that sees a shopper's."""

    def __init__(self, index: ImageIndex, encoder: ImageEncoder, catalog: Catalog):
        self._index, self.encoder = index, encoder
        self._places, self._products = index.places(catalog), len(catalog)

    @classmethod
    def open(cls, store: Store, before: PictureSearch | None = None) -> PictureSearch | None:
        """That of a store; None where it has no pictures, or their model is not here, with the cause in the log.

        Args:
            before: that of the shop until now, whose model is taken over where it is the same.
        """
        if not store.has(NAME) or not store.image_choice.get("encoder"):
            return None
        try:
            index = ImageIndex.open(store)
            same = before is not None and index.fits(before.encoder)
            return cls(index, before.encoder if same else encoder_of(store, index), store.catalog())
        except ShopError as error:
            trace.log.warning("no photo can be looked for: %s", error)
            return None

    def see(self, data: bytes) -> Photo:
        """A photo as a wish; its bytes are let go.

        Raises:
            PictureError: it is none, too large or damaged; the sentence is for the shopper.
        """
        return Photo.of(self.encoder.encode([decoded(data)])[0])

    def likeness(self, vector: str) -> np.ndarray:
        """How much each product looks like it, ``(n,)`` float32, in spreads: 0 as any other, 3 is rare."""
        try:
            numbers = np.frombuffer(base64.b64decode(vector, validate=True), dtype=np.float16).astype(np.float32)
        except (binascii.Error, ValueError):
            numbers = np.zeros(0, dtype=np.float32)
        if len(numbers) != self.encoder.dim:  # the shop has another model since: the photo would have to be shown again
            return np.zeros(self._products, dtype=np.float32)
        return np.nan_to_num(self._index.likeness(numbers, self._places, self._products), nan=UNSEEN)


def expected(store: Store) -> bool:
    """Whether a store has pictures and their model seems to be on this machine, without loading it."""
    name = store.image_choice.get("encoder")
    return bool(name) and store.has(NAME) and is_here(where(store, name))


def seen(pictures: PictureSearch | None, data: Any) -> Photo:
    """A photo that a shopper showed.

    Raises:
        PictureError: it cannot be used, or this shop looks at none.
    """
    if pictures is None:
        raise PictureError(NOT_HERE)
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise PictureError("That is no photo; please choose a JPEG, PNG or WebP")
    return pictures.see(bytes(data))


def wished(leanings: Sequence[Leaning], photo: Photo) -> tuple[Leaning, ...]:
    """The wishes that order, with this photo in the place of any before it."""
    return (*(w for w in leanings if w.attribute != PHOTO), photo.wish)


def kept(photos: Mapping[str, str], photo: Photo | None) -> dict[str, str]:
    """Vectors by name, the latest last, `KEPT` at most."""
    if photo is None:
        return dict(photos)
    return dict([*((k, v) for k, v in photos.items() if k != photo.name), (photo.name, photo.vector)][-KEPT:])


def with_vectors(leanings: Sequence[Leaning], photos: Mapping[str, str]) -> tuple[Leaning, ...]:
    """The wishes with the vector of each photo behind its name; one whose vector is gone is left out."""
    return tuple(
        replace(w, values=(w.values[0], photos[w.values[0]])) if w.attribute == PHOTO else w
        for w in leanings
        if w.attribute != PHOTO or (w.values and w.values[0] in photos)
    )
