"""A store of any size, invented in minutes: for what is measured by size alone.

    python -m shopping_assistant.eval.bench.large_store --like stores/demo --products 1400000 --store DIR

Products, titles and attributes are put together from the demo shop's words, the log is that of a few thousand shoppers.
The models have the shapes of a trained store's, ``--like``, and where a table has a row a product its rows are made up,
near each other where products are alike. They recommend nothing sensible; what they cost is what trained ones cost.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import torch

from shopping_assistant.tools.attribute_values import AttributeValues
from shopping_assistant.tools.bought_together import BoughtTogether
from shopping_assistant.tools.candidates import CandidateMaker
from shopping_assistant.tools.catalog import CATALOG_SCHEMA, Catalog
from shopping_assistant.tools.core_model import Core, IdModel
from shopping_assistant.tools.demo_words import BRANDS, HUES, KINDS, LINES, LOOKS, OCCASIONS, SEASONS
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.fused import CHOICE
from shopping_assistant.tools.fusion import Scorer
from shopping_assistant.tools.item_codes import ItemCodes, shape_for
from shopping_assistant.tools.memory import QueryProductMemory
from shopping_assistant.tools.session_encoder import Encoder, SessionEncoder
from shopping_assistant.tools.sessions import EVENT_SCHEMA, leave_one_out
from shopping_assistant.tools.stocked import title_table
from shopping_assistant.tools.store import Store, write_json
from shopping_assistant.tools.title_encoder import TitleEncoder, save_title_table, unit_rows

SHOPPERS = 400
COLORS_A_STYLE = 3.5
# Rows made at once.
BLOCK = 100_000
# What a title says, in its order, and how much each part of it weighs in a made-up vector.
PARTS = {"brand": 0.7, "line": 0.6, "feature": 0.4, "kind": 1.0, "color": 0.5, "material": 0.4}
OWN = 0.35  # what no word says of a product, as a length
# The sentence vectors of queries and titles, and the session encoder's default shape.
TEXT, SESSION_DIM = 384, 64
DEPARTMENTS = ("women", "men")
SIZES = (["XS", "S", "M", "L"], ["S", "M", "L", "XL"], ["36", "37", "38", "39", "40"], ["one size"])


@dataclass(frozen=True)
class Assortment:
    """What every product is made of.

    Attributes:
        words: part → its words.
        numbers: part → the number of each product's word, ``(n,)``.
        styles: ``(n,)``, the design whose colours are separate products.
        kin: ``(n,)``, the rows in an order that has alike products side by side.
    """

    words: dict[str, list[str]]
    numbers: dict[str, np.ndarray]
    styles: np.ndarray
    kin: np.ndarray

    def __len__(self) -> int:
        return len(self.styles)

    def column(self, part: str) -> pl.Series:
        return pl.Series(part, self.words[part]).gather(self.numbers[part])


def make_assortment(rng: np.random.Generator, products: int) -> Assortment:
    features = sorted({f.title() for kind in KINDS for options in kind.features.values() for f in options})
    words = {
        "brand": [b.name for b in BRANDS],
        "line": list(LINES),
        "feature": features,
        "kind": [k.name for k in KINDS],
        "color": [h.name for h in HUES],
        "material": sorted({m for k in KINDS for m in k.materials}),
    }
    designs = max(1, round(products / COLORS_A_STYLE))
    weight = np.array([k.weight for k in KINDS])
    kinds = rng.choice(len(KINDS), designs, p=weight / weight.sum())
    drawn = {part: rng.integers(0, len(words[part]), designs) for part in ("brand", "line", "feature")}
    own = [[words["material"].index(m) for m in kind.materials] for kind in KINDS]
    materials = np.array(
        [own[k][r % len(own[k])] for k, r in zip(kinds.tolist(), rng.integers(0, 60, designs).tolist(), strict=True)]
    )
    styles = rng.integers(0, designs, products)
    numbers = {part: of_design[styles] for part, of_design in {**drawn, "kind": kinds, "material": materials}.items()}
    numbers["color"] = rng.integers(0, len(HUES), products)
    kin = np.lexsort([numbers["color"], styles, numbers["line"], numbers["brand"], numbers["kind"]])
    return Assortment(words, numbers, styles, kin)


def make_catalog(rng: np.random.Generator, made: Assortment) -> Catalog:
    n = len(made)
    columns = {part: made.column(part) for part in made.words}
    kinds = made.numbers["kind"]
    price = np.array([k.price for k in KINDS])[kinds] * np.exp(rng.normal(0, 0.35, n))
    looks = pl.Series([look.name for look in LOOKS]).gather(made.styles % len(LOOKS))
    frame = pl.DataFrame(columns).with_columns(
        pl.concat_str(pl.lit("g"), pl.int_range(n).cast(pl.String).str.zfill(8)).alias("product_id"),
        pl.concat_str("brand", pl.lit(" "), "line", pl.lit(" "), "feature", pl.lit(" "),
                      pl.col("kind").str.to_titlecase(), pl.lit(" in "), pl.col("color").str.to_titlecase(),
                      pl.lit(" "), pl.col("material").str.to_titlecase()).alias("title"),
        pl.Series("price", np.round(price, 2)),
        pl.Series("size", SIZES).gather(made.styles % len(SIZES)).alias("size"),
        pl.lit("EUR").alias("currency"),
        pl.Series(SEASONS).gather(made.styles % 4).alias("season"),
        pl.Series(OCCASIONS).gather(made.styles % len(OCCASIONS)).alias("occasion"),
        pl.Series(DEPARTMENTS).gather(made.styles % 2).alias("department"),
        pl.lit(None, pl.String).alias("image_url"),
        pl.Series("available", rng.random(n) < 0.97),
        pl.concat_str(pl.lit('{"group": "'), pl.Series([k.group for k in KINDS]).gather(kinds),
                      pl.lit('", "style": "'), "brand", pl.lit(" "), "line", pl.lit(" "), "feature", pl.lit(" "),
                      "kind",
                      pl.lit('", "line": "'), "line", pl.lit('", "look": "'), looks, pl.lit('"}')).alias("attributes"),
    )  # fmt: skip
    frame = frame.with_columns(
        pl.col("kind").alias("category"),
        pl.concat_str("kind", pl.lit(" in "), "color", pl.lit(" "), "material", pl.lit(" by "), "brand")
        .alias("description"),
    )  # fmt: skip
    return Catalog(frame.select(list(CATALOG_SCHEMA)))


def make_events(rng: np.random.Generator, made: Assortment, ids: Sequence[str], shoppers: int) -> pl.DataFrame:
    """The log of shoppers who search, look at two products and buy one, again and again among products of one kind."""
    opening, rows = datetime(2025, 1, 6, tzinfo=UTC), []
    for shopper in range(shoppers):
        place = int(rng.integers(0, len(made)))
        for visit in range(int(rng.integers(4, 9))):
            place = (place + int(rng.normal(0, 300))) % len(made)
            shown = [int(made.kin[(place + step) % len(made)]) for step in range(10)]
            bought = shown[int(rng.integers(0, 10))]
            query = " ".join(made.words[part][made.numbers[part][bought]] for part in ("color", "kind"))
            at = opening + timedelta(days=40 * visit + int(rng.integers(0, 30)), minutes=shopper % 1_000)
            listed = [ids[row] for row in shown]
            events = [("search", query, None, listed, None)]
            events += [("click", None, listed[i], None, i + 1) for i in rng.permutation(10)[:2].tolist()]
            events += [("purchase", None, ids[bought], None, None)]
            rows += [
                (
                    f"s{shopper}-{visit}",
                    f"u{shopper}",
                    at + timedelta(seconds=30 * i),
                    action,
                    asked,
                    product,
                    seen,
                    where,
                )
                for i, (action, asked, product, seen, where) in enumerate(events)
            ]
    return pl.DataFrame(rows, schema=EVENT_SCHEMA, orient="row")


def made_up_vectors(rng: np.random.Generator, made: Assortment, words: dict[str, np.ndarray]) -> np.ndarray:
    """One unit row a product: the weighted sum of its words' vectors ``(words, d)``, and something of its own."""
    dim = next(iter(words.values())).shape[1]
    out = np.empty((len(made), dim), dtype=np.float32)
    for start in range(0, len(made), BLOCK):
        part = slice(start, start + BLOCK)
        rows = out[part]
        rows[:] = rng.standard_normal(rows.shape, dtype=np.float32) * np.float32(OWN / dim**0.5)
        for name, weight in PARTS.items():
            rows += np.float32(weight) * words[name][made.numbers[name][part]]
        rows[:] = unit_rows(rows)
    return out


