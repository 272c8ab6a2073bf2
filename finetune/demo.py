"""The demo shop with its trained models: lay it down, or train its models again.

    python -m shopping_assistant.finetune.demo        (``make demo``: about an hour on two cores)
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from shopping_assistant.finetune import build as building
from shopping_assistant.tools import demo_shop
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store, StoreError, sha256_of, write_json

NAME = "Aldervane & Friends"
CURRENCY = "EUR"
SEED = 7
SHIPPED = Path(__file__).parent / "demo_models"
MODELS = ("titles", "ids", "recommender", "mixup")
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


if __name__ == "__main__":
    train(Path("stores/demo-training"))
