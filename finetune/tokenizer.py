"""A tokenizer for a Falcon trained from nothing on one shop: byte-level BPE, and one token a code and a line marker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prompts import INSTRUCTION_SENTENCES, MARKERS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

END, PAD = "<|endoftext|>", "<|pad|>"
# An attribute with its value (", color navy") may become one token; everything else ends at a word.
PIECES = r", [^,\n<]+| ?[^\s,<]+|\s|,|<"


def train_tokenizer(texts: Iterable[str], codes: ItemCodes, vocabulary: int) -> PreTrainedTokenizerFast:
    """Learn ``vocabulary`` byte pairs from the shop's own texts; codes, markers and the instruction come on top.

    The instruction is the same before every prompt and tells a model of this size nothing that its fine-tuning does
    not: one token a sentence leaves the budget to what the shopper did.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    added = [*codes.tokens, *MARKERS, *INSTRUCTION_SENTENCES]
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in added])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, bos_token=END, pad_token=PAD)


def add_codes(tokenizer, codes: ItemCodes) -> int:
    """Give an existing tokenizer the codes as tokens; returns how many were new."""
    from tokenizers import AddedToken

    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer.add_tokens([AddedToken(text, normalized=False) for text in codes.tokens])
