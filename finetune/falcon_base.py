"""A published Falcon as the base: loaded (in 4 bits where asked), and the adapter merged back into it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import torch

from shopping_assistant.finetune.falcon_settings import Lora
from shopping_assistant.tools.errors import ShopError


class BaseModelError(ShopError):
    """A base model that cannot be used as asked."""


def compute_dtype(compute: str, device: torch.device) -> torch.dtype:
    """The precision of multiplications: float16 on a GPU that is to have it, else bfloat16.

    On a CPU float16 is ten times slower, whatever the settings say.
    """
    return torch.float16 if compute == "fp16" and device.type == "cuda" else torch.bfloat16


def load_tokenizer(base: str):
    """The base's own tokenizer.

    Raises:
        BaseModelError: there is none of that name or folder.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(base)
    except (OSError, ValueError) as error:
        raise _not_found(base, error) from error


def load(base: str, vocabulary: int, lora: Lora, device: torch.device, known: int | None = None):
    """The base with room for ``vocabulary`` tokens, ready for an adapter.

    The embeddings of the tokens from ``known`` on start near the mean of the others; by default those of rows that the
    base does not have.

    ``lora.quantize="nf4"`` keeps its linear layers in 4 bits; with ``lora.gradient_checkpointing`` each layer's forward
    is computed again in the backward.

    Raises:
        BaseModelError: no such checkpoint, or none that can be read, or 4 bits were asked for and no layer has them.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    quantize, compute = lora.quantize, compute_dtype(lora.compute, device)
    settings: dict = {"dtype": compute, "attn_implementation": lora.attention}
    if quantize:
        settings |= {"quantization_config": _four_bits(compute), "device_map": {"": device}}
    try:
        with _plain_linear_layers() if quantize else nullcontext():
            model = AutoModelForCausalLM.from_pretrained(base, **settings)
    except (OSError, ValueError, SafetensorError) as error:
        raise _not_found(base, error) from error
    if lora.attention == "eager" and getattr(model.config, "alibi", False):
        raise BaseModelError(
            f"{base} has alibi positions, and this library's plain attention counts them twice; set `attention: sdpa`"
        )
    if quantize:
        _check_quantized(model, base)
    else:
        model = model.to(device)
    if lora.attention == "sdpa":
        give_every_head_its_key(model)
    _widen(model, vocabulary, known)
    model.config.use_cache = False
    if lora.gradient_checkpointing:
        checkpoint_gradients(model)
    return model


def _widen(model, vocabulary: int, known: int | None) -> None:
    """Rows for new tokens, in the input and the output embeddings."""
    before = model.get_input_embeddings().num_embeddings
    if vocabulary > before:
        model.resize_token_embeddings(vocabulary, mean_resizing=False)
    known = min(known or before, before)
    draw = torch.Generator().manual_seed(0)
    weights = {id(m.weight): m.weight for m in (model.get_input_embeddings(), model.get_output_embeddings())}
    for weight in weights.values():
        learned = weight.data[:known].float()
        noise = torch.randn((max(0, vocabulary - known), weight.shape[1]), generator=draw)
        # Near the mean no new token stands out before it is learned; exactly there all would learn the same.
        started = learned.mean(0) + 0.1 * learned.std(0) * noise.to(weight.device)
        weight.data[known:vocabulary] = started.to(weight.dtype)


def set_attention(model, attention: str) -> None:
    """Use plain (eager) or fused (sdpa) attention from now on.

    Falcon reads it from its settings at every forward; ``set_attn_implementation`` would leave it as it is.
    """
    model.config._attn_implementation = attention


def give_every_head_its_key(model) -> None:
    """In training, lay Falcon-7B's one key and value out for all its heads.

    The fused kernels do not take one for many; torch would fall back to plain attention and keep every score for the
    backward, 4 bytes a head, token and position seen. When writing, the cache stays as small as it was.
    """
    from transformers.models.falcon.modeling_falcon import FalconAttention

    for module in model.modules():
        if isinstance(module, FalconAttention) and module.multi_query and not module.new_decoder_architecture:
            module._split_heads = partial(_split_for_every_head, module, module._split_heads)
            module.register_forward_pre_hook(_count_key_heads)


def _count_key_heads(attention, _) -> None:
    attention.num_kv_heads = attention.num_heads if attention.training else 1


def _split_for_every_head(attention, split, fused: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    query, key, value = split(fused)
    if not attention.training:
        return query, key, value
    return query, key.expand(query.shape), value.expand(query.shape)


def checkpoint_gradients(model) -> None:
    """Keep each layer's input alone and compute its forward again in the backward.

    The inputs are made to require gradients: a frozen base's do not, and the adapters below the first would get none.
    """
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def _four_bits(compute: torch.dtype):
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


@contextmanager
def _plain_linear_layers() -> Iterator[None]:
    """Falcon made of plain linear layers: one of Falcon's own kind would not be quantised, and nothing would say so."""
    from transformers.models.falcon import modeling_falcon

    own = modeling_falcon.FalconLinear
    modeling_falcon.FalconLinear = torch.nn.Linear
    try:
        yield
    finally:
        modeling_falcon.FalconLinear = own


def quantized_layers(model) -> list:
    """The linear layers that are held in 4 bits."""
    import bitsandbytes as bnb

    return [m for m in model.modules() if isinstance(m, bnb.nn.Linear4bit)]


def _check_quantized(model, base: str) -> None:
    layers = quantized_layers(model)
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not model.get_output_embeddings()]
    if not layers or len(layers) < len(linear):
        raise BaseModelError(
            f"{base}: {len(layers)} of {len(linear)} layers are in 4 bits, expected all of them; set `quantize: null` "
            "to train without"
        )
    for layer in layers:
        # A forward in evaluation mode would repack the weights in place and spoil every later gradient.
        layer.support_avx512bf16_for_cpu = False


def merge(adapted, adapter: Path, quantize: str | None):
    """The adapter folded into the model's weights, for serving without PEFT.

    A quantised base is unpacked to full precision first: rounding the merged weights to 4 bits would lose much of the
    adapter.
    """
    if not quantize:
        return adapted.merge_and_unload()
    from peft import PeftModel

    device = next(adapted.parameters()).device
    whole = adapted.unload().dequantize().to(device)
    return PeftModel.from_pretrained(whole, adapter).merge_and_unload()


def _not_found(base: str, error: Exception) -> BaseModelError:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return BaseModelError(
        f"base model {base!r} cannot be loaded ({first}); give a folder with a checkpoint, a name that can be "
        "downloaded, or `base: null` to train a small one from nothing"
    )
