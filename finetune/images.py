"""Sees a shop's pictures with the image encoder that the shop names, for `shop build`: one vector a product.

Nothing is trained. What was seen before is not looked at again while the file and the model are the same, also after an
interruption; a picture that cannot be read is listed beside the vectors, and its product is found by its title.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.image_decoding import PictureError, decoded
from shopping_assistant.tools.image_encoder import SAME_PROBE, ImageEncoder
from shopping_assistant.tools.image_index import DESCRIPTION, NAME, ImageIndex, where
from shopping_assistant.tools.image_sources import PictureFile, PictureFolders, picture_files, told_of_missing
from shopping_assistant.tools.store import Store

# Pictures seen before they are written down: some seconds of CLIP's work on two cores are lost at most, and 256
# pictures of 768 pixels a side are never in memory together, see `_seen_of`.
BLOCK = 256
# A picture of the shop's own may be larger than a shopper's: a print file, a scan.
MOST_BYTES = 64 * 1024 * 1024
NOT_NAMED = "no image encoder is named; with one, shoppers can show a photo: shop build --image-encoder NAME_OR_FOLDER"
#: In the place of an encoder's name: photos are looked at no more.
NONE = "none"
Progress = Callable[[int, int], None]


class ShopPictures:
    """One store's pictures, found once."""

    def __init__(self, store: Store):
        self.store = store
        chosen = store.image_choice
        self.encoder: str | None = chosen.get("encoder")
        folders = (chosen.get("pictures"), store.made_by("catalog").get("folder"))
        self.folders = PictureFolders(*(Path(f) if f else None for f in folders))

    @cached_property
    def _found(self):
        return picture_files(self.store.catalog(), self.folders)

    @cached_property
    def _model(self) -> ImageEncoder:
        return ImageEncoder.load(where(self.store, self.encoder))

    def why_not(self) -> str:
        """Why there is nothing to be made; "" where there is."""
        if not self.encoder:
            return NOT_NAMED
        files, missing = self._found
        if files or self._model.reads:
            return ""
        told = told_of_missing(missing) or "the catalogue names none"
        return f"no product has a picture here ({told}); name the folder with --pictures DIR"

    def settings(self) -> dict | None:
        """What the vectors depend on, JSON-ready: the model, the pictures' files, the titles; None without a model."""
        if not self.encoder:
            return None
        files, _ = self._found
        weights = Path(where(self.store, self.encoder)) / "model.safetensors"
        is_now = weights.stat() if weights.is_file() else None
        catalog = self.store.catalog()
        told = [*(f"{f.product_id} {f.mark}" for f in files), *catalog.ids, *catalog.titles]
        return {
            "encoder": self.encoder,
            "weights": [is_now.st_size, is_now.st_mtime_ns] if is_now else None,
            "products": hashlib.sha256("\n".join(told).encode()).hexdigest(),
        }

    def make(self, progress: Progress | None = None) -> dict:
        """See what was not seen yet and write the vectors.

        Returns:
            How many pictures were seen, titles stand in, pictures could not be read, and are named but not here.

        Raises:
            ImageEncoderError: the model cannot be loaded.
        """
        files, missing = self._found
        parts = self.store.model_dir(NAME).with_name(f".{NAME}.parts")
        vectors, unreadable = _Seen(self.store, self._model, parts).of(files, progress)
        pictured = [f for f in files if f.mark in vectors]
        titled = self._titled({f.product_id for f in pictured})
        of_pictures = [vectors[f.mark] for f in pictured]
        table = np.stack([*of_pictures, *self._model.encode_texts([t for _, t in titled])]) if titled else (
            np.stack(of_pictures) if of_pictures else np.zeros((0, self._model.dim), np.float32)
        )  # fmt: skip
        index = ImageIndex(
            (*(f.product_id for f in pictured), *(p for p, _ in titled)), table,
            np.arange(len(table)) >= len(pictured), self.encoder, self._model.probe,
        )  # fmt: skip
        more = {
            "marks": [f.mark for f in pictured],
            "unreadable": [{"product_id": p, "why": why} for p, why in unreadable],
            "not_here": [{"product_id": m.product_id, "why": m.why} for m in missing],
        }
        with self.store.replacing(NAME) as folder:
            index.save(folder, more)
        shutil.rmtree(parts, ignore_errors=True)
        return {
            "pictures": len(pictured), "titles in their place": len(titled), "unreadable": len(unreadable),
            "not here": len(missing), "dim": self._model.dim,
        }  # fmt: skip

    def _titled(self, pictured: set[str]) -> list[tuple[str, str]]:
        """Products without a picture, with the text that stands in; none where the model reads no text."""
        catalog = self.store.catalog()
        if not self._model.reads:
            return []
        there = zip(catalog.ids, catalog.titles, catalog.listed.tolist(), strict=True)
        return [(p, title) for p, title, listed in there if listed and p not in pictured]

    def note(self, figures: dict) -> str:
        """What the owner of the shop should know of the result."""
        told = []
        if figures["unreadable"]:
            told.append(f"pictures that cannot be read are listed in {self.store.model_dir(NAME) / DESCRIPTION}")
        if figures["not here"]:
            told.append(f"{told_of_missing(self._found[1])}: name the folder with --pictures DIR")
        return "; ".join(told)


