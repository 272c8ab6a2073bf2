"""What would stop a Falcon run later, said in its first seconds: data, settings, base model, memory, disk.

    preflight.check(store, config)

Every refusal is one sentence: the value, what was expected, the remedy.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.item_codes import CodesError, shape_for
from shopping_assistant.tools.prompts import INSTRUCTION_SENTENCES, MARKERS, short_title
from shopping_assistant.tools.sessions import leave_one_out, training_examples
from shopping_assistant.tools.store import Store

if TYPE_CHECKING:
    from shopping_assistant.finetune.falcon_settings import FalconConfig

GB = 1e9
# Users whose events are looked at first: where a shop can be learned from, these show it.
FIRST_USERS = 500
# AdamW in 32 bits: the value, its gradient, two moments.
TRAINED_BYTES = 16
CHECKPOINT_BYTES = 12  # the value and two moments
# NF4: half a byte, a one-byte scale for 64 weights, and a 4-byte scale for 256 of those (QLoRA, NeurIPS 2023, 3.1).
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
# Kept for the backward pass, a token, for each input and output feature of a layer's linear maps; counted from the
# tensors autograd saved on Falcon and Llama shapes (3.9; with LoRA 4.7 on weights in 16 bits, 5.8 in 32).
FULL_BYTES, LORA_BYTES, LORA_BYTES_32 = 4.0, 5.0, 6.0
# Of the attention's scores, a token, a head and a position seen: probabilities in 32 bits and their copy in 16. Fused
# attention keeps none; it does not take Falcon's one key for all heads, where torch falls back to its plain one.
EAGER_BYTES, SHARED_KEY_BYTES = 6.0, 4.0
# Logits, a token with a loss and an entry of the vocabulary: in 16 bits, in 32, and their gradient.
LOGIT_BYTES = 2 + 4 + 4
RESPONSE_SHARE = 0.25  # of a packed row's tokens, those with a loss: at most, with prompts as short as they get
# What the estimate does not know: temporary results, and memory that the allocator cannot use.
ALLOWANCE, FIXED = 1.15, 0.3 * GB


class PreflightError(ShopError):
    """A run that could not end well."""


@dataclass(frozen=True)
class Need:
    """What a run needs, in bytes; ``parameters`` and ``trained`` are counts.

    Attributes:
        weights: the model while LoRA trains. states: values, gradients and moments of what LoRA trains.
        activations: what one forward of LoRA keeps for its backward pass, logits included.
        pretraining: all of these while a model from nothing is pre-trained; 0 with a published base.
        merging: the whole model in 16 bits, which a base in 4 bits becomes before its adapter is merged.
        disk: checkpoints, each beside the one it replaces, and the merged weights.
    """

    parameters: int
    trained: int
    weights: float
    states: float
    activations: float
    pretraining: float
    merging: float
    disk: float

    @property
    def memory(self) -> float:
        """At the moment when it is highest, with an allowance for what no formula knows."""
        peak = max(self.pretraining, self.weights + self.states + self.activations, self.merging)
        return peak * ALLOWANCE + FIXED


def check(store: Store, config: FalconConfig) -> None:
    """Refuse a run that would fail later.

    Raises:
        StoreError, CatalogError: no catalogue, or one that cannot be read.
        PreflightError: nothing to learn from or to validate on, products the catalogue does not know, prompts longer
            than what the model reads, settings this machine cannot run, too little memory or disk.
        BaseModelError: the base is not there.
    """
    catalog = store.catalog()
    _check_titles(catalog)
    _check_log(store, catalog)
    levels, base = _code_shape(config, len(catalog))
    _check_device(config)
    architecture = base_architecture(config.base) if config.base is not None else None
    _check_lengths(config, levels, architecture)
    need = estimate(config, levels * base, architecture)
    _check_memory(config, need, _free_memory())
    _check_disk(need, store.path, shutil.disk_usage(store.path).free)


# Data ------------------------------------------------------------------------------------------------------------


def _check_titles(catalog: Catalog) -> None:
    if not len(catalog):
        raise PreflightError("the catalogue has 0 products, expected one or more; import one with `shop import`")
    empty = [i for i, title in zip(catalog.ids, catalog.titles, strict=True) if not short_title(title)]
    if empty:
        raise PreflightError(
            f"product {empty[0]!r}, title {catalog.product(empty[0]).title!r}: nothing of it can be written "
            f"({len(empty)} such products), expected words; give them titles and import the catalogue again"
        )


def _check_log(store: Store, catalog: Catalog) -> None:
    events = store.events()
    if not len(events):
        raise PreflightError(
            f"{store.path} has no logged events, expected searches, clicks and purchases; add the shop's log with "
            "`shop import`"
        )
    known = pl.Series(catalog.ids)
    lost = events.filter(pl.col("product_id").is_not_null() & ~pl.col("product_id").is_in(known.implode()))
    if len(lost):
        raise PreflightError(
            f"{len(lost)} of {len(events)} events name products that the catalogue does not know "
            f"({lost['product_id'][0]!r} is one), expected none; import the log again with this catalogue and "
            "--skip-bad, or add the products"
        )
    learned, withheld = _usable(events)
    if not learned:
        raise PreflightError(
            "the log has 0 purchases to learn from, expected shoppers who did something before they bought and, for "
            "those with two purchases or more, a third before these; bring in a longer log"
        )
    if not withheld:
        raise PreflightError(
            "the log has 0 purchases to validate on, expected shoppers with two purchases of different products and "
            "something done before; bring in a longer log"
        )


def _usable(events: pl.DataFrame) -> tuple[bool, bool]:
    """Whether there is a training example with a history, and a withheld purchase with one."""
    buyers = (
        events.group_by("user_id", maintain_order=True)
        .agg(bought=(pl.col("action") == "purchase").sum(), events=pl.len())
        .filter((pl.col("bought") > 0) & (pl.col("events") > 1))["user_id"]
    )
    learned = withheld = False
    for part in (buyers[:FIRST_USERS], buyers[FIRST_USERS:]):
        if len(part) and not (learned and withheld):
            split = leave_one_out(events.filter(pl.col("user_id").is_in(part.implode())))
            withheld = withheld or any(e.history for e in split.validation)
            learned = learned or any(e.history for e in training_examples(split.train))
    return learned, withheld


def _code_shape(config: FalconConfig, products: int) -> tuple[int, int]:
    fitting = shape_for(products)
    levels, base = config.ids.levels or fitting[0], config.ids.base or fitting[1]
    if products > base**levels:
        raise CodesError(f"{products} products do not fit {levels} codes of {base}; raise `levels` or `base`")
    return levels, base


# Settings and base -----------------------------------------------------------------------------------------------


def _check_device(config: FalconConfig) -> None:
    import torch

    lora, gpu = config.lora, torch.cuda.is_available()
    if lora.quantize and importlib.util.find_spec("bitsandbytes") is None:
        raise PreflightError(
            f"lora, quantize: {lora.quantize} needs bitsandbytes, which is not installed; install it, or set "
            "`quantize: null`"
        )
    if lora.compute == "fp16" and not gpu:
        raise PreflightError("lora, compute: fp16 needs a GPU, and there is none; set `compute: bf16`")
    if lora.compute == "bf16" and gpu and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise PreflightError(
            f"lora, compute: {torch.cuda.get_device_name()} has no bf16, expected an Ampere GPU or newer; set "
            "`compute: fp16`"
        )
    if lora.attention == "flash_attention_2":
        if not gpu:
            raise PreflightError("lora, attention: flash_attention_2 needs a GPU, and there is none; set `sdpa`")
        if importlib.util.find_spec("flash_attn") is None:
            raise PreflightError(
                "lora, attention: flash_attention_2 needs the package flash-attn, which is not installed; install it, "
                "or set `sdpa`"
            )


def base_architecture(base: str):
    """The configuration of a published base; only its small files are read.

    Raises:
        BaseModelError: there is none of that name or folder, or it lacks a tokenizer.
        PreflightError: it is no causal language model, or has no weights.
    """
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    from shopping_assistant.finetune import falcon_base

    falcon_base.load_tokenizer(base)
    try:
        architecture = AutoConfig.from_pretrained(base, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise falcon_base.BaseModelError(
            f"base model {base!r} cannot be loaded ({reason}); give a folder with a checkpoint, a name that can be "
            "downloaded, or `base: null` to train a small one from nothing"
        ) from error
    named = architecture.architectures or ["CausalLM"]
    writes = any("CausalLM" in name or "LMHead" in name for name in named)
    if type(architecture) not in MODEL_FOR_CAUSAL_LM_MAPPING or not writes:
        raise PreflightError(
            f"base {base!r} is a {named[0]} ({architecture.model_type}), expected a causal language model such as "
            "tiiuae/falcon-7b"
        )
    folder = Path(base)
    if folder.is_dir() and not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        raise PreflightError(f"base {base!r} has no weights, expected *.safetensors beside its config.json")
    return architecture


def _check_lengths(config: FalconConfig, levels: int, architecture) -> None:
    try:
        config.check_window(levels)
    except ValueError as error:
        raise PreflightError(str(error)) from error
    reads = None if architecture is None else _positions(architecture)
    # Packed rows restart their positions, so that it is the longest example that counts, not the window.
    whole = config.prompt_tokens + levels + config.title_tokens + 1
    if reads is not None and whole > reads:
        raise PreflightError(
            f"prompt_tokens: got {config.prompt_tokens}, with {levels} codes, title_tokens {config.title_tokens} and "
            f"the end {whole}, expected at most the {reads} tokens that {config.base} reads; lower prompt_tokens"
        )


def _positions(architecture) -> int | None:
    """How many tokens the base reads; None where its positions are slopes (alibi), which have no end."""
    if getattr(architecture, "alibi", False):
        return None
    return getattr(architecture, "max_position_embeddings", None)


# Memory and disk -------------------------------------------------------------------------------------------------


def estimate(config: FalconConfig, codes: int, architecture=None, processes: int = 1) -> Need:
    """What a run needs, from the shapes of its tensors; nothing is loaded.

    Activations of a forward over ``t`` tokens: ``t x layers x bytes x (inputs + outputs of a layer's linear maps)``,
    and ``t x layers x heads x window x bytes`` where attention keeps its scores; with gradient checkpointing a layer's
    input each, and one layer whole.

    Args:
        codes: tokens that are added for the item codes.
        architecture: the base's configuration; None for the small Falcon of ``config.shape``.
        processes: how many share an optimiser step.
    """
    model = _without_memory(config, codes, architecture)
    maps = _linear_maps(model)
    lora, shape = config.lora, _Shape.of(model, maps)
    parameters = sum(p.numel() for p in model.parameters())
    features = sum(m.in_features + m.out_features for m in maps)
    trained = lora.rank * features + (shape.hidden * codes if lora.train_codes else 0)
    held, kept = (2, LORA_BYTES) if config.base is not None else (4, LORA_BYTES_32)
    in_maps = sum(m.weight.numel() for m in maps)
    weights = parameters * held - (in_maps * (held - NF4_BYTES) if lora.quantize else 0)
    rows = lora.rows_at_once or max(1, lora.batch_tokens // lora.window // processes)
    tokens = rows * lora.window
    score = 0.0 if lora.attention == "flash_attention_2" else EAGER_BYTES
    if lora.attention == "sdpa":
        score = SHARED_KEY_BYTES if shape.shared_key else 0.0
    layer = tokens * (kept * features / shape.layers + score * shape.heads * lora.window)
    activations = layer * shape.layers
    if lora.gradient_checkpointing:
        activations = layer + tokens * shape.hidden * held * shape.layers
    activations += tokens * RESPONSE_SHARE * shape.vocabulary * LOGIT_BYTES
    if lora.train_codes:
        # The embeddings with the learned rows put in, and the gradient of that, at the input and at the output.
        activations += 4 * shape.vocabulary * shape.hidden * held
    pretraining, checkpoints = 0.0, 2 * CHECKPOINT_BYTES * trained
    if config.base is None:
        tokens = config.pretraining.batch_tokens
        scores = EAGER_BYTES * shape.heads * config.pretraining.window * shape.layers
        kept = FULL_BYTES * features + scores + shape.vocabulary * LOGIT_BYTES
        pretraining = parameters * TRAINED_BYTES + tokens * kept
        checkpoints = max(2 * CHECKPOINT_BYTES * parameters, (CHECKPOINT_BYTES + 4) * parameters + checkpoints)
    merging = parameters * 2.0 if lora.quantize else 0.0
    return Need(
        parameters, trained, weights, trained * TRAINED_BYTES, activations, pretraining, merging,
        disk=checkpoints + 2 * parameters + 4 * trained,
    )  # fmt: skip


@dataclass(frozen=True)
class _Shape:
    hidden: int
    layers: int
    heads: int
    vocabulary: int
    shared_key: bool

    @classmethod
    def of(cls, model, maps: Sequence) -> _Shape:
        c = model.config
        shared = bool(getattr(c, "multi_query", False)) and not getattr(c, "new_decoder_architecture", False)
        vocabulary = model.get_input_embeddings().num_embeddings
        return cls(c.hidden_size, c.num_hidden_layers, c.num_attention_heads, vocabulary, shared)


def _linear_maps(model) -> list:
    """Those LoRA adapts: all but the output embeddings."""
    import torch

    head = model.get_output_embeddings()
    return [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head]


def _without_memory(config: FalconConfig, codes: int, architecture):
    """The model as shapes, on torch's meta device."""
    import copy

    import torch
    from transformers import AutoModelForCausalLM
    from transformers import FalconConfig as Architecture

    if architecture is None:
        shape = config.shape
        architecture = Architecture(
            vocab_size=shape.vocabulary + codes + len(MARKERS) + len(INSTRUCTION_SENTENCES),
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            multi_query=True,
            alibi=False,
            new_decoder_architecture=False,
        )
    else:
        architecture = copy.deepcopy(architecture)
        architecture.vocab_size += codes
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(architecture)


def _check_memory(config: FalconConfig, need: Need, free: tuple[float, str]) -> None:
    if need.memory <= free[0]:
        return
    lora = config.lora
    ways = [
        (config.base is not None and not lora.quantize and need.weights > need.activations, "lora.quantize: nf4"),
        (not lora.gradient_checkpointing and need.activations > 0, "lora.gradient_checkpointing: true"),
        (lora.rows_at_once != 1, "a smaller lora.rows_at_once"),
        (config.base is None, "a smaller pretraining.batch_tokens or shape"),
    ]
    remedies = [text for fits, text in ways if fits] or ["a smaller base or lora.window"]
    raise PreflightError(
        f"the run needs about {need.memory / GB:.1f} GB of memory ({need.parameters / 1e6:,.0f}M parameters, "
        f"{need.trained / 1e6:,.1f}M of them trained by LoRA, {need.activations / GB:.1f} GB of activations), expected "
        f"at most the {free[0] / GB:.1f} GB that are free on {free[1]}; try {', '.join(remedies)}"
    )


def _check_disk(need: Need, folder: Path, free: float) -> None:
    if need.disk > free:
        raise PreflightError(
            f"the run writes about {need.disk / GB:.1f} GB (checkpoints and merged weights), expected at most the "
            f"{free / GB:.1f} GB that are free where {folder} lies; make room, or move the store"
        )


def _free_memory() -> tuple[float, str]:
    """Bytes free for this process, and where: its GPU, or main memory shared with the other processes of the run."""
    import psutil
    import torch

    if torch.cuda.is_available():
        device = int(os.environ.get("LOCAL_RANK", 0))
        return torch.cuda.mem_get_info(device)[0], torch.cuda.get_device_name(device)
    free = min(psutil.virtual_memory().available, cgroup_free())
    return free / max(1, int(os.environ.get("LOCAL_WORLD_SIZE", os.environ.get("WORLD_SIZE", 1)))), "this machine"


def cgroup_free(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float:
    """Bytes that a container's or a batch system's limit leaves; infinite without one.

    File pages that can be dropped at once count as free, as in what the kernel calls available.
    """
    try:
        lines = [line.split(":", 2) for line in own.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return float("inf")
    free = float("inf")
    for _, controllers, path in lines:
        if controllers not in ("", "memory"):
            continue
        # Version 2 has one tree; in version 1 every controller has its own.
        top = root / controllers
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if controllers else ("memory.max", "memory.current")
        folder = top / path.lstrip("/")
        for place in (folder, *folder.parents):
            free = min(free, _left(place, *names))
            if place == top:
                break
    return free


def _left(folder: Path, limit: str, used: str) -> float:
    try:
        most = int((folder / limit).read_text())
        now = int((folder / used).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # none here, or "max"
        return float("inf")
    return max(0, most - now + int(stat.get("inactive_file", 0)))
