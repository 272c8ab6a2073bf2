"""Generation that can only write ids of this catalogue: a beam over the id's codes, then the title, free."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from shopping_assistant.tools.allocator import keep_freed_memory
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prompts import INSTRUCTION, PromptStyle, PromptWriter

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Prompts computed at once: more gains nothing on two cores and costs memory.
BATCH = 32


class DecodingError(ShopError):
    """Nothing may be written, or the model and the codes do not belong together."""


@dataclass(frozen=True)
class Written:
    """One answer: the product row, the title in the model's own words, and the beam.

    ``candidates`` are (row, log-probability of its codes), best first; ``index`` is the first one's row.
    """

    index: int
    title: str
    candidates: tuple[tuple[int, float], ...]


@dataclass
class _Beam:
    """The live prefixes of one prompt: their keys, log-probabilities, and which cached positions each may see."""

    keys: np.ndarray  # (k,) int64
    scores: np.ndarray  # (k,)
    sees: torch.Tensor  # (k, cached positions) bool


class AnswerWriter:
    """Writes ids and titles with a causal language model whose tokenizer knows the codes as single tokens.

    Args:
        budget: tokens a prompt may have, the instruction included.
        title_tokens: the title ends after this many tokens at the latest.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        codes: ItemCodes,
        style: PromptStyle | None = None,
        budget: int = 320,
        title_tokens: int = 24,
    ):
        if getattr(model.config, "alibi", False):
            raise DecodingError("this checkpoint uses alibi positions, expected rotary ones (falcon-7b, Falcon3)")
        self.model, self.tokenizer, self.codes = model.eval(), tokenizer, codes
        self.style, self.budget, self.title_tokens = style or PromptStyle(), budget, title_tokens
        self.device = next(model.parameters()).device
        tokens = tokenizer.convert_tokens_to_ids(codes.tokens)
        if len(set(tokens)) != len(tokens) or tokenizer.unk_token_id in tokens:
            raise DecodingError("the tokenizer does not know every code of this catalogue; train the recommender again")
        self._code_tokens = np.array(tokens).reshape(codes.levels, codes.base)
        self._ends = self._ending_tokens()
        self._title_ends = self._ends.clone()
        self._title_ends[torch.as_tensor(self._code_tokens.ravel())] = True
        self._prefix = self._instruction_cache()

    def prompt_writer(self, catalog: Catalog) -> PromptWriter:
        """What turns this catalogue's histories into inputs for ``write``, within the token budget."""
        if len(catalog) != len(self.codes):
            raise DecodingError(
                f"the recommender knows {len(self.codes)} products, the catalogue has {len(catalog)}; run `shop build`"
            )
        return PromptWriter(catalog, self.codes, self.style, self.budget, self.count)

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    @torch.inference_mode()
    def write(
        self, prompts: Sequence[str], masks: Sequence[np.ndarray | None] | None = None, beams: int = 10
    ) -> list[Written]:
        """Answer each prompt with an allowed product.

        Args:
            prompts: what ``PromptWriter.input`` gives; the instruction goes before by itself.
            masks: ``(n,)`` bool for each prompt, the products it may name; None for all of them.
            beams: prefixes kept at each code; fewer candidates come back where fewer products are allowed.

        Raises:
            DecodingError: a mask allows no product.
        """
        masks = [None] * len(prompts) if masks is None else masks
        allowed = [self._allowed(mask) for mask in masks]
        ids = self._encode(prompts)
        out: list[Written | None] = [None] * len(prompts)
        # Prompts of similar length together: padding is work for nothing.
        by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for start in range(0, len(ids), BATCH):
            part = by_length[start : start + BATCH]
            written = self._write_batch([ids[i] for i in part], [allowed[i] for i in part], beams)
            for i, answer in zip(part, written, strict=True):
                out[i] = answer
        return out

    @torch.inference_mode()
    def write_freely(self, prompts: Sequence[str]) -> list[str]:
        """The whole answer, greedy and unconstrained, as text: shows how often a model alone writes a wrong id."""
        ids = self._encode(prompts)
        out: list[str] = []
        for start in range(0, len(ids), BATCH):
            state = _Reading(self, ids[start : start + BATCH])
            tokens = self._greedy(state, state.logits.argmax(-1), self.codes.levels + self.title_tokens, self._ends)
            out += self.tokenizer.batch_decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return out

    def _write_batch(self, ids: list[list[int]], allowed: list[np.ndarray], beams: int) -> list[Written]:
        state = _Reading(self, ids)
        live = [_Beam(np.zeros(1, np.int64), np.zeros(1), state.sees[b : b + 1]) for b in range(len(ids))]
        logits = state.logits[:, None]  # (b, 1, vocabulary)
        for level in range(self.codes.levels):
            live, codes = self._advance(live, allowed, logits, level, beams)
            last = level == self.codes.levels - 1
            width = 1 if last else max(len(beam.keys) for beam in live)
            tokens = torch.zeros((len(ids), width), dtype=torch.long)
            for b, chosen in enumerate(codes):
                tokens[b, : min(width, len(chosen))] = torch.as_tensor(self._code_tokens[level, chosen[:width]])
            logits, sees = state.read(tokens, [beam.sees[:width] for beam in live], position=level)
            for b, beam in enumerate(live):
                beam.sees = sees[b, : len(beam.keys)]
        state.sees = sees[:, 0]
        titles = self._greedy(state, logits[:, 0].argmax(-1), self.title_tokens, self._title_ends, self.codes.levels)
        texts = self.tokenizer.batch_decode(titles, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return [self._answer(beam, text) for beam, text in zip(live, texts, strict=True)]

    def _advance(
        self, live: list[_Beam], allowed: list[np.ndarray], logits: torch.Tensor, level: int, beams: int
    ) -> tuple[list[_Beam], list[np.ndarray]]:
        """Extend every prefix by the codes that lead to an allowed product; keep the best of each prompt."""
        base = self.codes.base
        span = base ** (self.codes.levels - 1 - level)  # keys below one prefix of this level
        scored = torch.log_softmax(logits.float(), -1)[..., self._code_tokens[level]].cpu().numpy()
        out, chosen = [], []
        for b, beam in enumerate(live):
            parents, keys = [], []
            starts = np.searchsorted(allowed[b], beam.keys * base * span)
            ends = np.searchsorted(allowed[b], (beam.keys + 1) * base * span)
            for parent, (start, end) in enumerate(zip(starts, ends, strict=True)):
                children = np.unique(allowed[b][start:end] // span)
                keys.append(children)
                parents.append(np.full(len(children), parent))
            key, parent = np.concatenate(keys), np.concatenate(parents)
            score = beam.scores[parent] + scored[b, parent, key % base]
            best = np.lexsort((key, -score))[:beams]
            out.append(_Beam(key[best], score[best], beam.sees[parent[best]]))
            chosen.append(key[best] % base)
        return out, chosen

    def _answer(self, beam: _Beam, text: str) -> Written:
        rows = self.codes.order[np.searchsorted(self.codes.keys[self.codes.order], beam.keys)]
        candidates = tuple((int(row), float(score)) for row, score in zip(rows, beam.scores, strict=True))
        return Written(candidates[0][0], text.strip(), candidates)

    def _greedy(
        self, state: _Reading, first: torch.Tensor, most: int, ends: torch.Tensor, position: int = 0
    ) -> list[list[int]]:
        """The likeliest token again and again, until one of ``ends`` or ``most`` tokens, for each prompt."""
        written: list[list[int]] = [[] for _ in first]
        going = torch.ones(len(first), dtype=torch.bool)
        token = first.cpu()
        for step in range(most):
            going &= ~ends[token]
            if not going.any():
                break
            for b in torch.nonzero(going).flatten().tolist():
                written[b].append(int(token[b]))
            if step == most - 1:
                break
            logits, sees = state.read(token[:, None], [s[None] for s in state.sees], position + step)
            state.sees = sees[:, 0]
            token = logits[:, 0].argmax(-1).cpu()
        return written

    def _allowed(self, mask: np.ndarray | None) -> np.ndarray:
        """The keys of the allowed products, ascending."""
        if mask is None:
            return self.codes.keys[self.codes.order]
        keys = self.codes.keys[self.codes.order[np.asarray(mask, bool)[self.codes.order]]]
        if not len(keys):
            raise DecodingError("no product is allowed: every one is out of stock, excluded or breaks a constraint")
        return keys

    def _encode(self, prompts: Sequence[str]) -> list[list[int]]:
        if not prompts:
            return []
        room = self.budget - self._prefix[0][0].shape[-2]
        return [ids[-room:] for ids in self.tokenizer(list(prompts), add_special_tokens=False)["input_ids"]]

    def _ending_tokens(self) -> torch.Tensor:
        """``(vocabulary,)`` bool: tokens at which an answer is over: the end, and whatever holds a new line."""
        ends = torch.zeros(self.model.get_input_embeddings().num_embeddings, dtype=torch.bool)
        texts = self.tokenizer.batch_decode(
            [[t] for t in range(len(self.tokenizer))], clean_up_tokenization_spaces=False
        )
        ends[[t for t, text in enumerate(texts) if "\n" in text]] = True
        ends[self.tokenizer.eos_token_id] = True
        return ends

    @torch.inference_mode()
    def _instruction_cache(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Keys and values of the instruction: the same before every prompt, so computed once."""
        ids = self.tokenizer(INSTRUCTION, add_special_tokens=False)["input_ids"]
        read = self.model(input_ids=torch.tensor([ids], device=self.device), use_cache=True, logits_to_keep=1)
        return [(layer.keys, layer.values) for layer in read.past_key_values.layers]


class _Reading:
    """A batch of prompts read into a key-value cache, and what is written after them.

    Alternatives of one prompt stand side by side in one row of the cache: a mask lets each token see its prompt and its
    own ancestors, so that no cache is ever copied or reordered.
    """

    def __init__(self, writer: AnswerWriter, ids: list[list[int]]):
        from transformers import DynamicCache

        self.writer = writer
        rows, longest = len(ids), max(len(i) for i in ids)
        before = writer._prefix[0][0].shape[-2]
        self.cache = DynamicCache(
            [(k.expand(rows, *k.shape[1:]), v.expand(rows, *v.shape[1:])) for k, v in writer._prefix]
        )
        tokens = torch.zeros((rows, longest), dtype=torch.long)
        real = torch.zeros((rows, longest), dtype=torch.bool)
        for row, i in enumerate(ids):
            tokens[row, longest - len(i) :] = torch.as_tensor(i)
            real[row, longest - len(i) :] = True
        self.sees = torch.cat([torch.ones((rows, before), dtype=torch.bool), real], 1)
        self.lengths = self.sees.sum(1)
        # Padding sees itself alone: a token that sees nothing would come out as not-a-number and spread.
        own = torch.ones((longest, longest), dtype=torch.bool)
        inside = (own.tril() & real[:, None, :]) | torch.eye(longest, dtype=torch.bool)
        mask = torch.cat([torch.ones((rows, longest, before), dtype=torch.bool), inside], 2)
        positions = before + (real.cumsum(1) - 1).clamp_min(0)
        self.logits = self._forward(tokens, mask, positions, logits_to_keep=1)[:, 0]

    def read(self, tokens: torch.Tensor, sees: list[torch.Tensor], position: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Read ``(b, k)`` alternatives that stand ``position`` tokens after the prompt's end.

        Args:
            sees: for each prompt ``(at most k, cached positions)`` bool.

        Returns:
            logits ``(b, k, vocabulary)`` and what each token sees, itself included ``(b, k, cached positions)``.
        """
        rows, width = tokens.shape
        cached = self.cache.get_seq_length()
        mask = torch.zeros((rows, width, cached + width), dtype=torch.bool)
        for row, seen in enumerate(sees):
            mask[row, : len(seen), :cached] = seen
        mask[:, :, cached:] = torch.eye(width, dtype=torch.bool)
        positions = (self.lengths + position)[:, None].expand(rows, width)
        return self._forward(tokens, mask, positions), mask

    def _forward(self, tokens: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, **more) -> torch.Tensor:
        device = self.writer.device
        read = self.writer.model(
            input_ids=tokens.to(device),
            attention_mask=mask[:, None].to(device),
            position_ids=positions.to(device),
            past_key_values=self.cache,
            use_cache=True,
            **more,
        )
        return read.logits


def save_prompt_settings(folder: Path, style: PromptStyle, budget: int, title_tokens: int = 24) -> None:
    """Write ``prompt.json``: prompts at serving time are worded exactly as in training."""
    settings = {"style": style.as_dict(), "budget": budget, "title_tokens": title_tokens}
    (Path(folder) / "prompt.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def load_writer(folder: Path | str) -> AnswerWriter:
    """The trained recommender of a store's ``models/recommender``; in float32 on a CPU, in bfloat16 on a GPU.

    Raises:
        DecodingError: nothing was trained there, or its files do not belong together.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = Path(folder)
    for name in ("config.json", "prompt.json", "codes.safetensors"):
        if not (folder / name).is_file():
            raise DecodingError(f"{folder / name} is missing: no recommender was trained; make it with `shop build`")
    settings = json.loads((folder / "prompt.json").read_text(encoding="utf-8"))
    keep_freed_memory()
    gpu = torch.cuda.is_available()
    # On a CPU one prompt takes as long in bfloat16 as in float32: 80 ms of processor time.
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16 if gpu else torch.float32, local_files_only=True
    )
    return AnswerWriter(
        model.to("cuda") if gpu else model,
        AutoTokenizer.from_pretrained(folder, local_files_only=True),
        ItemCodes.load(folder),
        PromptStyle.from_dict(settings["style"]),
        settings["budget"],
        settings["title_tokens"],
    )
