"""Ranked runs and the folder that keeps them.

A runs folder holds ``protocol.json`` and ``runs.jsonl``, one line a session and system; while a replay is under way
the lines stand in ``runs.partial.jsonl``.
"""

from __future__ import annotations

import fcntl
import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import write_json

PROTOCOL, RUNS, PARTIAL = "protocol.json", "runs.jsonl", "runs.partial.jsonl"


class RunError(ShopError):
    """A runs folder that cannot be read, continued or trusted."""


@dataclass(frozen=True)
class Run:
    """One session ranked by one system.

    ``rank`` is 1-based, None where the target was not ranked. ``top`` are the first product ids, ``ms`` the session's
    share of the time its batch took. ``list_figures`` are those figures of the first k products that need the
    catalogue: ``novelty@k``, ``diversity@k``, ``broke_constraint@k``.
    """

    session_id: str
    user_id: str
    system: str
    target: str
    rank: int | None
    cohorts: tuple[str, ...]
    ms: float
    top: tuple[str, ...] = ()
    error: str | None = None
    list_figures: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        return self.session_id, self.user_id

    def as_line(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_line(cls, line: str, where: str) -> Run:
        """
        Raises:
            RunError: not a run, or its rank contradicts its list.
        """
        try:
            given = json.loads(line)
            run = cls(**{**given, "cohorts": tuple(given["cohorts"]), "top": tuple(given["top"])})
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(f"{where}: not a run ({error}); expected a line as `shop replay --out` writes it") from error
        if run.rank is not None and (not isinstance(run.rank, int) or run.rank < 1):
            raise RunError(f"{where}, rank: got {run.rank!r}, expected a whole number from 1, or null")
        if run.top and run.rank is not None and run.rank <= len(run.top) and run.top[run.rank - 1] != run.target:
            raise RunError(
                f"{where}, rank: says {run.rank}, but the list has {run.top[run.rank - 1]!r} there and the target is "
                f"{run.target!r}; the file was changed after the replay"
            )
        return run


def iter_runs(path: Path, system: str | None = None) -> Iterator[Run]:
    """The runs of a file one at a time, in its order.

    Args:
        system: only those of this system.

    Raises:
        RunError: a line that is no run, or contradicts itself.
    """
    # Most lines of another system need not be parsed to be told apart.
    mark = f'"system": {json.dumps(system, ensure_ascii=False)}' if system is not None else ""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or mark not in line:
                continue
            run = Run.from_line(line, f"{path} line {number}")
            if system is None or run.system == system:
                yield run


def read_runs(path: Path) -> list[Run]:
    """All runs of a file at once; see `iter_runs`."""
    return list(iter_runs(path))


class Done:
    """Which sessions each system has ranked, in eight bytes a session."""

    def __init__(self, runs: Iterable[Run] = ()):
        found: dict[str, array] = {}
        for run in runs:
            found.setdefault(run.system, array("Q")).append(_hash(run.key))
        self._of = {system: np.unique(np.array(keys, dtype=np.uint64)) for system, keys in found.items()}

    def count(self, system: str) -> int:
        return len(self._of.get(system, ()))

    def missing(self, system: str, keys: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of ``keys``, (session, shopper), that this system has not ranked."""
        done = self._of.get(system)
        if done is None or not len(done):
            return list(keys)
        wanted = np.array([_hash(key) for key in keys], dtype=np.uint64)
        at = np.minimum(np.searchsorted(done, wanted), len(done) - 1)
        return [key for key, there in zip(keys, (done[at] == wanted).tolist(), strict=True) if not there]


def _hash(key: tuple[str, str]) -> int:
    return int.from_bytes(blake2b("\x1f".join(key).encode(), digest_size=8).digest(), "little")


def _differing(there: dict, wanted: dict) -> list[str]:
    """What tells two replays apart, in words; of the protocol the settings that were given, each with its value."""
    told = []
    for key in (key for key in wanted if there.get(key) != wanted[key]):
        settings, given = there.get(key), wanted[key]
        if not isinstance(settings, dict) or not isinstance(given, dict):
            told.append(f"{key} (catalogue, log or models)" if key == "made_from" else key)
            continue
        names = [n for n in {**settings, **given} if settings.get(n) != given.get(n) and n != "left_out"]
        values = (f"{n}: {settings.get(n)} there, {given.get(n)} now" for n in names)
        told.append(f"{key} ({'; '.join(values)})" if names else key)
    return told


class RunsFolder:
    """Where a replay writes. It can be interrupted at any moment and continued with the same protocol.

    Raises:
        RunError: the folder holds the runs of another protocol, log or store.
    """

    def __init__(self, path: Path | str, about: dict):
        self.path, self._about = Path(path), about
        protocol = self.path / PROTOCOL
        if protocol.is_file():
            there = read_about(protocol)
            if other := _differing(there, about):
                raise RunError(
                    f"{self.path} holds runs that differ in {', '.join(other)}; continue with the same settings and "
                    "store, or choose another folder"
                )
        elif self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise RunError(f"{self.path} exists and holds no {PROTOCOL}; choose another folder for the runs")

    @property
    def file(self) -> Path | None:
        """Where the runs written so far stand; None while there are none."""
        runs, partial = self.path / RUNS, self.path / PARTIAL
        return partial if partial.is_file() else runs if runs.is_file() else None

    def done(self) -> Done:
        """What was ranked so far. A last line that an interruption cut is taken off; it will be run again."""
        if self.file is None:
            return Done()
        if self.file.name == PARTIAL:
            _cut_last_line(self.file)
        return Done(iter_runs(self.file))

    def runs(self, system: str) -> Iterator[Run]:
        """One system's runs, one at a time."""
        return iter_runs(self.file, system) if self.file else iter(())

    def append(self, runs: Iterable[Run]) -> None:
        """Add runs; the folder is made with the first ones, so that a replay which cannot start leaves nothing."""
        if not (self.path / PROTOCOL).is_file():
            make_folder(self.path)
            write_json(self.path / PROTOCOL, self._about)
        final = self.path / RUNS
        if final.is_file():  # another system joins a finished replay
            final.rename(self.path / PARTIAL)
        with (self.path / PARTIAL).open("a", encoding="utf-8") as file:
            file.writelines(run.as_line() + "\n" for run in runs)

    def finish(self) -> None:
        partial = self.path / PARTIAL
        if partial.is_file():
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(self.path / RUNS)


def make_folder(path: Path) -> None:
    """Make the folder and those above it where they are missing.

    Raises:
        RunError: there can be none.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be made ({error.strerror}); choose another place with --out") from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """No other process writes results into ``folder`` within the block; one that was killed is no hindrance.

    Raises:
        RunError: another one does.
    """
    place = folder.absolute()
    make_folder(place.parent)
    lock = place.with_name(f".{place.name}.lock")
    try:
        file = lock.open("a")
    except OSError as error:
        raise RunError(f"{lock} cannot be made ({error.strerror}); choose another place with --out") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{folder}: another process writes there; wait for it, or stop it") from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _cut_last_line(path: Path) -> None:
    """Take off what stands behind the last line break, if anything does."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        keep = end
        while keep:
            start = max(0, keep - 65_536)
            file.seek(start)
            found = file.read(keep - start).rfind(b"\n")
            if found >= 0:
                keep = start + found + 1
                break
            keep = start
        if keep < end:
            file.truncate(keep)


def read_about(path: Path) -> dict:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        about["protocol"]["k"], about["protocol"]["seed"], about["store"], about["sessions"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} cannot be read ({error}); expected a folder that `shop replay --out` wrote") from error
    return about


def open_runs(folder: Path) -> tuple[dict, list[Run]]:
    """What a finished runs folder says of itself, and its runs.

    Raises:
        RunError: no finished runs there, or a line that contradicts itself.
    """
    if not (folder / RUNS).is_file():
        unfinished = (folder / PARTIAL).is_file()
        raise RunError(
            f"{folder} holds an unfinished replay; run the same `shop replay --out {folder}` again to finish it"
            if unfinished
            else f"{folder} holds no {RUNS}; write one with `shop replay --out {folder}`"
        )
    return read_about(folder / PROTOCOL), read_runs(folder / RUNS)
