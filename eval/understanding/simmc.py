"""SIMMC 2.0 fashion: is the act heard, are the wishes, what is asked, and which products are meant?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.eval.understanding.hearing import Listener, Listening
from shopping_assistant.eval.understanding.record import (
    Failure,
    Figures,
    Intervals,
    Result,
    drawn,
    f1_with_ci,
    half_of,
    kinds_of,
    most_telling,
    share_with_ci,
)  # fmt: skip
from shopping_assistant.eval.understanding.scratch import existing, own_copy, scratch_store, spread
from shopping_assistant.eval.understanding.simmc_records import (
    ACTS,
    ALSO_SAID,
    Dialogue,
    Scenery,
    Slot,
    Turn,
    read_dialogues,
    understood_slots,
    was_typed,
)  # fmt: skip
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.importers import import_source

NAME = "simmc2"
# Whether a wish opens a search or narrows one is often a matter of taste; this score does not ask.
LOOKING = ("search", "refine")
POINTING = ("ask", "compare", "similar", "add_to_bag", "disambiguate")
PARTS = ("development", "held_back")
# The figures that stand for each half too.
OF_HALVES = (
    "act_accuracy", "act_accuracy_search_refine_merged", "slots_search_f1", "slots_refine_f1", "new_slots_f1",
    "asked_f1", "targets_exact_all_colors_known",
)  # fmt: skip


@dataclass(frozen=True)
class HeardTurn:
    """What was made of one sentence, in the words of `simmc_records`. ``objects`` are those meant, scene numbers."""

    act: str
    slots: frozenset[Slot]
    new: frozenset[Slot]
    asked: frozenset[str]
    objects: frozenset[int] | None
    ms: float
    constraints: tuple[dict, ...]
    # Only a sentence whose objects all stand in the shown scene can be judged by the products it points at.
    pointable: bool = False
    in_color: bool = False


@dataclass
class Scene:
    """The products that stand in for a dialogue's objects, as far as the shop has shown them."""

    scenery: Scenery
    facts: dict[int, dict[str, object]]
    products: dict[int, str] = field(default_factory=dict)
    in_color: set[int] = field(default_factory=set)
    shown: set[int] = field(default_factory=set)

    def show(self, turn: Turn, kind: str) -> list[str]:
        """The products of what the shop shows in this turn; those shown first stay who they are."""
        colors = self.scenery.colors_in(turn.reply, turn.reply_objects)
        for number, color in zip(turn.reply_objects, colors, strict=True):
            if number in self.products:
                continue
            facts = {"category": kind, **({"color": color} if color else {}), **self.facts.get(number, {})}
            found = self.scenery.stand_in(facts, set(self.products.values()))
            if found:
                self.products[number] = found[0]
                self.in_color |= {number} if found[1] else set()
        there = [n for n in turn.reply_objects if n in self.products]
        self.shown |= set(there)
        return [self.products[n] for n in there]

    def numbers(self, products: Iterable[str]) -> frozenset[int]:
        """The objects that these products stand for; a product that stands for none is a number below 0."""
        of = {p: n for n, p in self.products.items()}
        return frozenset(of.get(p, -1 - i) for i, p in enumerate(products))


