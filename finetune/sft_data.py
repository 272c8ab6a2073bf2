"""A shop's log as training text: whole histories for pre-training, prompt and response for fine-tuning."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from shopping_assistant.tools.memory import QueryProductMemory
from shopping_assistant.tools.prompts import INSTRUCTION, PromptWriter
from shopping_assistant.tools.sessions import Event, Example, by_user, current_query

Tokenize = Callable[[Sequence[str]], list[list[int]]]


@dataclass(frozen=True)
class Pair:
    """One supervised example as tokens: the prompt (instruction included), and the response that is learned."""

    prompt: tuple[int, ...]
    response: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)


def sampled(examples: Sequence[Example], most: int | None, seed: int) -> list[Example]:
    """At most ``most`` examples, drawn without replacement; those with something in their history only."""
    usable = [e for e in examples if e.history]
    if most is None or len(usable) <= most:
        return usable
    return random.Random(seed).sample(usable, most)


class Results:
    """The query-product memory as a look-up by query; every query is embedded once, many at a time.

    Without a memory it answers from what is ``known`` alone.
    """

    def __init__(self, memory: QueryProductMemory | None, products: int, known: dict[str, list[str]] | None = None):
        self._memory, self._products = memory, products
        self.known = known or {}

    def learn(self, queries: Iterable[str | None], progress: Callable[[int, int], None] | None = None) -> None:
        if self._memory is None or not self._memory.size:
            return
        unknown = sorted({q for q in queries if q} - self.known.keys())
        for start in range(0, len(unknown), 1024):
            part = unknown[start : start + 1024]
            self.known.update(zip(part, self._memory.products(part, k=self._products), strict=True))
            if progress:
                progress(start + len(part), len(unknown))

    def __call__(self, query: str) -> list[str]:
        return self.known.get(query, [])


def pairs(
    examples: Sequence[Example], writer: PromptWriter, results: Results, tokenizer, answer_tokens: int | None = None
) -> list[Pair]:
    """Prompt and response of each example, worded as at serving time; the response ends with the end token.

    Args:
        answer_tokens: a longer answer is cut after so many tokens, without an end: as it is when answering.
    """
    results.learn(current_query(e.history) for e in examples)
    inputs = [writer.input(e.history, results(current_query(e.history) or "")) for e in examples]
    answers = [writer.response(writer.catalog.index(e.target)) for e in examples]
    before = tokenize(tokenizer)([INSTRUCTION])[0]
    prompts, responses = tokenize(tokenizer)(inputs), tokenize(tokenizer)(answers)
    end = tokenizer.eos_token_id
    answers = [tuple([*r, end][:answer_tokens]) for r in responses]
    return [Pair((*before, *p), r) for p, r in zip(prompts, answers, strict=True)]


def tokenize(tokenizer) -> Tokenize:
    """Texts to token lists, nothing added, nothing cut."""
    return lambda texts: tokenizer(list(texts), add_special_tokens=False)["input_ids"] if len(texts) else []


def histories(train: pl.DataFrame, most: int | None, seed: int) -> list[tuple[Event, ...]]:
    """Users' training sequences with at least two item events, at most ``most`` of them."""
    found = [events for _, events in by_user(train) if sum(e.action != "search" for e in events) >= 2]
    if most is not None and len(found) > most:
        found = random.Random(seed).sample(found, most)
    return found


def pretraining_rows(
    users: Sequence[tuple[Event, ...]],
    writer: PromptWriter,
    results: Results,
    tokenizer,
    window: int,
    full_share: float,
    results_share: float,
    facts: int,
    seed: int,
    asked_share: float = 0.75,
    answer_titles: float = 1.0,
    instruction_share: float = 1.0,
) -> list[list[int]]:
    """One epoch of pre-training text as token rows of at most ``window``.

    Every user's history is a row (a long one several), worded anew each epoch; ``facts`` products are described from
    their id to their words and back, several to a row. The shares are those of the settings, see ``Pretraining``.
    """
    chance = random.Random(seed)
    read = tokenize(tokenizer)
    end = tokenizer.eos_token_id
    before = read([INSTRUCTION])[0]
    texts = [
        writer.sequence(
            events,
            results,
            full_share,
            asked_share,
            results_share,
            chance.getrandbits(32),
            answer_titles,
        )
        for events in users
    ]
    rows = []
    for ids in read(texts):
        room = window - len(before) - 1
        # Drawn only where it decides: with the instruction everywhere the same seed gives the rows it always gave.
        told = before if instruction_share >= 1 or chance.random() < instruction_share else []
        rows += [[*told, *ids[at : at + room], end] for at in range(0, len(ids), room)]
    chosen = list(range(len(writer.catalog)))
    chance.shuffle(chosen)
    statements = [text for row in chosen[:facts] for text in writer.facts(row)]
    chance.shuffle(statements)
    row: list[int] = []
    for ids in read(statements):
        if row and len(row) + len(ids) >= window:
            rows.append([*row, end])
            row = []
        row += ids[: window - 1]
    return [*rows, [*row, end]] if row else rows


def batches(lengths: Sequence[int], tokens: int, seed: int) -> list[list[int]]:
    """Indices in batches of at most ``tokens`` tokens, padding counted; similar lengths together, order shuffled."""
    chance = random.Random(seed)
    # A little noise on the length, so that not the same rows meet in every epoch.
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i] + chance.random() * 16, i))
    out, batch, longest = [], [], 0
    for i in order:
        longest = max(longest, lengths[i])
        if batch and longest * (len(batch) + 1) > tokens:
            out.append(batch)
            batch, longest = [], lengths[i]
        batch.append(i)
    if batch:
        out.append(batch)
    chance.shuffle(out)
    return out
