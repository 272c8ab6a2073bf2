"""One training phase: steps under a token and a time budget, saved now and then, resumed exactly where it stopped."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch

from shopping_assistant.finetune.budget import Budget
from shopping_assistant.finetune.processes import Processes, alone
from shopping_assistant.tools.allocator import keep_freed_memory
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import write_json

WARM_UP = 0.03  # share of the steps in which the rate rises
FLOOR = 0.1  # share of the rate that is left at the end
CLIP = 1.0
MOMENTS = ("exp_avg", "exp_avg_sq")


class TrainingError(ShopError):
    """A training that cannot go on."""


@dataclass(frozen=True)
class Plan:
    """How a phase trains. ``total`` is what its steps' sizes sum up to; ``minutes`` of processor time end it earlier.

    ``scaled``: gradients in float16 are scaled up before they are computed, or the small ones would vanish.
    """

    rate: float
    total: int
    minutes: float
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.95)
    seed: int = 0
    scaled: bool = False


@dataclass(frozen=True)
class Step:
    """One optimiser step: where it stands, how much of the plan it is, and its loss in parts.

    The parts add up to the step's mean loss over all processes; gradients are computed part by part.
    """

    at: tuple[int, int]  # (epoch, batch)
    size: int
    parts: Callable[[], Iterable[torch.Tensor]]


class Point(NamedTuple):
    """One step taken; ``tokens`` and ``seconds`` are those of the phase so far."""

    phase: str
    step: int
    tokens: int
    seconds: float
    loss: float
    rate: float


class Checkpoint:
    """Tensors and what belongs to them in one folder, thrown away when they were made for something else.

    ``resumed`` counts how often a run with this key found something to go on from; ``started`` is the first one's time.
    """

    def __init__(self, folder: Path, key: str):
        self.folder, self._key = folder, key
        try:
            kept = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            kept = {}
        if kept.get("key") != key:
            self.clear()
            kept = {}
        self.started: str = kept.get("started", datetime.now(UTC).isoformat(timespec="seconds"))
        self.resumed: int = kept["resumed"] + 1 if kept else 0
        self._described = False

    def load(self, name: str) -> tuple[dict[str, torch.Tensor], dict] | None:
        """What was saved under this name, or None."""
        from safetensors import safe_open

        path = self.folder / f"{name}.safetensors"
        if not path.is_file():
            return None
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["state"])  # noqa: SIM118

    def save(self, name: str, tensors: dict[str, torch.Tensor], state: dict) -> None:
        """Write whole, onto the disk, then rename: a crash at any moment leaves the last one."""
        from safetensors.torch import save_file

        self._describe()
        temporary = self.folder / f".{name}.tmp"
        save_file({k: t.detach().contiguous() for k, t in tensors.items()}, temporary, {"state": json.dumps(state)})
        for path in (temporary, self.folder):
            if path is self.folder:
                temporary.replace(self.folder / f"{name}.safetensors")
            opened = os.open(path, os.O_RDONLY)
            os.fsync(opened)
            os.close(opened)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, JSON-ready; kept, so that a run that goes on does not make it again."""
        known = self.recall(name)
        if known is not None:
            return known
        value = make()
        self._describe()
        write_json(self.folder / f"{name}.json", {"value": value})
        return value

    def recall(self, name: str) -> Any:
        """What ``once`` kept under this name, or None."""
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8"))["value"] if path.is_file() else None

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _describe(self) -> None:
        """Say whose folder this is; written with the first thing that a later run could go on from."""
        if not self._described:
            self.folder.mkdir(parents=True, exist_ok=True)
            described = {"key": self._key, "started": self.started, "resumed": self.resumed}
            write_json(self.folder / "run.json", described)
            self._described = True


@dataclass
class Fitted:
    """What a phase did so far."""

    size: int = 0
    steps: int = 0
    seconds: float = 0.0  # by the clock, interruptions left out
    worked: float = 0.0  # share of the time budget that is used up
    at: tuple[int, int] = (0, -1)  # the last step taken
    ended: bool = False
    curve: list[Point] = field(default_factory=list)

    @property
    def loss(self) -> float:
        """Smoothed, of the last steps."""
        value = math.nan
        for point in self.curve[-400:]:
            value = point.loss if math.isnan(value) else 0.98 * value + 0.02 * point.loss
        return value

    def as_figures(self) -> dict:
        return {
            "tokens": self.size,
            "steps": self.steps,
            "seconds": round(self.seconds, 1),
            "tokens_per_second": round(self.size / self.seconds, 1) if self.seconds else None,
            "loss": round(self.loss, 4),
        }


