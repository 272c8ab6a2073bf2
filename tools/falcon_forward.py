"""A lean forward for Falcon models: the same numbers as transformers' own, without its cost in Python a step.

A step of a small model is a few dozen small products; around them transformers spends 3 to 4 ms in Python. Here a step
is those products and little else: keys and values go into memory laid out beforehand, positions come from tables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from transformers import FalconForCausalLM, PreTrainedModel

# Kinds of rotary positions whose angles depend on the position alone, not on how long the text has become.
FIXED_ROTARY = {"default", "linear"}


def takes(model: PreTrainedModel) -> bool:
    """Whether the lean forward computes what this model's own does: a Falcon with plain matrices, nothing around it."""
    from transformers import FalconForCausalLM
    from transformers.models.falcon.modeling_falcon import FalconAttention, FalconLinear

    if type(model) is not FalconForCausalLM:
        return False
    config = model.config
    if not config.alibi and (config.rope_parameters or {}).get("rope_type", "default") not in FIXED_ROTARY:
        return False
    for layer in model.transformer.h:
        attention, mlp = layer.self_attention, layer.mlp
        # An adapter puts its own module in a matrix's place, 4-bit weights a module of another type.
        matrices = (attention.query_key_value, attention.dense, mlp.dense_h_to_4h, mlp.dense_4h_to_h)
        plain = all(type(m) in (FalconLinear, nn.Linear) for m in matrices)
        if not plain or not isinstance(attention, FalconAttention):
            return False
    weights = list(model.parameters())
    head = model.lm_head
    return type(head) is nn.Linear and head.bias is None and len({(w.device, w.dtype) for w in weights}) == 1


class FalconCache:
    """Keys and values of ``rows`` texts in memory for ``capacity`` tokens each, of which ``length`` are in use."""

    def __init__(self, forward: FalconForward, rows: int, capacity: int):
        shape = (len(forward.layers), rows, forward.groups, capacity, forward.head_dim)
        like = {"dtype": forward.embedding.dtype, "device": forward.embedding.device}
        self.keys, self.values = torch.empty(shape, **like), torch.empty(shape, **like)
        # With alibi a token is seen through a bias of its own position: (rows, heads, capacity).
        self.bias = torch.empty((rows, forward.heads, capacity), **like) if forward.slopes is not None else None
        self.capacity, self.length = capacity, 0

    def begin_with(self, before: FalconCache) -> None:
        """Start every row with the one row of another cache: what all texts begin with is computed once."""
        self.length = before.length
        self.keys[:, :, :, : self.length] = before.keys[:, :, :, : self.length]
        self.values[:, :, :, : self.length] = before.values[:, :, :, : self.length]
        if self.bias is not None:
            self.bias[:, :, : self.length] = before.bias[:, :, : self.length]


@dataclass(frozen=True)
class _Layer:
    """One layer's weights; matrices ``(in, out)`` as views, so that nothing is copied."""

    norms: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    query_key_value: torch.Tensor
    dense: torch.Tensor
    up: torch.Tensor
    down: torch.Tensor
    biases: tuple[torch.Tensor | None, ...]
    activation: nn.Module


@dataclass(frozen=True)
class _Step:
    """One layer's part of one reading: ``rows`` times ``width`` tokens, written into its cache from ``start`` on."""

    rows: int
    width: int
    bias: torch.Tensor
    angles: tuple[torch.Tensor, torch.Tensor] | None
    keys: torch.Tensor
    values: torch.Tensor
    start: int


