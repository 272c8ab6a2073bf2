"""The worst sessions: what a system saw, what it said, and what was wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shopping_assistant.eval.report import numbers
from shopping_assistant.eval.report.inputs import Key, Results
from shopping_assistant.eval.runs import Run
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.importers import read_log
from shopping_assistant.tools.sessions import Event, by_user, without_clicks_on
from shopping_assistant.tools.store import Store

EACH = 3  # sessions of a kind: what fails first fails alike
EVENTS = 18  # of a history, the last ones: who scrolls further reads nothing


@dataclass(frozen=True)
class Item:
    """A product in words; without a catalogue its id is all there is to say."""

    product_id: str
    title: str
    category: str = ""
    price: str = ""
    more: str = ""


@dataclass(frozen=True)
class Seen:
    """One event of a history: what was done, the query, or the product."""

    action: str
    text: str
    item: Item | None = None


@dataclass(frozen=True)
class Visit:
    """The events of one earlier or current session, in order."""

    day: str
    events: tuple[Seen, ...]
    current: bool  # the session that ends in the purchase


@dataclass(frozen=True)
class Case:
    """One session set out. ``ranks`` are (system, rank in words, whether within the first k), best first."""

    session_id: str
    user_id: str
    target: Item
    ranks: tuple[tuple[str, str, bool], ...]
    cohorts: tuple[str, ...]
    shown: tuple[Item, ...]
    visits: tuple[Visit, ...]
    earlier: int = 0


@dataclass(frozen=True)
class Line:
    """One of a system's own worst sessions, in short."""

    session_id: str
    target: Item
    rank: str
    first: Item | None
    best: str


class Shelf:
    """The store's products and histories, as far as there is a store."""

    def __init__(self, store: Store | None, protocol: dict):
        self._catalog: Catalog | None = store.catalog() if store else None
        self._store, self._protocol = store, protocol

    def item(self, product_id: str) -> Item:
        if self._catalog is None or product_id not in self._catalog:
            return Item(product_id, product_id)
        p = self._catalog.product(product_id)
        price = f"{p.price:,.2f}\N{NO-BREAK SPACE}{p.currency or ''}".strip() if p.price is not None else ""
        more = ", ".join(str(v) for v in (p.brand, p.color, p.material) if v)
        return Item(product_id, p.title, p.category or "", price, more)

    def histories(self, wanted: Sequence[Run]) -> dict[Key, tuple[Event, ...]]:
        """What stood before each run's target, as the replay's split has it; empty without the log."""
        log = self._log()
        if log is None or not wanted:
            return {}
        mine = log.filter(pl.col("user_id").is_in([run.user_id for run in wanted]))
        events = dict(by_user(mine))
        found = {run.key: self._before(events.get(run.user_id, ()), run) for run in wanted}
        return {key: history for key, history in found.items() if history}

    def _log(self) -> pl.DataFrame | None:
        given = self._protocol.get("events", "the store's")
        if self._store is None:
            return None
        if given == "the store's":
            return self._store.events()
        return read_log(given, self._store.catalog()) if Path(given).is_file() else None

    def _before(self, events: Sequence[Event], run: Run) -> tuple[Event, ...]:
        if self._protocol.get("split") == "session":
            events = [e for e in events if e.session_id == run.session_id]
        bought = (
            i
            for i, e in enumerate(events)
            if e.action == "purchase" and e.product_id == run.target and e.session_id == run.session_id
        )
        at = next(bought, None)
        return () if at is None else without_clicks_on(events[:at], {run.target})


class Worst:
    """Picks sessions by rank, and sets them out.

    Args:
        main: the system whose failures are set out.
        whole: the systems whose own worst sessions are listed.
    """

    def __init__(self, results: Results, main: str, whole: Sequence[str], shelf: Shelf):
        self._ranks, self._main, self._k, self._shelf = results.ranks, main, results.k, shelf
        missed, hopeless = self._missed(), self._hopeless()
        own = {name: self._worst_of(name) for name in whole}
        self._runs = results.runs_of({*missed, *hopeless, *(key for keys in own.values() for key in keys)})
        histories = shelf.histories([self._runs[key][main] for key in (*missed, *hopeless)])
        self.missed = [self._case(key, histories.get(key, ())) for key in missed]
        self.hopeless = [self._case(key, histories.get(key, ())) for key in hopeless]
        self.lines = [(name, [self._line(key, name) for key in keys]) for name, keys in own.items() if keys]

    def _missed(self) -> list[Key]:
        """Where another system has the target among its first k and the main one has it furthest behind."""
        gaps = []
        for key, ranks in self._ranks.items():
            others = [_place(rank) for name, rank in ranks.items() if name != self._main]
            if self._main in ranks and others and min(others) <= self._k < _place(ranks[self._main]):
                gaps.append((-_place(ranks[self._main]) / min(others), key))
        return [key for _, key in sorted(gaps)[:EACH]]

    def _hopeless(self) -> list[Key]:
        """Where no system has the target among its first k, the best of them furthest behind; a target that was no
        candidate is nobody's failure."""
        best = [
            (-min(map(_place, ranks.values())), key)
            for key, ranks in self._ranks.items()
            if self._main in ranks and any(ranks.values())
        ]
        return [key for place, key in sorted(best)[:EACH] if -place > self._k]

    def _worst_of(self, name: str) -> list[Key]:
        """The system's worst sessions among those that some other system answered within the first k."""
        found = [
            (-_place(ranks[name]), key)
            for key, ranks in self._ranks.items()
            if name in ranks and _place(ranks[name]) > self._k >= min(map(_place, ranks.values()))
        ]
        return [key for _, key in sorted(found)[:EACH]]

    def _line(self, key: Key, name: str) -> Line:
        runs = self._runs[key]
        run, best = runs[name], min(runs.values(), key=lambda r: (_place(r.rank), r.system))
        first = self._shelf.item(run.top[0]) if run.top else None
        return Line(key[0], self._shelf.item(run.target), _in_words(run), first, f"{best.system}: {_in_words(best)}")

    def _case(self, key: Key, history: Sequence[Event]) -> Case:
        runs = self._runs[key]
        main = runs[self._main]
        ranks = sorted((_place(r.rank), name) for name, r in runs.items())
        return Case(
            *key,
            target=self._shelf.item(main.target),
            ranks=tuple((name, _in_words(runs[name]), place <= self._k) for place, name in ranks),
            cohorts=main.cohorts,
            shown=tuple(self._shelf.item(p) for p in main.top[: self._k]),
            visits=self._visits(history[-EVENTS:], main.session_id),
            earlier=max(0, len(history) - EVENTS),
        )

    def _visits(self, history: Sequence[Event], current: str) -> tuple[Visit, ...]:
        sessions: dict[str, list[Event]] = {}
        for event in history:
            sessions.setdefault(event.session_id, []).append(event)
        return tuple(
            Visit(
                events[0].timestamp.strftime("%d %b %Y").lstrip("0"),
                tuple(self._seen(e) for e in events),
                session == current,
            )
            for session, events in sessions.items()
        )

    def _seen(self, event: Event) -> Seen:
        if event.action == "search":
            return Seen("searched", event.query or "")
        verb = "bought" if event.action == "purchase" else "clicked"
        item = self._shelf.item(event.product_id or "")
        return Seen(verb, item.title, item)


def _place(rank: int | None) -> float:
    return rank or math.inf


def _in_words(run: Run) -> str:
    if run.error:
        return "failed"
    return numbers.count(run.rank) if run.rank else "not ranked"