def measure(
    data: Path, scratch: Path, *, sample: int | None = None, workers: int = 1, full: bool = False
) -> tuple[Result, list[Failure]]:
    """Hold every dialogue and score each sentence.

    Args:
        data: the folder with ``fashion_dev.jsonl.gz`` and ``catalogue.jsonl.gz``.
        full: also through the whole assistant, which then shows its own products and not the data's.

    Returns:
        The result, and the failures of the development half only: the other half's are for nobody's eyes.

    Raises:
        DataMissing: a file is not there or holds something else.
    """
    start = time.perf_counter()
    catalogue = existing(data / "catalogue.jsonl.gz")
    dialogues = drawn(read_dialogues(data / "fashion_dev.jsonl.gz"), sample)
    store = scratch_store(NAME, [catalogue], scratch, lambda path: _import(catalogue, path))
    heard = spread(hold, store.path, dialogues, workers)
    figures, intervals = scores(dialogues, heard, "")
    if full:
        whole = spread(hold_with_the_assistant, store.path, dialogues, workers)
        more = scores(dialogues, whole, "full/")
        figures |= {name: value for name, value in more[0].items() if "oracle" not in name}
        intervals |= {name: value for name, value in more[1].items() if "oracle" not in name}
    failures = [f for d, h in zip(dialogues, heard, strict=True) if half_of(d.name) == "development"
                for f in failures_of(d, h)]  # fmt: skip
    turns = sum(len(d.turns) for d in dialogues)
    protocol = {
        "dialogues": len(dialogues), "turns": turns, "acts": ACTS,
        "halves": {p: sum(half_of(d.name) == p for d in dialogues) for p in PARTS},
        "said also": {k: list(v) for k, v in ALSO_SAID.items()},
        "failures": "of the development half, by the understanding alone",
    }  # fmt: skip
    what = "shopper sentences of SIMMC 2.0 fashion dialogues: act, wishes, what is asked, products meant"
    seconds = time.perf_counter() - start
    result = Result(NAME, what, figures, intervals, turns, seconds, protocol, [], kinds_of(failures),
                    most_telling(failures))  # fmt: skip
    return result, failures


def _import(catalogue: Path, store: Path) -> None:
    import_source("jsonl", catalogue, store)


def hold(store: Path, dialogues: list[Dialogue]) -> list[list[HeardTurn]]:
    """Each dialogue through the understanding; what the shop showed is what the data say, by stand-ins."""
    with own_copy(store) as path:
        listener = Listener(path)
        scenery = Scenery(listener.shelf.catalog)
        return [_held(d, listener.conversation(), scenery) for d in dialogues]


def _held(dialogue: Dialogue, talk: Listening, scenery: Scenery) -> list[HeardTurn]:
    out, scene, kind = [], Scene(scenery, dialogue.facts), ""
    for turn in dialogue.turns:
        heard = talk.hear(turn.said)
        pointable = bool(turn.objects) and set(turn.objects) <= scene.shown
        made = _turn(turn, heard.act, heard.constraints, heard.added, heard.asked, heard.ms)
        out.append(
            HeardTurn(
                made.act, made.slots, made.new, made.asked, scene.numbers(heard.targets), made.ms, made.constraints,
                pointable, pointable and scene.shown <= scene.in_color,
            )
        )  # fmt: skip
        kind = next((v for a, v in turn.slots if a == "category"), turn.reply_type.lower() or kind)
        shows = ACTS.get(turn.act) in ("search", "refine", "similar")
        products = scene.show(turn, turn.reply_type.lower() or kind) if shows else None
        confirmed = turn.reply_objects if turn.reply_act == "CONFIRM:ADD_TO_CART" else ()
        bagged = [scene.products[n] for n in confirmed if n in scene.products]
        talk.answered(products, turn.reply_act == "REQUEST:DISAMBIGUATE", bagged)
    return out


def hold_with_the_assistant(store: Path, dialogues: list[Dialogue]) -> list[list[HeardTurn]]:
    """Each dialogue through the whole assistant, the shopper's sentences only: as ``shop ask`` would answer them."""
    with own_copy(store) as path:
        assistant = Assistant.open(path)
        try:
            return [[_asked(assistant, d.name, turn) for turn in d.turns] for d in dialogues]
        finally:
            assistant.close()


def _asked(assistant: Assistant, thread: str, turn: Turn) -> HeardTurn:
    answer = assistant.turn(thread, turn.said)
    constraints = tuple(Constraint.from_dict(c) for c in answer["constraints"])
    return _turn(turn, answer["act"], constraints, (), answer["asked"], answer["ms"])


def _turn(
    turn: Turn,
    act: str,
    constraints: Sequence[Constraint],
    added: Sequence[Constraint],
    asked: Sequence[str],
    ms: float,
) -> HeardTurn:
    return HeardTurn(
        act, understood_slots(constraints, turn.slots), understood_slots(added, turn.slots), frozenset(asked), None, ms,
        tuple(c.as_dict() for c in constraints),
    )  # fmt: skip


