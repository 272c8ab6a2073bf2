"""What a Falcon run needs of memory and disk, by the shapes of its tensors, and what of the memory is free."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shopping_assistant.tools.prompts import INSTRUCTION_SENTENCES, MARKERS

if TYPE_CHECKING:
    from shopping_assistant.finetune.falcon_settings import FalconConfig

GB = 1e9
# AdamW in 32 bits: the value, its gradient, two moments.
TRAINED_BYTES = 16
CHECKPOINT_BYTES = 12  # the value and two moments
# NF4: half a byte, a one-byte scale for 64 weights, and a 4-byte scale for 256 of those (QLoRA, NeurIPS 2023, 3.1).
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
# Kept for the backward pass, a token, for each input and output feature of a layer's linear maps; counted from the
# tensors autograd saved on Falcon and Llama shapes (3.9; with LoRA 4.7 on weights in 16 bits, 5.8 in 32).
FULL_BYTES, LORA_BYTES, LORA_BYTES_32 = 4.0, 5.0, 6.0
# Of the attention's scores, a token, a head and a position seen, counted in the same way: probabilities in 32 bits and
# their copy in 16, for a Falcon in 16 bits the copy alone. Fused attention keeps none.
EAGER_BYTES, FALCON_EAGER_BYTES = 6.0, 2.0
# Logits, a token with a loss and an entry of the vocabulary: in 16 bits, in 32, and their gradient.
LOGIT_BYTES = 2 + 4 + 4
RESPONSE_SHARE = 0.25  # of a packed row's tokens, those with a loss: at most, with prompts as short as they get
# In the backward pass a layer's gradients and temporary results, in what the layer kept. With it five runs of the demo
# shop's shape took 0.87 to 1.24 of the estimate, before the allowance below: see docs/results.md.
WORKING_LAYERS = 2
# What the estimate does not know: memory that the allocator cannot use, and other programs.
ALLOWANCE, FIXED = 1.15, 0.3 * GB


@dataclass(frozen=True)
class Need:
    """What a run needs, in bytes; ``parameters`` and ``trained`` are counts.

    Attributes:
        weights: the model while LoRA trains. states: values, gradients and moments of what LoRA trains.
        activations: what one forward of LoRA keeps for its backward pass, logits included. working: a layer's
            gradients and temporary results.
        pretraining: all of these while a model from nothing is pre-trained; 0 with a published base.
        finishing: the whole model once more, merged in 16 bits or loaded to validate: in 32 bits on a CPU.
        disk: checkpoints, each beside the one it replaces, and the merged weights.
    """

    parameters: int
    trained: int
    weights: float
    states: float
    activations: float
    working: float
    pretraining: float
    finishing: float
    disk: float

    @property
    def memory(self) -> float:
        """At the moment when it is highest, with an allowance for what no formula knows."""
        peak = max(self.pretraining, self.weights + self.states + self.activations + self.working, self.finishing)
        return peak * ALLOWANCE + FIXED


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
    import torch

    model = _without_memory(config, codes, architecture)
    maps = _linear_maps(model)
    lora, shape = config.lora, _Shape.of(model)
    parameters = sum(p.numel() for p in model.parameters())
    features = sum(m.in_features + m.out_features for m in maps)
    trained = lora.rank * features + (shape.hidden * codes if lora.train_codes else 0)
    held, kept = (2, LORA_BYTES) if config.base is not None else (4, LORA_BYTES_32)
    in_maps = sum(m.weight.numel() for m in maps)
    weights = parameters * held - (in_maps * (held - NF4_BYTES) if lora.quantize else 0)
    rows = lora.rows_at_once or max(1, lora.batch_tokens // lora.window // processes)
    tokens = rows * lora.window
    scores = _score_bytes(lora.attention, model.config, held)
    layer = tokens * (kept * features / shape.layers + scores * shape.heads * lora.window)
    activations = layer * shape.layers
    if lora.gradient_checkpointing:
        activations = layer + tokens * shape.hidden * held * shape.layers
    activations += tokens * RESPONSE_SHARE * shape.vocabulary * LOGIT_BYTES
    if lora.train_codes:
        # The embeddings with the learned rows put in, and the gradient of that, at the input and at the output.
        activations += 4 * shape.vocabulary * shape.hidden * held
    written = 2 * CHECKPOINT_BYTES * trained + 2 * parameters + 4 * trained
    pretraining = 0.0
    if config.base is None:
        pretraining = parameters * TRAINED_BYTES + _pretraining_activations(config, shape, features)
        # The pre-trained weights stay until the run has ended.
        written = max(2 * CHECKPOINT_BYTES * parameters, 4 * parameters + written)
    return Need(
        parameters=parameters,
        trained=trained,
        weights=weights,
        states=trained * TRAINED_BYTES,
        activations=activations,
        working=WORKING_LAYERS * layer,
        pretraining=pretraining,
        finishing=parameters * (2.0 if torch.cuda.is_available() else 4.0),
        disk=written,
    )


def _pretraining_activations(config: FalconConfig, shape: _Shape, features: int) -> float:
    """What a forward over every token keeps, and its backward needs besides."""
    scores = EAGER_BYTES * shape.heads * shape.layers * config.pretraining.window
    kept = (FULL_BYTES * features + scores) * (1 + WORKING_LAYERS / shape.layers)
    return config.pretraining.batch_tokens * (kept + shape.vocabulary * LOGIT_BYTES)


@dataclass(frozen=True)
class _Shape:
    hidden: int
    layers: int
    heads: int
    vocabulary: int

    @classmethod
    def of(cls, model) -> _Shape:
        c, vocabulary = model.config, model.get_input_embeddings().num_embeddings
        return cls(c.hidden_size, c.num_hidden_layers, c.num_attention_heads, vocabulary)


def _score_bytes(attention: str, architecture, held: int) -> float:
    """What attention keeps of its scores, a token, a head and a position seen; ``held`` is a weight's bytes."""
    if attention != "eager":
        return 0.0
    return FALCON_EAGER_BYTES if architecture.model_type == "falcon" and held == 2 else EAGER_BYTES


def _linear_maps(model) -> list:
    """Those LoRA adapts: all but the output embeddings."""
    import torch

    head = model.get_output_embeddings()
    return [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head]


def _without_memory(config: FalconConfig, codes: int, architecture):
    """The model as shapes, on torch's meta device."""
    import torch
    from transformers import AutoModelForCausalLM

    from shopping_assistant.finetune import falcon_pretraining

    if architecture is None:
        vocabulary = config.shape.vocabulary + codes + len(MARKERS) + len(INSTRUCTION_SENTENCES)
        architecture = falcon_pretraining.architecture(config.shape, vocabulary)
    else:
        architecture = copy.deepcopy(architecture)
        architecture.vocab_size += codes
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(architecture)


def free_memory() -> tuple[float, str]:
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
