"""One shop on disk: manifest, checksums, and where each artefact lies."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from shopping_assistant.tools.catalog import Catalog, write_parquet
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.fit_feedback import empty_feedback, read_feedback
from shopping_assistant.tools.judgements import as_judgements, empty_judgements
from shopping_assistant.tools.sessions import Split, empty_events, leave_one_out, read_events, write_events
from shopping_assistant.tools.stock import MADE_AT, Stock

SCHEMA_VERSION = 1
MODELS = ("search", "titles", "ids", "recommender")
FIT_FEEDBACK = "fit_feedback"  # the table; what is learned of it is the model "fit"
JUDGEMENTS = "judgements"
LOCK = "store.lock"
# Adding a thousand products to a large shop takes seconds: whoever comes meanwhile waits so long at most.
LOCK_SECONDS = 60.0


class StoreError(ShopError):
    """A store that is missing, damaged, or of another schema."""


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever a file is written anew; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def write_json(path: Path, value: dict) -> None:
    """Write beside ``path``, flush, rename: a crash leaves the old file whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file, indent=1, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class Store:
    """A shop's folder. Open one with `Store.open`, make one with `Store.create`."""

    def __init__(self, path: Path, manifest: dict):
        self.path = path
        self.manifest = manifest
        # As of now, whatever the manifest says later: catalogue and tables of one store must fit each other.
        self.stock = Stock.of(path, manifest)
        self._mark = _mark(path / "store.json")

    @classmethod
    def create(cls, path: Path | str, name: str, currency: str | None = None, build_config: str | None = None) -> Store:
        """Make an empty store.

        Args:
            build_config: the packaged settings file that ``shop build`` uses for this shop when none is given.

        Raises:
            StoreError: there is one already, or the place is taken by something else.
        """
        path = Path(path)
        if (path / "store.json").exists():
            raise StoreError(f"{path} is a store already; choose another folder or delete it first")
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise StoreError(f"{path} exists and is not an empty folder; choose another place for the store")
        path.mkdir(parents=True, exist_ok=True)
        manifest = {"name": name, "currency": currency, "schema": SCHEMA_VERSION, "artefacts": {}}
        store = cls(path, manifest | ({"build_config": build_config} if build_config else {}))
        write_json(path / "store.json", store.manifest)
        return store

    @classmethod
    def open(cls, path: Path | str) -> Store:
        """Open an existing store.

        Raises:
            StoreError: there is none, its manifest is damaged, or its schema is another one.
        """
        path = Path(path)
        manifest = path / "store.json"
        # Looked at before it is read: what is written in between is then noticed.
        mark = _mark(manifest)
        if mark is None:
            raise StoreError(
                f"no store at {path}: lay down the demo shop with `shop demo --store {path}`, "
                f"or bring in your own with `shop import SOURCE PATH --store {path}`"
            )
        try:
            content = json.loads(manifest.read_text(encoding="utf-8"))
            schema = content["schema"]
            content["artefacts"], content["name"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{manifest} is not a readable manifest ({error}); import the shop again") from error
        if schema != SCHEMA_VERSION:
            raise StoreError(f"{manifest}: schema {schema!r}, expected {SCHEMA_VERSION}; import the shop again")
        store = cls(path, content)
        store._mark = mark
        return store

    @property
    def outdated(self) -> bool:
        """Whether its manifest was written since this store was opened: products came or went, or models did."""
        now = _mark(self.path / "store.json")
        return now is not None and now != self._mark

    def reopened(self) -> Store:
        """The store as it is now; the catalogue is taken over where it is still the same."""
        store = Store.open(self.path)
        same = store.stock.generation == self.stock.generation and store.digest("catalog") == self.digest("catalog")
        if same and "_catalog" in self.__dict__:
            store.__dict__["_catalog"] = self._catalog
        return store

    @property
    def name(self) -> str:
        return self.manifest["name"]

    @property
    def currency(self) -> str | None:
        return self.manifest.get("currency")

    @property
    def build_config(self) -> str | None:
        return self.manifest.get("build_config")

    @property
    def image_choice(self) -> dict[str, str]:
        """Which model sees this shop's pictures, ``encoder``, and the folder they lie in, ``pictures``; often empty."""
        return self.manifest.get("images", {})

    def choose_images(self, chosen: dict[str, str]) -> None:
        """Write `image_choice` into the manifest; nothing is seen before the next build."""
        with self.locked():
            self.manifest = Store.open(self.path).manifest
            self.manifest["images"] = chosen
            write_json(self.path / "store.json", self.manifest)

    @property
    def memory_dir(self) -> Path:
        return self.path / "memory"

    @property
    def conversations_path(self) -> Path:
        return self.path / "conversations.sqlite"

    def model_dir(self, name: str) -> Path:
        return self.memory_dir if name == "memory" else self.path / "models" / name

    def has(self, name: str) -> bool:
        """Whether this artefact was made and is still there."""
        return name in self.manifest["artefacts"] and self.model_dir(name).is_dir()

    @cached_property
    def _catalog(self) -> Catalog:
        path = self.path / "catalog.parquet"
        if not path.is_file():
            raise StoreError(f"{self.path} has no catalog.parquet; import a catalogue with `shop import`")
        return self.stock.applied(pl.read_parquet(path))

    def catalog(self) -> Catalog:
        return self._catalog

    @property
    def has_events(self) -> bool:
        return (self.path / "events.parquet").is_file()

    def events(self) -> pl.DataFrame:
        """The log in ``EVENT_SCHEMA``; empty when this shop has none."""
        return read_events(self.path / "events.parquet") if self.has_events else empty_events()

    def background(self) -> pl.DataFrame:
        """Events that models learn from and nobody is asked about, such as another season's; usually none."""
        path = self.path / "background.parquet"
        return read_events(path) if path.is_file() else empty_events()

    def judgements(self) -> pl.DataFrame:
        """Thumbs given in chats, in ``JUDGEMENT_SCHEMA``; nothing is trained on them."""
        path = self.path / f"{JUDGEMENTS}.parquet"
        return as_judgements(pl.read_parquet(path)) if path.is_file() else empty_judgements()

    def write_judgements(self, frame: pl.DataFrame, made_by: dict | None = None) -> None:
        write_parquet(as_judgements(frame), self.path / f"{JUDGEMENTS}.parquet")
        self.record(JUDGEMENTS, {"judgements": len(frame), **(made_by or {})})

    @property
    def has_fit_feedback(self) -> bool:
        return (self.path / f"{FIT_FEEDBACK}.parquet").is_file()

    def fit_feedback(self) -> pl.DataFrame:
        """How sizes fitted, in ``FIT_SCHEMA``; empty when nobody told this shop."""
        return read_feedback(self.path / f"{FIT_FEEDBACK}.parquet") if self.has_fit_feedback else empty_feedback()

    def write_fit_feedback(self, frame: pl.DataFrame, made_by: dict | None = None) -> None:
        write_parquet(frame, self.path / f"{FIT_FEEDBACK}.parquet")
        self.record(FIT_FEEDBACK, {"answers": len(frame), **(made_by or {})})

    def split(self) -> Split:
        """The log's leave-one-out split; its ``train`` holds the background too."""
        split, background = leave_one_out(self.events()), self.background()
        if not len(background):
            return split
        return Split(pl.concat([background, split.train]), split.validation, split.test)

    def write_catalog(self, catalog: Catalog, made_by: dict | None = None) -> None:
        """Write the catalogue of a store that has none yet, or only this one.

        Raises:
            StoreError: products were added to the one there is, or removed; their rows would be lost.
        """
        if self.stock.changes:
            raise StoreError(f"{self.path}: products were added or removed since; import with --replace instead")
        catalog.write(self.path / "catalog.parquet")
        self.__dict__.pop("_catalog", None)
        self.record("catalog", {"products": len(catalog), **(made_by or {})})

    def write_events(
        self, frame: pl.DataFrame, made_by: dict | None = None, background: pl.DataFrame | None = None
    ) -> None:
        """Write the log, and with it the ``background`` that is trained on whole; None leaves that as it is.

        Raises:
            StoreError: a shopper stands in both: what is withheld from training would be learned after all.
        """
        behind = self.background() if background is None else background
        both = set(frame["user_id"].to_list()) & set(behind["user_id"].to_list())
        if both:
            raise StoreError(
                f"shopper {min(both)!r} stands in the log and in the background ({len(both)} such), expected none: "
                "the background is trained on whole; leave them out of it"
            )
        write_events(frame, self.path / "events.parquet")
        if background is not None:
            write_events(background, self.path / "background.parquet")
        counted = {"events": len(frame), **({"background events": len(behind)} if len(behind) else {})}
        self.record("events", {**counted, **(made_by or {})})

    @contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """A temporary folder that becomes ``model_dir(name)`` when the block ends well and vanishes when not."""
        target = self.model_dir(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            yield temporary
            if self.stock.generation:
                write_json(temporary / MADE_AT, {"generation": self.stock.generation})
            for file in temporary.rglob("*"):
                if file.is_file():
                    with file.open("rb") as opened:
                        os.fsync(opened.fileno())
            old = target.with_name(f".{target.name}.{os.getpid()}.old")
            if target.exists():
                target.rename(old)
            temporary.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def record(self, name: str, made_by: dict) -> None:
        """Write into the manifest what an artefact's files are and how they were made."""
        if name in ("catalog", "events", FIT_FEEDBACK, JUDGEMENTS):
            names = (name, "background") if name == "events" else (name,)
            files = [f for n in names if (f := self.path / f"{n}.parquet").is_file()]
        elif name == "memory":
            files = []  # a cache that Chroma itself rewrites: its checksum would mean nothing
        else:
            files = sorted(f for f in self.model_dir(name).rglob("*") if f.is_file())
        recorded = {
            "files": {f.relative_to(self.path).as_posix(): sha256_of(f) for f in files},
            "made_by": {"at": datetime.now(UTC).isoformat(timespec="seconds"), **made_by},
        }
        with self.locked():
            # Another process may have recorded its own artefact since this store was opened.
            self.manifest = Store.open(self.path).manifest
            self.manifest["artefacts"][name] = recorded
            write_json(self.path / "store.json", self.manifest)

    @contextmanager
    def locked(self, patience: float = LOCK_SECONDS) -> Iterator[None]:
        """Nobody else changes the manifest meanwhile. The lock ends with its process, however that ends.

        Args:
            patience: seconds to wait for another process.

        Raises:
            StoreError: another process still changes the store after that.
        """
        until = time.monotonic() + patience
        with (self.path / LOCK).open("a") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise StoreError(
                            f"{self.path} is being changed by another process, still after {patience:.0f} s; nothing "
                            "was changed here: try again when it has ended"
                        ) from None
                    time.sleep(0.05)
            yield

    def made_by(self, name: str) -> dict:
        return self.manifest["artefacts"].get(name, {}).get("made_by", {})

    def fresh(self, name: str, key: str) -> bool:
        """Whether the artefact is there and was made from exactly these inputs."""
        return self.has(name) and self.made_by(name).get("key") == key

    def damaged(self) -> list[str]:
        """Files of the manifest that are missing or no longer have their checksum."""
        changes = {f"stock/{c.name}/{f}": digest for c in self.stock.changes for f, digest in c.files.items()}
        artefacts = self.manifest["artefacts"].values()
        listed = (pair for files in (changes, *(a["files"] for a in artefacts)) for pair in files.items())
        return [f for f, digest in listed if not (self.path / f).is_file() or sha256_of(self.path / f) != digest]

    def digest(self, *names: str) -> str:
        """One checksum over the files of these artefacts: changes when any of them does."""
        files = {n: self.manifest["artefacts"].get(n, {}).get("files", {}) for n in names}
        return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
