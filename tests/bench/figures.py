"""A measured figure with its reference, and its output as a table and as JSON."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

COMPARE = {">=": operator.ge, "<=": operator.le, "<": operator.lt}
COLUMNS = ("id", "what", "value", "unit", "reference", "ratio", "goal", "ok")
# Numbers are right-aligned.
NUMBERS = ("value", "reference", "ratio")


class Goal(NamedTuple):
    """The goal of a figure: its `value`, or its `ratio` to the reference."""

    of: str
    sign: str
    number: float

    def __str__(self) -> str:
        return f"{self.of} {self.sign} {self.number:,}"


@dataclass(frozen=True)
class Figure:
    """One line. `reference` is in the unit of `value`; a figure without a goal is for information."""

    id: str
    what: str
    value: float
    unit: str
    reference: float | None = None
    ratio: float | None = None
    goal: Goal | None = None

    @property
    def ok(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        measured = self.value if self.goal.of == "value" else self.ratio
        return measured is not None and bool(COMPARE[self.goal.sign](measured, self.goal.number))

    def as_json(self) -> dict[str, Any]:
        goal = str(self.goal) if self.goal else None
        result = {"value": _rounded(self.value), "unit": self.unit, "reference": _rounded(self.reference)}
        return {**result, "ratio": _rounded(self.ratio), "goal": goal, "ok": self.ok}

    def as_cells(self) -> list[str]:
        """The line of the table, in the order of COLUMNS."""
        met = {None: "-", True: "ok", False: "missed"}[self.ok]
        goal = str(self.goal) if self.goal else "-"
        shown = (_shown(self.value), self.unit, _shown(self.reference), _shown(self.ratio))
        return [self.id, self.what, *shown, goal, met]


def compared(id: str, what: str, value: float, unit: str, reference: float, goal: Goal | None = None) -> Figure:
    """A figure with its ratio to a reference."""
    return Figure(id, what, value, unit, reference, value / reference, goal)


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned lines under their columns."""
    lines = [list(COLUMNS), *(figure.as_cells() for figure in figures)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(COLUMNS))]
    return "\n".join(_aligned(line, widths) for line in lines)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if name in NUMBERS else cell.ljust(width)
        for cell, width, name in zip(line, widths, COLUMNS, strict=True)
    ]
    return "  ".join(cells).rstrip()


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def _shown(number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:,.0f}" if abs(number) >= 1_000 else f"{number:,.2f}"
