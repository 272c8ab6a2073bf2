"""What a variant of an ablation learns from: a part of a shop's training log, laid out as a store of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import Split, empty_events
from shopping_assistant.tools.store import Store, write_json

Setting = Literal["ablation", "low resource", "zero-shot", "cold start"]
# Draws of shoppers and of products, told apart from each other.
SHARE, ASKED, WITHHELD = 1, 2, 3


class AblationError(ShopError):
    """Variants that cannot be trained as asked."""


@dataclass(frozen=True)
class Variant:
    """One training.

    Attributes:
        attributes: items are written with titles and attributes; else by their ids alone.
        memory: the query-product memory's items stand in the prompt.
        share: of the shoppers that are learned from; a smaller share is part of every larger one.
        domain: the one kind of products that is learned from.
        withheld: share of the products nothing of which is learned from.
    """

    name: str
    setting: Setting
    attributes: bool = True
    memory: bool = True
    share: float = 1.0
    domain: str | None = None
    withheld: float = 0.0

    @property
    def own_log(self) -> bool:
        """Whether it learns from other events than the shop's models do."""
        return self.share < 1 or self.domain is not None or self.withheld > 0


class Logs:
    """The parts of one shop's log.

    Args:
        asked: share of the shoppers whose last training purchases the trainings on some products validate on. The
            others are learned from whole: all purchases withheld from the shop's own models are left out before.
        domain: the column that ``Variant.domain`` is a value of.
    """

    def __init__(self, store: Store, seed: int, asked: float, domain: str | None = None):
        self._store, self._seed, self._asked, self._column = store, seed, asked, domain

    @cached_property
    def _split(self) -> Split:
        return self._store.split()

    def proportion(self, variant: Variant) -> float:
        """The share of the shop's training events that the variant learns from."""
        if not variant.own_log:
            return 1.0
        if variant.share < 1:
            own = self._split.train.filter(pl.col("user_id").is_in(self._shoppers(variant.share)))
        else:
            own = self._of_products(variant)
        return len(own) / max(1, len(self._split.train))

    def told(self, variant: Variant) -> dict:
        """What an evaluation has to know: the column of the domain, the products that were withheld."""
        column = {"column": self._column} if variant.domain is not None else {}
        return {**column, **({"products": sorted(self._withheld(variant))} if variant.withheld else {})}

    def of(self, variant: Variant) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """The log of the variant's store, and its background.

        Raises:
            AblationError: nothing is left to learn from.
        """
        if variant.share < 1:
            chosen = pl.col("user_id").is_in(self._shoppers(variant.share))
            behind = self._store.background().filter(chosen)
            log, behind = self._store.events().filter(chosen), behind if len(behind) else None
        else:
            left = self._of_products(variant)
            asked = pl.col("user_id").is_in(self._drawn(left["user_id"].unique().sort().to_list(), self._asked, ASKED))
            log, behind = left.filter(asked), left.filter(~asked)
        if not len(log):
            raise AblationError(f"variant {variant.name}: no events are left to learn from; give a longer log")
        return log, behind

    def _shoppers(self, share: float) -> list[str]:
        everyone = pl.concat([self._store.events()["user_id"], self._store.background()["user_id"]])
        return self._drawn(everyone.unique().sort().to_list(), share, SHARE)

    def _withheld(self, variant: Variant) -> set[str]:
        return set(self._drawn(sorted(self._store.catalog().ids), variant.withheld, WITHHELD))

    def _drawn(self, names: Sequence[str], share: float, draw: int) -> list[str]:
        order = np.random.default_rng([self._seed, draw]).permutation(len(names))
        return [names[i] for i in sorted(order[: max(1, round(share * len(names)))].tolist())]

    def _of_products(self, variant: Variant) -> pl.DataFrame:
        """The training log without a trace of the other products, in what a search showed neither.

        Of a domain the sessions in which one of its products was clicked or bought are kept.
        """
        if variant.domain is None:
            allowed = set(self._store.catalog().ids) - self._withheld(variant)
        else:
            of = domains(self._store, self._column)
            allowed = {product for product, value in of.items() if value == variant.domain}
        products = pl.Series(sorted(allowed), dtype=pl.String).implode()
        kept = self._split.train.filter(pl.col("product_id").is_null() | pl.col("product_id").is_in(products))
        if variant.domain is not None:
            sessions = kept.filter(pl.col("product_id").is_not_null())["session_id"].unique()
            kept = kept.filter(pl.col("session_id").is_in(sessions.implode()))
        shown = pl.Series(
            "shown",
            [None if s is None else [p for p in s if p in allowed] or None for s in kept["shown"].to_list()],
            dtype=pl.List(pl.String),
        )
        return kept.with_columns(shown)


def domains(store: Store, column: str) -> dict[str, str]:
    """Product → its value in the column, those without one left out.

    Raises:
        AblationError: the catalogue has no such column.
    """
    catalog = store.catalog()
    if column not in catalog.attribute_names:
        raise AblationError(
            f"domain {column!r}: the catalogue has no such column, expected one of {', '.join(catalog.attribute_names)}"
        )
    cells = zip(catalog.ids, catalog.cells(column), strict=True)
    return {product: value.strip() for product, value in cells if isinstance(value, str) and value.strip()}


def largest_domains(store: Store, column: str, most: int) -> list[str]:
    """The values of the column with the most training purchases, the largest first.

    Raises:
        AblationError: the catalogue has no such column, or purchases are all of one value.
    """
    of = domains(store, column)
    bought = store.split().train.filter(pl.col("action") == "purchase")["product_id"].to_list()
    counts: dict[str, int] = {}
    for product in bought:
        if product in of:
            counts[of[product]] = counts.get(of[product], 0) + 1
    if len(counts) < 2:
        raise AblationError(
            f"domain {column!r}: purchases have {len(counts)} values of it, expected two or more to learn from one and "
            "be tested on another; name another column"
        )
    return sorted(counts, key=lambda name: (-counts[name], name))[:most]


def lay_out(store: Store, place: Path, variant: Variant, logs: Logs) -> Store:
    """A new store for the variant at ``place``, whole or not there; what lay there is thrown away.

    What does not differ from the shop's is linked, so that it takes no room: files of a store are replaced, never
    written into. The memory alone, which Chroma writes into, is copied.
    """
    partial = place.with_name(f".{place.name}.tmp")
    for folder in (partial, place):
        shutil.rmtree(folder, ignore_errors=True)
    partial.mkdir(parents=True)
    shared = ["catalog", "search"] if variant.own_log else ["catalog", "search", "events", "titles", "ids"]
    if variant.memory and not variant.own_log and store.has("memory"):
        shared.append("memory")
        shutil.copytree(store.memory_dir, partial / "memory")
    kept = {name: store.manifest["artefacts"][name] for name in shared if name in store.manifest["artefacts"]}
    for artefact in kept.values():
        for file in artefact["files"]:
            _linked(store.path / file, partial / file)
    manifest = {"name": store.name, "currency": store.currency, "schema": store.manifest["schema"], "artefacts": kept}
    write_json(partial / "store.json", manifest)
    if variant.own_log:
        log, behind = logs.of(variant)
        Store.open(partial).write_events(log, {"variant": variant.name}, empty_events() if behind is None else behind)
    partial.rename(place)
    return Store.open(place)


def _linked(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
