"""A conversation of the shop, or a session of a replay, written down as a case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from shopping_assistant.assistant.feedback import Judgement, as_interest
from shopping_assistant.assistant.session_log import SessionLog
from shopping_assistant.eval.baselines import AGENT, RECOMMENDER
from shopping_assistant.eval.cases import Case, CaseError, Deed, Expectation, Step, refuse_foreign
from shopping_assistant.eval.protocol import Protocol, questions
from shopping_assistant.eval.replay_agent import REQUEST, Thumb, played, thumbs_of
from shopping_assistant.eval.runs import Run, open_runs
from shopping_assistant.tools.judgements import ACTION_OF
from shopping_assistant.tools.sessions import Event, Example, events_of
from shopping_assistant.tools.store import Store

# More of a shopper's past than this no answer depends on: the prompt holds far fewer events.
MOST_EARLIER = 200
_CONDITION = re.compile(r"(?P<attribute>[^=<>]+?)\s*(?P<op><=|>=|=)\s*(?P<value>.+)")


def expectations(
    expect: Sequence[str] = (), expect_not: Sequence[str] = (), acts: Sequence[str] = (), within: int = 10
) -> tuple[Expectation, ...]:
    """What the options say: ``product=p123``, ``material=suede``, ``price<=80``, and acts.

    Raises:
        CaseError: nothing is expected, or an option cannot be read.
    """
    given = [(text, True) for text in expect] + [(text, False) for text in expect_not]
    found = [_expectation(text, must, within) for text, must in given] + [_act(act) for act in acts]
    if not found:
        raise CaseError(
            "nothing is expected of the case: give --expect product=ID, --expect ATTRIBUTE=VALUE, "
            "--expect-not ATTRIBUTE=VALUE or --expect-act ACT"
        )
    return tuple(found)


def _expectation(text: str, must: bool, within: int) -> Expectation:
    option = "--expect" if must else "--expect-not"
    m = _CONDITION.fullmatch(text.strip())
    if not m:
        raise CaseError(f"{option} {text!r}: expected product=ID, ATTRIBUTE=VALUE, ATTRIBUTE<=NUMBER or >=NUMBER")
    value: str | float = m["value"].strip()
    if m["attribute"] == "product" and m["op"] == "=":
        return Expectation(must=must, product=value, within=within)
    if m["op"] != "=":
        try:
            value = float(value)
        except ValueError:
            raise CaseError(f"{option} {text!r}: {m['op']} expected a number, got {value!r}") from None
    return Expectation(must=must, attribute=m["attribute"].strip(), op=m["op"], value=value)


def _act(act: str) -> Expectation:
    try:
        return Expectation(act=act)
    except ValidationError as error:
        raise CaseError(f"--expect-act {act!r}: {error.errors()[0]['msg']}") from None


def recent(store: Store, many: int = 10) -> list[dict]:
    """The newest conversations to choose from: ``thread_id, started, turns`` and what was said first and last."""
    log = _log(store)
    try:
        found = []
        for thread in log.threads()[:many]:
            said = [turn["shopper"] for turn in log.turns(thread["thread_id"])]
            if said:
                found.append({**{k: thread[k] for k in ("thread_id", "started", "turns")}, "said": said})
        return found
    finally:
        log.close()


def from_thread(
    store: Store, thread_id: str, name: str, expect: Sequence[Expectation], turn: int | None = None, note: str = ""
) -> Case:
    """A conversation of this shop up to one of its turns, by default the last one that was held.

    Raises:
        CaseError: no such conversation or turn.
    """
    log = _log(store)
    try:
        turns, times = log.turns(thread_id), log.turn_times(thread_id)
        if not turns:
            raise CaseError(
                f"conversation {thread_id!r}: {store.path} holds none with turns by this id; see them with "
                "`shop export-case --list`"
            )
        last = len(turns) if turn is None else turn
        if not 1 <= last <= len(turns):
            raise CaseError(f"turn {turn}: conversation {thread_id!r} has {len(turns)} turns, counted from 1")
        events = log.events(thread_id=thread_id)
        user = log.know(thread_id)
        before = [e for e in log.events(user_id=user) if e.session_id != thread_id] if user != thread_id else []
        judgements = log.judgements(thread_id)
        for other in log.threads_judged_by(user) if user != thread_id else ():
            if other != thread_id:
                own = [e for e in before if e.session_id == other]
                before = [e for e in before if e.session_id != other]
                # To the recommender a thumb of an earlier conversation is what it stands for.
                before += as_interest(own, log.judgements(other), other, user)
    finally:
        log.close()
    at = datetime.fromisoformat(times[last - 1])
    started = min([datetime.fromisoformat(times[0]), *(e.timestamp for e in events)])
    if user != thread_id and store.has_events:
        known = {(e.session_id, e.timestamp) for e in before}
        own = store.events().filter(user_id=user)
        before += [e for e in events_of(own) if (e.session_id, e.timestamp) not in known and e.session_id != thread_id]
    earlier = sorted((e for e in before if e.timestamp < started), key=lambda e: e.timestamp)
    answered = turns[last - 1]
    return _case(
        store, name, "agent", at, earlier, _steps(turns[:last], times, events, judgements), expect, note,
        {"act": answered["act"], "reply": answered["reply"], "shown": [p["product_id"] for p in answered["products"]]},
    )  # fmt: skip


def from_runs(
    store: Store, runs: Path, session_id: str, name: str, expect: Sequence[Expectation], system: str | None = None,
    note: str = "",
) -> Case:  # fmt: skip
    """A session of a replay's runs folder.

    Args:
        expect: when empty, the session's target must be among the first ten.
        system: which of the folder's systems; may be left out where only one can be made a case of.

    Raises:
        CaseError: no such session or system, or the store's log is not the replayed one.
    """
    about, found = open_runs(runs)
    of_session = [run for run in found if run.session_id == session_id]
    if not of_session:
        raise CaseError(f"session {session_id!r}: {runs} holds no run of it")
    run = _of_system(of_session, system)
    example = _example(store, about["protocol"], run)
    if example.target not in store.catalog():
        raise CaseError(f"session {session_id!r}: its target {example.target!r} is not in this shop")
    expected = tuple(expect) or (Expectation(product=run.target),)
    saw = {"system": run.system, "rank": run.rank, "shown": list(run.top[:10])}
    if run.system != AGENT:
        return _case(
            store, name, "recommender", example.timestamp, example.history, (), expected, note, saw, "training"
        )
    thumbs = thumbs_of(store).get((example.session_id, example.user_id), ())
    session = played(example, thumbs)
    earlier = [e for e in example.history if e.session_id != example.session_id]
    steps = [*(_step(e) for e in session), Step(say=REQUEST)]
    return _case(store, name, "agent", example.timestamp, earlier, steps, expected, note, saw, "training")


def _of_system(runs: Sequence[Run], system: str | None) -> Run:
    usable = [r for r in runs if r.system in (AGENT, *RECOMMENDER)]
    chosen = [r for r in usable if system in (None, r.system)]
    if len(chosen) == 1 or (chosen and system is not None):
        return chosen[0]
    names = ", ".join(dict.fromkeys(r.system for r in usable)) or "none"
    raise CaseError(f"--system {system!r}: a case can be made of one of these systems of the session: {names}")


def _example(store: Store, protocol: dict, run: Run) -> Example:
    """The session's history, read from the store's log by the protocol of the replay."""
    if protocol.get("events", "the store's") != "the store's":
        raise CaseError(f"these runs are of another log ({protocol['events']}); a case is made from the store's own")
    named = {k: protocol[k] for k in ("split", "part", "exclude_history", "min_items", "k", "seed") if k in protocol}
    withheld = store.split()
    asked = questions(store.events(), Protocol(**named), withheld.train, withheld)
    for example in asked.examples:
        if (example.session_id, example.user_id, example.target) == (run.session_id, run.user_id, run.target):
            return example
    raise CaseError(
        f"session {run.session_id!r}: the log of {store.path} has no such question; give the replayed store"
    )


def _case(
    store: Store, name: str, system: str, at: datetime, earlier: Sequence[Event], steps: Sequence[Step],
    expect: Sequence[Expectation], note: str, saw: dict, log: str = "all",
) -> Case:  # fmt: skip
    numbers: dict[str, int] = {}
    deeds = []
    for e in list(earlier)[-MOST_EARLIER:]:
        number, before = numbers.setdefault(e.session_id, len(numbers) + 1), (at - e.timestamp).total_seconds()
        deeds.append(
            Deed(
                session=number, before=before, action=e.action, query=e.query, product_id=e.product_id, shown=e.shown,
                position=e.position,
            )
        )  # fmt: skip
    try:
        case = Case(
            name=name, shop=store.name, system=system, at=at, log=log, earlier=tuple(deeds), steps=tuple(steps),
            expect=tuple(expect), saw=saw, note=note,
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        raise CaseError(f"case {name!r}: {'.'.join(str(p) for p in first['loc'])}: {first['msg']}") from None
    refuse_foreign(case, store.catalog(), store.name)
    return case


def _steps(
    turns: Sequence[dict], times: Sequence[str], events: Sequence[Event], judgements: Sequence[Judgement] = ()
) -> list[Step]:
    """Sentences and, between them, what was clicked, put into the bag and judged by hand."""
    steps: list[Step] = []
    left = [(e.timestamp, e) for e in events if e.action != "search"]
    left += [(datetime.fromisoformat(j.at), j) for j in judgements]
    left.sort(key=lambda done: done[0])
    for turn, time in zip(turns, times, strict=False):
        if "photo" in (turn.get("tapped") or {}):
            raise CaseError(
                f"turn {turn['turn']}: a photo was shown, and nobody keeps photos, so that it cannot be shown again; "
                "export the conversation up to an earlier turn"
            )
        ended = datetime.fromisoformat(time)
        added = [tool["arguments"].get("product_ids", ()) for tool in turn["tools"] if tool["name"] == "add_to_bag"]
        by_word = {product for products in added for product in products}
        judged = turn.get("judged") or {"products": {}, "turns": {}}
        said = {*judged["products"], *(int(n) for n in judged["turns"])}
        happened = [done for at, done in left if at <= ended]
        left = [(at, done) for at, done in left if at > ended]
        steps += [_step(done) for done in happened if not _was_said(done, by_word, said)]
        steps.append(Step(tap=turn["tapped"]) if turn.get("tapped") else Step(say=turn["shopper"]))
    return steps


def _was_said(done: Event | Judgement, bagged: set[str], judged: set[str | int]) -> bool:
    """Whether the sentence of the turn does it when it is said again."""
    if isinstance(done, Judgement):
        return (done.turn if done.product_id is None else done.product_id) in judged
    return done.action == "purchase" and done.product_id in bagged


def _step(done: Event | Judgement | Thumb) -> Step:
    if isinstance(done, Judgement | Thumb):
        of = done.product_id if done.product_id is not None else done.turn
        return Step(**{ACTION_OF[done.verdict]: of}, position=done.position)
    if done.action == "search":
        return Step(say=done.query)
    if done.action == "click":
        return Step(click=done.product_id, position=done.position)
    return Step(bag=done.product_id, position=done.position)


def _log(store: Store) -> SessionLog:
    if not store.conversations_path.is_file():
        raise CaseError(f"{store.path} holds no conversations; talk to it first with `shop chat --store {store.path}`")
    return SessionLog(store.conversations_path)
