"""Typed constraints and the products that meet them, as a mask over the catalogue's rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError

Operator = Literal["in", "not in", "<=", ">="]
OPERATORS = get_args(Operator)
# Each catalogue's columns of numbers, read when first asked for: of 1.4 million products that takes a second.
_NUMBERS: WeakKeyDictionary[Catalog, dict[str, np.ndarray]] = WeakKeyDictionary()


class ConstraintError(ShopError):
    """A constraint that no catalogue could answer."""


@dataclass(frozen=True)
class Constraint:
    """One wish: ``attribute`` ``op`` ``values``; ``said`` keeps the shopper's words for it."""

    attribute: str
    op: Operator
    values: tuple[str | float, ...]
    said: str = ""

    def __post_init__(self):
        if self.op not in OPERATORS:
            expected = ", ".join(OPERATORS)
            raise ConstraintError(f"constraint on {self.attribute}: op {self.op!r}, expected one of {expected}")
        if not self.values:
            raise ConstraintError(f"constraint on {self.attribute}: no values; give at least one")
        if self.op in ("<=", ">="):
            if len(self.values) != 1:
                raise ConstraintError(f"{self.attribute} {self.op}: got {len(self.values)} values, expected one number")
            try:
                bound = float(self.values[0])
            except (TypeError, ValueError):
                bound = float("nan")
            if np.isnan(bound):
                raise ConstraintError(f"{self.attribute} {self.op} {self.values[0]!r}: expected a number")
            object.__setattr__(self, "values", (bound,))

    @property
    def is_exclusion(self) -> bool:
        return self.op == "not in"

    def as_dict(self) -> dict:
        return {"attribute": self.attribute, "op": self.op, "values": list(self.values), "said": self.said}

    @classmethod
    def from_dict(cls, given: dict) -> Constraint:
        """Read the JSON form back.

        Raises:
            ConstraintError: a key is missing, or the constraint makes no sense.
        """
        try:
            values = given["values"]
            values = tuple(values) if isinstance(values, (list, tuple)) else (values,)
            return cls(str(given["attribute"]), given["op"], values, str(given.get("said", "")))
        except (KeyError, TypeError) as error:
            raise ConstraintError(
                f"constraint {given!r}: expected an object with attribute, op and values ({error})"
            ) from error


def mask(catalog: Catalog, constraints: Iterable[Constraint], available_only: bool = True) -> np.ndarray:
    """Which products meet every constraint, ``(n,)`` bool.

    Text compares without case. A list cell matches when any element does. Where the catalogue gives no value the
    product fails ``in``, ``<=`` and ``>=`` and passes ``not in``: nobody excluded what is not said to be there.
    """
    keep = (catalog.available if available_only else catalog.listed).copy()
    for c in constraints:
        if c.op in ("<=", ">="):
            numbers = _numbers(catalog, c.attribute)
            with np.errstate(invalid="ignore"):
                keep &= numbers <= c.values[0] if c.op == "<=" else numbers >= c.values[0]
            continue
        has = np.zeros(len(catalog), dtype=bool)
        for value in c.values:
            if isinstance(value, str):
                has[catalog.rows_with(c.attribute, value)] = True
            else:
                has |= _numbers(catalog, c.attribute) == float(value)
        keep &= has if c.op == "in" else ~has
    return keep


def _numbers(catalog: Catalog, attribute: str) -> np.ndarray:
    columns = _NUMBERS.setdefault(catalog, {})
    if attribute not in columns:
        columns[attribute] = catalog.numbers(attribute)
    return columns[attribute]
