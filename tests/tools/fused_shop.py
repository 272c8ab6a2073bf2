"""A small shop with every model that `fused` needs. Their weights are random: noise, but always the same."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import torch

from shopping_assistant.finetune.tokenizer import train_tokenizer
from shopping_assistant.tools.attribute_values import AttributeValues
from shopping_assistant.tools.bought_together import BoughtTogether
from shopping_assistant.tools.candidates import CandidateMaker
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.core_model import Core, IdModel
from shopping_assistant.tools.decoding import save_prompt_settings
from shopping_assistant.tools.fused import CHOICE
from shopping_assistant.tools.fusion import Scorer
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prompts import PromptStyle
from shopping_assistant.tools.session_encoder import Encoder, SessionEncoder
from shopping_assistant.tools.sessions import Event, frame_of
from shopping_assistant.tools.stocked import title_table
from shopping_assistant.tools.store import Store, write_json
from shopping_assistant.tools.title_encoder import TitleEncoder, TitleNet
from shopping_assistant.tools.title_encoder import train_tokenizer as train_title_tokenizer

N = 450  # more than a list of which all are candidates
START = datetime(2026, 1, 1, tzinfo=UTC)
COLORS = "black white red blue green grey navy beige".split()
KINDS = "boots scarf dress shirt coat".split()


def buys(user: str, *rows: int) -> tuple[Event, ...]:
    return tuple(Event(user, user, START + timedelta(minutes=i), "purchase", None, f"p{r}") for i, r in enumerate(rows))


def lay_down(path: Path) -> Store:
    """The shop at ``path``: products p0 to p449, a hundred shoppers of four purchases each."""
    torch.manual_seed(0)
    draw = np.random.default_rng(2)
    store = Store.create(path, name="By hand", currency="EUR")
    products = [
        Product(
            f"p{i}", f"{COLORS[i % 8]} {KINDS[i % 5]} number {i}", category=KINDS[i % 5], color=COLORS[i % 8],
            price=10.0 + i % 40, available=i % 50 != 7,
        )
        for i in range(N)
    ]  # fmt: skip
    store.write_catalog(Catalog.from_products(products))
    store.write_events(frame_of([e for i in range(100) for e in buys(f"u{i}", i, i + 1, i + 5, i + 20)]))
    catalog, split = store.catalog(), store.split()

    with store.replacing("recommender") as folder:
        codes = ItemCodes.from_vectors(draw.standard_normal((N, 8)).astype(np.float32), 2, 32)
        tokenizer = train_tokenizer(catalog.titles, codes, 500)
        tiny_falcon(len(tokenizer)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        codes.save(folder)
        save_prompt_settings(folder, PromptStyle(), 400, title_tokens=6)
    with store.replacing("titles") as folder:
        words = train_title_tokenizer(catalog.titles, vocabulary=200)
        titles = TitleEncoder(words, TitleNet(words.get_vocab_size(), 8, 8, 8), max_tokens=8)
        titles.save(folder)
    with store.replacing("ids") as folder:
        IdModel(Core(N, dim=8, inner=8, length=6)).save(folder)
    attributes = AttributeValues.learn(catalog)
    together = BoughtTogether.learn(catalog, split.train, attributes)
    table = draw.standard_normal((N, 8)).astype(np.float32)
    table = np.column_stack([table / np.linalg.norm(table, axis=1, keepdims=True), np.log1p(together.count)])
    network = Encoder(attributes.sizes, 384, dim=8, heads=2, length=10)
    encoder = SessionEncoder(network, attributes, table.astype(np.float32))
    with store.replacing("sessions") as folder:
        encoder.save(folder)
    with store.replacing("fused") as folder:
        maker = CandidateMaker(encoder, together, title_table(store, titles), catalog.numbers("price"))
        scorer = Scorer(maker.names, 4)
        with torch.no_grad():
            for weights in scorer.parameters():
                weights.normal_()
        scorer.save(folder)
        together.save(folder)
        write_json(folder / CHOICE, {"default": "fused"})
    for name in ("recommender", "titles", "ids", "sessions", "fused"):
        store.record(name, {})
    return store


def tiny_falcon(vocabulary: int):
    from transformers import FalconConfig, FalconForCausalLM

    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 512}
    # Large random weights: the likeliest tokens then differ clearly from prompt to prompt.
    return FalconForCausalLM(FalconConfig(vocab_size=vocabulary, initializer_range=0.4, **shape)).eval()
