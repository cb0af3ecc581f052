"""The stored CSV of a load's whole difference, read in pages."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

from apps.core.files import open_file
from apps.core.models import StoredFile
from apps.fileio.csv_injection import unescape_formula
from apps.roster.diff import FIELDS, HEADER, REJECTED


def read_difference(stored: StoredFile, *, offset: int, size: int) -> tuple[list[dict[str, Any]], int]:
    """At most `size` rows from this byte on (0: the first), and the byte where the next one begins; 0 at the end."""
    with open_file(stored) as file:
        file.seek(offset)
        lines = _Lines(file)
        records = csv.reader(lines)
        if not offset:
            next(records)
        rows = [_row(dict(zip(HEADER, map(unescape_formula, cells), strict=True))) for cells in islice(records, size)]
        end = lines.offset
        return rows, end if next(records, None) else 0


class _Lines:
    """The lines of a file, which csv.reader takes as it needs them, and the byte behind those it took."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self.offset = file.tell()

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline():
            self.offset += len(line)
            yield line.decode("utf-8")


def _row(cells: dict[str, str]) -> dict[str, Any]:
    kind, name_before, name = cells["change"], cells["name_before"], cells["name"]
    # As in the examples: a new employee's name is no change, and a rejected row changes nothing.
    fields = [] if kind == REJECTED else [field for field in FIELDS if field != "name" or name_before]
    pairs = [(field, cells[f"{field}_before"], cells[field]) for field in fields]
    return {
        "kind": kind, "line": int(cells["line"] or 0), "staff_no": cells["staff_no"], "name": name,
        "changes": [{"field": field, "before": before, "after": after} for field, before, after in pairs
                    if before != after],
        "effective_on": cells["effective_on"], "column": cells["column"], "code": cells["code"],
        "reason": cells["reason"],
    }  # fmt: skip
