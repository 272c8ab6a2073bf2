"""Simulated shoppers talk to the assistant: many conversations, on all cores, kept on disk, and what they score."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from shopping_assistant.eval import engines
from shopping_assistant.eval.cohorts import Cohorts
from shopping_assistant.eval.hidden_wish import Wish, WishError, Wishes, meets_musts
from shopping_assistant.eval.protocol import Part, ReplayError, refuse_leak
from shopping_assistant.eval.replay_agent import known_before, lay_out
from shopping_assistant.eval.runs import alone, make_folder
from shopping_assistant.eval.simulated_conversation import SYSTEMS, Partner, Stage, converse, open_partner, wish_of
from shopping_assistant.eval.simulation_checks import Truth, TruthCheck, total
from shopping_assistant.eval.simulation_figures import comparisons, system_figures
from shopping_assistant.tools.sessions import Example
from shopping_assistant.tools.store import Store, write_json

PROTOCOL, RESULT = "protocol.json", "simulate.json"
# What an answer can depend on; conversations go on only where all of it is the same.
MADE_FROM = ("catalog", "events", "search", "titles", "ids", "recommender", "mixup", "sessions", "fused", "memory")

Progress = Callable[[int, int], None]


class SimulationError(ReplayError):
    """A simulation that cannot be run or continued as asked."""


@dataclass(frozen=True)
class Plan:
    """What was asked for, as it is echoed under ``protocol``."""

    conversations: int = 200
    turns: int = 8
    seed: int = 1
    part: Part = "validation"

    def __post_init__(self):
        for name in ("conversations", "turns"):
            if getattr(self, name) < 1:
                raise SimulationError(f"{name} {getattr(self, name)}: expected at least 1")
        if self.part not in ("validation", "test"):
            raise SimulationError(f"part {self.part!r}: expected validation or test")


def simulate(
    store: Store,
    plan: Plan | None = None,
    systems: Sequence[str] = ("agent",),
    *,
    workers: int = 1,
    out: Path | str | None = None,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> dict:
    """Let simulated shoppers talk to each system and score it.

    Args:
        systems: names of `SYSTEMS`; the same shoppers with the same wishes meet each. The figures of the first stand
            at the top of the result.
        workers: processes; the conversations are the same whatever their number.
        out: a folder for the conversations; an interrupted simulation goes on there.
        progress: called with (conversations done, conversations in all).
        command: what to keep as the command that was run.

    Returns:
        The JSON of ``simulate.json``, see docs/evaluation.md.

    Raises:
        SimulationError: settings that make no sense, or nothing to simulate.
        LeakError: a shopper was about to say what only the target has.
    """
    began, plan, systems = time.perf_counter(), plan or Plan(), tuple(dict.fromkeys(systems))
    if unknown := [s for s in systems if s not in SYSTEMS]:
        raise SimulationError(f"assistant {unknown[0]!r}: expected one of {', '.join(SYSTEMS)}")
    split = store.split()
    stage = Stage(store.catalog(), Wishes(store.catalog()))
    examples, left_out = _chosen(stage, split.validation if plan.part == "validation" else split.test, plan)
    names = Cohorts(store.catalog(), split.train)
    cohorts = [tuple(c for c in names.of(e) if c in ("known shoppers", "new shoppers")) for e in examples]
    folder = SimulationFolder(Path(out), _about(store, plan, examples, left_out)) if out is not None else None
    lines = {s: folder.done(s) if folder else {} for s in systems}
    todo = [(s, i) for s in systems for i, e in enumerate(examples) if _key(e) not in lines[s]]
    done, of = len(systems) * len(examples) - len(todo), len(systems) * len(examples)
    writing = alone(Path(out)) if out is not None else nullcontext()
    with writing, tempfile.TemporaryDirectory(prefix="simulate-") as laid:
        if todo:
            lay_out(store, Path(laid), known_before(split.train, examples))
        for system, i, line in _conversations(Path(laid), examples, todo, plan, workers):
            line = {**_named(system, examples[i], cohorts[i]), **line}
            line["met_musts"] = _met(stage, line)
            lines[system][_key(examples[i])] = line
            if folder:
                folder.append(system, line)
            done += 1
            if progress:
                progress(done, of)
    ordered = {s: [lines[s][_key(e)] for e in examples] for s in systems}
    protocol = {**asdict(plan), "left_out": left_out}
    result = _result(store, protocol, stage, ordered)
    result |= {"command": list(command), "seconds": round(time.perf_counter() - began, 1), "workers": workers}
    if folder:
        folder.finish(ordered, result)
    return result


def _result(store: Store, protocol: dict, stage: Stage, lines: dict[str, list[dict]]) -> dict:
    check = TruthCheck(stage.catalog)
    figures = {}
    for system, of_system in lines.items():
        truths: list[Truth] = [check.of(line) for line in of_system]
        figures[system] = {
            **system_figures(of_system, protocol["turns"], protocol["seed"]), "simulator": total(truths),
        }  # fmt: skip
    first = next(iter(lines))
    return {
        "store": store.path.name, "protocol": protocol, "assistant": first, **figures[first], "systems": figures,
        "comparisons": comparisons(lines, protocol["turns"], protocol["seed"]),
    }  # fmt: skip


def _chosen(stage: Stage, sessions: Sequence[Example], plan: Plan) -> tuple[list[Example], dict[str, int]]:
    """The sessions whose purchases are wished for, drawn with the plan's seed; and why others were passed over."""
    left_out = dict.fromkeys(("target not in the shop now", "target shares nothing with other products"), 0)
    chosen: list[tuple[int, Example]] = []
    for i in np.random.default_rng(plan.seed).permutation(len(sessions)):
        example = sessions[i]
        if len(chosen) == plan.conversations:
            break
        if example.target not in stage.catalog or not stage.catalog.product(example.target).available:
            left_out["target not in the shop now"] += 1
            continue
        try:
            wish_of(stage, example, plan.seed)
        except WishError:
            left_out["target shares nothing with other products"] += 1
            continue
        refuse_leak(example)
        chosen.append((int(i), example))
    if not chosen:
        raise SimulationError(
            f"no conversation to simulate: {len(sessions)} {plan.part} sessions hold no purchase of a product that is "
            "in the shop; give a store with a log of purchases"
        )
    return [e for _, e in sorted(chosen, key=lambda pair: pair[0])], {why: n for why, n in left_out.items() if n}


