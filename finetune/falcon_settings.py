"""Settings of a Falcon run. What contradicts itself is refused here, in one sentence, before anything is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from shopping_assistant.finetune.config import LATER
from shopping_assistant.finetune.item_ids import Kind
from shopping_assistant.tools.prompts import PromptStyle

# The end token, and the fewest codes an id has.
LEAST_ANSWER = 3
# Of numpy's random numbers, with room for what a run adds to tell its own apart.
LARGEST_SEED = 2**31


@dataclass(frozen=True)
class Shape:
    """A Falcon from nothing: multi-query attention, rotary positions, tied embeddings."""

    hidden: int = 256
    layers: int = 4
    heads: int = 4
    vocabulary: int = 4096
    positions: int = 1024

    def __post_init__(self):
        _at_least(self, 1, "hidden", "layers", "heads", "vocabulary", "positions")
        if self.hidden % (2 * self.heads):
            raise ValueError(
                f"hidden: got {self.hidden} for {self.heads} heads, expected a multiple of {2 * self.heads}"
            )


@dataclass(frozen=True)
class ItemIds:
    """Which ids the products get, see ``item_ids.make``; levels and base: null for what the catalogue's size asks.

    Attributes:
        attributes: how much they weigh in ``joint`` ids, where titles and the log weigh 1 each.
        titles: which titles are near: by a sentence encoder, or by the words they share. Words cost seconds where
            sentences cost minutes, and tell apart what is named by a scheme ("Strap top Vest top White").
    """

    kind: Kind = "joint"
    levels: int | None = None
    base: int | None = None
    attributes: float = field(default=0.0, metadata=LATER)
    titles: Literal["sentences", "words"] = field(default="sentences", metadata=LATER)

    def __post_init__(self):
        for name, least in (("levels", 1), ("base", 2)):
            if getattr(self, name) is not None:
                _at_least(self, least, name)
        _at_least(self, 0, "attributes")


@dataclass(frozen=True)
class Pretraining:
    """Whole histories and the catalogue as text; what a shopper asks and is shown is read, all else is predicted.

    Attributes:
        max_tokens: ends the phase; so do ``minutes`` (of processor time) and ``epochs``, whichever comes first.
        users: at most so many histories, drawn by the seed; null for all of them.
        window: the longest row, in tokens; longer histories are cut into several.
        full_share: share of the items in a history that are written with title and attributes.
        results_share: share of the searches followed by their products in the query-product memory.
        facts: products described an epoch, id to words and words to id; null for all of them.
        asked_share: share of the purchases written as the prompt's question and its answer, the others as events.
        answer_titles: share of those answers that have a title after the id. Sequences of bare ids are a quarter of the
            tokens: what a log says about ids is learned in as many more epochs.
        instruction_share: share of the histories that the instruction stands before. It says the same every time.
        learn_markers: predict what kind of line comes next too, not only what stands in it.
        log_times: how often an epoch reads the log's own histories, where the store has a background as well: its
            shoppers are many, and nobody asks about them.
        shuffled: write what one shopper bought on one day in a new order each epoch: a basket has none.
        kin_share: share of the items that are written as one of those with the nearest titles instead, drawn anew each
            epoch: the ids of products nobody bought yet are then learned where their kin are bought.
        dropout: share of what each layer adds that is left out while training.
    """

    max_tokens: int = 8_000_000
    minutes: float = 22.0
    epochs: int = 4
    users: int | None = None
    window: int = 384
    batch_tokens: int = 6144
    rate: float = 3e-3
    weight_decay: float = 0.05
    full_share: float = 0.2
    results_share: float = 1.0
    facts: int | None = None
    asked_share: float = field(default=0.75, metadata=LATER)
    answer_titles: float = field(default=1.0, metadata=LATER)
    instruction_share: float = field(default=1.0, metadata=LATER)
    learn_markers: bool = field(default=True, metadata=LATER)
    log_times: int = field(default=1, metadata=LATER)
    shuffled: bool = field(default=False, metadata=LATER)
    kin_share: float = field(default=0.0, metadata=LATER)
    dropout: float = field(default=0.0, metadata=LATER)

    def __post_init__(self):
        _at_least(self, 1, "max_tokens", "epochs", "window", "batch_tokens", "log_times")
        _at_least(self, 0, "weight_decay")
        for name, least in (("users", 1), ("facts", 0)):
            if getattr(self, name) is not None:
                _at_least(self, least, name)
        _positive(self, "minutes", "rate")
        _share(self, "full_share", "dropout", "kin_share")
        for name in ("results_share", "asked_share", "answer_titles", "instruction_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 to 1")


@dataclass(frozen=True)
class Lora:
    """Fine-tuning of low-rank adapters on prompt and response.

    Attributes:
        hard_share: share of the examples, those with the highest perplexity after ``epochs`` over all of them, that is
            then learned ``hard_epochs`` times more; 0 for none.
        minutes: of processor time, the rounds over the hardest included.
        window: tokens of a packed row; a prompt with its answer must fit.
        batch_tokens: tokens an optimiser step, over all processes.
        rows_at_once: packed rows a forward, the rest of the step is accumulated; null for all at once.
        attention: eager is the faster one for a small Falcon on a CPU; flash_attention_2 needs a GPU and its package.
        gradient_checkpointing: compute the forward again in the backward: less memory, a third more time.
        compute: precision of the multiplications; a CPU takes bf16 whatever is said, fp16 is ten times slower there.
        train_codes: learn the code tokens' embeddings too: needed where the base has never seen them.
        quantize: keep the base in 4 bits while training (QLoRA).
        keep: the adapter that is merged: the last one as published, or the best on a sample of the validation
            purchases, of none, the one after ``epochs`` and the one after the hardest.
    """

    rank: int = 16
    alpha: int = 16
    dropout: float = 0.05
    rate: float = 2e-5
    epochs: int = 1
    hard_share: float = 0.0
    hard_epochs: int = 3
    max_examples: int | None = None
    minutes: float = 5.0
    window: int = 512
    batch_tokens: int = 6144
    rows_at_once: int | None = None
    gradient_checkpointing: bool = False
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    compute: Literal["bf16", "fp16"] = "bf16"
    train_codes: bool = False
    quantize: str | None = None
    keep: Literal["best", "last"] = "best"

    def __post_init__(self):
        if self.quantize not in (None, "nf4"):
            raise ValueError(f"quantize: got {self.quantize!r}, expected nf4 or null")
        _at_least(self, 1, "rank", "alpha", "epochs", "hard_epochs", "window")
        for name in ("rows_at_once", "max_examples"):
            if getattr(self, name) is not None:
                _at_least(self, 1, name)
        _positive(self, "minutes", "rate")
        _share(self, "dropout", "hard_share")
        if self.batch_tokens < self.window:
            raise ValueError(
                f"batch_tokens: got {self.batch_tokens}, expected at least one row of window: {self.window} tokens"
            )


@dataclass(frozen=True)
class FalconConfig:
    """One run. ``base``: null trains a small Falcon from nothing; else a checkpoint by name or folder.

    Attributes:
        prompt_tokens: tokens a prompt may have, the instruction included.
        title_tokens: tokens of a title, in training and when answering; a longer one is cut.
        validation: how many withheld validation purchases the figures come from.
        threads: processor threads; null leaves them as they are.
        save_minutes: a checkpoint every so many minutes.
    """

    base: str | None = None
    shape: Shape = field(default_factory=Shape)
    ids: ItemIds = field(default_factory=ItemIds)
    pretraining: Pretraining = field(default_factory=Pretraining)
    lora: Lora = field(default_factory=Lora)
    style: PromptStyle = field(default_factory=PromptStyle)
    prompt_tokens: int = 320
    title_tokens: int = 24
    validation: int = 1000
    threads: int | None = None
    save_minutes: float = 5.0
    seed: int = 7

    def __post_init__(self):
        _at_least(self, 1, "prompt_tokens", "title_tokens", "validation")
        _at_least(self, 0, "save_minutes", "seed")
        if self.seed > LARGEST_SEED:
            raise ValueError(f"seed: got {self.seed}, expected at most {LARGEST_SEED}")
        if self.threads is not None:
            _at_least(self, 1, "threads")
        self.check_window(self.ids.levels or LEAST_ANSWER - 1)
        if self.base is not None:
            return
        if self.lora.quantize:
            raise ValueError(
                f"lora.quantize: got {self.lora.quantize} without a base, expected null: a Falcon from nothing is "
                "trained in full precision; name a base to quantise"
            )
        if self.lora.attention == "flash_attention_2":
            raise ValueError(
                "lora.attention: got flash_attention_2 without a base, expected eager (the faster one on a CPU) or sdpa"
            )
        longest = max(self.lora.window, self.pretraining.window)
        if longest > self.shape.positions:
            raise ValueError(
                f"shape.positions: got {self.shape.positions}, expected at least the longest window, {longest}"
            )

    def check_window(self, levels: int) -> None:
        """Refuse a window in which a prompt with an answer of this many codes has no room (ValueError)."""
        needed = self.prompt_tokens + levels + self.title_tokens + 1
        if self.lora.window < needed:
            raise ValueError(
                f"lora.window: got {self.lora.window}, expected at least {needed}: prompt_tokens {self.prompt_tokens}, "
                f"{levels} codes, title_tokens {self.title_tokens} and the end; raise it or shorten the prompt"
            )


def _at_least(settings: object, least: int, *names: str) -> None:
    for name in names:
        if getattr(settings, name) < least:
            raise ValueError(f"{name}: got {getattr(settings, name)}, expected {least} or more")


def _positive(settings: object, *names: str) -> None:
    for name in names:
        if not getattr(settings, name) > 0:
            raise ValueError(f"{name}: got {getattr(settings, name)}, expected more than 0")


def _share(settings: object, *names: str) -> None:
    for name in names:
        if not 0 <= getattr(settings, name) < 1:
            raise ValueError(f"{name}: got {getattr(settings, name)}, expected 0 or more and less than 1")
