"""Commands as they stand beside figures and in a report: to be typed anywhere, naming no place of a machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def without_places(words: Sequence[object]) -> list[str]:
    """The words of a command, each by `without_place`; of ``--option=PATH`` the path."""
    said = []
    for word in map(str, words):
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        said.append(f"{option}{equals}{without_place(value)}")
    return said


def without_place(text: str) -> str:
    """An absolute path from the working directory on, or its last part where it lies elsewhere; other text as it is."""
    path = Path(text)
    if not path.is_absolute():
        return text
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else path.name
