"""The lines of the audit stream: JSON objects, each with a sequence and the hash of the line before."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

# The hash before the first line of a stream.
NO_HASH = "0" * 64


@dataclass(frozen=True)
class Position:
    """The last line of a stream; sequence 0 before the first one."""

    stream: str
    sequence: int = 0
    hash: str = NO_HASH


def seal(entry: dict[str, Any], before: Position) -> dict[str, Any]:
    """The line of this entry, which follows the line at `before`."""
    body = {"stream": before.stream, "sequence": before.sequence + 1, "previous": before.hash, **entry}
    return body | {"hash": line_hash(body)}


def line_hash(line: dict[str, Any]) -> str:
    """SHA-256 of the line without its `hash`, as JSON with sorted keys, without spaces, in ASCII.

    A receiver may store the keys in another order and with other spaces.
    """
    body = {key: value for key, value in line.items() if key != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def position_of(line: dict[str, Any]) -> Position:
    return Position(line["stream"], line["sequence"], line["hash"])
