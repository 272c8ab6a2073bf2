"""The demo shop with its trained models: lay it down, or train its models again.

python -m shopping_assistant.finetune.demo                 (``make demo``: about an hour on two cores)
python -m shopping_assistant.finetune.demo verify STORE    (the manifest's figures again, from the shipped weights)
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from shopping_assistant.finetune import build as building
from shopping_assistant.tools import demo_shop
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import current_query
from shopping_assistant.tools.store import Store, StoreError, sha256_of, write_json

NAME = "Aldervane & Friends"
CURRENCY = "EUR"
SEED = 7
SHIPPED = Path(__file__).parent / "demo_models"
MODELS = ("titles", "ids", "sessions", "recommender", "mixup", "fused")
COMMAND = "make demo"
CONFIG = "build-demo.yaml"


class DemoError(ShopError):
    """The demo shop's models are missing or damaged."""


def make_store(path: Path) -> Store:
    """The demo shop's catalogue and log in a new store, without models."""
    catalog, events = demo_shop.generate(seed=SEED)
    store = Store.create(path, name=NAME, currency=CURRENCY, build_config=CONFIG)
    made_by = {"generator": "shopping_assistant.tools.demo_shop", "seed": SEED}
    store.write_catalog(catalog, made_by)
    store.write_events(events, made_by)
    return store


def lay_down(path: Path | str) -> dict:
    """Write the demo shop with its trained models to ``path``; nothing is left there when it fails.

    Raises:
        StoreError: something is there already.
        DemoError: the models that travel with the package are missing or damaged.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise StoreError(f"{path} exists and is not an empty folder; choose another one, or delete it first")
    shipped = read_shipped()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        store = make_store(temporary)
        for name in MODELS:
            with store.replacing(name) as folder:
                shutil.copytree(SHIPPED / name, folder, dirs_exist_ok=True)
            store.record(name, shipped["models"][name]["made_by"])
        steps = building.build(store, only=("search", "memory"))
        if path.exists():
            path.rmdir()
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    queries = next(s.figures["queries"] for s in steps if s.name == "memory")
    return {"products": len(store.catalog()), "events": store.made_by("events")["events"], "queries": queries}


def read_shipped() -> dict:
    """The manifest of the models that travel with the package, their checksums verified.

    Raises:
        DemoError: a file is missing or is not the one that was trained.
    """
    try:
        shipped = json.loads((SHIPPED / "manifest.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise DemoError(f"{SHIPPED} holds no trained models ({error.strerror}); train them with `{COMMAND}`") from error
    for model in shipped["models"].values():
        for name, digest in model["files"].items():
            if not (SHIPPED / name).is_file() or sha256_of(SHIPPED / name) != digest:
                raise DemoError(f"{SHIPPED / name} is missing or damaged; get it back, or train it with `{COMMAND}`")
    return shipped


def train(workplace: Path) -> None:
    """Train the demo shop's models in ``workplace`` (resumes there) and put them where they travel with the package."""
    store = Store.open(workplace) if (workplace / "store.json").is_file() else make_store(workplace)
    building.build(store, finished=_print_step)
    ship(store)


def _print_step(report: building.StepReport) -> None:
    print(f"{report.name:12} {report.outcome} {report.seconds:6.0f} s  {json.dumps(report.figures)}", flush=True)


