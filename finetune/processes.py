"""The processes of one training: one alone, or several under ``accelerate launch``, a GPU each.

Every process builds the same plan and takes its share of each step; what is read, written, measured or printed once is
done by the main one, and the others get the outcome or learn that it failed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store

T = TypeVar("T")
# The main process validates while the others wait.
PATIENCE = timedelta(days=2)


class MainProcessError(ShopError):
    """Another process failed; it says itself why."""


class WatchedStore(Store):
    """A store as a process that is not the main one sees it: read as usual, and never written to."""

    def record(self, name: str, made_by: dict) -> None:
        """Nothing: the main process records."""


def rank() -> int:
    """This process's number as the launcher gave it; 0 is the main one, and a process alone."""
    return int(os.environ.get("RANK", 0)) if launched() else 0


def launched() -> bool:
    """Whether a launcher started several processes."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1


@dataclass(frozen=True)
class Processes:
    """This process among ``world``; ``device`` is its own."""

    rank: int
    world: int
    device: torch.device

    @property
    def main(self) -> bool:
        return self.rank == 0

    def part(self, rows: Sequence[T]) -> Sequence[T]:
        """This process's share of a step's rows."""
        return rows[self.rank :: self.world]

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over the processes, in place."""
        if self.world > 1:
            torch.distributed.all_reduce(values)
        return values

    def gather(self, value: Any) -> list:
        """Every process's value, by rank."""
        if self.world == 1:
            return [value]
        out: list = [None] * self.world
        torch.distributed.all_gather_object(out, value)
        return out

    def copy(self, tensors: Sequence[torch.Tensor]) -> None:
        """The main process's values for everyone, in place."""
        if self.world > 1:
            for tensor in tensors:
                torch.distributed.broadcast(tensor.data, 0)

    def share(self, make: Callable[[], T]) -> T:
        """What the main process makes, in every process.

        Raises:
            MainProcessError: in the others, when the main process raised.
        """
        if self.world == 1:
            return make()
        told: list = [None, False]
        if self.main:
            try:
                told = [make(), True]
            finally:
                torch.distributed.broadcast_object_list(told, 0)
        else:
            torch.distributed.broadcast_object_list(told, 0)
        if not told[1]:
            raise MainProcessError(f"process {self.rank} ends: the main process failed and says why")
        return told[0]


def alone(device: torch.device | None = None) -> Processes:
    """One process."""
    return Processes(0, 1, device or torch.device("cuda" if torch.cuda.is_available() else "cpu"))


@contextmanager
def joined() -> Iterator[Processes]:
    """This process among those that the launcher started; it leaves them at the end, well or ill."""
    if not launched():
        yield alone()
        return
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
    try:
        yield Processes(state.process_index, state.num_processes, state.device)
    except RuntimeError as error:
        if not (isinstance(error, torch.distributed.DistError) or "Connection closed" in str(error)):
            raise
        raise MainProcessError(f"process {state.process_index} ends: another one is gone, and says why") from error
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        PartialState._reset_state()
