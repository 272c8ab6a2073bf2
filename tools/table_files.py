"""CSV, JSONL and Parquet files as columns, with the place of every row in its file. Gzip is read as it comes."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from shopping_assistant.tools.errors import ShopError

Format = Literal["jsonl", "csv", "parquet"]
Progress = Callable[[int, int | None], None]

LINE = "__line__"  # where a row stands in its file; no shop's column is called that
WHOLE_ROW = "(row)"
ENDINGS = {
    "csv": (".csv", ".tsv"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "parquet": (".parquet", ".pq"),
    "sqlite": (".sqlite", ".sqlite3", ".db"),
}
CHUNK_ROWS = 50_000  # Python objects of so many rows are alive at a time; columns take a tenth of their space
LONGEST_FIELD = 16 << 20  # csv stops at 128 KiB by default, which a description with an embedded picture passes
LONGEST_SHOWN = 60
LINES_LOOKED_AT = 20  # to tell what a file holds: the first lines may be damaged, twenty of them are not by chance


class ImportRefused(ShopError):
    """A file, a row or a target that cannot be imported."""


@dataclass(frozen=True)
class BadRow:
    """One row that breaks the schema, and what would mend it."""

    file: str
    line: int
    column: str
    value: str
    expected: str
    remedy: str = "correct the row"
    unit: str = "line"  # Parquet and SQLite have rows, a JSON array has items

    def __str__(self) -> str:
        return (
            f"{self.file} {self.unit} {self.line}, {self.column}: got {self.value}, "
            f"expected {self.expected}; {self.remedy}"
        )

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Table:
    """A file's rows. CSV and JSON cells are text, as written; Parquet keeps its types.

    ``text_only`` names columns that the source itself types as text, so that "501" stays a name there.
    ``bad`` holds the rows that could not be read at all; they are not in ``frame``.
    """

    name: str
    frame: pl.DataFrame
    unit: str = "line"
    text_only: frozenset[str] = frozenset()
    bad: tuple[BadRow, ...] = ()

    @property
    def columns(self) -> list[str]:
        return [c for c in self.frame.columns if c != LINE]


@dataclass
class _Reading:
    """What is collected while a text file is read, a chunk of rows at a time."""

    name: str
    progress: Progress | None = None
    unit: str = "line"
    keep: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    chunks: list[pl.DataFrame] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    rows: int = 0

    def refuse(self, line: int, value: str, expected: str, remedy: str, column: str = WHOLE_ROW) -> None:
        self.bad.append(BadRow(self.name, line, column, value, expected, remedy, self.unit))

    def add(self, lines: Sequence[int], columns: dict[str, Sequence[str | None]]) -> None:
        schema = {LINE: pl.Int64, **dict.fromkeys(columns, pl.String)}
        try:
            frame = pl.DataFrame({LINE: lines, **columns}, schema=schema)
        except UnicodeEncodeError:
            # Bytes that are no UTF-8 came in as lone surrogates; only now is it worth looking for them.
            keep = self._without_broken_text(lines, columns)
            kept = {name: [cells[at] for at in keep] for name, cells in columns.items()}
            frame = pl.DataFrame({LINE: [lines[at] for at in keep], **kept}, schema=schema)
        self.chunks.append(self.keep(frame) if self.keep else frame)
        self.rows += len(lines)
        if self.progress:
            self.progress(self.rows, None)

    def _without_broken_text(self, lines: Sequence[int], columns: dict[str, Sequence[str | None]]) -> list[int]:
        keep = []
        for at, line in enumerate(lines):
            broken = next((n for n, cells in columns.items() if not _is_text(cells[at])), None)
            if broken is None:
                keep.append(at)
            else:
                self.refuse(line, shown(columns[broken][at]), "UTF-8 text", "save the file as UTF-8", column=broken)
        return keep

    def table(self, columns: Iterable[str] = (), text_only: Iterable[str] = ()) -> Table:
        empty = pl.DataFrame(schema={LINE: pl.Int64, **dict.fromkeys(columns, pl.String)})
        frame = pl.concat([empty, *self.chunks], how="diagonal")
        return Table(self.name, frame, self.unit, frozenset(text_only), tuple(self.bad))


def shown(value: object) -> str:
    """A value as an error message quotes it."""
    if value is None:
        return "nothing"
    if isinstance(value, pl.Series):  # a cell of a list column
        value = value.to_list()
    text = ascii(value) if isinstance(value, str) and not _is_text(value) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _is_text(value: str | None) -> bool:
    try:
        return value is None or value.encode() is not None
    except UnicodeEncodeError:
        return False


def format_of(path: Path) -> str:
    """The format that a file's name tells: csv, jsonl, parquet or sqlite.

    Raises:
        ImportRefused: the name ends in nothing known.
    """
    name = path.name.lower().removesuffix(".gz")
    for known, endings in ENDINGS.items():
        if name.endswith(endings):
            return known
    every = ", ".join(e for endings in ENDINGS.values() for e in endings)
    raise ImportRefused(f"{path}: cannot tell its format; expected a name that ends in one of {every} (or with .gz)")


def stem_of(path: Path) -> str:
    """``products`` of ``products.jsonl.gz``."""
    return Path(path.name.removesuffix(".gz")).stem


def find_table(path: Path, format: str, stems: Sequence[str]) -> Path:
    """The file to read: ``path`` itself, or the one in that folder which has this format and one of these names.

    Raises:
        ImportRefused: there is none, or several could be meant.
    """
    if not path.exists():
        raise ImportRefused(f"{path} does not exist; give the path of a file or of the folder that holds it")
    if path.is_file():
        return path
    here = sorted(p for p in path.iterdir() if p.is_file())
    fitting = [p for p in here if p.name.lower().removesuffix(".gz").endswith(ENDINGS[format])]
    named = [p for p in fitting if stem_of(p).lower() in stems]
    found = named or fitting
    if len(found) == 1:
        return found[0]
    if found:
        raise ImportRefused(f"{path} holds several {format} files ({_listed(found)}); name the one to import")
    wanted = stems[0] + ENDINGS[format][0]
    raise ImportRefused(f"{path} holds no {format} file; expected {wanted}, found {_listed(here)}")


def _listed(paths: Sequence[Path], most: int = 8) -> str:
    names = [p.name for p in paths[:most]] + ["…"] * (len(paths) > most)
    return ", ".join(names) or "nothing"


def read_table(
    path: Path, format: str, progress: Progress | None = None, overflow: str | None = None, *,
    parse: Callable[[str], object] = json.loads, take: Callable[[dict], dict] | None = None,
    keep: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
) -> Table:  # fmt: skip
    """A file's rows.

    Args:
        overflow: the CSV column, the last one, that takes in what unquoted commas made into further fields.
        parse: what a line of a JSON file stands for; a ``ValueError`` makes it a bad row.
        take: what is taken of each JSON object; the rest of it is forgotten at once, which large files need.
        keep: which rows and columns of each batch of a text file are kept, for the same reason.

    Raises:
        ImportRefused: the file cannot be opened, is empty, or is not what its name says.
    """
    if not path.is_file():
        raise ImportRefused(f"{path} is not a file; give the path of a {format} file")
    with _told(path):
        if path.stat().st_size == 0:
            raise ImportRefused(f"{path} is empty; expected a {format} file with rows")
        if format == "parquet":
            return _read_parquet(path, progress)
        with _open_text(path) as stream:
            reading = _Reading(path.name, progress, keep=keep)
            if format == "csv":
                return _read_csv(stream, path, reading, overflow)
            return _read_json(stream, path, reading, parse, take)


def columns_of(path: Path, format: str, parse: Callable[[str], object] = json.loads) -> frozenset[str]:
    """The names in a text file's first rows: its header, or the keys of its first objects.

    Raises:
        ImportRefused: the file cannot be opened.
    """
    with _told(path), _open_text(path) as stream:
        if format == "csv":
            return frozenset(name.strip() for name in stream.readline(LONGEST_FIELD).split(","))
        first = _json_rows(enumerate(itertools.islice(stream, LINES_LOOKED_AT), 1), _Reading(path.name), parse)
        return frozenset(key for _, row in first for key in row)


def require_columns(table: Table, names: Sequence[str]) -> Table:
    """The table, when it has these columns of a public data set.

    Raises:
        ImportRefused: it lacks one.
    """
    missing = next((n for n in names if n not in table.columns), None)
    if missing:
        raise ImportRefused(f"{table.name} has no column {missing}; expected the data set's own file, it has "
                            f"{', '.join(table.columns)}")  # fmt: skip
    return table


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What can go wrong with a file, as sentences."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImportRefused(f"{path} is damaged gzip ({error}); fetch or compress it again") from error
    except OSError as error:
        raise ImportRefused(f"{path} cannot be read: {error.strerror or error}") from error


@contextmanager
def _open_text(path: Path) -> Iterator[io.TextIOBase]:
    with path.open("rb") as file:
        start = file.read(4)
    compressed = start.startswith(b"\x1f\x8b")
    if path.name.lower().endswith(".gz") and not compressed:
        raise ImportRefused(
            f"{path} is named .gz and is not gzip (it starts with {start!r}); rename it or compress it with gzip"
        )
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ImportRefused(f"{path} is UTF-16 (it starts with {start[:2]!r}), expected UTF-8; save it as UTF-8")
    with gzip.open(path, "rb") if compressed else path.open("rb") as raw:
        # surrogateescape: a wrong byte is found and reported with its row, instead of ending the whole reading.
        yield io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _read_parquet(path: Path, progress: Progress | None) -> Table:
    try:
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ImportRefused(f"{path} is not a readable Parquet file ({str(error).splitlines()[0]})") from error
    if progress:
        progress(len(frame), None)
    text_only = [name for name, kind in frame.schema.items() if kind == pl.String]
    return Table(path.name, frame.with_row_index(LINE, offset=1), "row", frozenset(text_only))


def _read_csv(stream: io.TextIOBase, path: Path, reading: _Reading, overflow: str | None) -> Table:
    first = stream.readline()
    if not first.strip():
        raise ImportRefused(f"{path} has no header in its first line; expected the names of its columns")
    csv.field_size_limit(LONGEST_FIELD)
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(itertools.chain([first], stream), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise ImportRefused(f"{path} line 1: {error}; expected the names of its columns") from error
    if not all(map(_is_text, header)):
        raise ImportRefused(f"{path} line 1: column names are not UTF-8; save the file as UTF-8")
    twice = next((n for n in header if n and header.count(n) > 1), None)
    if twice:
        raise ImportRefused(f"{path} line 1: the column {twice!r} stands there twice; rename one of them")
    if overflow and header[-1] != overflow:
        overflow = None
    for rows in _batches(_csv_rows(reader, header, reading, overflow)):
        lines, cells = zip(*rows, strict=True)
        columns = dict(zip(header, zip(*cells, strict=True), strict=True))
        columns.pop("", None)  # a row number that a spreadsheet or data frame put there
        reading.add(lines, columns)
    return reading.table([name for name in header if name])


def _csv_rows(reader, header: list[str], reading: _Reading, overflow: str | None) -> Iterator[tuple[int, list[str]]]:
    """Line number (of the row's beginning: quoted fields may hold line breaks) and cells of every whole row."""
    width = len(header)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "end of data" in str(error):
                reading.refuse(line, "a quote that is never closed", "a closing quote", "close the quote in this row")
            else:
                reading.refuse(line, f"a row that CSV does not allow ({error})", "quotes only around whole fields "
                               'and doubled within them ("")', "correct the row")  # fmt: skip
            continue
        if len(row) == width:
            yield line, row
        elif overflow and len(row) > width:
            yield line, [*row[: width - 1], ",".join(row[width - 1 :])]
        elif row:
            remedy = "quote fields that hold commas" if len(row) > width else "complete the row"
            reading.refuse(line, f"{len(row)} fields", f"{width} fields as in the header", remedy)


def _read_json(
    stream: io.TextIOBase, path: Path, reading: _Reading, parse: Callable[[str], object],
    take: Callable[[dict], dict] | None,
) -> Table:  # fmt: skip
    first = next((line for line in stream if line.strip()), "")
    if not first:
        raise ImportRefused(f"{path} is empty; expected one JSON object a line")
    stream.seek(0)
    if first.lstrip().startswith("["):
        reading.unit = "item"
        numbered = enumerate(_json_array(stream, path), 1)
    else:
        numbered = enumerate(stream, 1)
    names: dict[str, None] = {}
    not_text: set[str] = set()
    given = _json_rows(numbered, reading, parse)
    for rows in _batches(((line, take(row)) for line, row in given) if take else given):
        keys = dict.fromkeys(k for _, row in rows for k in row)
        names.update(keys)
        columns = {}
        for key in keys:
            cells = [row.get(key) for _, row in rows]
            if any(c is not None and not isinstance(c, str) for c in cells):
                not_text.add(key)
                cells = [c if c is None or isinstance(c, str) else _written(c) for c in cells]
            columns[key] = cells
        reading.add([line for line, _ in rows], columns)
    return reading.table(names, names.keys() - not_text)


def _written(value: object) -> str:
    """A JSON value as JSON writes it; most are whole numbers, for which this is faster than asking json."""
    return str(value) if type(value) is int else json.dumps(value, ensure_ascii=False)


def _json_array(stream: io.TextIOBase, path: Path) -> list:
    try:
        return json.load(stream)
    except ValueError as error:
        raise ImportRefused(f"{path} starts as a JSON array and does not end as one ({error})") from error


def _json_rows(
    numbered: Iterable[tuple[int, object]], reading: _Reading, parse: Callable[[str], object]
) -> Iterator[tuple[int, dict]]:
    for line, given in numbered:
        row = given
        if isinstance(given, str):
            if not given.strip():
                continue
            try:
                row = parse(given)
            except (ValueError, RecursionError) as error:
                cause = str(error).replace(": line 1 column", " at character").split(" (char")[0]
                reading.refuse(line, shown(given.strip()), f"one JSON object ({cause})", "correct the row")
                continue
        if isinstance(row, dict):
            broken = next((k for k in row if not k.isascii() and not _is_text(k)), None)
            if broken is None:
                yield line, row
            else:
                reading.refuse(line, ascii(broken), "a UTF-8 name", "save the file as UTF-8")
        else:
            reading.refuse(line, shown(row), "one JSON object", "correct the row")


def _batches(rows: Iterable[tuple]) -> Iterator[list[tuple]]:
    rows = iter(rows)
    while batch := list(itertools.islice(rows, CHUNK_ROWS)):
        yield batch