def fit(
    name: str,
    parameters: dict[str, torch.nn.Parameter],
    steps: Iterator[Step],
    plan: Plan,
    checkpoint: Checkpoint,
    save_minutes: float,
    told: Callable[[float], None] = lambda share: None,
    processes: Processes | None = None,
) -> Fitted:
    """AdamW over the steps, rate warmed up and then on a cosine over the plan, until total or time is reached.

    A run that was interrupted, at whatever step, takes the same steps to the same weights as one that was not: values,
    moments, the state of torch's random numbers (nothing here draws others) and the curve are in the checkpoint.

    Args:
        parameters: what is trained, by name.
        steps: in their fixed order; those up to the saved one are passed over without computing their loss.
        told: called with the share of the plan that is done.

    Raises:
        TrainingError: a loss or a gradient is not a number; the last checkpoint is left as it is.
    """
    keep_freed_memory()
    us = processes or alone()
    trained = list(parameters.values())
    optimizer = _optimizer(trained, plan)
    scaler = torch.amp.GradScaler(us.device.type, enabled=plan.scaled)
    torch.manual_seed(plan.seed + us.rank)
    done = _restored(name, parameters, optimizer, scaler, checkpoint, us)
    us.copy(trained)
    budget, start = Budget(plan.minutes), time.perf_counter()
    saved, before, worked = start, done.seconds, done.worked
    for step in () if done.ended else steps:
        if step.at <= done.at:
            continue
        share = max(done.size / plan.total, done.worked)
        if share >= 1:
            break
        rate = plan.rate * _schedule(share)
        for group in optimizer.param_groups:
            group["lr"] = rate
        now = time.perf_counter()
        due = now - saved > 60 * save_minutes
        loss, spent, due = _gradients(step, trained, scaler, (worked + budget.spent(), due), us)
        _take(optimizer, scaler, trained, loss, f"{name}, step {done.steps + 1}: the loss is {loss:g}", rate)
        done.size, done.steps, done.at, done.worked = done.size + step.size, done.steps + 1, step.at, spent
        done.seconds = before + time.perf_counter() - start
        done.curve.append(Point(name, done.steps, done.size, done.seconds, loss, rate))
        told(min(1.0, max(done.size / plan.total, spent)))
        if due:
            _save(name, parameters, optimizer, scaler, done, checkpoint, us)
            saved = time.perf_counter()
    if not done.ended:
        done.ended = True
        _save(name, parameters, optimizer, scaler, done, checkpoint, us)
    return done


def _optimizer(trained: Sequence[torch.nn.Parameter], plan: Plan) -> torch.optim.AdamW:
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": plan.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=plan.rate, betas=plan.betas)


def _gradients(
    step: Step,
    trained: Sequence[torch.nn.Parameter],
    scaler: torch.amp.GradScaler,
    mine: tuple[float, bool],
    us: Processes,
) -> tuple[float, float, bool]:
    """The step's gradients and loss, summed over the processes.

    Args:
        mine: the share of the time budget that this process has used up, and whether it wants to save.

    Returns:
        the loss, the mean share of the time budget, and whether the main process saves after this step.
    """
    total = torch.zeros((), device=us.device)
    for part in step.parts():
        scaler.scale(part).backward()
        total += part.detach()
    if us.world == 1:
        return float(total), *mine
    # One bucket: a message a step, however many tensors. Everyone decides from the same sums.
    spent, due = mine
    extra = torch.stack([total, total.new_tensor(spent), total.new_tensor(float(due and us.main))])
    sizes = [p.numel() for p in trained]
    parts = [p.new_zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in trained]
    bucket = us.sum(torch.cat([*(g.float() for g in parts), extra]))
    for p, gradient in zip(trained, bucket[: sum(sizes)].split(sizes), strict=True):
        p.grad = gradient.view_as(p).to(p.dtype)
    loss, spent, due = bucket[-3:].tolist()
    return loss, spent / us.world, due > 0


def _take(
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    trained: Sequence[torch.nn.Parameter],
    loss: float,
    what: str,
    rate: float,
) -> None:
    """Clip and take the step, unless it would spoil the weights."""
    scaler.unscale_(optimizer)
    norm = float(torch.nn.utils.clip_grad_norm_(trained, CLIP))
    # With scaled gradients one that is infinite is the scaler's to skip.
    if not math.isfinite(loss) or not (math.isfinite(norm) or scaler.is_enabled()):
        raise TrainingError(
            f"{what}, its gradient {norm:g}, at rate {rate:.3g}, expected numbers; lower `rate`"
            f"{' or set `compute: bf16`' if scaler.is_enabled() else ''} (the checkpoint before it is kept)"
        )
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)


def _schedule(share: float) -> float:
    if share < WARM_UP:
        return (share + 1e-3) / (WARM_UP + 1e-3)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))


def _random_states(device: torch.device) -> list[torch.Tensor]:
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


def _save(
    name: str,
    parameters: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    done: Fitted,
    checkpoint: Checkpoint,
    us: Processes,
) -> None:
    states = us.gather(_random_states(us.device))
    if not us.main:
        return
    tensors = {f"value.{key}": p for key, p in parameters.items()}
    if not done.ended:
        kept = {key: optimizer.state[p] for key, p in parameters.items() if p in optimizer.state}
        for moment in ("step", *MOMENTS):
            tensors |= {f"{moment}.{key}": state[moment] for key, state in kept.items()}
        tensors |= {f"random.{at}.{r}": t for r, mine in enumerate(states) for at, t in enumerate(mine)}
    rows = [tuple(point)[1:] for point in done.curve]
    tensors["curve"] = torch.tensor(rows, dtype=torch.float64).reshape(-1, len(Point._fields) - 1)
    plain = {k: v for k, v in done.__dict__.items() if k != "curve"}
    checkpoint.save(name, tensors, {**plain, "at": list(done.at), "scaler": scaler.state_dict()})


def _restored(
    name: str,
    parameters: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    checkpoint: Checkpoint,
    us: Processes,
) -> Fitted:
    found = checkpoint.load(name)
    if found is None:
        return Fitted()
    tensors, state = found
    scaler.load_state_dict(state.pop("scaler"))
    curve = [Point(name, int(n), int(t), *rest) for n, t, *rest in tensors["curve"].tolist()]
    done = Fitted(**{**state, "at": tuple(state["at"]), "curve": curve})
    with torch.no_grad():
        for key, p in parameters.items():
            p.copy_(tensors[f"value.{key}"])
            if f"step.{key}" in tensors:
                optimizer.state[p] = {moment: tensors[f"{moment}.{key}"].to(p) for moment in MOMENTS}
                optimizer.state[p]["step"] = tensors[f"step.{key}"]
    states = [tensors[key] for at in range(2) if (key := f"random.{at}.{us.rank}") in tensors]
    if states:
        torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state(states[1], us.device)
    return done
