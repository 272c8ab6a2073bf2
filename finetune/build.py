"""All that a shop's store can be given: search index, title, id and fit models, memory, recommender, mixup, pictures.

Each step is skipped when what it would make is there already, made from the same inputs with the same settings. The
products that `shop add-products` brought in are no such input: they are served by their kin until a training that has
another reason, or that is asked for with `--only`; the search index takes them in at once.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import polars as pl

from shopping_assistant.finetune import config as configs
from shopping_assistant.finetune.images import ShopPictures
from shopping_assistant.tools import stock_changes
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.stock import made_at
from shopping_assistant.tools.store import FIT_FEEDBACK, Store

STEPS = ("search", "titles", "ids", "memory", "sessions", "recommender", "mixup", "fused", "fit", "images")
# Raised when a step's code changes what it makes: old artefacts are then made again.
RECIPE = {"search": 2, "titles": 1, "ids": 1, "memory": 1, "sessions": 1, "recommender": 2, "mixup": 2, "fused": 1,
          "fit": 1, "images": 1}  # fmt: skip
# What each step reads, besides its own settings.
INPUTS = {
    "search": ("catalog",),
    "titles": ("catalog", "events"),
    "ids": ("catalog", "events", "titles"),
    "memory": ("events",),
    # Not "search", whose vectors both of these read: they differ in the last bit between processors.
    "sessions": ("catalog", "events"),
    "recommender": ("catalog", "events"),
    "mixup": ("catalog", "events", "titles", "ids", "recommender"),
    "fused": ("catalog", "events", "titles", "sessions", "recommender", "mixup"),
    "fit": ("catalog", FIT_FEEDBACK),
    # What it reads of the catalogue, ids, titles and pictures as they are now, is told by its settings.
    "images": (),
}
FEWEST_FIT = 30  # answers, below which there is nothing to learn but luck
TRAINED = ("titles", "ids", "sessions", "recommender")
Progress = Callable[[int, int], None]


class BuildError(ShopError):
    """A build that was asked for something that does not exist."""


@dataclass(frozen=True)
class BuildConfig:
    """Which settings each model is trained with: YAML files beside this one's, packaged ones by name, or paths."""

    titles: str = "titles.yaml"
    ids: str = "ids.yaml"
    sessions: str = "sessions.yaml"
    recommender: str = "falcon-shop.yaml"
    fused: str = "fused.yaml"


@dataclass(frozen=True)
class StepReport:
    """What one step did: ``made``, ``fresh`` (nothing had changed) or ``skipped`` (and why)."""

    name: str
    outcome: str
    why: str = ""
    seconds: float = 0.0
    figures: dict = field(default_factory=dict)


def build(
    store: Store,
    only: Iterable[str] | None = None,
    config_path: Path | None = None,
    started: Callable[[str], Progress | None] | None = None,
    finished: Callable[[StepReport], None] | None = None,
    seed: int | None = None,
) -> list[StepReport]:
    """Run the steps in order; whatever the shop lacks (a log, searches) is said in the step's report.

    Args:
        only: names out of ``STEPS``; all by default. A model that is named is trained again when products were added
            since, even if nothing else has changed.
        config_path: a ``BuildConfig`` in YAML; by default the one this store names, else the packaged settings.
        started: called with a step's name as it begins; the progress callback it returns is handed to the step.
        finished: called with each step's report.
        seed: takes the place of the seed in every step's settings.

    Raises:
        BuildError: ``only`` names a step that does not exist.
        ConfigError: a YAML file is wrong.
    """
    wanted = list(STEPS if only is None else only)
    for name in wanted:
        if name not in STEPS:
            raise BuildError(f"build step {name!r}: expected one of {', '.join(STEPS)}")
    if config_path is None and store.build_config:
        config_path = configs.packaged_config(store.build_config)
    chosen = configs.load(config_path, BuildConfig) if config_path else BuildConfig()
    beside = config_path.parent if config_path else None
    if len(store.stock.changes) > 1:
        stock_changes.consolidate(store.path)
        store = store.reopened()
    steps = _Steps(store, chosen, beside, frozenset(only or ()), seed)
    ordered = [s for s in STEPS if s in wanted]
    for name in ordered:
        steps.read_settings(name)
    reports = []
    for name in ordered:
        report = steps.run(name, started)
        reports.append(report)
        if finished:
            finished(report)
    return reports


def train_one(
    store: Store, step: str, config_path: Path, started: Callable[[str], Progress | None] | None = None
) -> StepReport:
    """Train the titles, ids or recommender model alone, with the settings of one YAML file."""
    return _Steps(store, BuildConfig(**{step: str(config_path)}), None, frozenset([step])).run(step, started)


