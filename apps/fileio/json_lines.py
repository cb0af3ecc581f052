"""Read JSON lines (one object a line, UTF-8) as the records of a table."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from apps.core.text import is_storable
from apps.fileio.csv_quoting import MAX_RECORD_CHARS
from apps.fileio.csv_reader import Record
from apps.fileio.encodings import physical_lines
from apps.fileio.errors import UnreadableFile

# Each row has a cell for each key of the file: a few wide objects must not widen millions of small ones.
MAX_KEYS = 100
OBJECT = re.compile(rb'\s*\{\s*["}]')


class JsonLines:
    """The objects of a file as records. `header`: all keys, in the order of their first appearance.

    A missing key and null are an empty cell; numbers keep their digits. Raises UnreadableFile, with the line, for
    anything that is no flat object of texts and numbers.
    """

    header_line = 1

    def __init__(self, raw: IO[bytes]):
        self._raw = raw
        keys: dict[str, None] = {}
        for number, entry in self._objects():
            keys |= dict.fromkeys(entry)
            if len(keys) > MAX_KEYS:
                raise UnreadableFile(f"line {number}: more than {MAX_KEYS} different keys", number)
        self.header = list(keys)
        if not keys:
            raise UnreadableFile("the file has no objects")

    def __iter__(self) -> Iterator[Record]:
        columns = tuple(self.header)
        for number, entry in self._objects():
            if any(entry.values()):
                yield Record(number, [entry.get(key, "") for key in columns], "", columns)

    def _objects(self) -> Iterator[tuple[int, dict[str, str]]]:
        self._raw.seek(0)
        text = io.TextIOWrapper(self._raw, encoding="utf-8-sig", newline="")
        number = 0
        try:
            for number, line in enumerate(physical_lines(text, MAX_RECORD_CHARS), 1):
                if not line.isspace():
                    yield number, _flat_object(line, number)
        except UnicodeDecodeError as error:
            raise UnreadableFile(f"line {number + 1}: not UTF-8", number + 1) from error
        finally:
            # Otherwise the wrapper would close the caller's file.
            text.detach()
            self._raw.seek(0)


def is_json_lines(raw: IO[bytes]) -> bool:
    """Whether a seekable file begins with an object; leaves it at its start."""
    raw.seek(0)
    start = raw.read(1_000)
    raw.seek(0)
    return OBJECT.match(start.removeprefix(b"\xef\xbb\xbf")) is not None


def _flat_object(line: str, number: int) -> dict[str, str]:
    if len(line) > MAX_RECORD_CHARS:
        raise UnreadableFile(f"line {number}: more than {MAX_RECORD_CHARS:,} characters", number)
    try:
        # Numbers as they are written: a staff number must not lose a digit.
        pairs = json.loads(
            line, parse_int=str, parse_float=str, parse_constant=_refuse_constant, object_pairs_hook=_Pairs
        )
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"line {number}: not valid JSON", number) from error
    if not isinstance(pairs, _Pairs):
        raise UnreadableFile(f"line {number}: not an object", number)
    values = {key: "" if value is None else value for key, value in pairs}
    if len(values) < len(pairs):
        raise UnreadableFile(f"line {number}: a key appears twice", number)
    if not all(isinstance(value, str) and is_storable(key + value) for key, value in values.items()):
        raise UnreadableFile(f"line {number}: a value is neither a text nor a number", number)
    return {key: value.strip() for key, value in values.items()}


class _Pairs(list[tuple[str, Any]]):
    """The members of one object, with repeated keys."""


def _refuse_constant(name: str) -> str:
    raise ValueError(name)
