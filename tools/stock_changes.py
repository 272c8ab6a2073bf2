"""Putting products into a shop and taking them out, without training: one change at a time, whole or not at all.

Files are written first, then the manifest names them in one rename; a process that dies in between leaves files that
nobody reads, and that the next change sweeps away. Nothing here reads or writes more of the big tables than one pass
over the titles' vectors.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import CATALOG_SCHEMA, write_parquet
from shopping_assistant.tools.stock import (
    CHANGE,
    KIN,
    PRODUCTS,
    REMOVED,
    ROW,
    VECTORS,
    Change,
    Kin,
    StockError,
)  # fmt: skip
from shopping_assistant.tools.store import Store, sha256_of, write_json
from shopping_assistant.tools.table_checks import as_text, check_products, match_columns
from shopping_assistant.tools.table_files import ENDINGS, BadRow, Progress, format_of, read_table

# Products whose ids are an example for a new one's: where the nearest prefix is full, the next one's is taken.
ALIKE = 16
# Nearest by the shop's own title model, of which the sentence vectors choose those.
CANDIDATES = 64
# A reader that opened the store before a change may still read what that change put aside.
SWEPT_AFTER = 3600.0


@dataclass(frozen=True)
class StockReport:
    """What a change did to the shop; ``products`` are listed after it."""

    added: int
    updated: int
    revived: int
    removed: int
    products: int
    skipped: tuple[BadRow, ...]
    notes: tuple[str, ...]
    seconds: float

    def as_dict(self) -> dict:
        """JSON-ready."""
        return {**asdict(self), "skipped": [bad.as_dict() for bad in self.skipped], "notes": list(self.notes)}

    def lines(self) -> list[str]:
        """For a person."""
        kinds = {"added": self.added, "updated": self.updated, "put back": self.revived, "removed": self.removed}
        done = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n) or "nothing changed"
        out = [f"{done} in {self.seconds:.1f} s; the shop has {self.products:,} products", *self.notes]
        return out + [f"  left out: {bad}" for bad in self.skipped]


def add_products(
    path: Path | str, store_path: Path | str, *, product_columns: dict[str, str] | None = None,
    currency: str | None = None, skip_bad: bool = False, progress: Progress | None = None,
) -> StockReport:  # fmt: skip
    """Put the products of a file into a store; those it has already get their new values.

    Each is searched, recommended and written at once: its title's vectors are computed, and its nearest kin stand in
    for what the log does not say of it yet.

    Args:
        path: jsonl, csv or parquet, gzipped or not, checked as `table_import.import_table` does.
        product_columns: our column → the file's; columns we do not have become attributes.
        currency: of prices that do not say theirs; the shop's by default.

    Raises:
        ImportRefused: with file, line, column, value, what was expected and the remedy.
        StockError: there are no free ids left.
        StoreError: there is no store, or another process is changing it.
    """
    start = time.perf_counter()
    path = Path(path)
    opened = Store.open(store_path)
    table = read_table(path, format_of(path), progress)
    products, found = check_products(table, product_columns, currency or opened.currency)
    if not skip_bad:
        found.refuse()
    if not len(products):
        raise StockError(f"{path} holds no product; nothing was added")
    # Before the lock: this takes the longest, and needs nothing of the store.
    vectors = _sentence_vectors(products) if opened.has("search") else None
    with _changing(opened) as change:
        rows, known = change.rows_of(products["product_id"])
        change.write_products(products, rows)
        if vectors is not None:
            change.write_arrays(VECTORS, rows=rows, vectors=vectors.astype(np.float16))
        notes = change.write_kin(products.filter(~pl.Series(known)), rows[~known], vectors, ~known)
        back = np.isin(rows, change.stock.removed_rows)
        change.commit()
    updated, revived = int((known & ~back).sum()), int(back.sum())
    return StockReport(
        int((~known).sum()), updated, revived, 0, change.listed + int((~known).sum()) + revived, tuple(found.bad),
        tuple(notes), time.perf_counter() - start,
    )  # fmt: skip


def remove_products(product_ids: Sequence[str], store_path: Path | str) -> StockReport:
    """Take products out of a store. Their rows and the events on them stay; adding one again puts it back.

    Raises:
        StockError: one is unknown, or no product would be left.
        StoreError: there is no store, or another process is changing it.
    """
    start = time.perf_counter()
    opened = Store.open(store_path)
    ids = pl.Series("product_id", list(dict.fromkeys(product_ids)), dtype=pl.String)
    with _changing(opened) as change:
        rows, known = change.rows_of(ids)
        if not known.all():
            unknown = ids.filter(~pl.Series(known))
            raise StockError(
                f"product {unknown[0]!r} is not in {opened.path} ({len(unknown)} of {len(ids)} given are not), "
                "expected ids of its products; nothing was removed"
            )
        gone = np.setdiff1d(rows, change.stock.removed_rows)
        if len(gone) == change.listed:
            raise StockError(f"{opened.path}: all {len(gone)} products would be gone, expected one to stay")
        if len(gone):
            change.write_removed(gone)
            change.commit()
    already = len(ids) - len(gone)
    notes = (f"{already:,} were removed before",) if already else ()
    seconds = time.perf_counter() - start
    return StockReport(0, 0, 0, len(gone), change.listed - len(gone), (), notes, seconds)


def named_products(given: Sequence[str]) -> list[str]:
    """Product ids as given one by one, or those in one file: a table with ``product_id``, or text with one a line.

    Raises:
        ImportRefused: the file cannot be read as such.
        StockError: no id is given.
    """
    path = Path(given[0]) if len(given) == 1 else None
    ids = list(given)
    if path is not None and path.is_file():
        name = path.name.lower().removesuffix(".gz")
        if any(name.endswith(ending) for kind in ("csv", "jsonl", "parquet") for ending in ENDINGS[kind]):
            table = read_table(path, format_of(path))
            column = match_columns(table, {}, ("product_id",), ("product_id",), "--map")["product_id"]
            ids = as_text(table.frame[column]).drop_nulls().to_list()
        else:
            ids = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    ids = [i for i in ids if i]
    if not ids:
        raise StockError("no product id is given; expected ids, or a file of them")
    return ids


def consolidate(store_path: Path | str) -> int:
    """Put all changes into one folder, so that many small ones do not slow down who opens the store; how many there
    were. Nothing that a reader sees changes."""
    opened = Store.open(store_path)
    with _changing(opened) as change:
        stock = change.stock
        if len(stock.changes) < 2:
            return len(stock.changes)
        change.number = stock.generation
        change.folder = stock.folder / f"{stock.changes[0].name[:6]}-{change.number:06}"
        if len(stock.products):
            change.write_table(PRODUCTS, stock.products)
            rows = stock.products[ROW].to_numpy()
            vectors = stock.sentence_vectors(rows)
            if vectors is not None:
                change.write_arrays(VECTORS, rows=rows, vectors=vectors)
        if len(stock.kin.rows):
            change.write_arrays(KIN, **asdict(stock.kin))
        if len(stock.removed_rows):
            change.write_table(REMOVED, stock.removals)
        change.commit(in_place_of_all=True)
        return len(stock.changes)


def _sentence_vectors(products: pl.DataFrame) -> np.ndarray:
    from shopping_assistant.tools.sentence_encoder import SentenceEncoder

    return SentenceEncoder.load().encode(products["title"].to_list())


@contextmanager
def _changing(store: Store) -> Iterator[_NewChange]:
    """One change of a store, while nobody else changes it; what was not committed vanishes."""
    with store.locked():
        change = _NewChange(Store.open(store.path))
        change.sweep()
        try:
            yield change
        finally:
            if not change.committed:
                shutil.rmtree(change.temporary, ignore_errors=True)


class _NewChange:
    """The next change of a store as it is written: files in a folder of its own, then the manifest."""

    def __init__(self, store: Store):
        self.store, self.stock = store, store.stock
        self.number = self.stock.generation + 1
        self.folder = self.stock.folder / f"{self.number:06}"
        self.committed = False
        self._made = False

    @property
    def temporary(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}.{os.getpid()}.tmp")

    @property
    def _catalog_path(self) -> Path:
        return self.store.path / "catalog.parquet"

    @property
    def imported(self) -> int:
        """Products of the catalogue as imported."""
        return pl.scan_parquet(self._catalog_path).select(pl.len()).collect().item()

    @property
    def count(self) -> int:
        """Rows, those of removed products included."""
        return self.imported + int((self.stock.products[ROW] >= self.imported).sum())

    @property
    def listed(self) -> int:
        return self.count - len(self.stock.removed_rows)

    def sweep(self) -> None:
        """Remove what changes that died or were put together have left, once nobody can be reading it any more."""
        named = {c.name for c in self.stock.changes}
        for left in self.stock.folder.glob("*"):
            if left.name not in named and time.time() - left.stat().st_mtime > SWEPT_AFTER:
                shutil.rmtree(left, ignore_errors=True)

    def rows_of(self, ids: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """The rows of these ids, new ones after all others in the order given, and which are known already."""
        old = pl.read_parquet(self._catalog_path, columns=["product_id"]).with_row_index(ROW)
        later = self.stock.products.filter(pl.col(ROW) >= len(old)).select("product_id", ROW)
        both = pl.concat([old.select("product_id", pl.col(ROW).cast(pl.Int64)), later])
        asked = pl.DataFrame({"product_id": ids})
        rows = asked.join(both, on="product_id", how="left", maintain_order="left")[ROW]
        known = rows.is_not_null().to_numpy()
        found = rows.fill_null(0).to_numpy().copy()
        found[~known] = len(both) + np.arange(int((~known).sum()))
        return found, known

    def write_table(self, name: str, table: pl.DataFrame) -> None:
        write_parquet(table, self._file(name))

    def write_arrays(self, name: str, **arrays: np.ndarray) -> None:
        from safetensors.numpy import save_file

        path = self._file(name)
        save_file({key: np.ascontiguousarray(a) for key, a in arrays.items()}, path)
        with path.open("rb") as file:
            os.fsync(file.fileno())

    def write_products(self, products: pl.DataFrame, rows: np.ndarray) -> None:
        numbered = pl.DataFrame({ROW: rows, CHANGE: np.full(len(rows), self.number)})
        self.write_table(PRODUCTS, pl.concat([numbered, products.select(list(CATALOG_SCHEMA))], how="horizontal"))

    def write_removed(self, rows: np.ndarray) -> None:
        self.write_table(REMOVED, pl.DataFrame({ROW: rows, CHANGE: np.full(len(rows), self.number)}))

    def write_kin(
        self, products: pl.DataFrame, rows: np.ndarray, vectors: np.ndarray | None, new: np.ndarray
    ) -> list[str]:
        """Find and keep the kin of the new products, where there are models to stand in for; what to know about it."""
        if not len(rows):
            return []
        if not all(self.store.has(name) for name in ("titles", "ids", "recommender")):
            return ["the shop has no trained recommender: new products are searched only"]
        ids = _written_ids(self.store)[1]
        if self.count + len(rows) > ids:
            raise StockError(
                f"{len(rows)} new products, and {ids - self.count} of {ids} ids are free: nothing was added; build the "
                "whole shop anew with `shop import --replace` and `shop build`, which makes room"
            )
        kin = _kin_of(self.store, products["title"].to_list(), rows, vectors[new] if vectors is not None else None)
        self.write_arrays(KIN, **asdict(kin))
        return []

    def commit(self, in_place_of_all: bool = False) -> None:
        """Make the change count: its folder first, then the manifest."""
        if self.folder.exists():  # of a change that died: no manifest names it
            shutil.rmtree(self.folder)
        self.temporary.rename(self.folder)
        files = {f.name: sha256_of(f) for f in sorted(self.folder.iterdir())}
        before = () if in_place_of_all else self.stock.changes
        changes = (*before, Change(self.folder.name, self.number, files))
        manifest = {**self.store.manifest, "stock": {"changes": [asdict(c) for c in changes]}}
        write_json(self.store.path / "store.json", manifest)
        self.committed = True

    def _file(self, name: str) -> Path:
        if not self._made:
            shutil.rmtree(self.temporary, ignore_errors=True)
            self.temporary.mkdir(parents=True)
            self._made = True
        return self.temporary / name


def _written_ids(store: Store) -> tuple[int, int]:
    """Products that the recommender was trained with, and how many ids there can be."""
    from safetensors import safe_open

    with safe_open(store.model_dir("recommender") / "codes.safetensors", "np") as codes:
        products, levels = codes.get_slice("codes").get_shape()
        return products, int(codes.get_tensor("base")[0]) ** levels


def _certainty(store: Store) -> np.ndarray:
    """How sure the id model is of each product, ``(n,)`` float32."""
    from safetensors import safe_open

    with safe_open(store.model_dir("ids") / "model.safetensors", "np") as weights:
        if "certainty" in weights.keys():  # noqa: SIM118 (the file is no dict)
            return weights.get_tensor("certainty").astype(np.float32)
        return np.ones(weights.get_slice("items.weight").get_shape()[0], dtype=np.float32)


def _kin_of(store: Store, titles: list[str], rows: np.ndarray, vectors: np.ndarray | None) -> Kin:
    """Nearest by title among the products that the models were trained on; their ids' examples by sentence vectors too.

    Args:
        vectors: ``(m, d)`` sentence vectors of the titles, of which the written ids are made.
    """
    from safetensors.numpy import load_file

    from shopping_assistant.tools.kin import NEAREST_TITLES, nearest
    from shopping_assistant.tools.stocked import title_table, unseen_certainty
    from shopping_assistant.tools.title_encoder import TITLE_VECTORS, TitleEncoder

    certainty = _certainty(store)
    encoder = TitleEncoder.load(store.model_dir("titles"))
    kept = store.model_dir("titles") / TITLE_VECTORS
    table = load_file(kept)["vectors"] if kept.is_file() else title_table(store, encoder)
    # Products that all models know. Rounded as kept; that they are unit rows to three digits is enough here.
    table = table[: min(len(certainty), len(table), _written_ids(store)[0])]
    asked = encoder.encode(titles)
    # With events: surer than a product without them would be. A training without doubt tells no difference.
    seen = certainty[: len(table)] > unseen_certainty(store, certainty) + 1e-3
    seen = seen if seen.any() else np.ones(len(table), dtype=bool)
    alike, closeness = nearest(asked, table, CANDIDATES)
    # Those with events first, in their order; whoever has too few of them near looks among them alone.
    order = np.argsort(~seen[alike], axis=1, kind="stable")[:, :NEAREST_TITLES]
    near, close = np.take_along_axis(alike, order, 1), np.take_along_axis(closeness, order, 1)
    lonely = np.flatnonzero(~seen[near].all(axis=1))
    if len(lonely):
        known = np.flatnonzero(seen)
        near, close = near[:, : len(known)], close[:, : len(known)]
        at, close[lonely] = nearest(asked[lonely], table[known], near.shape[1])
        near[lonely] = known[at]
    if vectors is not None:
        alike = np.take_along_axis(alike, _order_by(store, vectors, alike), axis=1)
    return Kin(rows.astype(np.int64), near, close, alike[:, :ALIKE])


def _order_by(store: Store, vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Each product's candidates ``(m, c)`` in descending order of their sentence vectors' cosine, as places."""
    path = store.model_dir("search") / "vectors.safetensors"
    order = np.empty(rows.shape, dtype=np.int64)
    for start in range(0, len(rows), 256):
        part = slice(start, start + 256)
        held = _rows_in_file(path, "vectors", rows[part].ravel()).astype(np.float32)
        close = np.einsum("mcd,md->mc", held.reshape(*rows[part].shape, -1), vectors[part])
        order[part] = np.argsort(-close, axis=1, kind="stable")
    return order


def _rows_in_file(path: Path, name: str, rows: np.ndarray) -> np.ndarray:
    """Some rows of a half-precision table in a safetensors file, without reading the others.

    Source of the layout: the format's description, 8 bytes of header length, a JSON header, then the tensors.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        described = json.loads(file.read(length))[name]
    first = 8 + length + described["data_offsets"][0]
    return np.memmap(path, np.float16, "r", first, tuple(described["shape"]))[rows]
