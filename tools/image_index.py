"""The vectors of a shop's pictures, and what in the shop looks like another picture.

Products without a picture can be found too where the model reads texts: their title stands in. A title is seldom as
near to a picture as two pictures are to each other (Liang et al., *Mind the Gap*, 2022), so that each kind is compared
with its own like: what counts is how far a product stands out among those of its kind.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.image_encoder import SAME_PROBE, ImageEncoder
from shopping_assistant.tools.store import Store, write_json

FORMAT = 1
NAME = "images"
DESCRIPTION, VECTORS = "images.json", "vectors.safetensors"
# Pictures and titles that cannot be told apart are all alike: no spread to count in.
_LEAST_SPREAD = 1e-6


class ImageIndexError(ShopError):
    """The pictures of a store are missing, damaged, or those of another model."""


@dataclass(frozen=True)
class ImageIndex:
    """One vector a product.

    Attributes:
        product_ids: the products, ``(m,)``.
        vectors: ``(m, dim)`` float32 unit rows.
        of_title: ``(m,)`` bool, where the title stands in for a picture.
        encoder: the model's name or folder.
        probe: what the model makes of its probe, ``(dim,)``.
    """

    product_ids: tuple[str, ...]
    vectors: np.ndarray
    of_title: np.ndarray
    encoder: str
    probe: np.ndarray

    def places(self, catalog: Catalog) -> np.ndarray:
        """The catalogue's row of each vector, ``(m,)`` int64; -1 for a product that is no longer in it."""
        return np.array([catalog.index(p) if p in catalog else -1 for p in self.product_ids], dtype=np.int64)

    def likeness(self, vector: np.ndarray, places: np.ndarray, n: int) -> np.ndarray:
        """How much each of ``n`` products looks like a picture: ``(n,)`` float32, NaN where nothing is known of it.

        Cosines as spreads from the mean of their kind: 0 is like any other product, 3 is rare.

        Args:
            vector: the picture's, ``(dim,)``.
            places: of `places`, ``(m,)``.
        """
        cosine = self.vectors @ np.asarray(vector, dtype=np.float32)
        for kind in (self.of_title, ~self.of_title):
            if kind.any():
                own = cosine[kind]
                cosine[kind] = (own - own.mean()) / max(float(own.std()), _LEAST_SPREAD)
        out = np.full(n, np.nan, dtype=np.float32)
        there = places >= 0
        out[places[there]] = cosine[there]
        return out

    def fits(self, encoder: ImageEncoder) -> bool:
        """Whether these vectors were made by that model."""
        return encoder.dim == len(self.probe) and float(encoder.probe @ self.probe) >= SAME_PROBE

    def save(self, folder: Path, more: dict | None = None) -> None:
        """Write ``images.json`` and ``vectors.safetensors`` (half precision).

        Args:
            more: further keys of the description, such as pictures that could not be read.
        """
        from safetensors.numpy import save_file

        tables = {
            "vectors": np.ascontiguousarray(self.vectors, dtype=np.float16),
            "of_title": self.of_title.astype(np.uint8),
            "probe": np.ascontiguousarray(self.probe, dtype=np.float32),
        }
        save_file(tables, folder / VECTORS)
        described = {"format": FORMAT, "encoder": self.encoder, "product_ids": list(self.product_ids)}
        write_json(folder / DESCRIPTION, {**described, **(more or {})})

    @classmethod
    def load(cls, folder: Path) -> ImageIndex:
        """Read what `save` wrote.

        Raises:
            ImageIndexError: there is none, or it is damaged or of another format.
        """
        from safetensors.numpy import load_file

        again = "make it again with `shop build --only images`"
        try:
            described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            if described["format"] != FORMAT:
                raise ImageIndexError(f"{folder}: format {described['format']!r}, expected {FORMAT}; {again}")
            tables = load_file(folder / VECTORS)
            vectors, ids = tables["vectors"].astype(np.float32), tuple(described["product_ids"])
            of_title, probe, encoder = tables["of_title"].astype(bool), tables["probe"], described["encoder"]
        except ShopError:
            raise
        except Exception as error:  # safetensors raises errors of its own kind
            raise ImageIndexError(f"{folder} cannot be read ({type(error).__name__}: {error}); {again}") from error
        if not len(vectors) == len(ids) == len(of_title):
            raise ImageIndexError(f"{folder}: {len(vectors)} vectors of {len(ids)} products; {again}")
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return cls(ids, vectors, of_title, encoder, probe)

    @classmethod
    def open(cls, store: Store) -> ImageIndex:
        """That of a store.

        Raises:
            ImageIndexError: it has none, or one that cannot be read.
        """
        if not store.has(NAME):
            raise ImageIndexError(
                f"{store.path} knows no pictures; name a model: shop build --store {store.path} --image-encoder NAME"
            )
        return cls.load(store.model_dir(NAME))


def encoder_of(store: Store, index: ImageIndex) -> ImageEncoder:
    """The model that made a store's vectors, from this machine alone, without its text side.

    A folder is looked for beside the store too, so that a shop can carry its model along.

    Raises:
        ImageEncoderError: it is not here.
        ImageIndexError: it is another one than the vectors were made by.
    """
    encoder = ImageEncoder.load(where(store, index.encoder), local=True, with_texts=False)
    if not index.fits(encoder):
        raise ImageIndexError(
            f"the pictures of {store.path} were seen by another model than {index.encoder} is now; see them again with "
            "`shop build --only images`"
        )
    return encoder


def where(store: Store, name: str) -> str:
    """A model's name, or its folder: as given, or inside the store."""
    inside = store.path / name
    return str(inside) if inside.is_dir() else name