def make_store(path: Path, like: Store, products: int, seed: int = 1, say=print) -> Store:
    """Make the store with every part that a recommendation reads.

    Args:
        say: called with a line when a part is begun.

    Raises:
        ShopError: ``path`` is taken, or ``like`` has no trained titles, ids and recommender.
    """
    for name in ("titles", "ids", "recommender"):
        if not like.has(name):
            raise ShopError(f"{like.path} has no trained {name} model; make it with `shop build --store {like.path}`")
    if products < 1_000:
        raise ShopError(f"{products} products: expected 1,000 or more")
    rng = np.random.default_rng(seed)
    made_by = {"generator": __name__, "seed": seed}
    store = Store.create(path, f"{products:,} products", "EUR")
    say("catalogue and log")
    made = make_assortment(rng, products)
    store.write_catalog(make_catalog(rng, made), made_by)
    catalog = store.catalog()
    store.write_events(make_events(rng, made, catalog.ids, min(SHOPPERS, products // 20)), made_by)
    train = leave_one_out(store.events()).train

    say("titles")
    encoder = TitleEncoder.load(like.model_dir("titles"))
    words = {part: encoder.encode(made.words[part]) for part in PARTS}
    titles = made_up_vectors(rng, made, words)
    with store.replacing("titles") as folder:
        encoder.save(folder)
        save_title_table(folder, catalog.titles, titles)
    store.record("titles", made_by)

    say("ids")
    sizes = json.loads((like.model_dir("ids") / "id_model.json").read_text(encoding="utf-8"))["sizes"]
    ids = turned(rng, titles, sizes["dim"])
    torch.manual_seed(seed)
    core = Core(**{**sizes, "items": products})
    core.items.weight.data = torch.from_numpy(ids)
    with store.replacing("ids") as folder:
        IdModel(core).save(folder)
    store.record("ids", made_by)

    say("language model")
    _write_recommender(store, like, made, made_by)
    if like.has("mixup"):
        with store.replacing("mixup") as folder:
            shutil.copytree(like.model_dir("mixup"), folder, dirs_exist_ok=True)
        store.record("mixup", made_by)

    say("memory")
    store.record("memory", {**made_by, **QueryProductMemory.build(store, train)})

    say("session encoder and weights")
    _write_fused(store, rng, made, made_by, train)
    return store


def turned(rng: np.random.Generator, vectors: np.ndarray, dim: int) -> np.ndarray:
    """``(n, d)`` unit rows as ``(n, dim)`` unit rows that are about as near to each other."""
    turn = rng.standard_normal((vectors.shape[1], dim), dtype=np.float32)
    return unit_rows(vectors @ turn)


def _write_recommender(store: Store, like: Store, made: Assortment, made_by: dict) -> None:
    """The language model of ``like`` with the codes of this catalogue; products side by side share their first ones."""
    from tokenizers import AddedToken
    from transformers import AutoModelForCausalLM, AutoTokenizer

    levels, base = shape_for(len(made))
    keys = np.empty(len(made), dtype=np.int64)
    keys[made.kin] = np.arange(len(made)) * (base**levels // len(made))
    codes = ItemCodes(keys[:, None] // base ** np.arange(levels - 1, -1, -1, dtype=np.int64) % base, base)
    trained = like.model_dir("recommender")
    tokenizer = AutoTokenizer.from_pretrained(trained, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(trained, dtype=torch.bfloat16, local_files_only=True)
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in codes.tokens])
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with store.replacing("recommender") as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        codes.save(folder)
        shutil.copy(trained / "prompt.json", folder / "prompt.json")
    store.record("recommender", made_by)


def attribute_values(made: Assortment) -> AttributeValues:
    """The values that group the products, without reading every cell of the catalogue for them."""
    parts = {"category": "kind", "brand": "brand", "color": "color", "material": "material", "line": "line"}
    words = {name: made.words[part] for name, part in parts.items()}
    words |= {"season": SEASONS, "occasion": OCCASIONS, "department": DEPARTMENTS, "look": [x.name for x in LOOKS]}
    words["group"] = dict.fromkeys(kind.group for kind in KINDS)
    return AttributeValues({name: [word.lower() for word in known] for name, known in words.items()})


def _write_fused(store: Store, rng: np.random.Generator, made: Assortment, made_by: dict, train: pl.DataFrame) -> None:
    """The session encoder, the log's counts, the indexes and the weights of `fused`."""
    attributes, catalog, titles = attribute_values(made), store.catalog(), title_table(store)
    together = BoughtTogether.learn(catalog, train, attributes)
    table = np.column_stack([turned(rng, titles, SESSION_DIM), np.log1p(together.count)]).astype(np.float32)
    encoder = SessionEncoder(Encoder(attributes.sizes, TEXT, SESSION_DIM), attributes, table)
    with store.replacing("sessions") as folder:
        encoder.save(folder)
    store.record("sessions", made_by)
    # As it will be read again: the indexes belong to the table in half precision.
    encoder = SessionEncoder.load(store.model_dir("sessions"))
    maker = CandidateMaker(encoder, together, titles, catalog.numbers("price"))
    scorer = Scorer(maker.names, hidden=24)
    scorer.linear.weight.data = torch.from_numpy(rng.standard_normal((1, len(maker.names)), dtype=np.float32))
    with store.replacing("fused") as folder:
        together.save(folder)
        maker.save(folder)
        scorer.save(folder)
        write_json(folder / CHOICE, {"default": "fused"})
    store.record("fused", made_by)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.eval.bench.large_store", description="Invent a store of any size."
    )
    parser.add_argument("--like", type=Path, required=True, help="a trained store whose models' shapes are taken")
    parser.add_argument("--products", type=int, default=1_400_000)
    parser.add_argument("--store", type=Path, required=True, help="where the new store goes")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    try:
        make_store(
            given.store, Store.open(given.like), given.products, given.seed, say=lambda line: print(line, flush=True)
        )
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
