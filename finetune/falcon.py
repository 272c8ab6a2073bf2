"""The recommender: a Falcon that reads a shopper's sequence and writes the id and title of what is bought next.

    shop finetune falcon --store DIR --config falcon-demo.yaml

Codes for the products, a tokenizer and a small Falcon from nothing (or a published one by name), pre-training on the
shop's own sequences, LoRA on prompt and response with the loss on the response alone, merge, save, validate.
Method: *Sequential LLM Framework for Fashion Recommendation* (EMNLP industry track, 2024).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

import torch

from shopping_assistant.finetune import falcon_base, sft_data
from shopping_assistant.finetune.falcon_validation import validate
from shopping_assistant.finetune.fitting import Checkpoint, Fitted, Plan, Step, fit
from shopping_assistant.finetune.tokenizer import add_codes, train_tokenizer
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.decoding import save_prompt_settings
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.memory import QueryProductMemory
from shopping_assistant.tools.prompts import PromptStyle, PromptWriter
from shopping_assistant.tools.search import load_vectors
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.sessions import current_query, leave_one_out, training_examples
from shopping_assistant.tools.store import Store

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Shape:
    """A Falcon from nothing: multi-query attention, rotary positions, tied embeddings."""

    hidden: int = 256
    layers: int = 4
    heads: int = 4
    vocabulary: int = 4096
    positions: int = 1024


@dataclass(frozen=True)
class Pretraining:
    """Whole histories and the catalogue as text, every token predicted.

    Attributes:
        max_tokens: ends the phase; so do ``minutes`` and ``epochs``, whichever comes first.
        users: at most so many histories, drawn by the seed; null for all of them.
        window: the longest row, in tokens; longer histories are cut into several.
        full_share: share of the items in a history that are written with title and attributes.
        facts: products described an epoch, id to words and words to id; null for all of them.
    """

    max_tokens: int = 8_000_000
    minutes: float = 22.0
    epochs: int = 4
    users: int | None = None
    window: int = 384
    batch_tokens: int = 6144
    rate: float = 3e-3
    weight_decay: float = 0.05
    full_share: float = 0.2
    facts: int | None = None


@dataclass(frozen=True)
class Lora:
    """Fine-tuning of low-rank adapters on prompt and response.

    Attributes:
        hard_share: share of the examples with the highest perplexity that are learned ``hard_epochs`` times in all.
        train_codes: learn the code tokens' embeddings too: needed where the base has never seen them.
        quantize: keep the base in 4 bits while training (QLoRA).
    """

    rank: int = 16
    alpha: int = 16
    dropout: float = 0.05
    rate: float = 2e-5
    epochs: int = 1
    hard_share: float = 0.0
    hard_epochs: int = 3
    max_examples: int | None = None
    minutes: float = 5.0
    batch_tokens: int = 6144
    train_codes: bool = False
    quantize: str | None = None

    def __post_init__(self):
        if self.quantize not in (None, "nf4"):
            raise ValueError(f"quantize: got {self.quantize!r}, expected nf4 or null")


@dataclass(frozen=True)
class FalconConfig:
    """One run. ``base``: null trains a small Falcon from nothing; else a checkpoint by name or folder.

    Attributes:
        levels, code_base: shape of the item codes; null for what the catalogue's size asks.
        prompt_tokens: tokens a prompt may have, the instruction included.
        validation: how many withheld validation purchases the figures come from.
        threads: processor threads; null leaves them as they are.
    """

    base: str | None = None
    shape: Shape = field(default_factory=Shape)
    pretraining: Pretraining = field(default_factory=Pretraining)
    lora: Lora = field(default_factory=Lora)
    style: PromptStyle = field(default_factory=PromptStyle)
    levels: int | None = None
    code_base: int | None = None
    prompt_tokens: int = 320
    title_tokens: int = 24
    validation: int = 1000
    threads: int | None = None
    save_minutes: float = 5.0
    seed: int = 7


def train(store: Store, config: FalconConfig, progress: Progress | None = None) -> dict:
    """Train the recommender of one shop into ``models/recommender``; returns what was used and validation figures.

    Reads the training part of the leave-one-out split alone. A run that was interrupted goes on from its last
    checkpoint when the settings and the shop are the same.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    told = _Told(progress, config)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    catalog = store.catalog()
    split = leave_one_out(store.events())
    checkpoint = Checkpoint(store.path / "checkpoints" / "recommender", _key(store, config))
    figures: dict = {"base": config.base or "from nothing", "products": len(catalog)}

    # 1. Item codes from the catalogue's title vectors.
    codes = ItemCodes.from_vectors(_title_vectors(store, catalog), config.levels, config.code_base, config.seed)
    figures |= {"levels": codes.levels, "code_base": codes.base, "codes_free": codes.free}

    # 2. The log as text. Its memory was built from training events only.
    results = sft_data.Results(QueryProductMemory.open(store), config.style.memory_products)
    examples = sft_data.sampled(training_examples(split.train), config.lora.max_examples, config.seed)
    withheld = sft_data.sampled(split.validation, config.validation, config.seed)
    users = sft_data.histories(split.train, config.pretraining.users, config.seed) if config.base is None else []
    results.learn(current_query(e.history) for e in (*examples, *withheld))
    results.learn(e.query for events in users for e in events if e.action == "search")
    wording = PromptWriter(catalog, codes, config.style)
    told.step()

    # 3. Tokenizer and model: from nothing, or a published checkpoint that learns the codes as new tokens.
    if config.base is None:
        texts = [wording.sequence(u, full_share=0.5, seed=i) for i, u in enumerate(users[:10_000])]
        statements = (wording.facts(row)[1] for row in range(len(catalog)))
        tokenizer = train_tokenizer([*texts, *statements], codes, config.shape.vocabulary)
        model = _small_falcon(config, tokenizer).to(device)
        figures["pretraining"] = _pretrain(
            model, tokenizer, users, wording, results, config, checkpoint, told.pretraining
        )
    else:
        tokenizer = falcon_base.load_tokenizer(config.base)
        add_codes(tokenizer, codes)
        model = falcon_base.load(config.base, len(tokenizer), config.lora.quantize, device)
    figures["parameters"] = sum(p.numel() for p in model.parameters())

    # 4. LoRA on prompt and response.
    wording = _within_budget(catalog, codes, config, tokenizer)
    learned = sft_data.pairs(examples, wording, results, tokenizer)
    adapted = _with_adapter(model, tokenizer, codes, config)
    figures["finetuning"] = _finetune(adapted, learned, tokenizer, config, checkpoint, told.finetuning)

    # 5. Merge, save, and validate what was saved.
    with store.replacing("recommender") as folder:
        adapted.save_pretrained(folder / "adapter")
        (folder / "adapter" / "README.md").unlink(missing_ok=True)
        merged = falcon_base.merge(adapted, folder / "adapter", config.base, len(tokenizer), config.lora.quantize)
        merged.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        codes.save(folder)
        save_prompt_settings(folder, config.style, config.prompt_tokens, config.title_tokens)
        del model, adapted, merged
        figures["validation"] = validate(folder, catalog, withheld, results)
    store.record("recommender", {"figures": figures, "settings": asdict(config)})
    checkpoint.clear()
    told.done()
    return figures


