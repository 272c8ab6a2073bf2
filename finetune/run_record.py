"""What a training run leaves behind: the settings and machine it ran with, every step's loss, and a picture of it."""

from __future__ import annotations

import csv
import dataclasses
import json
import logging
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from shopping_assistant.finetune.fitting import Point

# Those whose version can change what a run gives.
PACKAGES = (
    "torch", "transformers", "peft", "accelerate", "bitsandbytes", "tokenizers", "safetensors", "sentence-transformers",
    "numpy", "polars",
)  # fmt: skip
COLUMNS = ("phase", "step", "tokens", "seconds", "loss", "rate")
GB = 1e9


def environment() -> dict:
    """The code's commit, the versions, and the machine: JSON-ready, without a name of the machine or of its user."""
    import torch

    commit, dirty = _commit()
    return {
        "commit": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": [
            {"name": p.name, "memory_gb": round(p.total_memory / GB, 1)}
            for p in map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
        ],
    }


def peak_memory() -> dict:
    """``resident_gb`` of this process and ``gpu_gb`` of its tensors (None without a GPU), at their highest, in 1e9."""
    import torch

    gpu = round(torch.cuda.max_memory_allocated() / GB, 3) if torch.cuda.is_available() else None
    return {"resident_gb": round(_peak_resident() / GB, 3), "gpu_gb": gpu}


def write(folder: Path, record: dict, curve: Sequence[Point]) -> None:
    """``record.json``, ``loss.csv`` and ``loss.png`` as one folder, whole or not at all; an older one is replaced.

    Args:
        record: JSON-ready but for dataclasses, numpy numbers and numbers that are none (written as null).
        curve: every step in the order taken; without any there is no picture.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        text = json.dumps(_plain(record), indent=1, ensure_ascii=False, allow_nan=False)
        (temporary / "record.json").write_text(text + "\n", encoding="utf-8")
        _write_csv(temporary / "loss.csv", curve)
        if curve:
            draw(curve, temporary / "loss.png")
        for file in temporary.iterdir():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def draw(curve: Sequence[Point], path: Path) -> None:
    """The loss over the tokens, a panel a phase: every step light, their running mean on top; 900 x 500 pixels."""
    # The first import on a machine lists its fonts and says so, which is no news of the run.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, MaxNLocator

    phases = list(dict.fromkeys(p.phase for p in curve))
    figure = Figure(figsize=(9, 5), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for panel, phase in zip(figure.subplots(1, len(phases), squeeze=False)[0], phases, strict=True):
        points = [p for p in curve if p.phase == phase]
        tokens, losses = np.array([p.tokens for p in points]), np.array([p.loss for p in points], dtype=float)
        smooth = smoothed(losses)
        few = "o" if len(points) < 20 else ""
        panel.plot(tokens, losses, color="#9db8d9", linewidth=0.8, marker=few, markersize=3, label="each step")
        panel.plot(tokens, smooth, color="#1f3d7a", linewidth=1.8, label="running mean")
        panel.set_title(f"{phase}\n{len(points):,} steps, {smooth[-1]:.3f} at the end", fontsize=10)
        panel.set_xlabel("tokens of this phase")
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("loss, nats a token")
    figure.axes[0].legend(frameon=False)
    canvas.print_png(path, metadata={"Software": None})


def smoothed(losses: np.ndarray) -> np.ndarray:
    """``(n,)`` exponential running mean over about a fortieth of the steps; it starts at the first loss, not at 0."""
    keep = 1 - 1 / max(1.0, len(losses) / 40)
    out, total, weight = np.empty(len(losses)), 0.0, 0.0
    for i, loss in enumerate(losses):
        if math.isfinite(loss):
            total, weight = keep * total + (1 - keep) * loss, keep * weight + (1 - keep)
        out[i] = total / weight if weight else math.nan
    return out


def _write_csv(path: Path, curve: Sequence[Point]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(COLUMNS)
        for p in curve:
            # Nine digits give a 32-bit number back exactly.
            lines.writerow((p.phase, p.step, p.tokens, f"{p.seconds:.3f}", f"{p.loss:.9g}", f"{p.rate:.9g}"))


def _plain(value: object) -> object:
    """As JSON has it: dataclasses as objects, numpy's and torch's numbers as numbers, what is no number as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _commit() -> tuple[str | None, bool | None]:
    """The commit of the checkout this file is part of and whether tracked files differ from it; None outside of one."""
    here = Path(__file__).resolve()

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(here.parent), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    # An environment inside someone's own checkout is not that checkout's code.
    if not git("ls-files", "--error-unmatch", here.name):
        return None, None
    changed = git("status", "--porcelain", "--untracked-files=no")
    return git("rev-parse", "HEAD"), None if changed is None else bool(changed)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _peak_resident() -> int:
    """Bytes. Linux hands ``ru_maxrss`` of the process that started this one on to it; ``VmHWM`` is its own."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
