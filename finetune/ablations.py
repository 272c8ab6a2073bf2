"""The published ablations and settings of one shop: each variant trained in a store of its own, under one budget.

    python -m shopping_assistant.finetune.ablations --store stores/demo [--out DIR] [--budget MINUTES]

Seven variants are published. Four of them differ in what Falcon reads (attributes, query-product memory) and need a
Falcon of their own; the others only look for its answer elsewhere, which `eval/ablations.py` does at the replay. The
settings are low resource (a share of the shoppers), zero-shot (one kind of products) and cold start (a share of the
products was never seen). A variant that is finished is not trained again; one that was interrupted goes on. Source:
*Sequential LLM Framework for Fashion Recommendation* (EMNLP industry track, 2024), section 4 and appendix.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import yaml

from shopping_assistant.finetune import ablation_logs, build
from shopping_assistant.finetune import config as configs
from shopping_assistant.finetune.ablation_logs import AblationError, Variant
from shopping_assistant.finetune.core_ids import CoreConfig
from shopping_assistant.finetune.falcon_settings import FalconConfig
from shopping_assistant.finetune.title_triplet import TitleConfig
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store, write_json

# Raised when the code changes what a variant is: those made before are then trained again.
RECIPE = 1
INDEX, VARIANT, SETTINGS, LOCK = "ablations.json", "variant.json", "settings", "ablations.lock"
# What Falcon's variants need besides itself is the shop's own; a log of their own asks for models of its own.
STEPS_OF_OWN_LOG = ("titles", "ids", "memory", "recommender")


@dataclass(frozen=True)
class AblationsConfig:
    """Which variants are trained, and with what.

    Attributes:
        falcon: settings of every Falcon, packaged or beside this file: those of the whole log, at ``minutes``.
        minutes: of one core, which all variants together take with these settings, about; another budget takes tokens
            and examples in proportion.
        shares: of the shoppers, for low resource; the whole log is the variant ``full``.
        domain: the column whose largest values by purchases are the categories of zero-shot; null for none.
        domains: how many of them.
        withheld: share of the products of whose events cold start learns nothing; 0 for none.
        asked: share of the shoppers on whom the trainings of zero-shot and cold start validate.
    """

    falcon: str = "falcon-ablations.yaml"
    minutes: float = 60.0
    shares: tuple[float, ...] = (0.1, 0.25, 0.5)
    domain: str | None = "category"
    domains: int = 4
    withheld: float = 0.1
    asked: float = 0.1
    seed: int = 1

    def __post_init__(self):
        if not self.minutes > 0:
            raise ValueError(f"minutes: got {self.minutes}, expected more than 0")
        if self.domains < 1:
            raise ValueError(f"domains: got {self.domains}, expected 1 or more")
        if any(not 0 < share < 1 for share in (*self.shares, self.asked)) or not 0 <= self.withheld < 1:
            raise ValueError(
                f"shares, asked, withheld: got {self.shares}, {self.asked}, {self.withheld}, expected shares of 1"
            )


def planned(store: Store, config: AblationsConfig) -> list[Variant]:
    """Every variant in the order in which it is trained: the published ablations first.

    Raises:
        AblationError: the catalogue has no such column, or too few values of it.
    """
    found = [
        Variant("full", "ablation"),
        Variant("without-memory", "ablation", memory=False),
        Variant("without-attributes", "ablation", attributes=False),
        Variant("without-memory-attributes", "ablation", memory=False, attributes=False),
    ]
    found += [Variant(f"share-{100 * share:g}", "low resource", share=share) for share in sorted(config.shares)]
    if config.withheld:
        found.append(Variant("cold", "cold start", withheld=config.withheld))
    if config.domain is not None:
        for name in ablation_logs.largest_domains(store, config.domain, config.domains):
            found.append(Variant(f"only-{_as_name(name)}", "zero-shot", domain=name))
    return found


def make(
    store: Store,
    out: Path,
    config: AblationsConfig | None = None,
    beside: Path | None = None,
    budget: float | None = None,
    only: Sequence[str] | None = None,
    said: Callable[[str], None] = lambda line: None,
) -> dict:
    """Train every variant that is not there yet into a store under ``out``; returns the index, which lies there too.

    Args:
        beside: the folder of the settings file, where other settings it names are looked for first.
        budget: minutes of one core for all; by default the settings' own.
        only: names of variants; by default all.
        said: called with a line for each step of each variant.

    Raises:
        AblationError: a store without the models that variants share, ``out`` inside it, an unknown name, or another
            process at work there.
    """
    config = config or AblationsConfig()
    _check(store, out)
    scale = (budget or config.minutes) / config.minutes
    variants = planned(store, config)
    names = [v.name for v in variants]
    for name in only or ():
        if name not in names:
            raise AblationError(f"variant {name!r}: expected one of {', '.join(names)}")
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        logs = ablation_logs.Logs(store, config.seed, config.asked, config.domain)
        settings = _Settings(store, config, beside, scale)
        for variant in variants:
            if only is None or variant.name in only:
                _made(store, out, variant, logs, settings, said)
            write_json(out / INDEX, _index(store, out, variants, config, budget or config.minutes))
    return json.loads((out / INDEX).read_text(encoding="utf-8"))


def _check(store: Store, out: Path) -> None:
    if out.resolve().is_relative_to(store.path.resolve()):
        raise AblationError(f"--out {out}: lies in the store, expected a folder outside of it")
    for name in ("search", "titles", "ids"):
        if not store.has(name):
            raise AblationError(
                f"{store.path} has no {name} model, which the variants share; make it with "
                f"`shop build --store {store.path} --only {name}`"
            )
    if store.stock.generation:
        raise AblationError(
            f"{store.path}: products were added or removed since it was imported, expected none; import its catalogue "
            "and log into a new store and build that one first"
        )


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    with (out / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AblationError(f"{out}: another process trains variants there; wait for it, or stop it") from None
        yield


def _made(
    store: Store,
    out: Path,
    variant: Variant,
    logs: ablation_logs.Logs,
    settings: _Settings,
    said: Callable[[str], None],
) -> None:
    place = out / variant.name
    proportion = logs.proportion(variant)
    texts = settings.of(variant, proportion)
    steps = STEPS_OF_OWN_LOG if variant.own_log else ("recommender",)
    described = {
        "recipe": RECIPE,
        "variant": asdict(variant),
        "settings": {name: texts[name] for name in sorted(texts)},
        "inputs": store.digest("catalog", "events", *(() if variant.own_log else ("titles", "ids"))),
        "draw": [settings.config.seed, settings.config.asked, settings.config.domain],
    }
    key = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    about = _about(place)
    if about.get("key") == key and about.get("finished"):
        said(f"{variant.name}: kept, trained before with the same settings")
        return
    if about.get("key") != key:
        ablation_logs.lay_out(store, place, variant, logs)
        (place / SETTINGS).mkdir()
        for name, text in texts.items():
            (place / SETTINGS / name).write_text(text, encoding="utf-8")
        about = {"key": key, **asdict(variant), "proportion": round(proportion, 4), **logs.told(variant), "seconds": {}}
        write_json(place / VARIANT, about)
    start, worked = time.perf_counter(), time.process_time()

    def told(report: build.StepReport) -> None:
        said(f"{variant.name}: {report.name} {report.outcome} in {report.seconds:.0f} s {report.why}".rstrip())

    reports = build.build(Store.open(place), steps, place / SETTINGS / "build.yaml", finished=told)
    skipped = next((r for r in reports if r.outcome == "skipped"), None)
    if skipped:
        raise AblationError(f"{variant.name}: {skipped.name} was skipped: {skipped.why}; give a longer log")
    about["figures"] = Store.open(place).made_by("recommender")["figures"]
    about["seconds"] = {"wall": round(time.perf_counter() - start), "core": round(time.process_time() - worked)}
    write_json(place / VARIANT, {**about, "finished": True})


def _about(place: Path) -> dict:
    try:
        return json.loads((place / VARIANT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _index(store: Store, out: Path, variants: Sequence[Variant], config: AblationsConfig, budget: float) -> dict:
    about = {v.name: found for v in variants if (found := _about(out / v.name)).get("finished")}
    return {
        "store": store.name,
        "made_from": store.digest("catalog", "events"),
        "budget": budget,
        "config": configs.described(config),
        "planned": [v.name for v in variants],
        "stores": {name: {k: v for k, v in found.items() if k != "key"} for name, found in about.items()},
    }


class _Settings:
    """The settings files of each variant, as text."""

    def __init__(self, store: Store, config: AblationsConfig, beside: Path | None, scale: float):
        self.config, self._beside, self._scale = config, beside, scale
        of_shop = configs.packaged_config(store.build_config) if store.build_config else None
        chosen = configs.load(of_shop, build.BuildConfig) if of_shop else build.BuildConfig()
        self._titles = configs.load(self._path(chosen.titles), TitleConfig)
        self._ids = configs.load(self._path(chosen.ids), CoreConfig)
        self._falcon = configs.load(self._path(config.falcon), FalconConfig)

    def _path(self, name: str) -> Path:
        near = self._beside / name if self._beside else Path(name)
        return near if near.is_file() else configs.packaged_config(name)

    def of(self, variant: Variant, proportion: float) -> dict[str, str]:
        """File name → YAML.

        Args:
            proportion: of the training log that the variant learns from; times and tokens are so much of the whole's.
        """
        share = self._scale * proportion
        made: dict[str, object] = {"falcon.yaml": falcon_of(self._falcon, variant, share)}
        if variant.own_log:
            made["titles.yaml"] = replace(self._titles, max_minutes=self._titles.max_minutes * share)
            made["ids.yaml"] = replace(self._ids, max_minutes=self._ids.max_minutes * share)
        texts = {name: yaml.safe_dump(_plain(configs.described(s)), sort_keys=False) for name, s in made.items()}
        named = {n.removesuffix(".yaml"): n for n in texts if n != "falcon.yaml"}
        return {**texts, "build.yaml": yaml.safe_dump({**named, "recommender": "falcon.yaml"})}


def falcon_of(settings: FalconConfig, variant: Variant, share: float = 1.0) -> FalconConfig:
    """The Falcon of a variant: what it reads, and ``share`` of the tokens, examples and minutes.

    Without attributes an item is its id alone, in training and in use, because titles are made of attribute words. It
    still answers with a title, which it knows from the products' descriptions.
    """
    pretraining, lora, style = settings.pretraining, settings.lora, settings.style
    pretraining = replace(
        pretraining,
        max_tokens=max(1, round(pretraining.max_tokens * share)),
        minutes=pretraining.minutes * share,
        results_share=pretraining.results_share if variant.memory else 0.0,
        full_share=pretraining.full_share if variant.attributes else 0.0,
    )
    examples = None if lora.max_examples is None else max(1, round(lora.max_examples * share))
    lora = replace(lora, max_examples=examples, minutes=lora.minutes * share)
    if not variant.memory:
        style = replace(style, memory_products=0)
    if not variant.attributes:
        style = replace(style, attributes=(), full_items=0)
    return replace(settings, pretraining=pretraining, lora=lora, style=style)


def _plain(value):
    """Tuples as the lists that YAML has."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value


