"""One training phase: steps under a token and a time budget, saved now and then, resumed where it stopped."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from shopping_assistant.tools.allocator import keep_freed_memory

WARM_UP = 0.03  # share of the steps in which the rate rises
FLOOR = 0.1  # share of the rate that is left at the end
CLIP = 1.0


@dataclass(frozen=True)
class Plan:
    """How a phase trains. ``total`` is what its batches' sizes sum up to; ``minutes`` ends it earlier."""

    rate: float
    total: int
    minutes: float
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.95)


@dataclass(frozen=True)
class Step:
    """A batch: where it stands, how much of the plan it is, and the loss it gives."""

    at: tuple[int, int]  # (epoch, batch)
    size: int
    loss: Callable[[], torch.Tensor]


class Checkpoint:
    """Tensors and what belongs to them in one folder, thrown away when they were made for something else."""

    def __init__(self, folder: Path, key: str):
        self.folder, self._key = folder, key
        try:
            kept = (folder / "key.txt").read_text(encoding="utf-8")
        except OSError:
            kept = None
        if kept != key:
            self.clear()

    def load(self, name: str) -> tuple[dict[str, torch.Tensor], dict] | None:
        """What was saved under this name, or None."""
        from safetensors import safe_open

        path = self.folder / f"{name}.safetensors"
        if not path.is_file():
            return None
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["state"])  # noqa: SIM118

    def save(self, name: str, tensors: dict[str, torch.Tensor], state: dict) -> None:
        from safetensors.torch import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "key.txt").write_text(self._key, encoding="utf-8")
        temporary = self.folder / f".{name}.tmp"
        save_file({k: t.detach().contiguous() for k, t in tensors.items()}, temporary, {"state": json.dumps(state)})
        temporary.replace(self.folder / f"{name}.safetensors")

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Fitted:
    """What a phase did."""

    size: int = 0
    steps: int = 0
    seconds: float = 0.0
    loss: float = math.nan  # smoothed, of the last steps
    at: tuple[int, int] = (0, -1)  # the last step taken

    def as_figures(self) -> dict:
        return {
            "tokens": self.size,
            "steps": self.steps,
            "seconds": round(self.seconds, 1),
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
) -> Fitted:
    """AdamW over the steps, rate warmed up and then on a cosine over the plan, until total or time is reached.

    Args:
        parameters: what is trained, by name; their values and both moments are saved every ``save_minutes``.
        steps: in their fixed order; those up to the saved one are passed over without computing their loss.
        told: called with the share of the plan that is done.
    """
    keep_freed_memory()
    trained = list(parameters.values())
    matrices = [p for p in trained if p.ndim > 1]
    groups = [
        {"params": matrices, "weight_decay": plan.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=plan.rate, betas=plan.betas)
    done = _restored(name, parameters, optimizer, checkpoint)
    start = saved = time.perf_counter()
    before = done.seconds
    for step in steps:
        if step.at <= done.at:
            continue
        share = max(done.size / plan.total, done.seconds / (60 * plan.minutes))
        if share >= 1:
            break
        rate = plan.rate * _schedule(share)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = step.loss()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        value = float(loss.detach())
        done.loss = value if math.isnan(done.loss) else 0.98 * done.loss + 0.02 * value
        done.size, done.steps, done.at = done.size + step.size, done.steps + 1, step.at
        now = time.perf_counter()
        done.seconds = before + now - start
        told(min(1.0, max(done.size / plan.total, done.seconds / (60 * plan.minutes))))
        if now - saved > 60 * save_minutes:
            _save(name, parameters, optimizer, done, checkpoint)
            saved = time.perf_counter()
    return done


def _schedule(share: float) -> float:
    if share < WARM_UP:
        return (share + 1e-3) / (WARM_UP + 1e-3)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))


def _save(name: str, parameters: dict, optimizer: torch.optim.Optimizer, done: Fitted, checkpoint: Checkpoint) -> None:
    tensors = {f"value.{key}": p for key, p in parameters.items()}
    for key, p in parameters.items():
        for moment in ("exp_avg", "exp_avg_sq"):
            tensors[f"{moment}.{key}"] = optimizer.state[p][moment]
    checkpoint.save(name, tensors, {**done.__dict__, "at": list(done.at)})


def _restored(name: str, parameters: dict, optimizer: torch.optim.Optimizer, checkpoint: Checkpoint) -> Fitted:
    found = checkpoint.load(name)
    if found is None:
        return Fitted()
    tensors, state = found
    done = Fitted(**{**state, "at": tuple(state["at"])})
    with torch.no_grad():
        for key, p in parameters.items():
            p.copy_(tensors[f"value.{key}"])
            optimizer.state[p] = {
                "step": torch.tensor(float(done.steps)),
                "exp_avg": tensors[f"exp_avg.{key}"].to(p),
                "exp_avg_sq": tensors[f"exp_avg_sq.{key}"].to(p),
            }
    return done