def choose(store: Store, encoder: str | None, pictures: Path | None) -> None:
    """Write down which model sees this store's pictures, and where they lie; None leaves either as it is.

    Args:
        encoder: its name or folder; `NONE` for none any more.

    Raises:
        ImageChoiceError: the folder of pictures is none, or no model is named for it.
    """
    chosen = dict(store.image_choice)
    if encoder == NONE:
        store.choose_images({})
        return
    if encoder is not None:
        folder = Path(encoder)
        # A folder is found again whatever the next command's working directory is.
        chosen["encoder"] = str(folder.resolve()) if folder.is_dir() else encoder
    if pictures is not None:
        if not pictures.is_dir():
            raise ImageChoiceError(f"--pictures {pictures} is no folder; name the one that holds the pictures")
        chosen["pictures"] = str(pictures.resolve())
    if not chosen.get("encoder"):
        raise ImageChoiceError("--pictures needs a model to see them; name one with --image-encoder NAME_OR_FOLDER")
    store.choose_images(chosen)


class ImageChoiceError(ShopError):
    """An image encoder or a folder of pictures that cannot be chosen."""


class _Seen:
    """What a model makes of picture files, written down block by block."""

    def __init__(self, store: Store, model: ImageEncoder, parts: Path):
        self._model, self._parts = model, parts
        self._known = {**_of_index(store.model_dir(NAME), model), **_of_parts(parts, model)}

    def of(
        self, files: Sequence[PictureFile], progress: Progress | None
    ) -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
        """Vectors by `PictureFile.mark`, and the products whose picture cannot be read, with the reason."""
        unreadable: list[tuple[str, str]] = []
        new = [f for f in files if f.mark not in self._known]
        done = len(files) - len(new)
        for start in range(0, len(new), BLOCK):
            block = {}
            for file, vector in _seen_of(self._model, new[start : start + BLOCK], unreadable):
                block[file.mark] = vector
            self._write(block)
            self._known |= block
            done += len(new[start : start + BLOCK])
            if progress:
                progress(done, len(files))
        return self._known, unreadable

    def _write(self, block: dict[str, np.ndarray]) -> None:
        from safetensors.numpy import save_file

        if not block:
            return
        self._parts.mkdir(parents=True, exist_ok=True)
        number = len(list(self._parts.glob("*.safetensors")))
        temporary = self._parts / f"{number:06}.tmp"
        tables = {"vectors": np.stack(list(block.values())), "probe": self._model.probe}
        save_file(tables, temporary, metadata={"marks": json.dumps(list(block))})
        temporary.replace(temporary.with_suffix(".safetensors"))


def _seen_of(
    model: ImageEncoder, files: Sequence[PictureFile], unreadable: list[tuple[str, str]], batch: int = 16
) -> Iterator[tuple[PictureFile, np.ndarray]]:
    """Each file that can be read with its vector; the others go to ``unreadable``."""
    for start in range(0, len(files), batch):
        read = []
        for file in files[start : start + batch]:
            try:
                read.append((file, decoded(_bytes_of(file.path), MOST_BYTES)))
            except (PictureError, OSError) as error:
                unreadable.append((file.product_id, f"{file.path}: {error}"))
        yield from zip([f for f, _ in read], model.encode([p for _, p in read], batch), strict=True)


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _of_index(folder: Path, model: ImageEncoder) -> dict[str, np.ndarray]:
    """The vectors of the index that is there, by mark; none where another model made it."""
    try:
        index = ImageIndex.load(folder)
        marks = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["marks"]
    except (ShopError, OSError, KeyError, ValueError):
        return {}
    if not index.fits(model):
        return {}
    return dict(zip(marks, index.vectors[~index.of_title], strict=True))


def _of_parts(folder: Path, model: ImageEncoder) -> dict[str, np.ndarray]:
    """What an interrupted build had seen."""
    from safetensors import SafetensorError, safe_open

    known: dict[str, np.ndarray] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as part:
                marks, probe = json.loads(part.metadata()["marks"]), part.get_tensor("probe")
                if len(probe) == model.dim and float(probe @ model.probe) >= SAME_PROBE:
                    known |= dict(zip(marks, part.get_tensor("vectors"), strict=True))
        except (SafetensorError, OSError, KeyError, TypeError, ValueError):  # its pictures are seen again
            continue
    return known
