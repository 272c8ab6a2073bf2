"""Tokens a second of the fine-tuning step, against the plain script that the PEFT documentation suggests.

    python -m shopping_assistant.finetune.throughput --shape demo --rows 4

Random weights and random tokens: prompts and responses of the lengths our training has, packed into rows of 1,024.
Both sides get the same rows, batch, adapters, precision and optimiser, each in a process of its own; they take turns,
so that a busy machine slows both. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from shopping_assistant.tools.errors import ShopError

# As FalconConfig of transformers has them. demo: that of falcon-demo.yaml, its vocabulary with codes and markers.
SHAPES = {
    "tiny": {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 1024},
    "demo": {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 2193},
    "falcon-7b": {"hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71, "vocab_size": 65024},
}
WINDOW = 1024
# Tokens of a prompt and of a response, the least and the most, as the demo shop's are.
PROMPT, RESPONSE = (140, 320), (8, 20)
WARM_UP, ROUNDS = 2, 3
RATE = 2e-5
# Dense bf16 matrix multiplications, in 1e12 a second, from the makers' data sheets; by what the device's name holds.
PEAKS = {
    "H200": 989, "H100 PCIe": 756, "H100": 989, "A100": 312, "L40S": 362, "L4": 121, "A10G": 70, "A10": 125,
    "RTX 4090": 165, "RTX 3090": 71,
}  # fmt: skip


class ThroughputError(ShopError):
    """A measurement that cannot be made here."""


@dataclass(frozen=True)
class Setting:
    """What is measured. ``rows`` a step, all in one forward; ``steps`` a turn, of which there are ``ROUNDS``."""

    shape: str = "tiny"
    quantize: bool = False
    rows: int = 4
    steps: int = 8
    checkpointing: bool = False
    seed: int = 1

    @property
    def held(self) -> str:
        """A model from nothing is held in 32 bits, a published base in 16 (and 4); both multiply in bf16."""
        return "bfloat16" if self.quantize or self.shape == "falcon-7b" else "float32"


def rows_of_examples(setting: Setting, number: int) -> list[list[tuple[list[int], list[int]]]]:
    """``number`` rows of exactly ``WINDOW`` random tokens, each some (prompt, response)."""
    chance = random.Random(setting.seed)
    vocabulary = SHAPES[setting.shape]["vocab_size"]

    def tokens(count: int) -> list[int]:
        return [chance.randrange(vocabulary) for _ in range(count)]

    rows = []
    for _ in range(number):
        row, left = [], WINDOW
        while left:
            prompt, response = chance.randint(*PROMPT), chance.randint(*RESPONSE)
            if left - prompt - response < PROMPT[0] + RESPONSE[1]:
                prompt = left - response  # the last one takes what is left
            row.append((tokens(prompt), tokens(response)))
            left -= prompt + response
        rows.append(row)
    return rows


def random_model(setting: Setting, device):
    """A Falcon of the shape with random weights, made on the device; its linear maps in 4 bits where asked."""
    import torch
    from transformers import AutoModelForCausalLM, FalconConfig

    torch.manual_seed(setting.seed)
    architecture = FalconConfig(**SHAPES[setting.shape], max_position_embeddings=2048, use_cache=False)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(architecture, dtype=getattr(torch, setting.held))
    return _in_four_bits(model, device) if setting.quantize else model


def _in_four_bits(model, device):
    """One layer after another, so that no more than one is there twice."""
    import bitsandbytes as bnb
    import torch

    for parent in list(model.get_decoder().modules()):
        for name, layer in list(parent.named_children()):
            if not isinstance(layer, torch.nn.Linear):
                continue
            bias = layer.bias is not None
            sizes = (layer.in_features, layer.out_features)
            small = bnb.nn.Linear4bit(*sizes, bias, compute_dtype=torch.bfloat16, quant_type="nf4", device="meta")
            small.weight = bnb.nn.Params4bit(layer.weight.data, False, compress_statistics=True, quant_type="nf4")
            if bias:
                small.bias = layer.bias
            small.support_avx512bf16_for_cpu = False  # as in falcon_base: it spoils gradients
            setattr(parent, name, small.to(device))
    model.is_loaded_in_4bit = True  # what PEFT and the Trainer ask
    return model


class Ours:
    """The recipe's own step: `falcon_lora`, `packing` and `fitting`."""

    def __init__(self, setting: Setting, device):
        from shopping_assistant.finetune.falcon_base import checkpoint_gradients, give_every_head_its_key
        from shopping_assistant.finetune.falcon_lora import with_adapter
        from shopping_assistant.finetune.falcon_settings import Lora

        self.setting, self.device = setting, device
        model = random_model(setting, device)
        give_every_head_its_key(model)
        if setting.checkpointing:
            checkpoint_gradients(model)
        self.model = with_adapter(model, None, (), Lora(), setting.seed)

    def take(self, steps: int) -> tuple[float, float]:
        """Seconds for ``steps`` steps, by the clock and of the processor; one step before them is not timed."""
        from shopping_assistant.finetune.fitting import Checkpoint, Plan, Step, fit
        from shopping_assistant.finetune.packing import response_losses
        from shopping_assistant.finetune.sft_data import Pair

        rows = rows_of_examples(self.setting, self.setting.rows * (steps + 1))
        pairs = [[Pair(tuple(p), tuple(r)) for p, r in row] for row in rows]
        size = self.setting.rows

        def steps_of():
            for at in range(steps + 1):
                part = pairs[at * size : (at + 1) * size]
                yield Step((0, at), size * WINDOW, lambda part=part: [response_losses(self.model, part)[0].mean()])

        self.model.train()
        trained = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        plan = Plan(RATE, total=10**15, minutes=10**6, betas=(0.9, 0.999))
        ends: list[tuple[float, float]] = []
        with tempfile.TemporaryDirectory() as folder:
            kept = Checkpoint(Path(folder) / "checkpoint", "key")
            # Each step's loss is read before it is told, so that the clock has waited for the device.
            fit("steps", trained, steps_of(), plan, kept, 10**6, lambda share: ends.append(_now()))
        return _between(ends)