def scores(
    dialogues: Sequence[Dialogue], heard: Sequence[Sequence[HeardTurn]], prefix: str
) -> tuple[Figures, Intervals]:
    """All figures over all dialogues, and `OF_HALVES` over each half."""
    figures, intervals = _scores_of(dialogues, heard)
    for part in PARTS:
        chosen = [(d, h) for d, h in zip(dialogues, heard, strict=True) if half_of(d.name) == part]
        if chosen:
            some, sure = _scores_of(*zip(*chosen, strict=True))
            figures |= {f"{part}/{name}": value for name, value in some.items() if name in OF_HALVES}
            intervals |= {f"{part}/{name}": value for name, value in sure.items() if name in OF_HALVES}
    ms = [h.ms for turns in heard for h in turns]
    figures |= {"ms_median": float(np.median(ms)), "ms_p95": float(np.percentile(ms, 95))}
    return ({prefix + n: v for n, v in figures.items()}, {prefix + n: v for n, v in intervals.items()})


def _scores_of(
    dialogues: Sequence[Dialogue], heard: Sequence[Sequence[HeardTurn]]
) -> tuple[Figures, Intervals]:  # fmt: skip
    figures: Figures = {}
    intervals: Intervals = {}
    for name, judge in _SHARES.items():
        judged = np.array([_counted(d, h, judge) for d, h in zip(dialogues, heard, strict=True)], dtype=np.float64)
        if judged[:, 1].sum():
            figures[name], intervals[name] = share_with_ci(judged[:, 0], judged[:, 1])
    for name, compared in _COMPARED.items():
        counts = [np.sum([[0, 0, 0], *compared(d, h)], axis=0) for d, h in zip(dialogues, heard, strict=True)]
        more = f1_with_ci(np.array(counts, dtype=np.float64), name)
        figures, intervals = figures | more[0], intervals | more[1]
    return figures, intervals


def _counted(
    dialogue: Dialogue, heard: Sequence[HeardTurn], judge: Callable[[Turn, HeardTurn], bool | None]
) -> tuple[int, int]:
    verdicts = [v for t, h in zip(dialogue.turns, heard, strict=True) if (v := judge(t, h)) is not None]
    return sum(verdicts), len(verdicts)


def _right_act(turn: Turn, heard: HeardTurn) -> bool | None:
    wanted = ACTS.get(turn.act)
    return None if wanted in (None, "disambiguate") else heard.act == wanted


def _right_act_merged(turn: Turn, heard: HeardTurn) -> bool | None:
    wanted = ACTS.get(turn.act)
    if wanted in LOOKING:
        return heard.act in LOOKING
    return _right_act(turn, heard)


def _recognised(act: str) -> Callable[[Turn, HeardTurn], bool | None]:
    return lambda turn, heard: heard.act == act if ACTS.get(turn.act) == act else None


def _points_right(turn: Turn, heard: HeardTurn) -> bool | None:
    # Where the data's own shop has to ask "which one?", the sentence does not say it.
    if not heard.pointable or ACTS.get(turn.act) not in POINTING or turn.reply_act == "REQUEST:DISAMBIGUATE":
        return None
    return heard.objects == frozenset(turn.objects)


def _points_right_in_color(turn: Turn, heard: HeardTurn) -> bool | None:
    return _points_right(turn, heard) if heard.in_color else None


def _can_point(turn: Turn, heard: HeardTurn) -> bool | None:
    return heard.pointable if ACTS.get(turn.act) in POINTING and heard.objects is not None else None


_SHARES: dict[str, Callable[[Turn, HeardTurn], bool | None]] = {
    "act_accuracy": _right_act,
    "act_accuracy_search_refine_merged": _right_act_merged,
    **{f"act_recall_{act}": _recognised(act) for act in ACTS.values()},
    "targets_exact": _points_right,
    "targets_exact_all_colors_known": _points_right_in_color,
    "targets_shown_before": _can_point,
}


def _matched(ours: frozenset, expected: frozenset) -> tuple[int, int, int]:
    return len(ours & expected), len(ours), len(expected)


def _slots(act: str):
    """Counts of the cumulative slots of the sentences with this act."""
    return lambda d, heard: [
        _matched(h.slots, t.slots) for t, h in zip(d.turns, heard, strict=True) if ACTS.get(t.act) == act
    ]


