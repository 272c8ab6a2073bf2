"""The published ablations, the sweep of the mixup split, and the settings: trained variants of a shop, replayed.

    shop replay --store DIR --ablations --out FOLDER [--variants DIR]

Trains nothing: `make ablations STORE=DIR` made the variants. Every variant of a setting is asked the same sessions of
the shop, and what is compared is compared session by session. Source: *Sequential LLM Framework for Fashion
Recommendation* (EMNLP industry track, 2024).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.eval import engines
from shopping_assistant.eval.ablation_ranks import SPLITS, SWEEP, TEXT, Job, rank
from shopping_assistant.eval.baselines import BASELINES
from shopping_assistant.eval.command_line import without_places
from shopping_assistant.eval.metrics import metric_names, scores_of_ranks
from shopping_assistant.eval.protocol import Part, Protocol
from shopping_assistant.eval.runs import make_folder
from shopping_assistant.eval.significance import ci95, holm, paired_test
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.mixup import MixupSettings
from shopping_assistant.tools.store import Store, write_json

INDEX = "ablations.json"  # of the variants' folder, as `finetune/ablations.py` writes it
FOLDER, TABLE, SETTINGS = "ablations", "ablations.json", "settings.json"
# Sessions a variant is asked: at 2,000 the standard error of a paired difference in ndcg@10 is about 0.005.
SAMPLE = 2000
METRIC = "ndcg@10"
FULL = "full"
# Cheap enough to be trained by a replay, on each variant's own log.
TRAINED_BASELINES = ("popularity", "item-knn")
# The two retrievals that every ablation is measured in: the shop's own weights, and the published list.
LISTS = ("shop", "published")
Progress = Callable[[int, int], None]


class AblationReplayError(ShopError):
    """Variants that are not there, or not of this shop."""


@dataclass(frozen=True)
class Ablation:
    """One row of the published table, in which every part that is left out makes the figures worse.

    Attributes:
        store: the variant that was trained for it.
        road: where its answer is looked for: ``mixup``, ``id``, ``title``, or ``text`` (mixup with a general text
            encoder on the title road).
        published: how the published figures move against the whole.
    """

    name: str
    says: str
    store: str
    road: str


ABLATIONS = (
    Ablation(FULL, "everything: attributes, memory, both embeddings", FULL, "mixup"),
    Ablation("without-attributes", "items in the prompt are ids alone", "without-attributes", "mixup"),
    Ablation("without-memory", "no products of past queries in the prompt", "without-memory", "mixup"),
    Ablation("without-title-embedding", "the id list alone", FULL, "id"),
    Ablation("without-id-embedding", "the title list alone", FULL, "title"),
    Ablation("general-text-encoder", "sentence vectors in place of the title model", FULL, "text"),
    Ablation("without-memory-id", "no memory, the title list alone", "without-memory", "title"),
    Ablation(
        "without-memory-id-attributes",
        "no memory, ids in the prompt alone, the title list alone",
        "without-memory-attributes",
        "title",
    ),
)


def replay_ablations(
    store: Store,
    out: Path,
    variants: Path | None = None,
    *,
    part: Part = "test",
    sample: int | None = None,
    seed: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict:
    """Replay every trained variant and write ``out/ablations/{ablations,settings}.json``; returns both.

    Ranks are kept under ``out/ablations/ranks``: a replay that was interrupted goes on, a finished one is scored again.

    Args:
        variants: what `make ablations` made; by default the folder STORE-ablations beside the store.
        sample: sessions a variant is asked, `SAMPLE` by default.
        workers: how many processes rank, a variant each; the figures are the same for any number of them.
        progress: called with (variants done, variants in all).

    Raises:
        AblationReplayError: no variants there, none of the whole log, or variants of another log.
    """
    began = time.perf_counter()
    variants = variants or store.path.with_name(store.path.name + "-ablations")
    index = read_index(store, variants)
    folder = Path(out) / FOLDER
    make_folder(folder / "ranks")
    jobs = _jobs(store, variants, index, folder, part, sample or SAMPLE, seed)
    ranks = _ranked(jobs, workers, progress)
    shared = {
        "store": store.path.name,
        "protocol": {**Protocol(part=part, sample=sample or SAMPLE, seed=seed).as_dict(), "metric": METRIC},
        "missing": [name for name in index["planned"] if name not in index["stores"]],
        "budget": index["budget"],
        "command": ["shop", *without_places(sys.argv[1:])],
    }
    table = {**shared, **_table(ranks, index, store, seed)}
    settings = {**shared, **_settings(ranks, index, seed)}
    for name, content in ((TABLE, table), (SETTINGS, settings)):
        content["seconds"] = round(time.perf_counter() - began, 1)
        write_json(folder / name, content)
    return {"ablations": table, "settings": settings}


def read_index(store: Store, variants: Path) -> dict:
    """What lies in a folder of variants.

    Raises:
        AblationReplayError: nothing, variants of another log, or no full one to compare the others with.
    """
    remedy = f"train them with `make ablations STORE={store.path}`"
    try:
        index = json.loads((variants / INDEX).read_text(encoding="utf-8"))
        made_from, there = index["made_from"], index["stores"]
    except (OSError, ValueError, KeyError, TypeError):
        raise AblationReplayError(f"{variants} holds no trained variants of {store.path}; {remedy}") from None
    if made_from != store.digest("catalog", "events"):
        raise AblationReplayError(
            f"{variants} holds variants of another catalogue or log than that of {store.path}; {remedy}"
        )
    if FULL not in there:
        raise AblationReplayError(f"{variants} holds no finished variant {FULL!r} to compare others with; {remedy}")
    return index


def _jobs(
    store: Store, variants: Path, index: dict, folder: Path, part: Part, sample: int, seed: int
) -> dict[str, Job]:
    """What there is to rank, by name; the whole log's model stands beside those of the other settings."""
    there = index["stores"]
    found: dict[str, Job] = {}

    def add(name: str, variant: str, **more) -> None:
        found[name] = Job(name, store.path, variants / variant, folder / "ranks", part, sample, seed, **more)

    add(FULL, FULL, lists=(SWEEP, TEXT), baselines=TRAINED_BASELINES)
    for name, about in there.items():
        if about["setting"] == "ablation" and name != FULL:
            add(name, name)
        elif about["setting"] == "low resource":
            add(name, name, baselines=TRAINED_BASELINES)
        elif about["setting"] == "cold start":
            asked = {"asked": "withheld", "products": tuple(about["products"])}
            add(name, name, **asked, baselines=(*TRAINED_BASELINES, "search"))
            add(f"{name}-{FULL}", FULL, **asked)
    one_kind = {name: about for name, about in there.items() if about["setting"] == "zero-shot"}
    if len(one_kind) > 1:
        column = next(iter(one_kind.values()))["column"]
        asked = {"asked": "domains", "column": column, "domains": tuple(a["domain"] for a in one_kind.values())}
        for name in one_kind:
            add(name, name, **asked, baselines=TRAINED_BASELINES)
        add(f"domains-{FULL}", FULL, **asked, baselines=(*TRAINED_BASELINES, "search"))
    return found