def _key(store: Store, config: FalconConfig) -> str:
    described = {"config": asdict(config), "inputs": store.digest("catalog", "events"), "torch": torch.__version__}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _title_vectors(store: Store, catalog: Catalog):
    """The search index's title vectors where it is built for this catalogue, else computed here."""
    folder = store.model_dir("search")
    if (folder / "vectors.safetensors").is_file():
        vectors = load_vectors(folder)
        if len(vectors) == len(catalog):
            return vectors
    return SentenceEncoder.load().encode(catalog.titles)


def _within_budget(catalog: Catalog, codes: ItemCodes, config: FalconConfig, tokenizer) -> PromptWriter:
    def count(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    return PromptWriter(catalog, codes, config.style, config.prompt_tokens, count)


def _small_falcon(config: FalconConfig, tokenizer):
    from transformers import FalconConfig as Architecture
    from transformers import FalconForCausalLM

    shape = config.shape
    model = FalconForCausalLM(
        Architecture(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            max_position_embeddings=shape.positions,
            multi_query=True,
            alibi=False,
            new_decoder_architecture=False,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            use_cache=False,
        )
    )
    # Rows are short: on a CPU plain attention trains a fifth faster than the fused one, which masks padding with care.
    model.set_attn_implementation("eager")
    return model


def _pretrain(model, tokenizer, users, wording, results, config, checkpoint, told) -> dict:
    """Every token of the shop's text predicted from those before it."""
    settings = config.pretraining
    facts = len(wording.catalog) if settings.facts is None else settings.facts
    device = model.device

    def rows_of(epoch: int) -> list[list[int]]:
        return sft_data.pretraining_rows(
            users, wording, results, tokenizer, settings.window, settings.full_share, facts, config.seed + epoch
        )

    def steps() -> Iterator[Step]:
        for epoch in range(settings.epochs):
            rows = first if epoch == 0 else rows_of(epoch)
            order = sft_data.batches([len(r) for r in rows], settings.batch_tokens, config.seed + epoch)
            for at, chosen in enumerate(order):
                part = [rows[i] for i in chosen]
                yield Step((epoch, at), sum(map(len, part)), lambda part=part: language_model_loss(model, part, device))

    ended = checkpoint.load("pretrained")
    if ended is not None:
        model.load_state_dict(ended[0], strict=False)  # tied weights are saved once
        return ended[1]
    first = rows_of(0)
    tokens = sum(map(len, first))
    model.train()
    plan = Plan(
        settings.rate, min(settings.max_tokens, tokens * settings.epochs), settings.minutes, settings.weight_decay
    )
    fitted = fit("pretraining", dict(model.named_parameters()), steps(), plan, checkpoint, config.save_minutes, told)
    figures = {**fitted.as_figures(), "users": len(users), "tokens_an_epoch": tokens, "facts": facts}
    checkpoint.save("pretrained", dict(model.named_parameters()), figures)
    return figures


def language_model_loss(model, rows: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
    """Mean nats a token over rows of different lengths; padding on the right is neither seen nor counted."""
    tokens, real = _padded(rows, device)
    with torch.autocast(device.type, torch.bfloat16):
        hidden = _hidden(model, tokens)[:, :-1][real[:, 1:]]
        logits = model.get_output_embeddings()(hidden)
    return torch.nn.functional.cross_entropy(logits.float(), tokens[:, 1:][real[:, 1:]])


def response_losses(model, pairs: Sequence[sft_data.Pair], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Nats of each response token given the prompt, flat, and which pair each belongs to.

    Logits are computed for the response alone: the prompt is read, never predicted.
    """
    tokens, _ = _padded([(*p.prompt, *p.response) for p in pairs], device)
    rows = torch.tensor([b for b, p in enumerate(pairs) for _ in p.response], device=device)
    before = [len(p.prompt) - 1 + i for p in pairs for i in range(len(p.response))]
    columns = torch.tensor(before, device=device)
    with torch.autocast(device.type, torch.bfloat16):
        logits = model.get_output_embeddings()(_hidden(model, tokens)[rows, columns])
    return torch.nn.functional.cross_entropy(logits.float(), tokens[rows, columns + 1], reduction="none"), rows


def _padded(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, rows))
    tokens = torch.zeros((len(rows), longest), dtype=torch.long)
    real = torch.zeros((len(rows), longest), dtype=torch.bool)
    for b, row in enumerate(rows):
        tokens[b, : len(row)] = torch.as_tensor(row)
        real[b, : len(row)] = True
    return tokens.to(device), real.to(device)


def _hidden(model, tokens: torch.Tensor) -> torch.Tensor:
    """Last hidden states ``(b, t, hidden)``; right padding comes after all that is used, so it needs no mask."""
    inner = model.get_base_model() if hasattr(model, "peft_config") else model
    return getattr(inner, inner.base_model_prefix)(input_ids=tokens, use_cache=False).last_hidden_state


def _with_adapter(model, tokenizer, codes: ItemCodes, config: FalconConfig):
    from peft import LoraConfig, get_peft_model

    lora = config.lora
    names = {name.rsplit(".", 1)[-1] for name, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    settings = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=sorted(names - {"lm_head"}),
        trainable_token_indices=tokenizer.convert_tokens_to_ids(codes.tokens) if lora.train_codes else None,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, settings)


def _finetune(model, learned: list[sft_data.Pair], tokenizer, config: FalconConfig, checkpoint, told) -> dict:
    """Loss on the response alone; then the prompts found hardest again."""
    settings = config.lora
    device = next(model.parameters()).device
    found: dict[int, float] = {}  # nats a response token of each example, when first met

    def loss_of(chosen: list[int], first: bool) -> torch.Tensor:
        losses, rows = response_losses(model, [learned[i] for i in chosen], device)
        if first:
            sums = torch.zeros(len(chosen), device=device).index_add_(0, rows, losses.detach())
            for i, nats in zip(chosen, sums.tolist(), strict=True):
                found[i] = nats / len(learned[i].response)
        return losses.mean()

    def steps() -> Iterator[Step]:
        lengths = [len(p) for p in learned]
        for epoch in range(settings.epochs + (settings.hard_epochs - 1 if settings.hard_share else 0)):
            indices = list(range(len(learned)))
            if epoch >= settings.epochs:
                hardest = sorted(found, key=lambda i: -found[i])
                indices = hardest[: max(1, int(settings.hard_share * len(learned)))]
            order = sft_data.batches([lengths[i] for i in indices], settings.batch_tokens, config.seed + epoch)
            for at, part in enumerate(order):
                chosen = [indices[i] for i in part]
                size = sum(lengths[i] for i in chosen)
                yield Step((epoch, at), size, lambda chosen=chosen, first=epoch == 0: loss_of(chosen, first))

    again = (settings.hard_epochs - 1) * settings.hard_share if settings.hard_share else 0
    total = int(sum(map(len, learned)) * (settings.epochs + again))
    model.train()
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    plan = Plan(settings.rate, max(1, total), settings.minutes, betas=(0.9, 0.999))
    fitted: Fitted = fit("finetuning", trained, steps(), plan, checkpoint, config.save_minutes, told)
    weights = sum(p.numel() for p in trained.values())
    return {**fitted.as_figures(), "examples": len(learned), "trained_parameters": weights}


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
