"""Scratch stores of the measured catalogues, kept between runs, and work on them spread over processes."""

from __future__ import annotations

import csv
import gzip
import hashlib
import inspect
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from shopping_assistant.eval import engines
from shopping_assistant.tools import (
    catalog,
    cell_values,
    dataset_importers,
    search,
    sentence_encoder,
    table_checks,
    table_files,
    table_import,
)
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.search import CatalogSearch, plain_words, searchable_text, values_of, words_of
from shopping_assistant.tools.store import Store, sha256_of
from shopping_assistant.tools.word_match import ProductWords

# What turns a file into a store's catalogue and its titles into vectors.
READERS = (catalog, cell_values, dataset_importers, sentence_encoder, table_checks, table_files, table_import)

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class DataMissing(ShopError):
    """A file of the data that is not where it was looked for, or holds something else."""


def existing(path: Path) -> Path:
    """The path itself.

    Raises:
        DataMissing: there is no such file.
    """
    if not path.is_file():
        raise DataMissing(f"{path} does not exist; give the folder that holds {path.parent.name}/ with --data")
    return path


@contextmanager
def reading(path: Path) -> Iterator[TextIO]:
    """A gzipped text of the data, to be read and parsed within the block.

    Raises:
        DataMissing: there is no such file, or it is damaged.
    """
    try:
        with gzip.open(existing(path), "rt", encoding="utf-8", newline="") as file:
            yield file
    except (OSError, EOFError, zlib.error, ValueError, csv.Error) as error:
        raise DataMissing(f"{path} is damaged ({type(error).__name__}: {error}); fetch it again") from error


def scratch_store(
    name: str, sources: Sequence[Path], scratch: Path, fill: Callable[[Path], None], chosen: Sequence[str] = ()
) -> Store:
    """A searchable store of these files: the one of an earlier run, or a new one.

    Its folder is named by the digest of the files and of the code that reads and indexes them: a store of other data or
    of another index is never taken for it. Older stores of the same name are removed.

    Args:
        fill: lays the catalogue down at the path it is given.
        chosen: what of the files is taken, where it is not all.
    """
    path = scratch / f"{name}-{_digest(sources, chosen)}"
    if (path / "store.json").is_file() and Store.open(path).has("search"):
        return Store.open(path)
    for old in scratch.glob(f"{name}-*"):
        shutil.rmtree(old)
    scratch.mkdir(parents=True, exist_ok=True)
    fill(path)
    store = Store.open(path)
    store.record("search", CatalogSearch.build(store))
    return Store.open(path)


def _digest(sources: Sequence[Path], chosen: Sequence[str]) -> str:
    """Of what an index is made of. How a query is answered is not part of it: to change that costs no new index."""
    texts = (words_of, plain_words, searchable_text, values_of)
    made_by = (*texts, ProductWords, CatalogSearch.build, CatalogSearch._write, *READERS)
    parts = [sha256_of(path) for path in sources] + list(chosen) + [inspect.getsource(code) for code in made_by]
    parts.append(repr((sorted(search.STOP_WORDS), search.K1, search.B, search.TITLE_REPEATS)))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@contextmanager
def own_copy(store: Path) -> Iterator[Path]:
    """The same shop with conversations of its own, gone afterwards: links to what is only read."""
    with tempfile.TemporaryDirectory(prefix="understanding-") as folder:
        for entry in store.iterdir():
            if not entry.name.startswith(("conversations.sqlite", ".")):
                (Path(folder) / entry.name).symlink_to(entry.resolve())
        yield Path(folder)


def spread(
    work: Callable[[Path, list[Item]], list[Answer]], store: Path, items: Sequence[Item], workers: int
) -> list[Answer]:
    """``work(store, items)``, one answer an item, by several processes; the answers come in the items' order.

    Args:
        work: a module's own function, so that another process finds it; items must not depend on each other.
        workers: 1 works in this process.
    """
    workers = max(1, min(workers, len(items)))
    shares = [list(items[i::workers]) for i in range(workers)]
    answers: list[Answer] = [None] * len(items)  # type: ignore[list-item]
    for i, part in enumerate(engines.run(_Work(work, store), shares, workers=workers)):
        answers[i::workers] = part
    return answers


@dataclass(frozen=True)
class _Work:
    """What `engines` runs: the function in each process, once."""

    work: Callable[[Path, list], list]
    store: Path

    def open(self) -> _Work:
        return self

    def rank(self, items: list) -> list:
        return self.work(self.store, items)
