"""A shop's own CSV, JSONL or Parquet files into a store, whole or not at all."""

from __future__ import annotations

import glob
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.fit_feedback import FIT_FILES, check_fit
from shopping_assistant.tools.sessions import EVENT_SCHEMA
from shopping_assistant.tools.store import Store, sha256_of
from shopping_assistant.tools.table_checks import Findings, check_events, check_products
from shopping_assistant.tools.table_files import (
    LINE,
    BadRow,
    Format,
    ImportRefused,
    Progress,
    Table,
    find_table,
    format_of,
    read_table,
    stem_of,
)

PRODUCT_FILES = ("products", "catalog", "catalogue")
EVENT_FILES = ("events", "log", "sessions")
SKIPPED_FILE = "skipped.jsonl"
MOST_PRINTED = 10
UNFINISHED, REPLACED = ".importing", ".replaced"  # endings of the folders beside a store while one is written


@dataclass(frozen=True)
class ImportReport:
    """What an import brought in, and every row it left out."""

    store: Path
    source: str
    products: int
    events: int
    users: int
    sessions: int
    skipped_rows: int
    skipped: tuple[BadRow, ...]
    notes: tuple[str, ...]
    seconds: float

    def lines(self) -> list[str]:
        """For a person: the counts, what to know about them, and the first rows that were left out."""
        counts = f"{self.products:,} products, " if self.products else ""
        counts += f"{self.events:,} events"
        if self.events:
            counts += f" of {self.users:,} shoppers in {self.sessions:,} sessions"
        out = [f"{self.source} → {self.store}: {counts} in {self.seconds:.1f} s", *self.notes]
        if self.skipped_rows:
            out.append(f"{self.skipped_rows:,} bad rows left out; all of them are in {self.store / SKIPPED_FILE}")
            out += [f"  {bad}" for bad in self.skipped[:MOST_PRINTED]]
        return out


def report_of(
    store: Path, source: str, catalog: Catalog | pl.DataFrame, events: pl.DataFrame, findings: Sequence[Findings],
    notes: Sequence[str], start: float,
) -> ImportReport:  # fmt: skip
    """The report of an import that began at ``start`` on ``time.perf_counter``'s clock."""
    return ImportReport(
        store=store,
        source=source,
        products=len(catalog),
        events=len(events),
        users=events["user_id"].n_unique(),
        sessions=events["session_id"].n_unique(),
        skipped_rows=sum(f.count for f in findings),
        skipped=tuple(bad for f in findings for bad in sorted(f.bad, key=lambda b: b.line)),
        notes=tuple(notes),
        seconds=time.perf_counter() - start,
    )


def check_target(path: Path, replace: bool) -> None:
    """Refuse a place for a store before anything is read.

    Raises:
        ImportRefused: there is a store already and it is not to be replaced, or something else is there.
    """
    _sweep(path)
    if (path / "store.json").exists():
        if not replace:
            raise ImportRefused(f"{path} is a store already; pass --replace to replace it, or choose another folder")
    elif path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ImportRefused(f"{path} exists and is not an empty folder; choose another place for the store")


def lay_down(
    path: Path, catalog: pl.DataFrame, events: pl.DataFrame, *, name: str, currency: str | None, made_by: dict,
    findings: Sequence[Findings] = (), replace: bool = False, fit: pl.DataFrame | None = None,
) -> None:  # fmt: skip
    """Write a whole store beside ``path`` and rename it into place; on any error nothing of it stays.

    Args:
        catalog: in ``CATALOG_SCHEMA``.
        events: in ``EVENT_SCHEMA``; no rows, no log.
        fit: how sizes fitted, in ``FIT_SCHEMA``; none where nobody told.
        replace: a store that is there goes away, except for its conversations, which nothing could make again.
    """
    check_target(path, replace)
    if not len(catalog):
        raise ImportRefused("no product is left to import; the catalogue needs at least one good row")
    try:
        with _in_place_of(path) as temporary:
            store = Store.create(temporary, name=name, currency=currency or _only_one(catalog["currency"]))
            store.write_catalog(Catalog(catalog), made_by)
            if len(events):
                store.write_events(events, made_by)
            if fit is not None and len(fit):
                store.write_fit_feedback(fit, made_by)
            write_skipped(temporary, findings)
    except (OSError, pl.exceptions.ComputeError) as error:  # polars wraps what a full disk says
        cause = error.strerror or error if isinstance(error, OSError) else error
        raise ImportRefused(f"the store {path} cannot be written: {cause}; nothing was left there") from error


