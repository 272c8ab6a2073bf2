"""A published Falcon as the base: loaded (in 4 bits where asked), and the adapter merged back into it."""

from __future__ import annotations

from pathlib import Path

import torch

from shopping_assistant.tools.errors import ShopError


class BaseModelError(ShopError):
    """A base model that cannot be used as asked."""


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


def load(base: str, vocabulary: int, quantize: str | None, device: torch.device):
    """The base with room for ``vocabulary`` tokens; ``quantize="nf4"`` keeps its linear layers in 4 bits.

    Raises:
        BaseModelError: no such checkpoint, or 4 bits were asked for and not one layer has them.
    """
    from transformers import AutoModelForCausalLM

    settings: dict = {"dtype": torch.bfloat16}
    if quantize:
        settings |= {"quantization_config": _four_bits(), "device_map": {"": device}}
    try:
        model = AutoModelForCausalLM.from_pretrained(base, **settings)
    except (OSError, ValueError) as error:
        raise _not_found(base, error) from error
    if quantize:
        _check_quantized(model, base)
    else:
        model = model.to(device)
    if vocabulary > model.get_input_embeddings().num_embeddings:
        # New rows start as the mean of the old ones: from noise the first steps would only shrink them.
        model.resize_token_embeddings(vocabulary, mean_resizing=False)
    model.config.use_cache = False
    return model


def _four_bits():
    from transformers import BitsAndBytesConfig
    from transformers.models.falcon import modeling_falcon

    # Only layers whose type is exactly nn.Linear are quantised; Falcon's subclass of it would be left alone in silence.
    modeling_falcon.FalconLinear = torch.nn.Linear
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,  # float16 is ten times slower on a CPU
    )


def quantized_layers(model) -> list:
    """The linear layers that are held in 4 bits."""
    import bitsandbytes as bnb

    return [m for m in model.modules() if isinstance(m, bnb.nn.Linear4bit)]


def _check_quantized(model, base: str) -> None:
    layers = quantized_layers(model)
    expected = sum(type(m) is torch.nn.Linear for m in model.modules()) - 1  # all but the output embeddings
    if not layers or expected > 0:
        raise BaseModelError(
            f"{base}: {len(layers)} layers are in 4 bits and {max(0, expected)} are not, expected all of them; "
            "set `quantize: null` to train without"
        )
    for layer in layers:
        # A forward in evaluation mode would repack the weights in place and spoil every later gradient.
        layer.support_avx512bf16_for_cpu = False


def merge(adapted, adapter: Path, base: str | None, vocabulary: int, quantize: str | None):
    """The adapter folded into the model's weights, for serving without PEFT.

    A quantised base is loaded anew in full precision first: rounding the merged weights to 4 bits would lose much of
    the adapter.
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
