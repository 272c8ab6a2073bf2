"""RecBole's models as baselines of a store: the split they are given, and the ranks they give back.

    python -m shopping_assistant.eval.sequence_baselines export --store DIR

They are trained in an environment of their own (`make baselines STORE=DIR`, eval/recbole/shop_run.py), which knows
nothing of stores. ``STORE/baselines/recbole`` is all that both sides share:

* ``split.parquet``, a line a sequence: ``part`` (train, validation, test), ``user_id``, ``session_id``, ``items`` in
  time order, ``bought`` (which of them were bought), ``target``.
* ``products.parquet``: ``product_id`` and ``listed`` in the order of the catalogue's rows, by which ties are broken.
* ``split.json``: what both were made from.
* ``SYSTEM.json`` and ``SYSTEM.PART.parquet``: how a model was trained, and for each question the target's ``rank``
  among all candidates (0: the model has no place for it), the catalogue's rows of the first 100 products (``top``),
  and the number of ``candidates``.

A replay reads the last two as it reads any other system, and refuses them where they answer other questions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.eval.allowed import Allowed
from shopping_assistant.eval.protocol import Protocol, ReplayError
from shopping_assistant.tools.catalog import Catalog, write_parquet
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import Event, Example, by_user
from shopping_assistant.tools.store import Store, write_json

FOLDER = Path("baselines") / "recbole"
SYSTEMS = ("recbole-gru4rec", "recbole-sasrec", "recbole-bert4rec", "recbole-nextitnet", "recbole-core")
PARTS = ("validation", "test")
KEY = ("user_id", "session_id", "target")
# Raised when the split file says something else than before: what was trained on an older one is then refused.
FORMAT = 1
SEQUENCES = {
    "part": pl.String,
    "user_id": pl.String,
    "session_id": pl.String,
    "items": pl.List(pl.String),
    "bought": pl.List(pl.Boolean),
    "target": pl.String,
}


def folder_of(store: Store) -> Path:
    return store.path / FOLDER


def items_of(events: Sequence[Event]) -> list[tuple[str, bool]]:
    """What a model of sequences reads: (product, whether it was bought) in time order.

    A product bought counts once, at its first purchase, and the clicks on it are left out: so it is in every question
    too, where no click on the target stands in the history. A click that repeats the one before says nothing new.
    """
    bought = {e.product_id for e in events if e.action == "purchase"}
    found: list[tuple[str, bool]] = []
    taken: set[str] = set()
    for e in events:
        if e.action == "purchase" and e.product_id not in taken:
            taken.add(e.product_id)
            found.append((e.product_id, True))
        elif e.action == "click" and e.product_id not in bought and found[-1:] != [(e.product_id, False)]:
            found.append((e.product_id, False))
    return found


def sequences(store: Store) -> pl.DataFrame:
    """The store's leave-one-out split in the columns of `SEQUENCES`."""
    split = store.split()

    def lines() -> Iterator[tuple]:
        for user, events in by_user(split.train):
            yield ("train", user, None, *_columns(events), None)
        for part in PARTS:
            for e in getattr(split, part):
                yield (part, e.user_id, e.session_id, *_columns(e.history), e.target)

    frame = pl.DataFrame(list(lines()), schema=SEQUENCES, orient="row")
    return frame.filter((pl.col("part") != "train") | (pl.col("items").list.len() > 0))


def _columns(events: Sequence[Event]) -> tuple[list[str], list[bool]]:
    found = items_of(events)
    return [product for product, _ in found], [bought for _, bought in found]


def digest_of(store: Store) -> str:
    """Changes when the log, the products or their order do, or what is made of them here."""
    catalog = store.catalog()
    made = hashlib.sha256(json.dumps([FORMAT, store.digest("events")]).encode())
    made.update("\n".join(catalog.ids).encode())
    made.update(catalog.listed.tobytes())
    return made.hexdigest()


def export(store: Store) -> Path:
    """Write the split for RecBole's environment; one that is of this log and catalogue already is kept.

    Raises:
        ReplayError: the log holds no question.
    """
    folder, digest = folder_of(store), digest_of(store)
    if _read_json(folder / "split.json").get("digest") == digest:
        return folder
    frame = sequences(store)
    counts = dict(frame["part"].value_counts().iter_rows())
    if "test" not in counts:
        raise ReplayError(
            f"{store.path}: no shopper bought two products, so that nothing can be withheld and foretold; sequence "
            "baselines need a log of purchases"
        )
    folder.mkdir(parents=True, exist_ok=True)
    # Without its record the old split is nobody's: an interruption in between leaves nothing that looks whole.
    (folder / "split.json").unlink(missing_ok=True)
    write_parquet(frame, folder / "split.parquet")
    write_parquet(_products(store.catalog(), frame), folder / "products.parquet")
    write_json(folder / "split.json", {"digest": digest, "lines": counts})
    return folder


def _products(catalog: Catalog, frame: pl.DataFrame) -> pl.DataFrame:
    """All products in row order; what stands in the log alone comes behind and is no candidate."""
    named = frame.select(pl.col("items").explode()).drop_nulls()["items"].unique(maintain_order=True).to_list()
    gone = [p for p in named if p not in catalog]
    listed = [*catalog.listed.tolist(), *(False for _ in gone)]
    return pl.DataFrame({"product_id": [*catalog.ids, *gone], "listed": listed})