class _Ranking:
    """What `engines` runs: a job at a time, in whatever process; ranks that lie on disk already are only read."""

    def open(self) -> _Ranking:
        return self

    def rank(self, job: Job) -> list[pl.DataFrame]:
        return [rank(job)]


def _ranked(jobs: dict[str, Job], workers: int, progress: Progress | None) -> dict[str, pl.DataFrame]:
    found = {}
    for name, (ranks,) in zip(jobs, engines.run(_Ranking(), jobs.values(), workers=workers), strict=True):
        found[name] = ranks
        if progress:
            progress(len(found), len(jobs))
    return found


def _table(ranks: dict[str, pl.DataFrame], index: dict, store: Store, seed: int) -> dict:
    """The published table in both retrievals, and the sweep of m."""
    weights = {"shop": MixupSettings.load(store.model_dir("mixup")), "published": MixupSettings()}
    rows = [a for a in ABLATIONS if a.store in ranks]
    tables = {lists: _variants(rows, ranks, lists, seed) for lists in LISTS}
    sweeps = {
        lists: [{"m": m, **figures(ranks[FULL][f"{lists} m={m}"].to_numpy(), seed)} for m in SPLITS] for lists in LISTS
    }
    return {
        "sessions": len(ranks[FULL]),
        "retrieval": {lists: asdict(settings) for lists, settings in weights.items()},
        "variants": tables["shop"],
        "variants_published_list": tables["published"],
        "mixup_sweep": sweeps["published"],
        "mixup_sweep_shop": sweeps["shop"],
        "trained": {
            name: _training(about) for name, about in index["stores"].items() if about["setting"] == "ablation"
        },
    }


