"""The recommender: a Falcon that reads a shopper's sequence and writes the id and title of what is bought next.

    shop finetune falcon --store DIR --config falcon-demo.yaml
    accelerate launch -m shopping_assistant.ui.cli finetune falcon --store DIR --config falcon-7b-published.yaml

Codes for the products, a tokenizer and a small Falcon from nothing (or a published one by name), pre-training on the
shop's own sequences, LoRA on prompt and response with the loss on the response alone, the hardest prompts again, merge,
save, validate, record. Method: *Sequential LLM Framework for Fashion Recommendation* (EMNLP industry track, 2024).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from shopping_assistant.finetune import config as configs
from shopping_assistant.finetune import (
    falcon_base,
    falcon_lora,
    falcon_pretraining,
    item_ids,
    preflight,
    run_record,
    sft_data,
)
from shopping_assistant.finetune.attribute_usefulness import settled
from shopping_assistant.finetune.augmentation import Kin
from shopping_assistant.finetune.config import ConfigError
from shopping_assistant.finetune.falcon_settings import FalconConfig, ItemIds, Lora, Pretraining, Shape
from shopping_assistant.finetune.falcon_validation import FREE_ANSWERS, free_answers, malformed_share, validate
from shopping_assistant.finetune.fitting import Checkpoint, Fitted
from shopping_assistant.finetune.processes import Processes, alone, joined
from shopping_assistant.finetune.tokenizer import add_codes, train_tokenizer
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.decoding import AnswerWriter, save_prompt_settings
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.memory import QueryProductMemory
from shopping_assistant.tools.prompts import PromptWriter
from shopping_assistant.tools.search import load_vectors
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.sessions import Event, Example, Split, current_query, training_examples
from shopping_assistant.tools.store import Store

# Validation purchases on which the stages of a run are compared.
JUDGED = 1000

__all__ = ["FalconConfig", "ItemIds", "Lora", "Pretraining", "Shape", "train"]
Progress = Callable[[int, int], None]


def train(store: Store, config: FalconConfig, progress: Progress | None = None) -> dict:
    """Train the recommender of one shop into ``models/recommender``; returns what was used and validation figures.

    Reads the training part of the leave-one-out split alone. A run that was interrupted goes on from its last
    checkpoint when the settings and the shop are the same, and ends where it would have ended.

    Raises:
        ConfigError: the settings do not fit each other or this shop.
        BaseModelError: the base cannot be used as asked.
        TrainingError: the loss is no longer a number.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    with joined() as us:
        return _train(store, config, progress if us.main else None, us)


def _train(store: Store, config: FalconConfig, progress: Progress | None, us: Processes) -> dict:
    us.share(lambda: preflight.check(store, config))
    told = _Told(progress, config)
    catalog = store.catalog()
    split = store.split()
    checkpoint = us.share(lambda: Checkpoint(store.path / "checkpoints" / "recommender", _key(store, config)))

    # 1. What the products' ids are, and which attributes are worth writing.
    codes, style = us.share(lambda: (_codes(store, catalog, split, config), _style(catalog, split, config)))
    figures: dict = {"base": config.base or "from nothing", "products": len(catalog), "ids": config.ids.kind}
    figures |= {"levels": codes.levels, "code_base": codes.base, "codes_free": codes.free}
    figures["attributes"] = list(style.attributes)
    config = replace(config, style=style)

    # 2. The log as text. Its memory was built from training events only.
    examples = sft_data.sampled(training_examples(split.train), config.lora.max_examples, config.seed)
    withheld = sft_data.sampled(split.validation, config.validation, config.seed)
    users = _histories(store, split, config) if config.base is None else []
    results = sft_data.Results(None, 0, us.share(lambda: _remembered(store, config, (*examples, *withheld), users)))
    wording = PromptWriter(catalog, codes, config.style)
    told.step()

    # 3. The examples as tokens, before anything is trained: a prompt that has no room is told at once.
    if config.base is None:
        tokenizer, known = us.share(lambda: _tokenizer(wording, users, config)), None
    else:
        tokenizer, known = _base_tokenizer(config, codes)
    bounded = _within_budget(catalog, codes, config, tokenizer)
    answer_tokens = codes.levels + config.title_tokens + 1
    learned = sft_data.pairs(examples, bounded, results, tokenizer, answer_tokens)
    judged = [e for e in withheld if e.target in catalog][:JUDGED]
    measure = _Measure(catalog, codes, judged, results, tokenizer, config, checkpoint, us)
    measure.pairs = sft_data.pairs(judged, bounded, results, tokenizer)

    # 4. The model: from nothing, or a published checkpoint that learns the codes as new tokens.
    phases: list[Fitted] = []
    if config.base is None:
        model = falcon_pretraining.small_falcon(config.shape, tokenizer, config.seed, config.pretraining.dropout)
        model.to(us.device)
        kin = Kin(catalog, _title_vectors(store, catalog, config), users) if config.pretraining.kin_share else None
        figures["pretraining"], fitted = falcon_pretraining.pretrain(
            model, tokenizer, users, wording, results, config, checkpoint, told.pretraining, us, kin
        )
        phases.append(fitted)
        falcon_base.set_attention(model, config.lora.attention)
        if config.lora.gradient_checkpointing:
            falcon_base.checkpoint_gradients(model)
    else:
        model = falcon_base.load(config.base, len(tokenizer), config.lora, us.device, known)
    figures["parameters"] = sum(p.numel() for p in model.parameters())
    figures["compute"] = str(falcon_base.compute_dtype(config.lora.compute, us.device)).removeprefix("torch.")

    # 5. LoRA on prompt and response, measured before, between and after.
    before = measure.ranked(model) if config.base is None else None
    adapted = falcon_lora.with_adapter(model, tokenizer, codes.tokens, config.lora, config.seed + 1)
    figures["finetuning"], fitted_phases = falcon_lora.finetune(
        adapted, learned, config, checkpoint, told.finetuning, us, lambda stage: measure.of(adapted, stage)
    )
    phases += fitted_phases
    figures["malformed"] = {stage: found["malformed"] for stage, found in figures["finetuning"]["stages"].items()}

    # 6. Merge, save, validate what was saved, and leave a record of the run.
    def finish() -> dict:
        with store.replacing("recommender") as folder:
            _save(folder, adapted, tokenizer, codes, config)
            found = validate(folder, catalog, withheld, results, sample=len(measure.examples))
            after = found.pop("sample", None)
            if before:
                figures["lora_adds"] = {"before": before, "after": after}
            figures["validation"] = found
            run_record.write(
                folder / "run",
                _record(store, config, figures, phases, checkpoint, len(examples)),
                [point for phase in phases for point in phase.curve],
            )
        store.record("recommender", {"figures": figures, "settings": asdict(config)})
        checkpoint.clear()
        return figures

    figures = us.share(finish)
    told.done()
    return figures


