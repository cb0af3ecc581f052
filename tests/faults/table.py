"""The results so far, line by line in var/faults.jsonl, and the table at the end."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Line:
    """Some trials of one scenario, or one try of a mutant. `not_run` says why there are none."""

    id: str
    broker: str
    seed: int
    mutant: str = ""
    trials: int = 0
    failures: list[str] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    not_run: str = ""


def append(path: Path, line: Line) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(line), ensure_ascii=False) + "\n")


def read(path: Path) -> list[Line]:
    """The lines of earlier runs; the incomplete line of a killed run is skipped."""
    found = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            found.append(Line(**json.loads(text)))
        except (ValueError, TypeError):
            continue
    return found


@dataclass
class Row:
    """One scenario over one broker, with all its lines."""

    id: str
    broker: str
    wanted: int
    lines: list[Line]
    mutants: tuple[str, ...]

    @property
    def trials(self) -> int:
        return sum(line.trials for line in self.lines if not line.mutant)

    @property
    def failures(self) -> list[str]:
        return [failure for line in self.lines if not line.mutant for failure in line.failures]

    @property
    def not_run(self) -> str:
        return next((line.not_run for line in self.lines if line.not_run), "") if not self.trials else ""

    def caught(self, mutant: str) -> bool | None:
        """None: not tried yet."""
        tried = [bool(line.failures) for line in self.lines if line.mutant == mutant]
        return tried[-1] if tried else None

    @property
    def held(self) -> bool:
        """No failure, and every mutant that was tried has failed."""
        return not self.failures and all(self.caught(mutant) is not False for mutant in self.mutants)

    def cells(self) -> list[str]:
        if self.not_run:
            return [self.id, self.broker, f"not run of {self.wanted}", "", "", "", self.not_run]
        seeds = sorted({line.seed for line in self.lines if not line.mutant})
        recoveries = [took for line in self.lines if not line.mutant for took in line.recoveries]
        back = f"{statistics.median(recoveries):.2f} / {max(recoveries):.2f}" if recoveries else ""
        words = {True: "caught", False: "MISSED", None: "not tried"}
        mutants = "; ".join(f"{name.replace('_', ' ')}: {words[self.caught(name)]}" for name in self.mutants)
        shown = ", ".join(map(str, seeds[:3])) + (" ..." if len(seeds) > 3 else "")
        return [self.id, self.broker, f"{self.trials} of {self.wanted}", str(len(self.failures)), shown, back, mutants]

    def counts(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for line in self.lines:
            if not line.mutant:
                for name, number in line.counts.items():
                    total[name] = total.get(name, 0) + number
        return total


HEADER = ["id", "broker", "trials", "failures", "seed", "back after (s): median / longest", "mutants"]


def table(rows: Iterable[Row]) -> str:
    """In Markdown, as docs/reliability.md has it."""
    rows = list(rows)
    lines: list[list[Any]] = [HEADER, ["---"] * len(HEADER), *(row.cells() for row in rows)]
    told = ["| " + " | ".join(line) + " |" for line in lines]
    for row in rows:
        if counts := row.counts():
            told.append(f"{row.id} {row.broker}: " + ", ".join(f"{counts[name]} {name}" for name in sorted(counts)))
        told += [f"{row.id} {row.broker} FAILED: {failure}" for failure in row.failures[:10]]
    return "\n".join(told)