def _key(example: Example) -> tuple[str, str]:
    return example.session_id, example.user_id


def _named(system: str, example: Example, cohorts: tuple[str, ...]) -> dict:
    return {"session_id": example.session_id, "user_id": example.user_id, "system": system, "cohorts": list(cohorts)}


def _met(stage: Stage, line: dict) -> bool:
    return line["bought"] is not None and meets_musts(
        stage.catalog.product(line["bought"]), Wish.from_dict(line["wish"])
    )


def _about(store: Store, plan: Plan, examples: Sequence[Example], left_out: dict[str, int]) -> dict:
    sessions = hashlib.sha256()
    for e in examples:
        sessions.update(repr((e.session_id, e.user_id, e.target, len(e.history), e.timestamp)).encode())
    return {
        "protocol": {**asdict(plan), "left_out": left_out}, "made_from": store.digest(*MADE_FROM),
        "sessions": sessions.hexdigest(),
    }  # fmt: skip


# -- on one core or several


def _conversations(
    laid: Path, examples: Sequence[Example], todo: Sequence[tuple[str, int]], plan: Plan, workers: int
) -> Iterator[tuple[str, int, dict]]:
    """Hold the conversations. When a worker died, only some come, each with its number, before the error."""
    asked = [(system, i, examples[i]) for system, i in todo]
    for held in engines.run(_Rooms(laid, plan), asked, workers=workers):
        yield from held


@dataclass(frozen=True)
class _Rooms:
    """What `engines` runs: every process has a room of its own, and a batch is one conversation."""

    laid: Path
    plan: Plan

    def open(self) -> _Room:
        return _Room(self.laid / str(os.getpid()), self.laid, self.plan)