def _read_json(path: Path) -> dict:
    """What a file says; nothing where there is none, or none that can be read: it is made again as if it were not."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def refuse_other_questions(protocol: Protocol, names: Sequence[str], own_log: bool) -> None:
    """Refuse at once what these systems have no ranks for, before other systems have spent their time.

    Raises:
        ReplayError: the protocol is not the one that the ranks were made by, or another log is replayed.
    """
    asked = [name for name in names if name in SYSTEMS]
    if not asked:
        return
    made_for = {"split": "leave-one-out", "candidates": "all", "exclude_history": True}
    other = [f"{n} {getattr(protocol, n)!r} (theirs: {v!r})" for n, v in made_for.items() if getattr(protocol, n) != v]
    if not own_log:
        other.append("another log (theirs: the store's own)")
    if other:
        raise ReplayError(
            f"{', '.join(asked)}: their ranks were made outside of this replay and hold for one protocol; here it has "
            f"{', '.join(other)}; replay them with the defaults, or leave these systems out"
        )


def kept_for(store: Store) -> tuple[str, ...]:
    """The models whose ranks in the store were made from the log and catalogue it has now."""
    records = {name: _read_json(folder_of(store) / f"{name}.json") for name in SYSTEMS}
    if not any(records.values()):
        return ()
    digest = digest_of(store)
    return tuple(name for name, record in records.items() if record.get("split") == digest)


def kept_digest(store: Store) -> str:
    """Changes when a model was trained again; empty where there is none.

    A record is written after its ranks and says how long the training took: two trainings do not share one.
    """
    records = [path for name in SYSTEMS if (path := folder_of(store) / f"{name}.json").is_file()]
    made = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in records))
    return made.hexdigest() if records else ""


class KeptRanks:
    """The ranks that RecBole's models gave, by (shopper, session, target); one ranker for all models asked for."""

    def __init__(self, store: Store, names: Sequence[str]):
        """
        Raises:
            ReplayError: a model was not trained for this store, or on another log or catalogue.
        """
        self.names = tuple(names)
        self._remedy = f"`make baselines STORE={store.path}`"
        folder, digest = folder_of(store), digest_of(store)
        for name in names:
            record = _read_json(folder / f"{name}.json")
            if not record:
                raise ReplayError(f"{name}: {folder} holds no ranks of it; make them with {self._remedy}")
            if record.get("split") != digest:
                raise ReplayError(
                    f"{name}: its ranks in {folder} were made from another log or catalogue than {store.path} has now; "
                    f"make them again with {self._remedy}"
                )
        self._ranks = {name: _read_ranks(folder, name) for name in names}
        first = self._ranks[self.names[0]]
        keys = zip(*(first[c].to_list() for c in KEY), strict=True)
        self._row = {key: row for row, key in enumerate(keys)}
        for name, frame in self._ranks.items():
            if not frame.select(*KEY, "candidates").equals(first.select(*KEY, "candidates")):
                raise ReplayError(
                    f"{name}: answers other questions than {self.names[0]}; {self._remedy} makes both again"
                )

    def ranked(self, examples: Sequence[Example], among: Allowed) -> dict[str, tuple[np.ndarray, list[np.ndarray]]]:
        """For each name ``(b,)`` int64 ranks, 0 for a target without one, and the catalogue rows of the first places.

        Raises:
            ReplayError: a question these models were not asked, or one among other candidates.
        """
        rows = []
        for example in examples:
            row = self._row.get((example.user_id, example.session_id, example.target))
            if row is None:
                raise ReplayError(
                    f"{', '.join(self.names)}: shopper {example.user_id!r}, session {example.session_id!r} is none of "
                    f"the questions they were asked; make them again with {self._remedy}"
                )
            rows.append(row)
        candidates = self._ranks[self.names[0]]["candidates"].gather(rows).to_numpy()
        here = _candidates(among)
        if other := np.flatnonzero(here != candidates).tolist():
            raise ReplayError(
                f"{', '.join(self.names)}: shopper {examples[other[0]].user_id!r} is asked about {here[other[0]]} "
                f"candidates here, and was about {candidates[other[0]]} when they were ranked: all products not bought "
                "before; replay with --candidates all and --exclude-history, or leave these systems out"
            )
        found = {}
        for name, frame in self._ranks.items():
            some = frame.select("rank", "top")[rows]
            found[name] = (
                some["rank"].to_numpy().astype(np.int64),
                [np.array(t, np.int64) for t in some["top"].to_list()],
            )
        return found


def _read_ranks(folder: Path, name: str) -> pl.DataFrame:
    parts = [folder / f"{name}.{part}.parquet" for part in PARTS]
    try:
        return pl.concat([pl.read_parquet(path) for path in parts])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ReplayError(f"{name}: its ranks cannot be read ({error}); make them again") from error


def _candidates(among: Allowed) -> np.ndarray:
    """``(b,)`` how many products each session's target is ranked among."""
    if among.groups is not None or among.times is not None:
        return among.masks().sum(axis=1)
    return int(among.base.sum()) - np.array([int(among.base[np.unique(rows)].sum()) for rows in among.excluded])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.eval.sequence_baselines", description=__doc__.splitlines()[0]
    )
    parser.add_argument("what", choices=("export",))
    parser.add_argument("--store", type=Path, required=True, help="the store whose log the models are to learn")
    given = parser.parse_args(arguments)
    try:
        print(export(Store.open(given.store)))
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