class Plain:
    """`transformers.Trainer` with PEFT, as their documentation has it: -100 where the prompt is, logits everywhere."""

    def __init__(self, setting: Setting, device):
        import torch
        from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

        self.setting, self.device = setting, device
        model = random_model(setting, device)
        if setting.quantize:
            model = prepare_model_for_kbit_training(
                model, setting.checkpointing, gradient_checkpointing_kwargs={"use_reentrant": False}
            )
        elif setting.checkpointing:
            model.enable_input_require_grads()
        torch.manual_seed(setting.seed)
        self.model = get_peft_model(
            model,
            LoraConfig(r=16, lora_alpha=16, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM"),
        )

    def take(self, steps: int) -> tuple[float, float]:
        """Seconds for ``steps`` steps, by the clock and of the processor; one step before them is not timed."""
        import torch
        from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, default_data_collator

        ends: list[tuple[float, float]] = []

        class Clock(TrainerCallback):
            def on_step_end(self, args, state, control, **kwargs):
                # In between the device may run ahead, as it does in such a script.
                if state.global_step in (1, steps + 1) and torch.cuda.is_available():
                    torch.cuda.synchronize()
                ends.append(_now())

        rows = rows_of_examples(self.setting, self.setting.rows * (steps + 1))
        data = [
            {
                "input_ids": [t for p, r in row for t in (*p, *r)],
                "labels": [t for p, r in row for t in (*[-100] * len(p), *r)],
            }
            for row in rows
        ]
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder, max_steps=steps + 1, per_device_train_batch_size=self.setting.rows, bf16=True,
                learning_rate=RATE, optim="adamw_torch", max_grad_norm=1.0, save_strategy="no", report_to="none",
                disable_tqdm=True, use_cpu=self.device.type == "cpu", gradient_checkpointing=self.setting.checkpointing,
                gradient_checkpointing_kwargs={"use_reentrant": False}, seed=self.setting.seed,
            )  # fmt: skip
            trainer = Trainer(
                self.model, arguments, train_dataset=data, data_collator=default_data_collator, callbacks=[Clock()]
            )
            trainer.remove_callback(PrinterCallback)
            trainer.train()
        return _between(ends)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _between(ends: list[tuple[float, float]]) -> tuple[float, float]:
    return ends[-1][0] - ends[0][0], ends[-1][1] - ends[0][1]


SIDES = {"ours": Ours, "plain": Plain}


def measure(setting: Setting) -> dict:
    """Both sides in turns; tokens a second (all of them, prompts too), their ratio, MFU, peak memory.

    MFU: useful operations a second over what the device can do. A token costs ``4 N + 6 A``: two a weight forward, two
    backward through the ``N`` frozen weights of the linear maps, and six for each of the ``A`` the adapters have. As in
    PaLM's 6 N D (2022, appendix B) recomputing is no use; attention's scores, embeddings and logits are not counted.

    Raises:
        ThroughputError: a side failed; its own message is in it.
    """
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    try:
        for name in SIDES:
            pipes[name], theirs = context.Pipe()
            processes.append(context.Process(target=_serve, args=(theirs, name, setting), daemon=True))
            processes[-1].start()
            theirs.close()
            counts = _answer(pipes[name], name)  # one after the other: building a large model takes room
        for name in SIDES:
            _ask(pipes[name], name, WARM_UP)
        peak, source = _peak()
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
        for turn in range(ROUNDS):
            # Who begins changes: what one leaves behind in caches and clocks is not always the same one's.
            for name in sorted(SIDES, reverse=bool(turn % 2)):
                seconds[name].append(_ask(pipes[name], name, setting.steps))
        memory = {name: _ask(pipes[name], name, None) for name in SIDES}
    finally:
        for process in processes:
            process.terminate()
            process.join()
    a_token = 4 * counts["frozen"] + 6 * counts["adapters"]
    found = {name: _figures(setting, seconds[name], a_token / peak, memory[name]) for name in SIDES}
    keys = ("tokens_per_second", "tokens_per_processor_second")
    return {
        "setting": {**asdict(setting), "held": setting.held, "window": WINDOW, "rounds": ROUNDS},
        **found,
        "ratio": {key: round(found["ours"][key] / found["plain"][key], 3) for key in keys},
        "operations_a_token": a_token,
        "peak_operations_a_second": round(peak),
        "peak_from": source,
        **counts,
    }


