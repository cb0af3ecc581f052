"""Checks that received lines of the audit stream are complete and unchanged."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from apps.exports.audit_stream.lines import Position, line_hash

FIELDS = {"stream": str, "sequence": int, "previous": str, "hash": str}


@dataclass
class Finding:
    """`first` and `last` are sequences. `problem` is a sentence about the first gap or change; empty without one."""

    stream: str = ""
    first: int = 0
    last: int = 0
    last_hash: str = ""
    repeated: int = 0
    problem: str = ""
    hashes: dict[int, str] = field(default_factory=dict, repr=False)

    @property
    def as_json(self) -> dict[str, Any]:
        shown = asdict(self)
        del shown["hashes"]
        return shown


def verify(lines: Iterable[str], sent: Position | None = None) -> Finding:
    """Check lines in the order of their arrival, each with or without a header of syslog before its JSON.

    A line may repeat an earlier one, because each is sent at least once. A file may begin anywhere in the stream; the
    start and the end are in the finding. `sent` is what Hundred has sent: a file that holds that line must agree.
    """
    finding = Finding()
    for number, text in enumerate(lines, 1):
        if text.strip() and (problem := _next(finding, text)):
            finding.problem = f"Line {number}: {problem}."
            return finding
    if not finding.last:
        finding.problem = "There is no line."
    elif sent and sent.stream == finding.stream and finding.hashes.get(sent.sequence, sent.hash) != sent.hash:
        finding.problem = f"Entry {sent.sequence} is not the one that was sent: the whole file was made anew."
    return finding


def _next(finding: Finding, text: str) -> str:
    """Add a line to the finding; returns what is wrong with it."""
    line = _parsed(text)
    if line is None:
        return "it is no entry of the stream"
    sequence = line["sequence"]
    if line_hash(line) != line["hash"]:
        return f"entry {sequence} was changed"
    if finding.last and line["stream"] != finding.stream:
        return "another stream begins here; check each one by itself"
    if (known := finding.hashes.get(sequence)) is not None:
        finding.repeated += 1
        return "" if known == line["hash"] else f"entry {sequence} came before with another content"
    if finding.last and sequence != finding.last + 1:
        return _gap(finding, sequence)
    if (finding.last and line["previous"] != finding.last_hash) or sequence < 1:
        return f"entry {sequence} does not follow the entry before: one of them was replaced"
    finding.hashes[sequence] = finding.last_hash = line["hash"]
    finding.stream, finding.first, finding.last = line["stream"], finding.first or sequence, sequence
    return ""


def _gap(finding: Finding, sequence: int) -> str:
    if sequence < finding.first:
        return f"entry {sequence} is before the first one of the file, {finding.first}"
    if sequence == finding.last + 2:
        return f"entry {finding.last + 1} is missing"
    return f"entries {finding.last + 1} to {sequence - 1} are missing"


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text[text.index("{") :])
    except (ValueError, RecursionError):
        return None
    usable = isinstance(line, dict) and all(type(line.get(key)) is kind for key, kind in FIELDS.items())
    return line if usable else None