class _Room:
    """In ``folder`` a store for each partner, sharing what lies in ``laid``: none hears of another's talks."""

    def __init__(self, folder: Path, laid: Path, plan: Plan):
        folder.mkdir()
        catalog = Store.open(laid).catalog()
        self._folder, self._laid, self._plan, self._stage = folder, laid, plan, Stage(catalog, Wishes(catalog))
        self._partners: dict[str, Partner] = {}

    def _store_for(self, system: str) -> Path:
        folder = self._folder / system
        folder.mkdir()
        for entry in self._laid.iterdir():
            if entry.name == "store.json":
                (folder / entry.name).write_bytes(entry.read_bytes())
            elif entry.name in ("catalog.parquet", "events.parquet", "models", "memory"):
                (folder / entry.name).symlink_to(entry.resolve())
        return folder

    def rank(self, asked: tuple[str, int, Example]) -> list[tuple[str, int, dict]]:
        system, i, example = asked
        if system not in self._partners:
            self._partners[system] = open_partner(system, self._store_for(system), example.timestamp)
        thread = f"{example.session_id}-{example.user_id}"
        partner, plan = self._partners[system], self._plan
        return [(system, i, converse(self._stage, partner, example, thread, turns=plan.turns, seed=plan.seed))]

    def close(self) -> None:
        for partner in self._partners.values():
            partner.close()


# -- on disk


class SimulationFolder:
    """``simulate.json``, ``conversations.jsonl`` of the assistant, ``conversations-NAME.jsonl`` of the other systems.

    While it is under way the lines stand in ``….partial.jsonl``; times stand in ``simulate.json`` alone.

    Raises:
        SimulationError: the folder holds the conversations of another simulation.
    """

    def __init__(self, path: Path, about: dict):
        self._path, self._about = path, about
        protocol = path / PROTOCOL
        if protocol.is_file():
            try:
                there = json.loads(protocol.read_text(encoding="utf-8"))
            except ValueError as error:
                raise SimulationError(f"{protocol} cannot be read ({error}); choose another folder") from error
            other = [key for key in about if there.get(key) != about[key]]
            if other:
                raise SimulationError(
                    f"{path} holds conversations that differ in {', '.join(other)}; continue with the same settings "
                    "and store, or choose another folder"
                )
        elif path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise SimulationError(f"{path} exists and holds no {PROTOCOL}; choose another folder")

    def _file(self, system: str, partial: bool = False) -> Path:
        name = "conversations" if system == SYSTEMS[0] else f"conversations-{system}"
        return self._path / f"{name}{'.partial' if partial else ''}.jsonl"

    def done(self, system: str) -> dict[tuple[str, str], dict]:
        """The conversations held so far. A last line that an interruption cut is taken off."""
        for file in (self._file(system), self._file(system, partial=True)):
            if file.is_file():
                whole = file.read_bytes()
                if not whole.endswith(b"\n"):
                    with file.open("r+b") as opened:
                        opened.truncate(whole.rfind(b"\n") + 1)
                try:
                    lines = [json.loads(line) for line in whole[: whole.rfind(b"\n") + 1].splitlines()]
                    return {(line["session_id"], line["user_id"]): line for line in lines}
                except (ValueError, TypeError, KeyError) as error:
                    raise SimulationError(
                        f"{file} holds a line that is no conversation ({error}); move the folder away and start again"
                    ) from error
        return {}

    def append(self, system: str, line: dict) -> None:
        if not (self._path / PROTOCOL).is_file():
            make_folder(self._path)
            write_json(self._path / PROTOCOL, self._about)
        with self._file(system, partial=True).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def finish(self, lines: dict[str, list[dict]], result: dict) -> None:
        """Write the conversations in the sessions' order, and the figures."""
        for system, of_system in lines.items():
            file = self._file(system)
            temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
            with temporary.open("w", encoding="utf-8") as opened:
                opened.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in of_system)
                opened.flush()
                os.fsync(opened.fileno())
            temporary.replace(file)
            self._file(system, partial=True).unlink(missing_ok=True)
        write_json(self._path / RESULT, result)