def _figures(setting: Setting, turns: list[tuple[float, float]], peaks_a_token: float, memory: dict) -> dict:
    tokens = setting.rows * WINDOW * setting.steps
    speed, spent = (tokens * len(turns) / sum(times) for times in zip(*turns, strict=True))
    return {
        "tokens_per_second": round(speed, 1),
        "turns": sorted(round(tokens / wall, 1) for wall, _ in turns),
        "tokens_per_processor_second": round(spent, 1),  # of all threads; other programs' share is left out
        "mfu": round(speed * peaks_a_token, 4),
        "peak_memory": memory,
    }


def _serve(pipe, name: str, setting: Setting) -> None:
    """One side in its own process: builds, then takes the steps it is asked for; None asks for its memory, the last."""
    import logging
    import warnings

    import torch

    from shopping_assistant.finetune.run_record import peak_memory

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    try:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        side = SIDES[name](setting, device)
        pipe.send(weights(side.model))
        while (steps := pipe.recv()) is not None:
            pipe.send(side.take(steps))
        pipe.send(peak_memory())
    except EOFError:  # whoever asked is gone
        return
    except Exception as error:
        pipe.send(ThroughputError(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"))


def weights(model) -> dict[str, int]:
    """How many weights the linear maps have that are ``frozen``, and the ``adapters``; 4 bits count as one weight."""
    import torch

    base = model.get_base_model().get_decoder()
    maps = [m for n, m in base.named_modules() if isinstance(m, torch.nn.Linear) and "lora_" not in n]
    adapters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return {"frozen": sum(m.in_features * m.out_features for m in maps), "adapters": adapters}


def _ask(pipe, name: str, steps: int | None):
    pipe.send(steps)
    return _answer(pipe, name)


def _answer(pipe, name: str):
    try:
        answer = pipe.recv()
    except EOFError:
        raise ThroughputError(
            f"{name}: its process ended without a word, most likely for lack of memory; lower --rows"
        ) from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _peak() -> tuple[float, str]:
    """Operations a second that the device can do in bf16, and where this number is from."""
    import torch

    gpu = torch.cuda.is_available()
    if gpu:
        name = torch.cuda.get_device_name()
        for part, peak in PEAKS.items():
            if part in name:
                return peak * 1e12, f"data sheet of {name}"
    size = 8192 if gpu else 1024
    device = "cuda" if gpu else "cpu"
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(12):
        start = time.perf_counter()
        (a @ b)[0, 0].item()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best, f"the fastest of 12 products of {size} x {size} matrices in bf16"


def print_table(result: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    setting, ratio = result["setting"], result["ratio"]["tokens_per_second"]
    title = f"{setting['shape']}, {setting['rows']} x {setting['window']} tokens a step: {ratio} x plain"
    table = Table(title=title)
    for column in ("", "tokens/s", "its turns", "a processor second", "MFU", "resident GB", "GPU GB"):
        table.add_column(column, justify="right" if column else "left")
    for name in SIDES:
        side = result[name]
        turns, memory = side["turns"], side["peak_memory"]
        gpu = "–" if memory["gpu_gb"] is None else f"{memory['gpu_gb']:.2f}"
        spread = f"{turns[0]:,.0f} – {turns[-1]:,.0f}"
        speed, mfu = f"{side['tokens_per_second']:,.0f}", f"{side['mfu']:.1%}"
        spent = f"{side['tokens_per_processor_second']:,.0f}"
        table.add_row(name, speed, spread, spent, mfu, f"{memory['resident_gb']:.2f}", gpu)
    peak = f"peak: {result['peak_operations_a_second'] / 1e12:,.3f}e12 operations a second ({result['peak_from']})"
    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(table)
    console.print(peak, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.finetune.throughput",
        description="Tokens a second of the fine-tuning step and of a plain Trainer with PEFT.",
    )
    parser.add_argument("--shape", choices=list(SHAPES), default="tiny")
    parser.add_argument("--quantize", choices=["nf4", "none"], default="none")
    parser.add_argument("--rows", type=int, default=4, help="rows of 1,024 tokens a step")
    parser.add_argument("--steps", type=int, default=8, help="steps a turn")
    parser.add_argument("--checkpointing", action="store_true", help="gradient checkpointing, on both sides")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    if given.rows < 1 or given.steps < 1:
        parser.error("--rows and --steps: expected 1 or more")
    try:
        result = measure(Setting(given.shape, given.quantize == "nf4", given.rows, given.steps, given.checkpointing))
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        print_table(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
