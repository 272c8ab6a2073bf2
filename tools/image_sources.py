"""Where the pictures of a catalogue's products lie on this machine.

A catalogue names them in ``image_url``: a path beside the catalogue's file, a ``file:`` address, or one on the web.
Nothing is ever fetched: pictures of the web are looked for by name in a folder to which the shop has copied them. The
names come from sellers, so that only what lies inside the shop's own folders is opened.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shopping_assistant.tools.catalog import Catalog

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
_ON_THE_WEB = ("http", "https")


@dataclass(frozen=True)
class PictureFile:
    """A product's picture: its row in the catalogue, its file, and what changes whenever the file does."""

    row: int
    product_id: str
    path: Path
    mark: str


@dataclass(frozen=True)
class Unfound:
    """A product with an ``image_url`` and no picture here, and why."""

    product_id: str
    why: str


@dataclass(frozen=True)
class PictureFolders:
    """Where to look: ``given``, the folder of ``--pictures``, and ``beside``, the one the catalogue came from."""

    given: Path | None = None
    beside: Path | None = None

    @property
    def roots(self) -> tuple[Path, ...]:
        return tuple(folder.resolve() for folder in (self.given, self.beside) if folder is not None)

    def find(self, product_id: str, image_url: str | None) -> Path | Unfound | None:
        """The product's picture; `Unfound` where the catalogue names one that is not here, None where it names none."""
        named = (image_url or "").strip()
        for candidate in self._candidates(product_id, named):
            found = self._inside(candidate)
            if found is not None:
                return found
        return Unfound(product_id, self._why_not(named)) if named else None

    def _candidates(self, product_id: str, named: str) -> Iterator[Path]:
        web = urlsplit(named).scheme.lower() in _ON_THE_WEB
        path = _path_of(named)
        if path is not None and not web:
            yield from ([path] if path.is_absolute() else [root / path for root in self.roots])
        if self.given is None:
            return
        if path is not None and path.name:
            # As copied from a server: with its folders, or all in one.
            yield self.given / str(path).lstrip("/")
            yield self.given / path.name
        if "/" in product_id or "\\" in product_id:
            return
        for ending in ENDINGS:
            yield self.given / f"{product_id}{ending}"
            # H&M's pictures stand in folders by the first three digits of their number.
            yield self.given / product_id[:3] / f"{product_id}{ending}"

    def _inside(self, candidate: Path) -> Path | None:
        """The file itself, when it is one and lies in one of the folders, links followed."""
        try:
            found = candidate.resolve()
            if not stat.S_ISREG(found.stat().st_mode):
                return None
        except (OSError, ValueError, RuntimeError):  # a name that is too long, holds a zero byte, or links to itself
            return None
        return found if any(found.is_relative_to(root) for root in self.roots) else None

    def _why_not(self, named: str) -> str:
        scheme = urlsplit(named).scheme.lower()
        if scheme in _ON_THE_WEB and self.given is None:
            return "its picture is on the web and nothing is fetched: copy the pictures and name the folder"
        if scheme in _ON_THE_WEB:
            return f"its picture is on the web, and there is none of that name in {self.given}"
        where = " or ".join(str(root) for root in self.roots) or "any folder: none is known"
        return f"there is no such file in {where}"


def _path_of(named: str) -> Path | None:
    """The path of an address or a name; None where there is none."""
    if not named:
        return None
    parts = urlsplit(named)
    if parts.scheme.lower() in (*_ON_THE_WEB, "file"):
        return Path(unquote(parts.path)) if parts.path else None
    return Path(named)


def picture_files(catalog: Catalog, folders: PictureFolders) -> tuple[list[PictureFile], list[Unfound]]:
    """The pictures of all products the shop has, in the catalogue's order, and those that are named and not here."""
    files: list[PictureFile] = []
    missing: list[Unfound] = []
    for row, named in enumerate(catalog.frame["image_url"].to_list()):
        if not catalog.listed[row]:
            continue
        found = folders.find(catalog.ids[row], named)
        if isinstance(found, Unfound):
            missing.append(found)
        elif found is not None:
            is_now = found.stat()
            mark = f"{found} {is_now.st_size} {is_now.st_mtime_ns}"
            files.append(PictureFile(row, catalog.ids[row], found, mark))
    return files, missing


def told_of_missing(missing: Sequence[Unfound], most: int = 3) -> str:
    """Why pictures are missing, the most frequent reason first, each with its number; "" for none."""
    count: dict[str, int] = {}
    for m in missing:
        count[m.why] = count.get(m.why, 0) + 1
    frequent = sorted(count.items(), key=lambda pair: -pair[1])[:most]
    return "; ".join(f"{n:,} products: {why}" for why, n in frequent)
