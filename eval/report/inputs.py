"""What a results folder holds, read and checked.

    DIR/replay/ (or DIR itself)      a runs folder of ``shop replay --out``
    DIR/ablations/ablations.json     trained variants, and the sweep of the mixup split
    DIR/ablations/settings.json      low resource, zero-shot, cold start
    DIR/simulate/                    simulate.json and conversations.jsonl
    DIR/understanding/*.json         language understanding on data that people wrote

Only the replay must be there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shopping_assistant.eval.runs import PARTIAL, PROTOCOL, RUNS, Run, RunError, iter_runs, read_about
from shopping_assistant.eval.score import figures
from shopping_assistant.tools.errors import ShopError


class ReportError(ShopError):
    """Results that cannot be read, or a page that cannot be written."""


SESSION = re.compile(r'"session_id": ("(?:[^"\\]|\\.)*")')
Key = tuple[str, str]  # session, shopper
Ranks = dict[Key, dict[str, int | None]]  # the target's rank by each system; None where it was not ranked


@dataclass(frozen=True)
class Results:
    """Everything the page is made of, as it was written; a part that is not there is None or empty."""

    folder: Path
    replay: Path
    about: dict
    figures: dict
    ranks: Ranks
    ablations: dict | None = None
    settings: dict | None = None
    simulation: dict | None = None
    conversations: tuple[dict, ...] = ()
    understanding: dict[str, dict] = field(default_factory=dict)

    @property
    def k(self) -> int:
        return self.about["protocol"]["k"]

    def runs_of(self, keys: Collection[Key]) -> dict[Key, dict[str, Run]]:
        """Every system's run of these sessions, lists and all."""
        found: dict[Key, dict[str, Run]] = {}
        sessions = {json.dumps(session, ensure_ascii=False) for session, _ in keys}
        for line, where in _lines(self.replay / RUNS):
            # Of a large log nearly every line is somebody else's: it is not worth parsing.
            named = SESSION.search(line)
            if named is None or named[1] in sessions:
                run = Run.from_line(line, where)
                if run.key in keys:
                    found.setdefault(run.key, {})[run.system] = run
        return found


def read_results(folder: Path | str) -> Results:
    """
    Raises:
        ReportError: no such folder, or a file in it that cannot be read.
        RunError: no finished replay there, or a run that contradicts itself.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ReportError(f"{folder} is no folder; write results with `shop replay --out {folder / 'replay'}` first")
    replay = _replay_folder(folder)
    about = read_about(replay / PROTOCOL)
    ranks: Ranks = {}
    scored = figures(about, _noting(iter_runs(replay / RUNS), ranks, replay / RUNS))
    understanding = sorted((folder / "understanding").glob("*.json"))
    return Results(
        folder,
        replay,
        about,
        scored,
        ranks,
        ablations=_read(folder / "ablations" / "ablations.json"),
        settings=_read(folder / "ablations" / "settings.json"),
        simulation=_read(folder / "simulate" / "simulate.json"),
        conversations=tuple(_read_conversations(folder / "simulate" / "conversations.jsonl")),
        understanding={path.stem: found for path in understanding if (found := _read(path)) is not None},
    )


def _replay_folder(folder: Path) -> Path:
    for place in (folder / "replay", folder):
        if (place / RUNS).is_file() and not (place / PARTIAL).is_file():
            return place
        if (place / PARTIAL).is_file():
            raise RunError(
                f"{place} holds an unfinished replay; run the same `shop replay --out {place}` again to finish it"
            )
    raise RunError(
        f"{folder} holds no replay (neither replay/{RUNS} nor {RUNS}); write one with "
        f"`shop replay --out {folder / 'replay'}`"
    )


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Each line and where it stands."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield line, f"{path} line {number}"


def _noting(runs: Iterable[Run], ranks: Ranks, path: Path) -> Iterator[Run]:
    """The runs as they pass by; what is kept of them are the ranks: the lists of a large log would be gigabytes."""
    for run in runs:
        ranks.setdefault(run.key, {})[run.system] = run.rank
        yield run
    if not ranks:
        raise RunError(f"{path} holds no runs; write them with `shop replay --out {path.parent}`")


def _read(path: Path) -> dict | None:
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReportError(f"{path} cannot be read ({error}); expected JSON: write it again or move it away") from error
    if not isinstance(found, dict):
        raise ReportError(f"{path}: got a {type(found).__name__}, expected a JSON object; write it again")
    return found


def _read_conversations(path: Path) -> Iterator[dict]:
    if not path.is_file():
        return
    for line, where in _lines(path):
        try:
            found = json.loads(line)
            list(found["turns"]), found["outcome"]
        except (ValueError, TypeError, KeyError) as error:
            raise ReportError(
                f"{where}: not a conversation ({error}); expected a line as `shop simulate` writes it"
            ) from error
        yield found
