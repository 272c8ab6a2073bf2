"""What a code token costs with our beam, and with ``generate`` over a Python trie: same model, same beams, one run.

    python -m shopping_assistant.eval.bench.decoding [--ids 1400000] [--beams 10] [--hidden 256] [--json]

A step is everything one code token costs, the forward included; reading the prompt is measured apart and left out of
both. The two take turns, medians are compared, and every ranking must be the same: else this ends with an error. The
matrix products of our steps are computed alone as well: no way to decode this model with these beams is faster.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from shopping_assistant.eval.bench.recommendation import Products
from shopping_assistant.tools.allocator import keep_freed_memory
from shopping_assistant.tools.decoding import AnswerWriter
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prefix_table import PrefixTable
from shopping_assistant.tools.prompts import INSTRUCTION

# The demo shop's model but for its codes: 4 layers of 4 heads that share one key, so many tokens, such a prompt.
LAYERS, HEADS, VOCABULARY, PROMPT = 4, 4, 2192, 300
LEVELS = 3
FULL = 0.85  # codes in use, at most, as for a real catalogue
# Larger than in a fresh model: the likeliest ids are then well apart, as in a trained one.
SPREAD = 0.08
SAME_SCORE = 1e-3
MASK_SHARE = 0.1
PROMPTS = 12
WARM_UP = 2


class RankingDiffers(ShopError):
    """The two ways to decode did not find the same ids in the same order."""


@dataclass(frozen=True)
class Decoded:
    """One prompt's ids as tokens, best first, their scores, and the milliseconds a step and the prompt took."""

    ids: list[list[int]]
    scores: list[float]
    step_ms: float
    prompt_ms: float
    products_ms: float = 0.0  # of a step, where they were taken

    @property
    def whole_ms(self) -> float:
        """The prompt and every step after it."""
        return self.prompt_ms + self.step_ms * len(self.ids[0])


