"""The scorer of `fused`: what all parts say of a candidate, weighed by what was learned on validation sessions."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from shopping_assistant.tools.candidates import PARTS
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import write_json

FORMAT = 1


class FusionError(ShopError):
    """Weights that are missing, damaged, or of other features."""


class Scorer(nn.Module):
    """A weighted sum of the features, and where sessions were plenty a small network beside it.

    Args:
        features: names, ``part: what``.
        hidden: units of the network; 0 for the weighted sum alone.
        parts: those whose features count.
    """

    def __init__(self, features: Sequence[str], hidden: int = 0, parts: Sequence[str] = PARTS):
        super().__init__()
        self.features, self.hidden, self.parts = tuple(features), hidden, tuple(parts)
        used = torch.tensor([name.split(":")[0] in parts for name in features])
        self.register_buffer("used", used, persistent=False)
        self.register_buffer("centre", torch.zeros(len(features)))
        self.register_buffer("spread", torch.ones(len(features)))
        self.linear = nn.Linear(len(features), 1, bias=False)
        nn.init.zeros_(self.linear.weight)
        with warnings.catch_warnings():
            # A network without units is meant: torch warns that there is nothing to initialise.
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")
            self.widen, self.narrow = nn.Linear(len(features), hidden), nn.Linear(hidden, 1, bias=False)
        if hidden:
            nn.init.zeros_(self.narrow.weight)

    def standardise(self, features: torch.Tensor) -> None:
        """Take the centre and spread of each feature from ``(m, f)`` candidates; fewer than two have no spread."""
        if len(features) < 2:
            return
        self.centre.copy_(features.mean(dim=0))
        self.spread.copy_(features.std(dim=0).clamp(min=1e-6))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """``(…, f)`` to ``(…)``; higher is better."""
        x = ((features - self.centre) / self.spread).clamp(-8, 8) * self.used
        scores = self.linear(x)
        if self.hidden:
            scores = scores + self.narrow(nn.functional.gelu(self.widen(x)))
        return scores.squeeze(-1)

    @torch.inference_mode()
    def scores(self, features: np.ndarray, rows: np.ndarray, sources: np.ndarray) -> np.ndarray:
        """``(b, c)`` float32; -inf where there is no candidate, or none that one of ``parts`` named."""
        made = self(torch.from_numpy(features)).numpy().astype(np.float32)
        return np.where(self.counts(rows, sources), made, -np.inf)

    def counts(self, rows: np.ndarray, sources: np.ndarray) -> np.ndarray:
        """Which candidates there are for the parts of this scorer, ``(b, c)`` bool."""
        bits = sum(1 << i for i, part in enumerate(PARTS) if part in self.parts)
        return (rows >= 0) & ((sources & bits) > 0)

    def save(self, folder: Path) -> None:
        """Write ``fusion.json`` and ``fusion.safetensors``."""
        save_file({name: w.contiguous() for name, w in self.state_dict().items()}, folder / "fusion.safetensors")
        described = {
            "format": FORMAT,
            "hidden": self.hidden,
            "parts": list(self.parts),
            "features": list(self.features),
        }
        write_json(folder / "fusion.json", described)

    @classmethod
    def load(cls, folder: Path, features: Sequence[str]) -> Scorer:
        """Read what `save` wrote.

        Raises:
            FusionError: there is none, it is damaged, or it weighs other features than ``features``.
        """
        try:
            described = json.loads((folder / "fusion.json").read_text(encoding="utf-8"))
            weights = load_file(folder / "fusion.safetensors")
            scorer = cls(described["features"], described["hidden"], described["parts"])
            scorer.load_state_dict(weights)
            known = described["format"]
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise FusionError(
                f"{folder} holds no readable weights ({error}); learn them with `shop build --only fused`"
            ) from error
        if known != FORMAT or scorer.features != tuple(features):
            other = sorted(set(scorer.features) ^ set(features))
            raise FusionError(
                f"{folder}: weights of format {known} for {len(scorer.features)} features, expected {FORMAT} and "
                f"{len(features)} ({', '.join(other[:3]) or 'in another order'}); run `shop build --only fused`"
            )
        return scorer.eval()
