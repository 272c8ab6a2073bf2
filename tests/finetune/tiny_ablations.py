"""A shop so small that all variants of its ablations are trained in seconds, and the settings they are trained with."""

from pathlib import Path

from shopping_assistant.finetune.ablations import AblationsConfig
from shopping_assistant.finetune.ablations import make as train
from shopping_assistant.finetune.build import build
from shopping_assistant.finetune.config import load
from shopping_assistant.tools import demo_shop
from shopping_assistant.tools.mixup import MixupSettings
from shopping_assistant.tools.store import Store

TINY = {
    "titles.yaml": "{vocabulary: 400, embedding: 24, hidden: 32, dim: 32, epochs: 1, max_title_views: 300}",
    "ids.yaml": "{dim: 16, layers: 1, heads: 2, inner: 32, epochs: 2, batch: 128, max_minutes: 1}",
    "falcon.yaml": """
shape: {hidden: 32, layers: 1, heads: 2, vocabulary: 400, positions: 256}
style: {attributes: [department, look], full_items: 2, memory_products: 4}
prompt_tokens: 200
title_tokens: 12
pretraining: {max_tokens: 3500, minutes: 1, epochs: 9, window: 160, batch_tokens: 1024, rate: 4e-3, full_share: 0.5}
lora: {rank: 4, alpha: 4, max_examples: 6, minutes: 1, window: 256, batch_tokens: 1024}
validation: 3
save_minutes: 0
""",
    "build.yaml": "{titles: titles.yaml, ids: ids.yaml, recommender: falcon.yaml}",
    "ablations.yaml": "{falcon: falcon.yaml, shares: [0.4], domain: group, domains: 2, withheld: 0.2, asked: 0.3}",
}
# Unlike the published ones, so that the two lists differ.
WEIGHTS = MixupSettings(m=0, session_weight=1.0, query_weight=2.0, id_weight=0.3)


def settings(folder: Path) -> AblationsConfig:
    return load(folder / "ablations.yaml", AblationsConfig)


def make(folder: Path) -> Path:
    """Lay out the shop and train its variants; returns the folder."""
    for name, text in TINY.items():
        (folder / name).write_text(text)
    catalog, events = demo_shop.generate(seed=3, products=60, shoppers=80)
    store = Store.create(folder / "shop", name="Small", currency="EUR")
    store.write_catalog(catalog)
    store.write_events(events)
    build(store, ("search", "titles", "ids", "memory"), folder / "build.yaml")
    with store.replacing("mixup") as models:
        WEIGHTS.save(models)
    store.record("mixup", {})
    train(Store.open(store.path), folder / "variants", settings(folder), folder)
    return folder