def random_codes(ids: int, levels: int, seed: int) -> ItemCodes:
    """So many distinct ids, spread over the smallest power of two a level that leaves some free."""
    base = 8
    while base**levels * FULL < ids:
        base *= 2
    keys = np.random.default_rng(seed).choice(base**levels, ids, replace=False)
    return ItemCodes(keys[:, None] // base ** np.arange(levels - 1, -1, -1) % base, base)


def random_writer(codes: ItemCodes, hidden: int, seed: int) -> AnswerWriter:
    """A writer with random weights, a vocabulary of invented words and the tokens of these codes."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import FalconConfig, FalconForCausalLM, PreTrainedTokenizerFast

    words = max(VOCABULARY - len(codes.tokens), 256)
    known = ["<end>", "<unknown>", *(f"w{i}" for i in range(words - 2))]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(known)}, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in codes.tokens])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", unk_token="<unknown>")
    torch.manual_seed(seed)
    config = FalconConfig(
        vocab_size=len(tokenizer), hidden_size=hidden, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        max_position_embeddings=1024, initializer_range=SPREAD, bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    return AnswerWriter(FalconForCausalLM(config), tokenizer, codes, budget=1024)


def code_tokens(writer: AnswerWriter) -> np.ndarray:
    """Each product's id as tokens, ``(n, levels)``."""
    codes = writer.codes
    tokens = np.array(writer.tokenizer.convert_tokens_to_ids(codes.tokens)).reshape(codes.levels, codes.base)
    return np.column_stack([tokens[level, codes.codes[:, level]] for level in range(codes.levels)])


def trie_of(ids: np.ndarray) -> dict:
    """Nested dicts, token → dict, of ``(n, levels)`` tokens: what ``prefix_allowed_tokens_fn`` is mostly fed from."""
    shared = list(range(int(ids.max()) + 1))  # one object a token, or the trie would look larger than it has to be
    root: dict = {}
    for row in ids.tolist():
        node = root
        for token in row:
            token = shared[token]
            if token not in node:
                node[token] = {}
            node = node[token]
    return root


def trie_bytes(node: dict) -> int:
    """Memory of the dicts alone, in bytes."""
    return sys.getsizeof(node) + sum(map(trie_bytes, node.values()))


def decode_ours(
    writer: AnswerWriter, prompt: list[int], mask: np.ndarray | None, beams: int, ids: np.ndarray
) -> Decoded:
    start = time.perf_counter()
    reading = writer.read([prompt], beams)
    read = time.perf_counter()
    (beam,) = writer.search(reading, [mask], beams)
    end = time.perf_counter()
    step_ms = (end - read) * 1000 / writer.codes.levels
    return Decoded(
        ids[beam.rows].tolist(),
        beam.scores.tolist(),
        step_ms,
        (read - start) * 1000,
        products_ms(writer, prompt, beams),
    )


def products_ms(writer: AnswerWriter, prompt: list[int], beams: int) -> float:
    """Milliseconds a step of its matrix products, attention and table reads alone, back to back."""
    reading = writer.read([prompt], beams)
    with Products() as products:
        writer.search(reading, [None], beams)
    start = time.perf_counter()
    products.again()
    return (time.perf_counter() - start) * 1000 / writer.codes.levels


@torch.inference_mode()
def decode_theirs(writer: AnswerWriter, prompt: list[int], trie: dict, beams: int) -> Decoded:
    """``generate`` with as many beams; it reads the instruction with each prompt, once a beam."""
    whole = torch.tensor([writer.tokenizer(INSTRUCTION, add_special_tokens=False)["input_ids"] + prompt])
    width, levels = whole.shape[1], writer.codes.levels

    def allowed(_row: int, text: torch.Tensor) -> list[int]:
        node = trie
        for token in text[width:].tolist():
            node = node[token]
        return list(node)

    moments: list[float] = []
    hook = writer.model.register_forward_hook(lambda *_: moments.append(time.perf_counter()))
    try:
        start = time.perf_counter()
        found = writer.model.generate(
            input_ids=whole, attention_mask=torch.ones_like(whole), prefix_allowed_tokens_fn=allowed, num_beams=beams,
            num_return_sequences=beams, max_new_tokens=levels, min_new_tokens=levels, do_sample=False, use_cache=True,
            length_penalty=0.0, early_stopping=False, return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
        end = time.perf_counter()
    finally:
        hook.remove()
    step_ms = (end - moments[0]) * 1000 / levels
    ids, scores = found.sequences[:, width:].tolist(), found.sequences_scores.tolist()
    return Decoded(ids, scores, step_ms, (moments[0] - start) * 1000)


def check_same(ours: Decoded, theirs: Decoded) -> None:
    """Refuse two rankings that differ.

    Raises:
        RankingDiffers: at the first place where the ids differ, or the scores by more than 1e-3.
    """
    if len(ours.ids) != len(theirs.ids):
        raise RankingDiffers(f"we found {len(ours.ids)} ids, generate {len(theirs.ids)}: expected as many")
    for place in range(len(ours.ids)):
        own, other = (f"{d.ids[place]} at {d.scores[place]:.4f}" for d in (ours, theirs))
        if ours.ids[place] != theirs.ids[place] or abs(ours.scores[place] - theirs.scores[place]) > SAME_SCORE:
            raise RankingDiffers(f"place {place + 1} of the beam: we have {own}, generate has {other}")


def measure(
    ids: int = 1_400_000,
    beams: int = 10,
    hidden: int = 256,
    levels: int = LEVELS,
    prompts: int = PROMPTS,
    seed: int = 1,
) -> dict:
    """Decode the same prompts both ways, with and without a mask that keeps a tenth of the products.

    Raises:
        RankingDiffers: the two disagree about an id, the order or a score.
    """
    keep_freed_memory()
    codes = random_codes(ids, levels, seed)
    start = time.perf_counter()
    table = PrefixTable(codes)
    table_seconds = time.perf_counter() - start
    writer = random_writer(codes, hidden, seed)
    tokens = code_tokens(writer)
    start = time.perf_counter()
    trie = trie_of(tokens)
    trie_seconds = time.perf_counter() - start
    mask = np.random.default_rng(seed).random(ids) < MASK_SHARE
    mask[:beams] = True  # as many products as beams at least: generate fills a beam that has too few with anything
    cases = {"all products": (None, trie), f"{MASK_SHARE:.0%} of them": (mask, trie_of(tokens[mask]))}
    timed = {name: list(_both(writer, tokens, *case, beams, prompts, seed)) for name, case in cases.items()}
    return {
        "ids": ids, "levels": codes.levels, "base": codes.base, "beams": beams, "hidden": hidden,
        "vocabulary": len(writer.tokenizer), "threads": torch.get_num_threads(), "prompts": prompts,
        "table": {"bytes": table.nbytes, "build_seconds": round(table_seconds, 2)},
        "trie": {"bytes": (size := trie_bytes(trie)), "build_seconds": round(trie_seconds, 2)},
        "share_of_trie": round(table.nbytes / size, 4),
        "cases": {name: _summary(pairs) for name, pairs in timed.items()},
    }  # fmt: skip


def _both(
    writer: AnswerWriter, tokens: np.ndarray, mask: np.ndarray | None, trie: dict, beams: int, prompts: int, seed: int
) -> Iterator[tuple[Decoded, Decoded]]:
    """The same prompts by us and by generate in turn; the first ones are not counted."""
    draw = np.random.default_rng(seed)
    words = len(writer.tokenizer) - len(writer.codes.tokens)
    for number in range(prompts + WARM_UP):
        prompt = draw.integers(2, words, PROMPT).tolist()
        ours, theirs = decode_ours(writer, prompt, mask, beams, tokens), decode_theirs(writer, prompt, trie, beams)
        check_same(ours, theirs)
        if number >= WARM_UP:
            yield ours, theirs


def _summary(pairs: Sequence[tuple[Decoded, Decoded]]) -> dict:
    def median(side: int, what: str) -> float:
        return round(float(np.median([getattr(pair[side], what) for pair in pairs])), 3)

    ours, theirs = median(0, "step_ms"), median(1, "step_ms")
    whole = [float(np.median([pair[side].whole_ms for pair in pairs])) for side in (0, 1)]
    return {
        "step_ms": {"ours": ours, "generate": theirs, "products": median(0, "products_ms")},
        "ratio": round(theirs / ours, 1),
        "prompt_ms": {"ours": median(0, "prompt_ms"), "generate": median(1, "prompt_ms")},
        "id_ms": {"ours": round(whole[0], 3), "generate": round(whole[1], 3), "ratio": round(whole[1] / whole[0], 1)},
        "rankings_equal": len(pairs),
    }


def print_table(result: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    title = "{ids:,} ids of {levels} codes of {base}, {beams} beams, {threads} threads".format(**result)
    table = Table(title=title)
    for column in ("", "ours", "generate", "ratio"):
        table.add_column(column, justify="right" if column else "left")
    for name, case in result["cases"].items():
        step, prompt = case["step_ms"], case["prompt_ms"]
        table.add_row(f"a step, {name}: ms", f"{step['ours']:.2f}", f"{step['generate']:.2f}", f"{case['ratio']:.1f}")
        table.add_row("  its products alone: ms", f"{step['products']:.2f}", "", "")
        table.add_row("  its prompt: ms", f"{prompt['ours']:.1f}", f"{prompt['generate']:.1f}", "")
        whole = case["id_ms"]
        shown = (f"{whole['ours']:.1f}", f"{whole['generate']:.1f}", f"{whole['ratio']:.1f}")
        table.add_row("  prompt and ids: ms", *shown)
        table.add_row("  equal rankings", str(case["rankings_equal"]), "", "")
        table.add_section()
    own, trie = result["table"], result["trie"]
    table.add_row("table: bytes", f"{own['bytes']:,}", f"{trie['bytes']:,}", f"{result['share_of_trie']:.1%}")
    table.add_row("table: seconds to build", f"{own['build_seconds']}", f"{trie['build_seconds']}", "")
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.eval.bench.decoding",
        description="What a code token costs: our beam over a prefix table against generate over a Python trie.",
    )
    parser.add_argument("--ids", type=int, default=1_400_000, help="products of the catalogue")
    parser.add_argument("--beams", type=int, default=10)
    parser.add_argument("--hidden", type=int, default=256, help="width of the model, a multiple of 8")
    parser.add_argument("--prompts", type=int, default=PROMPTS, help="how many are decoded both ways")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    for name, least in {"ids": given.beams, "beams": 1, "hidden": 8, "prompts": 1, "seed": 0}.items():
        if getattr(given, name) < least or (name == "hidden" and given.hidden % (2 * HEADS)):
            parser.error(
                f"--{name} {getattr(given, name)}: expected {least} or more{', a multiple of 8' * (name == 'hidden')}"
            )
    try:
        result = measure(given.ids, given.beams, given.hidden, prompts=given.prompts, seed=given.seed)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(result))
    else:
        print_table(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