def write_skipped(folder: Path, findings: Sequence[Findings]) -> None:
    """Add what was left out to the list in the store: one JSON object a bad row."""
    bad = [b for f in findings for b in f.bad]
    if bad:
        with (folder / SKIPPED_FILE).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(b.as_dict(), ensure_ascii=False) + "\n" for b in bad)


def _only_one(currencies: pl.Series) -> str | None:
    given = currencies.drop_nulls().unique().to_list()
    return given[0] if len(given) == 1 else None


@contextmanager
def _in_place_of(path: Path) -> Iterator[Path]:
    """A new sibling folder that takes ``path``'s place when the block ends well, and vanishes when it does not."""
    path = path.absolute()
    made = [p for p in (path.parent, *path.parent.parents) if not p.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    old = path.with_name(f".{path.name}.{os.getpid()}{REPLACED}")
    done = False
    try:
        temporary.mkdir()
        yield temporary
        if path.exists():
            _keep_conversations(path, temporary)
            path.rename(old)
        temporary.rename(path)
        done = True
    finally:
        if not path.exists() and old.exists():
            old.rename(path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        if not done:
            for folder in made:
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()


def _keep_conversations(old: Path, new: Path) -> None:
    """Copy the chats of the replaced store as SQLite does it: whole, even while a chat is going on."""
    name = "conversations.sqlite"
    if not (old / name).is_file():
        return
    try:
        with closing(sqlite3.connect(old / name, timeout=10)) as source, closing(sqlite3.connect(new / name)) as target:
            source.backup(target)
    except sqlite3.DatabaseError as error:
        raise ImportRefused(f"{old / name} cannot be kept ({error}); move it elsewhere, then import again") from error


def _sweep(path: Path) -> None:
    """After an import that was killed: bring back the store it was about to replace, remove what it had begun."""
    path = path.absolute()
    for ending in (REPLACED, UNFINISHED):
        for left in path.parent.glob(f".{glob.escape(path.name)}.*{ending}"):
            pid = left.name.split(".")[-2]
            if not pid.isdigit() or _runs(int(pid)):
                continue
            if ending == REPLACED and not path.exists():
                left.rename(path)
            else:
                shutil.rmtree(left, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def import_table(
    path: Path | str, store_path: Path | str, *, format: Format, events_path: Path | str | None = None,
    fit_path: Path | str | None = None, product_columns: dict[str, str] | None = None,
    event_columns: dict[str, str] | None = None, fit_columns: dict[str, str] | None = None,
    action_values: dict[str, str] | None = None, name: str | None = None, currency: str | None = None,
    skip_bad: bool = False, replace: bool = False, progress: Progress | None = None,
) -> ImportReport:  # fmt: skip
    """A catalogue, and its log where there is one, into a new store.

    Args:
        path: the products' file, or a folder that holds products.* and perhaps events.* and fit.*.
        events_path: the log; its name tells its format.
        fit_path: how sizes fitted (`fit_feedback.FIT_SCHEMA`); its name tells its format.
        product_columns: our column → the file's; columns we do not have become attributes.
        event_columns: the same for the log.
        fit_columns: the same for the fit feedback.
        action_values: the log's action → search, click or purchase.
        currency: of prices that do not say theirs.

    Raises:
        ImportRefused: with file, line, column, value, what was expected and the remedy.
    """
    start = time.perf_counter()
    path, store_path = Path(path), Path(store_path)
    check_target(store_path, replace)
    products_path = find_table(path, format, PRODUCT_FILES)
    log_path = Path(events_path) if events_path else _table_beside(path, products_path, EVENT_FILES, "--events")
    table = read_table(products_path, format, progress)
    catalog, products_found = check_products(table, product_columns, currency)
    findings, files, notes = [products_found], [products_path], []
    attributes = [c for c in table.columns if c not in products_found.sources.values()]
    if attributes:
        notes.append(f"kept as attributes: {', '.join(attributes)}")
    if not skip_bad:
        products_found.refuse()
    if log_path is None and (event_columns or action_values):
        raise ImportRefused("--map-event and --action are about a log, and there is none; pass --events FILE")
    events = pl.DataFrame(schema=EVENT_SCHEMA)
    if log_path:
        log = _read_log_table(log_path, format, progress)
        events, events_found = check_events(log, catalog["product_id"], event_columns, action_values)
        if not skip_bad:
            events_found.refuse()
        if not len(events):
            raise ImportRefused(f"{log_path} holds no events; leave it out to import the catalogue alone")
        findings.append(events_found)
        files.append(log_path)
        unused = [c for c in log.columns if c not in events_found.sources.values()]
        if unused:
            notes.append(f"not taken from the log: {', '.join(unused)}")
    else:
        notes.append("no log: the shop has a catalogue only")
    fit_file = Path(fit_path) if fit_path else _table_beside(path, products_path, FIT_FILES, "--fit")
    fit = None
    if fit_file is None and fit_columns:
        raise ImportRefused("--map-fit is about fit feedback, and there is none; pass --fit FILE")
    if fit_file:
        fit, fit_found = _fit_table(fit_file, catalog, fit_columns, progress)
        if not skip_bad:
            fit_found.refuse()
        findings.append(fit_found)
        files.append(fit_file)
        notes.append(told_of_fit(fit))
    made_by = {"source": format, "files": hashes(files), "rows left out": sum(f.count for f in findings)}
    if catalog["image_url"].is_not_null().any():
        made_by["folder"] = str(products_path.resolve().parent)  # pictures may lie beside the catalogue
    lay_down(
        store_path, catalog, events, name=name or _shop_name(path), currency=currency, made_by=made_by,
        findings=findings, replace=replace, fit=fit,
    )  # fmt: skip
    return report_of(store_path, path.name, catalog, events, findings, notes, start)


def hashes(files: Sequence[Path]) -> dict[str, str]:
    """File name → sha256: from which files a store was made."""
    return {f.name: sha256_of(f) for f in files}


def _shop_name(path: Path) -> str:
    return path.resolve().name if path.is_dir() else stem_of(path)


def _table_beside(path: Path, products: Path, stems: Sequence[str], option: str) -> Path | None:
    """The table of that name in the folder that was given; a file that was given stands for itself alone."""
    if not path.is_dir():
        return None
    here = [p for p in sorted(path.iterdir()) if p.is_file() and p != products and stem_of(p).lower() in stems]
    if len(here) > 1:
        what = "logs" if stems == EVENT_FILES else f"files {'.*, '.join(stems)}.*"
        raise ImportRefused(f"{path} holds several {what} ({', '.join(p.name for p in here)}); pass one with {option}")
    return here[0] if here else None


def _fit_table(
    path: Path, catalog: pl.DataFrame, columns: dict[str, str] | None, progress: Progress | None
) -> tuple[pl.DataFrame, Findings]:
    if not path.exists():
        raise ImportRefused(f"{path} does not exist; give the path of fit feedback (jsonl, csv, parquet)")
    return check_fit(read_table(path, format_of(path), progress), catalog["product_id"], columns)


def told_of_fit(fit: pl.DataFrame) -> str:
    """For a person: what an import brought in of fit feedback."""
    products, shoppers = fit["product_id"].n_unique(), fit["user_id"].n_unique()
    return f"{len(fit):,} answers on how a size fitted, of {shoppers:,} shoppers on {products:,} products"


def _read_log_table(path: Path, format: str | None, progress: Progress | None) -> Table:
    if path.is_dir() and format:
        return read_table(find_table(path, format, EVENT_FILES), format, progress)
    if not path.exists():
        raise ImportRefused(f"{path} does not exist; give the path of a log (jsonl, csv, parquet)")
    kind = format_of(path)
    return read_conversations(path) if kind == "sqlite" else read_table(path, kind, progress)


def read_log(path: Path | str, catalog: Catalog) -> pl.DataFrame:
    """A log in ``EVENT_SCHEMA``, every row checked against the catalogue.

    Args:
        path: csv, jsonl or parquet, gzipped or not, or a store's conversations.sqlite.

    Raises:
        ImportRefused: a row breaks the schema; or there are no rows.
    """
    events, found = check_events(_read_log_table(Path(path), None, None), catalog.frame["product_id"])
    found.refuse(skippable=False)
    if not len(events):
        raise ImportRefused(f"{path} holds no events")
    return events


def read_conversations(path: Path) -> Table:
    """The events of chats, as the assistant writes them to conversations.sqlite.

    Raises:
        ImportRefused: the file is no such database.
    """
    if not path.is_file():
        raise ImportRefused(f"{path} does not exist: this store has no conversations yet; talk to it with `shop chat`")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as database:
            there = [row[1] for row in database.execute("PRAGMA table_info(events)")]
            names = [c for c in EVENT_SCHEMA if c in there]
            if not names:
                raise ImportRefused(f"{path} has no table of events; expected a store's conversations.sqlite")
            rows = database.execute(f"SELECT rowid, {', '.join(names)} FROM events ORDER BY rowid").fetchall()
    except sqlite3.DatabaseError as error:
        raise ImportRefused(f"{path} is not a readable SQLite database ({error})") from error
    text = [[row[0], *(None if v is None else str(v) for v in row[1:])] for row in rows]
    schema = {LINE: pl.Int64, **dict.fromkeys(names, pl.String)}
    return Table(path.name, pl.DataFrame(text, schema=schema, orient="row"), "row", frozenset(names))