def _variants(rows: Sequence[Ablation], ranks: dict[str, pl.DataFrame], lists: str, seed: int) -> dict:
    """Figures of each variant, and its paired difference from the full one with Holm's correction for all of them."""
    scores = {a.name: scores_of_ranks(ranks[a.store][f"{lists} {a.road}"].to_numpy()) for a in rows}
    tests = {
        a.name: paired_test(scores[a.name][METRIC], scores[FULL][METRIC], seed=seed) for a in rows if a.name != FULL
    }
    adjusted = dict(zip(tests, holm([t.p for t in tests.values()]), strict=True))
    out = {}
    for a in rows:
        test = tests.get(a.name)
        out[a.name] = {
            "says": a.says,
            "published": None if a.name == FULL else "worse",
            "figures": figures(ranks[a.store][f"{lists} {a.road}"].to_numpy(), seed),
            "difference": test.difference if test else None,
            "difference_ci95": list(test.ci95) if test else None,
            "p": test.p if test else None,
            "p_adjusted": adjusted.get(a.name),
            "moved": _moved(test.difference, adjusted[a.name]) if test else None,
        }
    return out


def _moved(difference: float, p: float) -> str:
    """In a word: ``worse`` or ``better`` than the full one, ``same`` where chance would do as much."""
    return "same" if p >= 0.05 else "worse" if difference < 0 else "better"


def figures(ranks: np.ndarray, seed: int) -> dict:
    """Means and intervals of one list."""
    scores = scores_of_ranks(ranks, metric_names())
    return {**{m: float(v.mean()) for m, v in scores.items()}, "ci95": ci95(scores, seed=seed), "sessions": len(ranks)}


def _training(about: dict) -> dict:
    """How far the Falcon of a variant got, from its own record."""
    found = about["figures"]
    read = found.get("pretraining", {})
    return {
        "tokens": read.get("tokens"),
        "epochs": round(read["tokens"] / read["tokens_an_epoch"], 2) if read else None,
        "examples": found["finetuning"]["examples"],
        "validation": {k: found["validation"].get(k) for k in ("ndcg@10", "recall@10", "nats_a_target", "examples")},
        "seconds": about["seconds"],
    }


def _settings(ranks: dict[str, pl.DataFrame], index: dict, seed: int) -> dict:
    there = index["stores"]
    shares = {name: about["share"] for name, about in there.items() if about["setting"] == "low resource"}
    shares[FULL] = 1.0
    return {
        "low_resource": [
            {"share": share, "systems": _systems(ranks[name], seed)}
            for name, share in sorted(shares.items(), key=lambda item: item[1])
            if name in ranks
        ],
        "zero_shot": _zero_shot(ranks, there, seed),
        "cold_start": _cold_start(ranks, there, seed),
        "zero_shot_column": next((a["column"] for a in there.values() if a["setting"] == "zero-shot"), None),
        "trained": {
            name: {"proportion": about["proportion"], **_training(about)}
            for name, about in there.items()
            if about["setting"] != "ablation"
        },
    }


def _systems(ranks: pl.DataFrame, seed: int, names: Sequence[str] | None = None) -> dict:
    """Figures of each system: Falcon's lists under the names of a replay, the published list as ``mixup-published``."""
    wanted = {
        "shop mixup": "mixup",
        "shop id": "id",
        "shop title": "title",
        "published mixup": "mixup-published",
        **{name: name for name in BASELINES},
    }
    return {
        name: figures(ranks[column].to_numpy(), seed)
        for column, name in wanted.items()
        if column in ranks.columns and (names is None or name in names)
    }


