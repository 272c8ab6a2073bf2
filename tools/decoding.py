"""Generation that can only write ids of this catalogue: a beam over the id's codes, then the title, free."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from shopping_assistant.tools.allocator import keep_freed_memory
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.falcon_forward import FalconForward
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prefix_table import PrefixTable
from shopping_assistant.tools.prompts import INSTRUCTION, PromptStyle, PromptWriter, short_title

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from shopping_assistant.tools.tree_reading import TreeReading

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


@dataclass(frozen=True)
class Beam:
    """The products found for one prompt, best first.

    ``rows`` ``(k,)`` are product rows, ``scores`` ``(k,)`` the log-probabilities of their codes, ``sees`` ``(cached,)``
    what the best one's last code may look at: it is not read yet.
    """

    rows: np.ndarray
    scores: np.ndarray
    sees: np.ndarray


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
        from shopping_assistant.tools.tree_reading import Beginning, forward_for

        self.model, self.tokenizer, self.codes = model.eval(), tokenizer, codes
        self.style, self.budget, self.title_tokens = style or PromptStyle(), budget, title_tokens
        forward = forward_for(model)
        if getattr(model.config, "alibi", False) and not isinstance(forward, FalconForward):
            raise DecodingError(
                "this model has alibi positions and an adapter or 4-bit weights; expected plain weights: merge the "
                "adapter, or use a checkpoint with rotary positions (falcon-7b, Falcon3)"
            )
        self._encode_batch = _plain_encoder(tokenizer)
        self._table = PrefixTable(codes)
        self._code_tokens = self._tokens_of_codes()
        # Where a level's tokens follow one another, its columns of the logits are read without a copy.
        self._columns = [
            slice(int(t[0]), int(t[-1]) + 1) if (np.diff(t) == 1).all() else torch.as_tensor(t)
            for t in self._code_tokens
        ]
        self._ends = self._ending_tokens()
        self._title_ends = self._ends.copy()
        self._title_ends[self._code_tokens.ravel()] = True
        self._beginning = Beginning(forward, self._encode_batch([INSTRUCTION])[0])
        self._titles: Sequence[str] | None = None
        self._draft_of = lru_cache(100_000)(self._draft_tokens)

    def with_codes(self, codes: ItemCodes) -> AnswerWriter:
        """The same model for a catalogue that has changed since; nothing is loaded again."""
        return AnswerWriter(self.model, self.tokenizer, codes, self.style, self.budget, self.title_tokens)

    def prompt_writer(self, catalog: Catalog) -> PromptWriter:
        """What turns this catalogue's histories into inputs for ``write``, within the token budget.

        From then on the catalogue's titles are the drafts that ``write`` verifies.
        """
        if len(catalog) != len(self.codes):
            raise DecodingError(
                f"the recommender knows {len(self.codes)} products, the catalogue has {len(catalog)}; run `shop build`"
            )
        self._titles = catalog.titles
        return PromptWriter(catalog, self.codes, self.style, self.budget, self.count)

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._encode_batch([text])[0])

    def write(
        self,
        prompts: Sequence[str],
        masks: Sequence[np.ndarray | None] | None = None,
        beams: int = 10,
        titles: Sequence[str] | None = None,
    ) -> list[Written]:
        """Answer each prompt with an allowed product.

        The title is what the model writes greedily. Where a draft is known it is read at once with the id's last code:
        what the model would have written the same is kept, and writing goes on from there.

        Args:
            prompts: what ``PromptWriter.input`` gives; the instruction goes before by itself.
            masks: ``(n,)`` bool for each prompt, the products it may name; None for all of them.
            beams: prefixes kept at each code; fewer candidates come back where fewer products are allowed.
            titles: drafts, one a product row; those of the catalogue given to ``prompt_writer`` when left out, none
                without it. They change how fast a title is written, never the title.

        Raises:
            DecodingError: a mask allows no product, or a prompt is over the budget.
        """
        masks = [None] * len(prompts) if masks is None else masks
        for mask in masks:
            self._check_mask(mask)
        titles = self._titles if titles is None else titles
        ids = self.encode(prompts)
        out: list[Written | None] = [None] * len(prompts)
        # Prompts of similar length together: padding is work for nothing.
        by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for start in range(0, len(ids), BATCH):
            part = by_length[start : start + BATCH]
            reading = self.read([ids[i] for i in part], beams)
            found = self.search(reading, [masks[i] for i in part], beams)
            for i, answer in zip(part, self._answers(reading, found, titles), strict=True):
                out[i] = answer
        return out

    @torch.inference_mode()
    def write_freely(self, prompts: Sequence[str]) -> list[str]:
        """The whole answer, greedy and unconstrained, as text: shows how often a model alone writes a wrong id."""
        ids = self.encode(prompts)
        out: list[str] = []
        for start in range(0, len(ids), BATCH):
            reading = self.read(ids[start : start + BATCH], 1)
            written: list[list[int]] = [[] for _ in ids[start : start + BATCH]]
            first = reading.logits.argmax(-1).cpu().numpy()
            most = self.codes.levels + self.title_tokens
            self._greedy(reading, written, first, reading.sees, 0, most, self._ends)
            out += self.tokenizer.batch_decode(written, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return out

    @torch.inference_mode()
    def read(self, ids: Sequence[Sequence[int]], beams: int) -> TreeReading:
        """Read prompts, given as tokens without the instruction, with room for a beam's codes and a title."""
        from shopping_assistant.tools.tree_reading import TreeReading

        # Twice the title: its draft, and what is written where the draft is wrong.
        return TreeReading(self._beginning, ids, self.codes.levels * beams + 2 * self.title_tokens + 1)

    @torch.inference_mode()
    def search(self, reading: TreeReading, masks: Sequence[np.ndarray | None], beams: int) -> list[Beam]:
        """The likeliest allowed ids of each prompt: ``beams`` prefixes are kept at each code."""
        masks = [None if mask is None else np.asarray(mask, dtype=bool) for mask in masks]
        rows = np.arange(len(masks))
        prefixes, scores = [np.zeros(1, np.int64) for _ in rows], [np.zeros(1) for _ in rows]
        sees, logits = reading.sees[:, None], reading.logits[:, None]
        for level in range(self._table.levels):
            likely = logits.float().log_softmax(-1)[..., self._columns[level]].cpu().numpy()
            parents = [np.zeros(0, np.int64) for _ in rows]
            for b in rows:
                parents[b], prefixes[b], scores[b] = self._extended(
                    level, prefixes[b], scores[b], likely[b], masks[b], beams
                )
            if level == self._table.levels - 1:
                break
            # Prompts with fewer prefixes repeat their first one.
            width = max(len(p) for p in parents)
            own, tokens = np.zeros((2, len(rows), width), dtype=np.int64)
            for b in rows:
                own[b, : len(parents[b])] = parents[b]
                tokens[b, : len(parents[b])] = self._code_tokens[level, self._table.codes(level, prefixes[b])]
            logits, sees = reading.read(tokens, sees[rows[:, None], own], after=level)
        return [Beam(self._table.rows(prefixes[b]), scores[b], sees[b, parents[b][0]]) for b in rows]

    def _extended(
        self,
        level: int,
        prefixes: np.ndarray,
        scores: np.ndarray,
        likely: np.ndarray,
        mask: np.ndarray | None,
        beams: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One prompt's prefixes with the next code, the best of them: their parents, themselves, their scores."""
        parent, child = self._table.children(level, prefixes)
        score = scores[parent] + likely[parent, self._table.codes(level, child)]
        if mask is None:
            near = np.arange(len(score))
            if len(score) > beams:
                # Sorting a few instead of all; whoever ties with the last one kept is among them.
                near = np.flatnonzero(score >= np.partition(score, -beams)[-beams])
            best = near[np.lexsort((child[near], -score[near]))][:beams]
        else:
            best = self._best_allowed(level, child, np.lexsort((child, -score)), mask, beams)
        return parent[best], child[best], score[best]

    def _best_allowed(
        self, level: int, prefixes: np.ndarray, ranked: np.ndarray, mask: np.ndarray, beams: int
    ) -> np.ndarray:
        """The first ``beams`` of ``ranked`` places whose prefixes lead to an allowed product.

        Asked best first, a few at a time: in a large catalogue asking for all would cost more than a step does.
        """
        found, start, width = ranked[:0], 0, 2 * beams
        while len(found) < beams and start < len(ranked):
            part = ranked[start : start + width]
            found = np.concatenate([found, part[self._table.allowed(level, prefixes[part], mask)]])
            start, width = start + width, 4 * width
        return found[:beams]

    @torch.inference_mode()
    def _answers(self, reading: TreeReading, found: Sequence[Beam], titles: Sequence[str] | None) -> list[Written]:
        rows = [beam.rows.tolist() for beam in found]
        drafts = [self._draft_of(titles[own[0]]) if titles is not None else () for own in rows]
        written = self._verified(reading, found, drafts)
        texts = self.tokenizer.batch_decode(written, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return [
            Written(own[0], text.strip(), tuple(zip(own, beam.scores.tolist(), strict=True)))
            for own, beam, text in zip(rows, found, texts, strict=True)
        ]

    def _verified(
        self, reading: TreeReading, found: Sequence[Beam], drafts: Sequence[Sequence[int]]
    ) -> list[list[int]]:
        """Titles as tokens: the last code and the draft in one reading, then whatever greedy writing adds."""
        level = self.codes.levels - 1
        codes = self.codes.codes[[beam.rows[0] for beam in found], level]
        tokens = np.zeros((len(found), 1 + max(map(len, drafts))), dtype=np.int64)
        tokens[:, 0] = self._code_tokens[level, codes]
        for b, draft in enumerate(drafts):
            tokens[b, 1 : 1 + len(draft)] = draft
        logits, seen = reading.read(tokens, np.stack([beam.sees for beam in found])[:, None], level, chain=True)
        # A title has a word at least: the title road has nothing to look for otherwise.
        logits[:, 0, torch.as_tensor(self._title_ends, device=logits.device)] = -torch.inf
        likeliest = logits.argmax(-1).cpu().numpy()
        kept = np.array([self._agreed(draft, own) for draft, own in zip(drafts, likeliest.tolist(), strict=True)])
        rows = np.arange(len(found))
        written = [list(draft[:k]) for draft, k in zip(drafts, kept.tolist(), strict=True)]
        self._greedy(
            reading, written, likeliest[rows, kept], seen[rows, kept], level + 1 + kept, self.title_tokens,
            self._title_ends,
        )  # fmt: skip
        return written

    def _agreed(self, draft: Sequence[int], likeliest: Sequence[int]) -> int:
        """How many tokens of a draft greedy writing would have written, one after the other."""
        for place, token in enumerate(draft):
            if token != likeliest[place] or self._title_ends[token]:
                return place
        return len(draft)

    def _greedy(
        self,
        reading: TreeReading,
        written: list[list[int]],
        token: np.ndarray,
        sees: np.ndarray,
        after: np.ndarray | int,
        most: int,
        ends: np.ndarray,
    ) -> None:
        """Append to each of ``written`` the likeliest token again and again, until one of ``ends`` or ``most`` tokens.

        Args:
            token: ``(b,)``, the likeliest next ones already.
            sees: ``(b, cached)``, what they may look at.
            after: their distance from the prompt's end, ``(b,)`` or one for all.
        """
        going = np.array([len(text) < most for text in written])
        while True:
            going &= ~ends[token]
            for b in np.flatnonzero(going):
                written[b].append(int(token[b]))
                going[b] = len(written[b]) < most
            if not going.any():
                return
            logits, seen = reading.read(token[:, None], sees[:, None], after)
            token, sees, after = logits[:, 0].argmax(-1).cpu().numpy(), seen[:, 0], after + 1

    def _draft_tokens(self, title: str) -> tuple[int, ...]:
        """A title as the answer words it, after the id; a title nobody can write is no draft."""
        # Any code before it: some tokenizers write the first word of a text in another way.
        text = f"{self.codes.tokens[0]} {short_title(title, self.style.title_words)}"
        return tuple(self._encode_batch([text])[0][1 : 1 + self.title_tokens])

    def _check_mask(self, mask: np.ndarray | None) -> None:
        if mask is not None and len(mask) != len(self.codes):
            raise DecodingError(f"a mask over {len(mask)} products: expected one over all {len(self.codes)}")
        if mask is not None and not np.any(mask):
            raise DecodingError("no product is allowed: every one is out of stock, excluded or breaks a constraint")

    def encode(self, prompts: Sequence[str]) -> list[list[int]]:
        """Prompts as tokens, the instruction left out. One over the budget is refused (DecodingError): a cut would
        change what was asked without a word."""
        room = self.budget - len(self._beginning)
        encoded = self._encode_batch(list(prompts))
        for ids in encoded:
            if not 0 < len(ids) <= room:
                raise DecodingError(
                    f"a prompt of {len(ids)} tokens: expected 1 to {room}, the budget of {self.budget} without the "
                    "instruction; word it with `prompt_writer`, which leaves out the oldest events"
                )
        return encoded

    def _tokens_of_codes(self) -> np.ndarray:
        """``(levels, base)``: the token of each code."""
        tokens = self.tokenizer.convert_tokens_to_ids(self.codes.tokens)
        if len(set(tokens)) != len(tokens) or self.tokenizer.unk_token_id in tokens:
            raise DecodingError("the tokenizer does not know every code of this catalogue; train the recommender again")
        return np.array(tokens).reshape(self.codes.levels, self.codes.base)

    def _ending_tokens(self) -> np.ndarray:
        """``(vocabulary,)`` bool: tokens at which an answer is over: the end, and whatever holds a new line."""
        ends = np.zeros(self.model.get_input_embeddings().num_embeddings, dtype=bool)
        texts = self.tokenizer.batch_decode(
            [[t] for t in range(len(self.tokenizer))], clean_up_tokenization_spaces=False
        )
        ends[[t for t, text in enumerate(texts) if "\n" in text]] = True
        ends[self.tokenizer.eos_token_id] = True
        return ends


def _plain_encoder(tokenizer: PreTrainedTokenizerBase) -> Callable[[list[str]], list[list[int]]]:
    """Texts to tokens and nothing else: no special tokens, no cutting, no padding."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:  # a tokenizer written in Python
        return lambda texts: tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
    # A copy: calls with padding or cutting leave their settings behind in the shared one. Calling it without what
    # transformers puts around it takes a fifth of the time, and a prompt is counted piece by piece.
    own = type(backend).from_str(backend.to_str())
    own.no_truncation()
    own.no_padding()
    return lambda texts: [e.ids for e in own.encode_batch_fast(texts, add_special_tokens=False)]


def save_prompt_settings(folder: Path, style: PromptStyle, budget: int, title_tokens: int = 24) -> None:
    """Write ``prompt.json``: prompts at serving time are worded exactly as in training."""
    settings = {"style": style.as_dict(), "budget": budget, "title_tokens": title_tokens}
    (Path(folder) / "prompt.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def load_writer(folder: Path | str, codes: ItemCodes | None = None) -> AnswerWriter:
    """The trained recommender of a store's ``models/recommender``; in float32 on a CPU, in bfloat16 on a GPU.

    Args:
        codes: those it was trained with and further ones; only the former by default.

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
        codes or ItemCodes.load(folder),
        PromptStyle.from_dict(settings["style"]),
        settings["budget"],
        settings["title_tokens"],
    )
