"""What the commands of ``shop`` share: options and progress bars."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_STORE = Path("stores/demo")
StoreOption = Annotated[Path, typer.Option("--store", help="The shop's folder.", show_default=True)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@contextmanager
def progress_bars() -> Iterator:
    """``start(name)`` gives a callback (done, total) that moves a bar of that name on standard error."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = [TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True) as bars:

        def start(name: str):
            bar = bars.add_task(name, total=None)

            def move(done: int, total: int | None = None) -> None:
                bars.update(bar, completed=done, total=total)

            return move

        yield start