def _key(store: Store, config: FalconConfig) -> str:
    inputs = store.digest("catalog", "events")
    described = {"config": configs.described(config), "inputs": inputs, "torch": torch.__version__}
    if store.stock.generation:  # products were added or removed: other ids, other prompts
        described["stock"] = store.stock.generation
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _codes(store: Store, catalog: Catalog, split: Split, config: FalconConfig) -> ItemCodes:
    ids = config.ids
    vectors = None if ids.kind in ("sequential", "random") else _title_vectors(store, catalog, config)
    codes = item_ids.make(ids.kind, catalog, split.train, vectors, ids.levels, ids.base, config.seed, ids.attributes)
    try:
        config.check_window(codes.levels)
    except ValueError as error:
        raise ConfigError(f"settings: {error}") from error
    return codes


def _histories(store: Store, split: Split, config: FalconConfig) -> list[tuple[Event, ...]]:
    """What pre-training reads in an epoch: the shoppers' histories, those of the log itself ``log_times``."""
    users = sft_data.histories(split.train, config.pretraining.users, config.seed)
    if config.pretraining.log_times == 1:
        return users
    behind = set(store.background()["user_id"].to_list())
    own = [events for events in users if events[0].user_id not in behind]
    return users + own * (config.pretraining.log_times - 1)


def _style(catalog: Catalog, split: Split, config: FalconConfig):
    return settled(config.style, catalog, split.train, config.seed)


def _title_vectors(store: Store, catalog: Catalog, config: FalconConfig):
    """By shared words, or the search index's title vectors where it is built for this catalogue, else computed here."""
    if config.ids.titles == "words":
        return item_ids.word_vectors(catalog, config.seed)
    folder = store.model_dir("search")
    if (folder / "vectors.safetensors").is_file():
        vectors = load_vectors(folder)
        if len(vectors) == len(catalog):
            return vectors
    return SentenceEncoder.load().encode(catalog.titles)


def _remembered(store: Store, config: FalconConfig, examples: Sequence[Example], users) -> dict[str, list[str]]:
    """The memory's products for every query that the run will write."""
    results = sft_data.Results(QueryProductMemory.open(store), config.style.memory_products)
    results.learn(current_query(e.history) for e in examples)
    results.learn(e.query for events in users for e in events if e.action == "search")
    return results.known


def _tokenizer(wording: PromptWriter, users, config: FalconConfig):
    texts = [wording.sequence(u, full_share=0.5, seed=i) for i, u in enumerate(users[:10_000])]
    statements = (wording.facts(row)[1] for row in range(len(wording.catalog)))
    return train_tokenizer([*texts, *statements], wording.codes, config.shape.vocabulary)