def _as_name(text: str) -> str:
    return "-".join(text.lower().split()).replace("/", "-") or "none"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.finetune.ablations", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--store", type=Path, required=True, help="a shop with its models; it is only read")
    parser.add_argument("--out", type=Path, help="folder of the variants' stores (default: STORE-ablations)")
    parser.add_argument("--budget", type=float, help="minutes of one core for all variants together")
    parser.add_argument("--config", type=Path, help="settings of another file than the packaged ones of this shop")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these variants alone")
    given = parser.parse_args(arguments)
    try:
        if given.budget is not None and not given.budget > 0:
            raise AblationError(f"--budget {given.budget:g}: expected minutes, more than 0")
        store = Store.open(given.store)
        path = given.config or _packaged(store)
        config = configs.load(path, AblationsConfig)
        out = given.out or given.store.with_name(given.store.name + "-ablations")
        make(store, out, config, path.parent, given.budget, given.only, lambda line: print(line, flush=True))
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _packaged(store: Store) -> Path:
    """``ablations-NAME.yaml`` where the shop is built by ``build-NAME.yaml``, else the settings of any shop."""
    own = configs.CONFIGS / (store.build_config or "").replace("build-", "ablations-", 1)
    return own if own.name.startswith("ablations-") and own.is_file() else configs.packaged_config("ablations.yaml")


if __name__ == "__main__":
    sys.exit(main())