class _Steps:
    def __init__(
        self, store: Store, chosen: BuildConfig, beside: Path | None, asked: frozenset[str], seed: int | None = None
    ):
        self.store, self.chosen, self.beside, self.asked, self.seed = store, chosen, beside, asked, seed
        self._train: pl.DataFrame | None = None
        self.pictures = ShopPictures(store)

    @property
    def train(self) -> pl.DataFrame:
        if self._train is None:
            self._train = self.store.split().train
        return self._train

    def run(self, name: str, started) -> StepReport:
        # Read first: a wrong key is told before the log is.
        settings, make = self._recipe(name)
        why_not = self._missing(name)
        if why_not:
            return StepReport(name, "skipped", why_not)
        described = {"recipe": RECIPE[name], "settings": settings, "inputs": self.store.digest(*INPUTS[name])}
        key = hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()
        if self.store.fresh(name, key):
            lacking = self._lacking(name)
            if name == "search" and lacking:
                make = self._consolidated_search
            elif not lacking or name not in self.asked:
                return StepReport(name, "fresh", self._told(name, lacking))
        progress = started(name) if started else None
        start = time.perf_counter()
        figures = make(progress)
        seconds = time.perf_counter() - start
        # A trainer writes its own record; the key and the time belong to the build.
        made_by = {k: v for k, v in self.store.made_by(name).items() if k != "at"} if self.store.has(name) else {}
        self.store.record(name, {**made_by, **{"figures": figures, "wall_seconds": round(seconds, 1), "key": key}})
        note = "the log has no searches, so the memory is empty" if name == "memory" and not figures["queries"] else ""
        note = self.pictures.note(figures) if name == "images" else note
        return StepReport(name, "made", note, seconds, figures)

    def _lacking(self, name: str) -> int:
        """How many products were added or updated since the step made what is there."""
        return len(self.store.stock.since(made_at(self.store.model_dir(name)))) if name in ("search", *TRAINED) else 0

    def _told(self, name: str, lacking: int) -> str:
        if not lacking:
            return "nothing changed since it was made"
        return (
            f"not trained on {lacking:,} products that were added or updated since; they are served by their kin: "
            f"train on them with --only {','.join(s for s in STEPS if s not in ('search', 'memory', 'fit', 'images'))}"
        )

    def _consolidated_search(self, progress: Progress | None) -> dict:
        from shopping_assistant.tools.search import CatalogSearch

        return CatalogSearch.consolidate(self.store)

    def read_settings(self, name: str) -> None:
        """Refuse wrong settings (ConfigError) before any step has worked for an hour."""
        self._recipe(name)

    def _missing(self, name: str) -> str:
        if name == "fit":
            return self._missing_for_fit()
        if name == "images":
            return self.pictures.why_not()
        if name in ("ids", "sessions", "recommender", "mixup", "fused") and not self._bought_after_something():
            return "the shop has no log of two or more purchases by one shopper to learn from"
        if name == "mixup" and not all(self.store.has(n) for n in ("titles", "ids", "recommender")):
            return "it needs the titles, ids and recommender models"
        if name == "fused" and not all(self.store.has(n) for n in ("titles", "ids", "sessions", "recommender")):
            return "it needs the titles, ids, sessions and recommender models"
        return ""

    def _missing_for_fit(self) -> str:
        if not self.store.has_fit_feedback:
            return "nobody has told this shop how its sizes fit; bring that in with `shop import … --fit FILE`"
        told = self.store.made_by(FIT_FEEDBACK).get("answers", 0)
        return "" if told >= FEWEST_FIT else f"only {told} answers on how sizes fit, at least {FEWEST_FIT} are needed"

    def _bought_after_something(self) -> bool:
        if not self.store.has_events:
            return False
        acted = self.train.filter(pl.col("product_id").is_not_null()).group_by("user_id").len()
        return bool(len(acted)) and int(acted["len"].max()) >= 2

    def _recipe(self, name: str) -> tuple[object, Callable[[Progress | None], dict]]:
        """The step's settings, JSON-ready, and the function that makes it and returns its figures."""
        # Imported here: each trainer brings torch, and a build of one step should not pay for the others.
        if name == "search":
            from shopping_assistant.tools.search import CatalogSearch

            return None, partial(CatalogSearch.build, self.store)
        if name == "memory":
            from shopping_assistant.tools.memory import QueryProductMemory

            return None, lambda progress: QueryProductMemory.build(self.store, self.train, progress=progress)
        if name == "images":
            return self.pictures.settings(), self.pictures.make
        if name == "fit":
            from shopping_assistant.finetune import fit

            return None, lambda progress: fit.train(self.store, progress=progress)
        if name == "titles":
            from shopping_assistant.finetune.title_triplet import TitleConfig as Config
            from shopping_assistant.finetune.title_triplet import train
        elif name == "ids":
            from shopping_assistant.finetune.core_ids import CoreConfig as Config
            from shopping_assistant.finetune.core_ids import train
        elif name == "sessions":
            from shopping_assistant.finetune.session_encoder import SessionsConfig as Config
            from shopping_assistant.finetune.session_encoder import train
        elif name == "fused":
            from shopping_assistant.finetune.fusion import FusionConfig as Config
            from shopping_assistant.finetune.fusion import train
        elif name == "recommender":
            from shopping_assistant.finetune.falcon import FalconConfig as Config
            from shopping_assistant.finetune.falcon import train
        else:
            from shopping_assistant.finetune import mixup_settings

            return None, lambda progress: mixup_settings.choose(self.store, progress=progress)
        settings = configs.load(self._config_path(getattr(self.chosen, name)), Config)
        if self.seed is not None:
            settings = replace(settings, seed=self.seed)
        return configs.described(settings), lambda progress: train(self.store, settings, progress=progress)

    def _config_path(self, given: str) -> Path:
        near = self.beside / given if self.beside else Path(given)
        return near if near.is_file() else configs.packaged_config(given)