def ship(store: Store) -> None:
    """Copy the trained models out of a store and write their manifest."""
    temporary = SHIPPED.with_name(f".{SHIPPED.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    models = {}
    for name in MODELS:
        shutil.copytree(store.model_dir(name), temporary / name)
        files = sorted(f for f in (temporary / name).rglob("*") if f.is_file())
        models[name] = {
            "made_by": store.made_by(name),
            "files": {f.relative_to(temporary).as_posix(): sha256_of(f) for f in files},
        }
    # Summed over the steps: a training may be interrupted and go on another day.
    seconds = sum(model["made_by"]["wall_seconds"] for model in models.values())
    manifest = {"data_seed": SEED, "command": COMMAND, "wall_seconds": round(seconds), "models": models}
    write_json(temporary / "manifest.json", manifest)
    shutil.rmtree(SHIPPED, ignore_errors=True)
    temporary.rename(SHIPPED)


def figures_again(store: Store, models: tuple[str, ...] = MODELS) -> dict[str, dict]:
    """Validation figures of a laid-down demo shop, computed anew: model → figure → (recorded, computed)."""
    from shopping_assistant.finetune import (
        core_ids,
        falcon,
        falcon_validation,
        fusion,
        mixup_settings,
        session_encoder,
        sft_data,
        title_triplet,
    )
    from shopping_assistant.finetune.config import load, packaged_config
    from shopping_assistant.finetune.mixup_settings import validation_sessions
    from shopping_assistant.tools.core_model import IdModel
    from shopping_assistant.tools.memory import QueryProductMemory
    from shopping_assistant.tools.mixup import MixupSettings
    from shopping_assistant.tools.recommender import Recommender
    from shopping_assistant.tools.session_encoder import QUERY, SessionEncoder
    from shopping_assistant.tools.title_encoder import TitleEncoder

    catalog, split = store.catalog(), store.split()
    chosen = load(packaged_config(CONFIG), building.BuildConfig)

    def titles() -> dict:
        config = load(packaged_config(chosen.titles), title_triplet.TitleConfig)
        _, held_back, _ = title_triplet.training_pairs(catalog, split.train, config)
        return title_triplet.validate(TitleEncoder.load(store.model_dir("titles")), held_back, config.seed)

    def ids() -> dict:
        config = load(packaged_config(chosen.ids), core_ids.CoreConfig)
        sample = core_ids.validation_sample(split.validation, catalog, config)
        return core_ids.validate(IdModel.load(store.model_dir("ids")), sample)

    def recommender() -> dict:
        config = load(packaged_config(chosen.recommender), falcon.FalconConfig)
        sample = sft_data.sampled(split.validation, config.validation, config.seed)
        results = sft_data.Results(QueryProductMemory.open(store), config.style.memory_products)
        results.learn(current_query(e.history) for e in sample)
        found = falcon_validation.validate(store.model_dir("recommender"), catalog, sample, results)
        return {figure: value for figure, value in found.items() if figure != "answers_a_second"}

    def mixup() -> dict:
        found = mixup_settings.validate(store, mixup_settings.SESSIONS)
        return {"ndcg@10": found[MixupSettings.load(store.model_dir("mixup"))]}

    def sessions() -> dict:
        config = load(packaged_config(chosen.sessions), session_encoder.SessionsConfig)
        sample = session_encoder.validation_sample(split.validation, catalog, config)
        asked = session_encoder.query_vectors({t.query for e in sample for t in e[0] if t.kind == QUERY})
        return session_encoder.validate(SessionEncoder.load(store.model_dir("sessions")), sample, asked)

    def fused() -> dict:
        config = load(packaged_config(chosen.fused), fusion.FusionConfig)
        hidden = store.made_by("fused")["figures"]["hidden"]
        ranking = Recommender.open(store).fused
        evidence = fusion.evidence_of(ranking, validation_sessions(store, config.sessions), store)
        return fusion.cross_validated(evidence, ranking.maker.names, config, hidden)

    again = {
        "titles": titles, "ids": ids, "sessions": sessions, "recommender": recommender, "mixup": mixup, "fused": fused,
    }  # fmt: skip
    computed = {name: again[name]() for name in models}
    recorded = {name: store.made_by(name)["figures"] for name in models}
    if "recommender" in recorded:
        recorded["recommender"] = recorded["recommender"]["validation"]
    return {
        name: {figure: (recorded[name][figure], value) for figure, value in found.items() if figure in recorded[name]}
        for name, found in computed.items()
    }


def main(arguments: list[str]) -> None:
    """``verify STORE`` prints recorded and computed figures; without arguments the models are trained."""
    if arguments[:1] == ["verify"] and len(arguments) == 2:
        for model, figures in figures_again(Store.open(arguments[1])).items():
            for figure, (recorded, computed) in figures.items():
                print(f"{model:12} {figure:24} recorded {recorded:.6f}  computed {computed:.6f}")
    elif not arguments:
        train(Path("stores/demo-training"))
    else:
        raise SystemExit("usage: python -m shopping_assistant.finetune.demo [verify STORE]")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