class FalconForward:
    """Reads tokens into a ``FalconCache`` and gives the logits of what follows.

    Every head layout is one: ``groups`` of query heads, each with its own key and value head. Multi-query attention is
    one group of all heads, plain multi-head attention as many groups as heads.

    The weights are the model's own, not copies: train on or load into them in place, but make this anew after moving
    the model to another device or type.

    Raises:
        ValueError: the model is none that ``takes`` says yes to.
    """

    def __init__(self, model: FalconForCausalLM):
        if not takes(model):
            raise ValueError(f"{type(model).__name__} cannot be read by the lean forward; ask `takes` first")
        config = model.config
        self.heads, self.head_dim = config.num_attention_heads, config.hidden_size // config.num_attention_heads
        if config.new_decoder_architecture:
            self.groups = config.num_kv_heads
        else:
            self.groups = 1 if config.multi_query else self.heads
        self.epsilon = config.layer_norm_epsilon
        self.parallel = bool(config.new_decoder_architecture or config.parallel_attn)
        self.embedding = model.transformer.word_embeddings.weight
        self.layers = [_layer(block, self.parallel) for block in model.transformer.h]
        self.last_norm = (model.transformer.ln_f.weight, model.transformer.ln_f.bias)
        self.head = model.lm_head.weight.t()
        self.slopes = _alibi_slopes(self.heads, self.embedding.device) if config.alibi else None
        self._rotary = model.transformer.rotary_emb
        self._angles: tuple[torch.Tensor, torch.Tensor] | None = None

    def cache(self, rows: int, capacity: int) -> FalconCache:
        """Memory for ``rows`` texts of at most ``capacity`` tokens, positions up to ``capacity`` included."""
        if self.slopes is None and (self._angles is None or len(self._angles[0]) < capacity):
            self._angles = self._rotary_table(capacity)
        return FalconCache(self, rows, capacity)

    @torch.inference_mode()
    def __call__(
        self, tokens: torch.Tensor, sees: torch.Tensor, positions: torch.Tensor, cache: FalconCache, last: int = 0
    ) -> torch.Tensor:
        """Read ``(b, t)`` tokens after what the cache holds.

        Args:
            sees: ``(b, t, cached + t)`` bool, what each token may look at; each must see at least itself.
            positions: ``(b, t)``, each token's own.
            last: give the logits of so many last tokens only; 0 for all.

        Returns:
            ``(b, t, vocabulary)`` logits in the model's own precision.
        """
        rows, width = tokens.shape
        device = self.embedding.device
        tokens, sees, positions = tokens.to(device), sees.to(device), positions.to(device)
        bias = self._bias(sees, positions, cache)
        angles = None if self.slopes is not None else tuple(a[positions][:, :, None, None] for a in self._angles)
        x = functional.embedding(tokens.reshape(-1), self.embedding)
        for number, layer in enumerate(self.layers):
            step = _Step(rows, width, bias, angles, cache.keys[number], cache.values[number], cache.length)
            x = self._through(layer, x, step)
        cache.length += width
        if last:
            x = x.view(rows, width, -1)[:, -last:].reshape(rows * last, -1)
        x = functional.layer_norm(x, x.shape[-1:], *self.last_norm, self.epsilon)
        return (x @ self.head).view(rows, last or width, -1)

    def _through(self, layer: _Layer, x: torch.Tensor, step: _Step) -> torch.Tensor:
        """One layer, ``(b * t, hidden)`` in place: each sum into what came in saves a pass over it."""
        qkv_bias, dense_bias, up_bias, down_bias = layer.biases
        normed = self._normed(x, layer.norms[0])
        attended = self._attend(_plus(normed @ layer.query_key_value, qkv_bias), step)
        if self.parallel and len(layer.norms) == 2:
            normed = self._normed(x, layer.norms[1])
        x = _plus(x.addmm_(attended, layer.dense), dense_bias)
        if not self.parallel:
            normed = self._normed(x, layer.norms[1])
        widened = layer.activation(_plus(normed @ layer.up, up_bias))
        return _plus(x.addmm_(widened, layer.down), down_bias)

    def _normed(self, x: torch.Tensor, norm: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return functional.layer_norm(x, x.shape[-1:], *norm, self.epsilon)

    def _attend(self, fused: torch.Tensor, step: _Step) -> torch.Tensor:
        """Attention of ``(b * t, …)`` fused queries, keys and values: ``(b * t, hidden)``."""
        each, end = self.heads // self.groups, step.start + step.width
        # (b, t, group, the group's query heads and its key and value, head_dim)
        fused = fused.view(step.rows, step.width, self.groups, each + 2, self.head_dim)
        turned, value = fused[..., :-1, :], fused[..., -1, :]
        if step.angles is not None:
            cos, sin = step.angles
            turned = torch.addcmul(turned * cos, turned.roll(self.head_dim // 2, -1), sin)
        step.keys[:, :, step.start : end] = turned[..., -1, :].transpose(1, 2)
        step.values[:, :, step.start : end] = value.transpose(1, 2)
        keys, values = step.keys[:, :, :end], step.values[:, :, :end]
        query = turned[..., :-1, :].permute(0, 2, 3, 1, 4)  # (b, group, each, t, head_dim)
        if each == 1:
            query = query[:, :, 0]
        else:
            # A group's heads share one key: groups become rows, so that its heads read it without a copy.
            query = query.reshape(step.rows * self.groups, each, step.width, self.head_dim)
            shared = (step.rows * self.groups, 1, end, self.head_dim)
            keys, values = (m.reshape(shared).expand(-1, each, -1, -1) for m in (keys, values))
        out = functional.scaled_dot_product_attention(query, keys, values, attn_mask=step.bias)
        out = out.reshape(step.rows, self.heads, step.width, self.head_dim).transpose(1, 2)
        return out.reshape(step.rows * step.width, self.heads * self.head_dim)

    def _bias(self, sees: torch.Tensor, positions: torch.Tensor, cache: FalconCache) -> torch.Tensor:
        """What is added to the attention scores, in the shape ``_attend`` has its heads."""
        rows, width, seen = sees.shape
        hidden = torch.finfo(self.embedding.dtype).min
        if self.slopes is None:
            bias = torch.zeros(sees.shape, dtype=self.embedding.dtype, device=sees.device).masked_fill_(~sees, hidden)
            bias = bias[:, None]
            if self.heads == self.groups or self.groups == 1:
                return bias
            return bias.expand(rows, self.groups, width, seen).reshape(rows * self.groups, 1, width, seen)
        # As in transformers: the product is taken in bfloat16, whatever the model's own precision.
        own = (self.slopes[None, :, None] * positions[:, None, :]).to(self.embedding.dtype)
        cache.bias[:, :, cache.length : seen] = own / math.sqrt(self.head_dim)
        bias = cache.bias[:, :, None, :seen].expand(rows, self.heads, width, seen)
        bias = bias.masked_fill(~sees[:, None], hidden)
        if self.heads == self.groups:
            return bias
        return bias.reshape(rows * self.groups, self.heads // self.groups, width, seen)

    def _rotary_table(self, positions: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and sines of each position ``(positions, head_dim)``; the sine's first half with its sign."""
        places = torch.arange(positions, device=self.embedding.device)[None]
        cos, sin = (a[0] for a in self._rotary(self.embedding, places))
        sign = torch.ones_like(sin[:1])
        sign[:, : self.head_dim // 2] = -1
        return cos, sin * sign


def _layer(block, parallel: bool) -> _Layer:
    if hasattr(block, "ln_attn"):
        norms = (block.ln_attn, block.ln_mlp)
    elif parallel:
        norms = (block.input_layernorm,)
    else:
        norms = (block.input_layernorm, block.post_attention_layernorm)
    attention, mlp = block.self_attention, block.mlp
    matrices = (attention.query_key_value, attention.dense, mlp.dense_h_to_4h, mlp.dense_4h_to_h)
    return _Layer(
        tuple((norm.weight, norm.bias) for norm in norms),
        *(matrix.weight.t() for matrix in matrices),
        tuple(matrix.bias for matrix in matrices),
        mlp.act,
    )


def _plus(x: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return x if bias is None else x.add_(bias)


def _alibi_slopes(heads: int, device: torch.device) -> torch.Tensor:
    """``(heads,)`` bfloat16, as in transformers: powers of two, with those between where heads are no power of two.

    Source: Press, Smith, Lewis, *Train Short, Test Long: Attention with Linear Biases*, ICLR 2022 (arXiv 2108.12409).
    """
    closest = 2 ** math.floor(math.log2(heads))
    base = 2 ** -(2 ** -(math.log2(closest) - 3))
    slopes = [base**power for power in range(1, closest + 1)]
    between = 2 ** -(2 ** -(math.log2(2 * closest) - 3))
    slopes += [between**power for power in range(1, 2 * (heads - closest) + 1, 2)]
    return torch.tensor(slopes, dtype=torch.float32, device=device).bfloat16()
