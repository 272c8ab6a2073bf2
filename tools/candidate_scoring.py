"""How likely the language model finds products that others have found: each one's id, read instead of written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from shopping_assistant.tools.decoding import AnswerWriter, Beam, DecodingError

# Prompts computed at once, and the logits they may hold together: half a GB, whatever the vocabulary.
BATCH, LOGITS = 32, 2**27


class CandidateScorer:
    """Scores lists of products with a writer's model.

    The ids of a prompt's candidates are a small tree. It is read level by level: the logits after the prompt score
    every first code, and each distinct beginning of an id is read once for all the candidates that share it.
    """

    def __init__(self, writer: AnswerWriter):
        codes = writer.codes
        self.writer, self._codes = writer, codes
        tokens = np.array(writer.tokenizer.convert_tokens_to_ids(codes.tokens))
        # Level by level, so that a code finds its token without a copy of the catalogue's ids as tokens.
        self._tokens = tokens.reshape(codes.levels, codes.base)
        self._vocabulary = writer.model.get_input_embeddings().num_embeddings

    def score(self, prompts: Sequence[str], candidates: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Log-probability of each candidate's whole id after its prompt, as the beam of ``AnswerWriter`` gives it.

        Args:
            prompts: what ``PromptWriter.input`` gives; the instruction goes before by itself.
            candidates: ``(m,)`` product rows for each prompt, in any order, repeated or none at all.

        Returns:
            ``(m,)`` float64 for each prompt, in the order of its candidates.

        Raises:
            DecodingError: a row is no product's, the two differ in number, or a prompt is over the budget.
        """
        return [codes.sum(axis=1) for codes in self.score_codes(prompts, candidates)]

    def score_codes(self, prompts: Sequence[str], candidates: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Log-probability of each code of each candidate's id after those before it: ``(m, levels)`` for each prompt.

        Raises:
            DecodingError: as `score` does.
        """
        if len(prompts) != len(candidates):
            raise DecodingError(f"{len(candidates)} lists of candidates: expected one a prompt, {len(prompts)}")
        rows = [np.asarray(own, dtype=np.int64) for own in candidates]
        for own in rows:
            if own.ndim != 1 or (len(own) and not 0 <= own.min() <= own.max() < len(self._codes)):
                raise DecodingError(
                    f"candidates of shape {own.shape}, up to {own.max(initial=-1)}: expected a list of product rows, "
                    f"0 to {len(self._codes) - 1}"
                )
        ids = self.writer.encode(prompts)
        out = [np.zeros((0, self._codes.levels)) for _ in prompts]
        for part in self._parts(ids, rows):
            for i, scores in zip(part, self._scored([ids[i] for i in part], [rows[i] for i in part]), strict=True):
                out[i] = scores
        return out

    def beams(self, prompts: Sequence[str], masks: Sequence[np.ndarray | None], beams: int) -> list[Beam]:
        """The likeliest allowed products of each prompt, as ``AnswerWriter.write`` finds them, without any title.

        Args:
            masks: ``(n,)`` bool for each prompt, the products it may name; None for all of them.
        """
        ids = self.writer.encode(prompts)
        out: list[Beam | None] = [None] * len(prompts)
        by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for start in range(0, len(ids), BATCH):
            part = by_length[start : start + BATCH]
            reading = self.writer.read([ids[i] for i in part], beams)
            for i, beam in zip(part, self.writer.search(reading, [masks[i] for i in part], beams), strict=True):
                out[i] = beam
        return out

    def _parts(self, ids: Sequence[Sequence[int]], rows: Sequence[np.ndarray]) -> Iterator[list[int]]:
        """Prompts of similar length together, as many as the logits of their candidates have room for."""
        part, widest = [], 1
        for i in sorted((i for i, own in enumerate(rows) if len(own)), key=lambda i: len(ids[i])):
            widest = max(widest, len(rows[i]))
            if part and (len(part) == BATCH or (len(part) + 1) * widest * self._vocabulary > LOGITS):
                yield part
                part, widest = [], len(rows[i])
            part.append(i)
        if part:
            yield part

    @torch.inference_mode()
    def _scored(self, ids: Sequence[Sequence[int]], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One batch. Prompts with fewer beginnings than the widest one repeat their first."""
        codes = [self._codes.codes[own] for own in rows]
        tree = [_beginnings(own, self._codes.base) for own in codes]
        widths = [max(len(levels[at][0]) for levels in tree) for at in range(self._codes.levels - 1)]
        reading = self.writer.read(ids, max(widths, default=1))
        prompt = np.arange(len(ids))[:, None]
        scores = [np.zeros((len(own), self._codes.levels)) for own in rows]
        sees, logits = reading.sees[:, None], reading.logits[:, None]
        parents = [np.zeros(len(own), dtype=np.int64) for own in rows]
        for level in range(self._codes.levels):
            likely = _LogProbabilities(logits)
            for b, own in enumerate(codes):
                scores[b][:, level] = likely.of(b, parents[b], self._tokens[level, own[:, level]])
            if level == self._codes.levels - 1:
                break
            tokens = np.empty((len(ids), widths[level]), dtype=np.int64)
            above = np.zeros((len(ids), widths[level]), dtype=np.int64)
            for b, levels in enumerate(tree):
                first, place = levels[level]  # a candidate of each beginning, and each candidate's beginning
                tokens[b] = self._tokens[level, codes[b][first[0], level]]
                tokens[b, : len(first)] = self._tokens[level, codes[b][first, level]]
                above[b, : len(first)] = parents[b][first]
                above[b, len(first) :] = above[b, 0]
                parents[b] = place
            logits, sees = reading.read(tokens, sees[prompt, above], after=level)
        return scores


class _LogProbabilities:
    """``(b, k, vocabulary)`` logits, asked for single tokens: the whole table is never normalised."""

    def __init__(self, logits: torch.Tensor):
        self._logits, self._sums = logits, logits.float().logsumexp(-1).cpu().numpy()

    def of(self, prompt: int, place: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """``(m,)``: of the tokens after these places of one prompt."""
        device = self._logits.device
        found = self._logits[prompt, torch.as_tensor(place, device=device), torch.as_tensor(tokens, device=device)]
        return found.float().cpu().numpy().astype(np.float64) - self._sums[prompt, place]


def _beginnings(codes: np.ndarray, base: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each level but the last: a candidate of every distinct beginning ``(d,)``, each one's beginning ``(m,)``."""
    keys = np.zeros(len(codes), dtype=np.int64)
    out = []
    for level in range(codes.shape[1] - 1):
        keys = keys * base + codes[:, level]
        _, first, place = np.unique(keys, return_index=True, return_inverse=True)
        out.append((first, place))
    return out