def _base_tokenizer(config: FalconConfig, codes: ItemCodes):
    """The base's tokenizer with the codes added, and how many tokens it knew before."""
    tokenizer = falcon_base.load_tokenizer(config.base)
    known = len(tokenizer)
    if add_codes(tokenizer, codes) and not config.lora.train_codes:
        raise ConfigError(
            f"settings, lora.train_codes: got false, expected true: {config.base} has never seen "
            f"{len(tokenizer) - known} of the products' codes"
        )
    return tokenizer, known


def _within_budget(catalog: Catalog, codes: ItemCodes, config: FalconConfig, tokenizer) -> PromptWriter:
    def count(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    return PromptWriter(catalog, codes, config.style, config.prompt_tokens, count)


def _save(folder: Path, adapted, tokenizer, codes: ItemCodes, config: FalconConfig) -> None:
    """The merged model, its tokenizer, codes and prompt settings; the adapter where there is a base to put it on."""
    adapter = folder / "adapter"
    if config.base is not None:
        adapted.save_pretrained(adapter)
        (adapter / "README.md").unlink(missing_ok=True)
    merged = falcon_base.merge(adapted, adapter, config.lora.quantize)
    merged.to(torch.bfloat16).save_pretrained(folder)
    merged.to("meta")  # what was saved is loaded again to be validated: a GPU has no room for both
    tokenizer.save_pretrained(folder)
    codes.save(folder)
    save_prompt_settings(folder, config.style, config.prompt_tokens, config.title_tokens)


def _record(
    store: Store, config: FalconConfig, figures: dict, phases: Sequence[Fitted], checkpoint: Checkpoint, examples: int
) -> dict:
    return {
        "config": asdict(config),
        "data": {
            "digest": store.digest("catalog", "events"),
            "products": figures["products"],
            "events": len(store.events()),
            "examples": examples,
        },
        "environment": run_record.environment(),
        "figures": figures,
        "peak_memory": run_record.peak_memory(),
        "tokens_per_second": {p.curve[0].phase: p.as_figures()["tokens_per_second"] for p in phases if p.curve},
        "started": checkpoint.started,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "resumed": checkpoint.resumed,
    }


@dataclass
class _Measure:
    """Figures of the model as it is at a moment of the run; each is taken once, by the main process."""

    catalog: Catalog
    codes: ItemCodes
    examples: list[Example]
    results: sft_data.Results
    tokenizer: object
    config: FalconConfig
    checkpoint: Checkpoint
    us: Processes
    pairs: Sequence[sft_data.Pair] = ()

    def of(self, model, stage: str) -> dict:
        """The share of free answers that name no product or no title, and the nats of the ids that were bought."""
        compute = falcon_base.compute_dtype(self.config.lora.compute, self.us.device)
        window = self.config.lora.window

        def found() -> dict:
            prompts = [p.prompt for p in self.pairs[:FREE_ANSWERS]]
            ids = [sft_data.Pair(p.prompt, p.response[: self.codes.levels]) for p in self.pairs]
            nats = falcon_lora.mean_nats(model, ids, window, self.config.lora.rows_at_once or 4, compute, alone())
            return {
                "malformed": malformed_share(free_answers(model, self.tokenizer, prompts, compute), self.codes),
                "nats_a_target": round(self.codes.levels * sum(nats) / len(nats), 4) if nats else None,
            }

        return self.us.share(lambda: self.checkpoint.once(f"stage {stage}", found))

    def ranked(self, model) -> dict:
        """NDCG and exact ids of the constrained beam before any fine-tuning."""

        def found() -> dict:
            attention = model.config._attn_implementation
            falcon_base.set_attention(model, "sdpa")  # the writer's masks are of the kind that it reads
            settings = (self.config.style, self.config.prompt_tokens, self.config.title_tokens)
            writer = AnswerWriter(model, self.tokenizer, self.codes, *settings)
            figures = validate(writer, self.catalog, self.examples, self.results)
            falcon_base.set_attention(model, attention)
            return {name: figures[name] for name in ("examples", "ndcg@10", "exact_id") if name in figures}

        return self.us.share(lambda: self.checkpoint.once("ranked before_finetuning", found))


class _Told:
    """Progress of the whole run in thousandths: the phases weigh what they may take."""

    def __init__(self, progress: Progress | None, config: FalconConfig):
        self._progress = progress
        pretraining = config.pretraining.minutes if config.base is None else 0.0
        self._share = pretraining / (pretraining + config.lora.minutes)

    def _tell(self, share: float) -> None:
        if self._progress:
            self._progress(int(1000 * share), 1000)

    def step(self) -> None:
        self._tell(0.02)

    def pretraining(self, share: float) -> None:
        self._tell(0.02 + 0.93 * self._share * share)

    def finetuning(self, share: float) -> None:
        self._tell(0.02 + 0.93 * (self._share + (1 - self._share) * share))

    def done(self) -> None:
        self._tell(1.0)