def _zero_shot(ranks: dict[str, pl.DataFrame], there: dict, seed: int) -> list[dict]:
    """Trained on each kind of products, on all and, for the search, on none; tested on each kind."""
    sources = {name: about["domain"] for name, about in there.items() if about["setting"] == "zero-shot"}
    whole = f"domains-{FULL}"
    out = []
    for name, trained_on in [*sources.items(), (whole, "all")]:
        for tested_on, own in _by_group(ranks.get(name)):
            systems = _systems(own, seed)
            search = systems.pop("search", None)
            out.append({"trained_on": trained_on, "tested_on": tested_on, "systems": systems})
            if search:
                out.append({"trained_on": "none", "tested_on": tested_on, "systems": {"search": search}})
    return out


def _by_group(ranks: pl.DataFrame | None) -> list[tuple[str, pl.DataFrame]]:
    if ranks is None:
        return []
    return sorted((str(key[0]), own) for key, own in ranks.partition_by("group", as_dict=True).items())


def _cold_start(ranks: dict[str, pl.DataFrame], there: dict, seed: int) -> dict:
    """Products nothing of which was learned, beside others; ``… trained on all`` is the whole log's model."""
    cold = next((name for name, about in there.items() if about["setting"] == "cold start"), None)
    systems: dict[str, dict] = {}
    for group, own in _by_group(ranks.get(cold)) if cold else []:
        for name, found in _systems(own, seed).items():
            systems.setdefault(name, {})[group] = found
    for group, own in _by_group(ranks.get(f"{cold}-{FULL}")) if cold else []:
        for name, found in _systems(own, seed).items():
            systems.setdefault(f"{name}, trained on all", {})[group] = found
    withheld = len(there[cold]["products"]) if cold else 0
    return {"systems": systems, "withheld_products": withheld}


def as_text(found: dict) -> str:
    """Both tables of the ablations, the sweeps, and the settings as Markdown."""
    table, settings = found["ablations"], found["settings"]
    lines = [f"{table['sessions']:,} sessions, {table['protocol']['part']}; p by Holm for {len(table['variants']) - 1}"]
    for key, title in (("variants", "the shop's weights"), ("variants_published_list", "the published list")):
        lines += ["", f"| {title} | recall@10 | ndcg@10 | difference | p | moved |", "|---|---|---|---|---|---|"]
        for name, row in table[key].items():
            own, test = row["figures"], ("", "", "")
            if row["difference"] is not None:
                test = (f"{row['difference']:+.4f}", f"{row['p_adjusted']:.2g}", row["moved"])
            lines.append(f"| {name} | {own['recall@10']:.4f} | {_with_interval(own)} | {' | '.join(test)} |")
    lines += ["", "| m | published list | shop's weights |", "|---|---|---|"]
    for plain, weighted in zip(table["mixup_sweep"], table["mixup_sweep_shop"], strict=True):
        lines.append(f"| {plain['m']} | {_with_interval(plain)} | {_with_interval(weighted)} |")
    rows = [(f"{100 * row['share']:g} % of the shoppers", row["systems"]) for row in settings["low_resource"]]
    rows += [(f"{r['trained_on']} → {r['tested_on']}", r["systems"]) for r in settings["zero_shot"]]
    cold = settings["cold_start"]["systems"]
    for group in ("cold items", "warm items"):
        rows.append((group, {name: groups[group] for name, groups in cold.items() if group in groups}))
    lines += ["", f"| setting | {METRIC} of each system |", "|---|---|"]
    lines += [f"| {name} | {', '.join(f'{s} {f[METRIC]:.4f}' for s, f in own.items())} |" for name, own in rows if own]
    if table["missing"]:
        lines += ["", f"not trained yet: {', '.join(table['missing'])}"]
    return "\n".join(lines)


def _with_interval(own: dict) -> str:
    low, high = own["ci95"][METRIC]
    return f"{own[METRIC]:.4f} [{low:.4f}, {high:.4f}]"
