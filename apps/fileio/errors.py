"""The reasons why a file cannot be read."""

from __future__ import annotations

from typing import Any


class UnreadableFile(ValueError):
    """The file as a whole cannot be read. `line`: the line near which the reason is, 0 for none."""

    # Previews store it, and pages choose their sentence by it.
    code = "unreadable"

    def __init__(self, message: str, line: int = 0):
        super().__init__(message)
        self.line = line

    def as_problem(self) -> dict[str, Any]:
        """Return what a page needs for its sentence."""
        return {"problem": self.code, "line": self.line}


class TooLarge(UnreadableFile):
    """The file exceeds a limit: `limit` of `unit`, a plural in lower case."""

    code = "too_large"

    def __init__(self, limit: int, unit: str, line: int = 0):
        super().__init__(f"line {line:,}: more than {limit:,} {unit}" if line else f"more than {limit:,} {unit}", line)
        self.limit, self.unit = limit, unit

    def as_problem(self) -> dict[str, Any]:
        return super().as_problem() | {"limit": self.limit, "unit": self.unit}


class BinaryFile(UnreadableFile):
    """The file is a workbook, an archive, a document or a picture instead of text."""

    code = "packed"


class UnsureEncoding(UnreadableFile):
    """The file is legacy text of an uncertain encoding. `candidates`: codec names, likeliest first."""

    code = "unsure_encoding"

    def __init__(self, message: str, candidates: list[str]):
        super().__init__(message)
        self.candidates = candidates
