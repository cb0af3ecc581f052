"""The history of a campaign from a CSV file of persons and days, one line for each counted contact."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from apps.forecasts.model.history import History


class UnusableFile(Exception):
    """The message says in which line and why."""


def read_history(path: Path, opens: date, deadline: date, target: int) -> History:
    """The contacts from `opens` to `deadline`, both included. The header has `person` and `day`.

    A line without a day lists a person who may have no contact. A day may carry a time, which is ignored. Persons are
    listed in the order of their names, so that the same lines give the same forecast.
    """
    days: dict[str, dict[int, int]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"person", "day"} <= set(rows.fieldnames or ()):
            raise UnusableFile(f"{path}: the first line must name the columns person and day")
        for row in rows:
            counts = days.setdefault(row["person"], {})
            text = (row["day"] or "").strip()
            if text:
                day = (_date(text, path, rows.line_num) - opens).days
                if 0 <= day <= (deadline - opens).days:
                    counts[day] = counts.get(day, 0) + 1
    people = dict(sorted(days.items()))
    return History((deadline - opens).days + 1, people, dict.fromkeys(people, target))


def _date(text: str, path: Path, line: int) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise UnusableFile(f"{path}, line {line}: {text!r} is not a day such as 2026-11-30") from error
