"""What would stop a Falcon run later, said in its first seconds: data, settings, base model, memory, disk.

    preflight.check(store, config)

Every refusal is one sentence: the value, what was expected, the remedy.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from shopping_assistant.finetune import item_ids
from shopping_assistant.finetune.needs import GB, Need, estimate, free_memory
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.prompts import short_title
from shopping_assistant.tools.sessions import leave_one_out, training_examples
from shopping_assistant.tools.store import Store

if TYPE_CHECKING:
    from shopping_assistant.finetune.falcon_settings import FalconConfig

# Users whose events are looked at first: where a shop can be learned from, these show it.
FIRST_USERS = 500
# Attributes named in a refusal: a catalogue may have hundreds.
SHOWN = 12
REACHED_WITHIN = 10.0  # seconds


class PreflightError(ShopError):
    """A run that could not end well."""


def check(store: Store, config: FalconConfig) -> None:
    """Refuse a run that would fail later.

    Raises:
        StoreError, CatalogError: no catalogue, or one that cannot be read.
        CodesError: the ids' shape does not fit the catalogue.
        PreflightError: nothing to learn from or to validate on, products or attributes the catalogue does not know,
            prompts longer than what the model reads, settings this machine cannot run, too little memory or disk.
        BaseModelError: the base is not there.
    """
    catalog = store.catalog()
    _check_titles(catalog)
    _check_log(store, catalog)
    _check_attributes(catalog, config)
    levels, base = item_ids.shape(len(catalog), config.ids.levels, config.ids.base)
    _check_device(config)
    architecture = base_architecture(config.base) if config.base is not None else None
    _check_lengths(config, levels, architecture)
    need = estimate(config, levels * base, architecture, int(os.environ.get("WORLD_SIZE", 1)))
    _check_memory(config, need, free_memory())
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


def _check_attributes(catalog: Catalog, config: FalconConfig) -> None:
    known = ({f.name for f in fields(Product)} - {"attributes"}) | set(catalog.attribute_names)
    for name in config.style.attributes or ():
        if name not in known:
            raise PreflightError(
                f"style.attributes: got {name!r}, expected attributes of this catalogue such as "
                f"{', '.join(catalog.attribute_names[:SHOWN]) or 'none, for it has none'}; or take `auto`"
            )


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

    _check_reachable(base)
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


def _check_reachable(base: str) -> None:
    """Refuse a name that would have to be downloaded where there is no network: the hub's client tries for a minute.

    Raises:
        BaseModelError: it is neither here nor to be had.
    """
    import httpx
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    from shopping_assistant.finetune.falcon_base import BaseModelError

    if Path(base).is_dir() or constants.HF_HUB_OFFLINE:
        return
    try:
        if isinstance(try_to_load_from_cache(base, "config.json"), str):
            return
        httpx.head(constants.ENDPOINT, timeout=REACHED_WITHIN)
    except HFValidationError:
        return  # no name at all: loading it says so at once
    except httpx.TransportError as error:
        raise BaseModelError(
            f"base model {base!r} is not on this machine and {constants.ENDPOINT} cannot be reached ({error}); give a "
            "folder with a checkpoint, or download it where there is a network"
        ) from error


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