def _typed_only(act: str):
    """The same for an oracle that knows the slots and credits those whose words the shopper has typed so far."""

    def counts(d: Dialogue, heard: Sequence[HeardTurn]) -> list[tuple[int, int, int]]:
        out = []
        for i, t in enumerate(d.turns):
            if ACTS.get(t.act) == act:
                known = frozenset(s for s in t.slots if was_typed(s, [x.said for x in d.turns[: i + 1]]))
                out.append(_matched(known, t.slots))
        return out

    return counts


def _new_slots(d: Dialogue, heard: Sequence[HeardTurn]) -> list[tuple[int, int, int]]:
    """This sentence's own slots: all of a search's, and of a refinement what the sentence before did not have."""
    out, before = [], frozenset()
    for t, h in zip(d.turns, heard, strict=True):
        act = ACTS.get(t.act)
        if act in LOOKING and h.objects is not None:
            fresh = t.slots if act == "search" else t.slots - before
            repeated = h.new & (t.slots - fresh)  # said again: neither new nor wrong
            out.append(_matched(h.new - repeated, fresh))
        before = t.slots or before
    return out


def _asked_for(act: str):
    return lambda d, heard: [
        _matched(h.asked, t.asked) for t, h in zip(d.turns, heard, strict=True) if ACTS.get(t.act) == act
    ]


def _targets(d: Dialogue, heard: Sequence[HeardTurn]) -> list[tuple[int, int, int]]:
    return [
        _matched(h.objects, frozenset(t.objects))
        for t, h in zip(d.turns, heard, strict=True)
        if _points_right(t, h) is not None and h.objects is not None
    ]


_COMPARED = {
    "slots_search": _slots("search"),
    "slots_refine": _slots("refine"),
    "oracle_typed_slots_search": _typed_only("search"),
    "oracle_typed_slots_refine": _typed_only("refine"),
    "new_slots": _new_slots,
    "asked": _asked_for("ask"),
    "asked_compare": _asked_for("compare"),
    "targets": _targets,
}


def failures_of(dialogue: Dialogue, heard: Sequence[HeardTurn]) -> list[Failure]:
    """What went wrong in one dialogue, a failure a sentence, with what was said just before."""
    out, before = [], ""
    for number, (turn, h) in enumerate(zip(dialogue.turns, heard, strict=True), 1):
        kinds = _kinds(turn, h)
        if kinds:
            expected = {"act": ACTS.get(turn.act), "slots": sorted(turn.slots), "asked": sorted(turn.asked)}
            understood = {
                "act": h.act, "slots": sorted(h.slots), "asked": sorted(h.asked),
                "constraints": [f"{c['attribute']} {c['op']} {c['values']} ({c['said']})" for c in h.constraints],
            }  # fmt: skip
            if h.pointable:
                expected["objects"], understood["objects"] = sorted(turn.objects), sorted(h.objects or ())
            seen = {"dialogue": dialogue.name, "turn": number, "before": before, "said": turn.said}
            out.append(Failure(kinds, {**seen, "expected": expected, "understood": understood}))
        before = f"{turn.said} | {turn.reply}"
    return out


def _kinds(turn: Turn, heard: HeardTurn) -> tuple[str, ...]:
    wanted = ACTS.get(turn.act)
    kinds = [f"{wanted} heard as {heard.act}"] if wanted and wanted != heard.act else []
    if wanted in LOOKING:
        missed, extra = turn.slots - heard.slots, heard.slots - turn.slots
        missed_names, extra_names = {a for a, _ in missed}, {a for a, _ in extra}
        kinds += [f"{a}: another value" for a in sorted(missed_names & extra_names)]
        kinds += [f"{a}: missed" for a in sorted(missed_names - extra_names)]
        kinds += [f"{a}: not meant" for a in sorted(extra_names - missed_names)]
    if wanted in ("ask", "compare") and heard.act in ("ask", "compare"):
        kinds += [f"asked: {a} missed" for a in sorted(turn.asked - heard.asked)]
        kinds += [f"asked: {a} not meant" for a in sorted(heard.asked - turn.asked)]
    if _points_right_in_color(turn, heard) is False:
        kinds.append("other products meant")
    return tuple(kinds)
