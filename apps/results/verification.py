#!/usr/bin/env python3
"""Proves, with no database and no network, that a CSV is a frozen result of Hundred, its hand-over, or a part of one.

    python3 verify.py FILE.csv [--signature FILE.csv.sig] --public-key KEY.pem [--clean OUT.csv] [--json]
    python3 verify.py TEAM.csv --part FILE.csv [--signature FILE.csv.sig] --public-key KEY.pem [--clean OUT.csv]

HR gives this one file to an auditor, who can read it from top to bottom: it needs Python 3.11 and the package
`cryptography`, nothing else, and is therefore longer than other modules. A file that a spreadsheet program saved again
still verifies: with other quotes, line ends or encoding, without a byte order mark, or with uncovered columns of
Hundred left out or moved. Refused are a separator other than the comma, columns that Hundred does not write, and
duplicate columns. With --part the file holds some rows of the result, in any order: the whole result is verified first,
then every row of the part is found in it. --clean writes a copy with the proved data only. Exit status: 0 it is proved,
1 it is not, 2 wrong usage.

A signature of version 2 covers the columns of COVERED, one of version 1 only five; other columns are not proved, and
the answer names them. The digest is SHA-256 over the canonical text, in UTF-8, each line ended by LF: first the subject
of the signature (`canonical_head`), then a line per employee (`canonical_line`), ordered by the code points of the
staff number. The signature file holds the first eight bytes of every line's SHA-256, so that the first line that
differs can be named, and an Ed25519 signature over all of it as canonical JSON.
"""

import argparse
import base64
import csv
import hashlib
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import chain, islice, product, zip_longest
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

FORM = 2  # the version of the canonical form for new signatures
RESULT, HANDOVER = "result", "handover"
# What people read and pay by. The rest is left out: spreadsheets rewrite dates, and a proof must survive that (ADR 69).
COLUMNS = ("staff_no", "name", "counted", "target", "remaining", "exempt", "red")
# The columns covered by a signature, by form version and kind, in canonical order.
COVERED = {
    (1, RESULT): ("staff_no", "counted", "target", "exempt", "red"),
    (2, RESULT): COLUMNS,
    (2, HANDOVER): (*COLUMNS, "verdict"),
}
# All columns that Hundred writes into such a file.
KNOWN = {
    RESULT: (
        *COLUMNS, "email", "department", "manager_staff_no", "pace", "reached_at", "as_of", "under_review",
        "quiet_days", "last_counted_on", "manager_name", "counted_before", "change", "turned", "compared_with",
    ),
    HANDOVER: (
        *COLUMNS, "verdict", "email", "result_version", "rule_version", "cutoff_at", "reviews_as_of", "digest",
    ),
}  # fmt: skip
HEAD = ("campaign", "cutoff", "rule_version", "result_version")
SIGNED = (*HEAD, "rows", "line_hashes", "digest")
OF_HANDOVER = ("reviews_as_of", "result_digest")
SHORT_HASH_BYTES = 8  # bytes kept of each line's hash
MAX_SHOWN_CHARS = 40  # characters of a cell in a sentence
CHUNK_CHARS = 1 << 16  # characters decoded at a time
# Tried in this order; the second and third only where the file is not UTF-8, and the third also after the second.
ENCODINGS = ("utf-8-sig", "gb18030", "cp1252")
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
# In unsigned columns these characters could make the file look like another table to another program.
SEPARATING = re.compile(r"[;|\x00-\x1f\x7f\x85\u2028\u2029]")
# As in apps/fileio/csv_injection.py: a spreadsheet runs a text that begins with one of these signs, also behind blanks
# and quotes, and reads what follows a separator as another cell.
SIGNS, QUOTES, SEPARATORS = frozenset("-=+@\t\r＝＋－＠"), frozenset("\"'＂＇‘’“”"), frozenset(";\t\r\n")
# The end of the sentence about a file of which only the covered columns are proved.
PROVED = "Only the covered columns are proved: "
BYTE_ORDER_MARK = "\ufeff"
Cells = dict[str, str]


class UnreadableResultFile(ValueError):
    """A file that is not a CSV of standings, not a signature, or not a key."""


@dataclass(frozen=True)
class Finding:
    """Whether a file matches its signature; `sentence` says what is proved, or what is wrong.

    `line`: the first line that differs. `uncovered`: the columns that are not proved; `changed`: those of them that
    were compared and differ. `document`: the signature used. `lines`: gives the canonical lines that are proved.
    `encoding`: the encoding of the file.
    """

    verified: bool
    sentence: str
    line: int | None = None
    code: str = ""
    uncovered: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    document: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    lines: Callable[[], Iterator[str]] | None = field(default=None, repr=False, compare=False)
    encoding: str = field(default="", compare=False)

    @property
    def covered_is_proved(self) -> bool:
        """Whether the covered columns are proved, regardless of the others."""
        return self.verified or self.code == "uncovered"

    @property
    def as_json(self) -> dict[str, Any]:
        """The content of the programs' --json output."""
        proved = covered(self.document) if self.document and self.covered_is_proved else ()
        return {
            "verified": self.verified, "code": self.code, "line": self.line, "sentence": self.sentence,
            "proved": list(proved), "not_covered": list(self.uncovered), "changed": list(self.changed),
        }  # fmt: skip


# -- the canonical form --------------------------------------------------------------------------------------------


def form_of(document: dict[str, Any]) -> tuple[int, str]:
    """The version of a signature's form, and its kind; version 1 only had results."""
    return document.get("form", 1), document.get("kind", RESULT)


def covered(document: dict[str, Any]) -> tuple[str, ...]:
    """The columns that a signature covers, in canonical order."""
    return COVERED[form_of(document)]


def canonical_head(document: dict[str, Any]) -> str:
    """The first line or lines: the identity of the result, in version 2 also the kind and the columns.

    `cutoff` and `reviews_as_of` are instants in UTC, such as 2026-11-30T16:00:00Z.
    """
    form, kind = form_of(document)
    values = [str(document[name]) for name in HEAD]
    if form == 1:
        return ",".join(["hundred-1", *values])
    # A hand-over depends on the reviews open at an instant, so that instant is part of what is signed.
    more = [str(document[name]) for name in OF_HANDOVER] if kind == HANDOVER else []
    return ",".join([f"hundred-{form}", kind, *values, *more]) + "\n" + ",".join(covered(document))


def canonical_line(form: int, cells: Sequence[str]) -> str:
    """One person's covered cells, unambiguous: texts are quoted, the other cells have no comma.

    Version 1 has one text, the staff number, which comes first and is not quoted.
    """
    if form == 1:
        return ",".join(cells)
    # Quoted, because a name may hold a comma: two different rows must never give one line.
    texts = ['"' + cell.replace('"', '""') + '"' for cell in cells[:2]]
    return ",".join([*texts, *cells[2:]])


def fingerprints(first: str, lines: Iterable[str]) -> tuple[str, bytes, int]:
    """The digest of a result, the concatenated short hashes of its lines, and the number of lines."""
    sha256, short = hashlib.sha256(f"{first}\n".encode()), bytearray()
    for line in lines:
        sha256.update(f"{line}\n".encode())
        short += short_hash(line)
    return sha256.hexdigest(), bytes(short), len(short) // SHORT_HASH_BYTES


def short_hash(line: str) -> bytes:
    # surrogatepass: a forged file may hold half a character, and must be refused by its hash, not by an exception.
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).digest()[:SHORT_HASH_BYTES]


def signed_bytes(document: dict[str, Any]) -> bytes:
    """The signed bytes: all other fields of the signature file, as JSON with sorted names and no blanks."""
    rest = {name: document[name] for name in sorted(document) if name != "signature"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def formula_starts(text: str) -> list[bool]:
    """For each index of the text, and its end: would a spreadsheet run what begins there? In linear time."""
    starts = [False] * (len(text) + 1)
    # From the end, so that each character is visited once: a cell of a million quotation marks must not take hours.
    for index in range(len(text) - 1, -1, -1):
        sign = text[index]
        starts[index] = sign in SIGNS or ((sign.isspace() or sign in QUOTES) and starts[index + 1])
    return starts


def guarded(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would run, as Hundred writes it."""
    starts = formula_starts(text)
    pieces = (sign + "'" * (sign in SEPARATORS and starts[index + 1]) for index, sign in enumerate(text))
    return "'" * starts[0] + "".join(pieces)


def unguarded(text: str) -> str:
    """The text without the apostrophes that `guarded` writes."""
    if "'" not in text:  # nearly every cell
        return text
    starts = formula_starts(text)
    return "".join(
        sign
        for index, sign in enumerate(text)
        if not (sign == "'" and starts[index + 1] and (index == 0 or text[index - 1] in SEPARATORS))
    )


# -- reading -------------------------------------------------------------------------------------------------------


def read_signature(raw: bytes) -> dict[str, Any]:
    """The signature file as a document. Raises UnreadableResultFile."""
    try:
        # Everything a broken file can raise is caught below: an auditor must get a sentence, never a traceback.
        document = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once)
        form, kind = form_of(document)
        required = {*SIGNED, "signature"}
        if form != 1:
            required |= {"form", "kind", *(OF_HANDOVER if kind == HANDOVER else ())}
        # JSON's `true` and `2.0` equal 1 and 2 in Python, but not in another program that reads the file.
        is_complete = (form, kind) in COVERED and type(form) is int and set(document) == required
        hashes = base64.b64decode(document["line_hashes"], validate=True)
        is_complete = is_complete and len(hashes) == SHORT_HASH_BYTES * document["rows"]
        base64.b64decode(document["signature"], validate=True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableResultFile("the signature file was not made by Hundred") from error
    if not is_complete:
        raise UnreadableResultFile("the signature file is incomplete, or has a version that this program does not know")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse duplicate names: one program would read the first, another the second."""
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a name appears twice")
    return document


def read_key(pem: bytes) -> Ed25519PublicKey:
    """A public key. Raises UnreadableResultFile."""
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise UnreadableResultFile("the public key is not a PEM file") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UnreadableResultFile("the public key is not an Ed25519 key")
    return key


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file that can be read more than once; a pipe is copied to disk. Raises OSError."""
    with ExitStack() as stack:
        raw: IO[bytes] = stack.enter_context(path.open("rb"))
        # A signature is checked in several passes, and a pipe can be read once.
        if not raw.seekable():
            copy = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(raw, copy)
            raw = copy
        yield raw


@dataclass(frozen=True)
class Table:
    """A CSV (a seekable file) in one encoding: the rows that a signature of `document` may cover."""

    raw: IO[bytes]
    document: dict[str, Any]
    encoding: str

    @cached_property
    def names(self) -> list[str]:
        """The name of each column. Raises UnreadableResultFile."""
        _line, cells = next(self._records(), (1, []))
        return _header(cells, self.document)

    @property
    def uncovered(self) -> tuple[str, ...]:
        """The columns outside the signature, in the file's order. Raises UnreadableResultFile."""
        return tuple(name for name in self.names if name not in covered(self.document))

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """(line number, the named cells) of every row. Raises UnreadableResultFile."""
        names = self.names
        for line, cells in islice(self._records(), 1, None):
            if any(cells):
                yield line, _named(line, names, cells)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        begins = 1
        with _text(self.raw, self.encoding) as text:
            # strict: a tolerant reader would accept a file that another program reads as other cells.
            reader = csv.reader(text, strict=True)
            try:
                for cells in reader:
                    yield begins, cells
                    begins = reader.line_num + 1
            except csv.Error as error:
                raise UnreadableResultFile(f"line {begins} is not a CSV line: {error}") from error

    @cached_property
    def hashes(self) -> bytes:
        """The concatenated short hashes of the signed lines."""
        return base64.b64decode(self.document["line_hashes"])

    def hash_at(self, index: int) -> bytes:
        """The hash of the signed line at an index counted from 0; empty after the last."""
        return self.hashes[index * SHORT_HASH_BYTES : (index + 1) * SHORT_HASH_BYTES]

    def signed_lines(self) -> Iterator[tuple[int, Cells, str | None]]:
        """(line number, cells, canonical line) of every row; no line where another one was signed at its position."""
        for index, (number, cells) in enumerate(self.rows()):
            signed = self.hash_at(index)
            line = next((line for line in _lines(cells, self.document) if short_hash(line) == signed), None)
            yield number, cells, line


def tables(raw: IO[bytes], document: dict[str, Any]) -> Iterator[Table]:
    """The file in each possible encoding: in one of them its names are those that were signed.

    No encoding changes a comma, a quotation mark, a line end or a digit. Raises UnreadableResultFile.
    """
    raw.seek(0)
    # UTF-16 begins with one of these marks; without one, nearly every file "decodes" as UTF-16.
    wide = raw.read(2) in (b"\xff\xfe", b"\xfe\xff")
    readable = False
    for encoding in ("utf-16",) if wide else ENCODINGS:
        if not _decodes(raw, encoding):
            continue
        readable = True
        yield Table(raw, document, encoding)
        # What is valid UTF-8 is hardly ever anything else; the other encodings decode almost every file.
        if encoding == ENCODINGS[0]:
            return
    if not readable:
        raise UnreadableResultFile("the file is not text")


def _decodes(raw: IO[bytes], encoding: str) -> bool:
    try:
        with _text(raw, encoding) as text:
            while text.read(CHUNK_CHARS):
                pass
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _text(raw: IO[bytes], encoding: str) -> Iterator[io.TextIOWrapper]:
    """The file from its start as text, its line ends unchanged; it stays open afterwards."""
    raw.seek(0)
    text = io.TextIOWrapper(raw, encoding, newline="")
    try:
        yield text
    finally:
        text.detach()


def _header(cells: list[str], document: dict[str, Any]) -> list[str]:
    """The name of each column; empty for empty columns at the end. Raises UnreadableResultFile."""
    # Capitals are accepted, but only ASCII ones: other letters would fold to ASCII names as well.
    names = [cell.lower() if cell.isascii() else cell for cell in cells]
    while names and not names[-1]:
        names.pop()
    form, kind = form_of(document)
    known_names = {*KNOWN[RESULT], *KNOWN[HANDOVER]} if form == 1 else set(KNOWN[kind])
    for separator, called in OTHER_SEPARATORS.items():
        if len(names) == 1 and separator in names[0]:
            raise UnreadableResultFile(f"the file is separated by {called}: only a file separated by commas is proved")
    for name in names:
        if names.count(name) > 1:
            raise UnreadableResultFile(f"the file has the column {_excerpt(name)!a} twice")
        if name == "verdict" and name not in known_names:
            raise UnreadableResultFile("the file is a hand-over, and the signature of a result covers no verdict")
        # A closed list: an invented column beside the proved ones would borrow their credibility.
        if name not in known_names:
            raise UnreadableResultFile(f"the file has a column that Hundred does not write: {_excerpt(name)!a}")
    if missing := [name for name in covered(document) if name not in names]:
        raise UnreadableResultFile(f"the first line has no columns {', '.join(missing)}, which the signature covers")
    return names


def _named(line: int, names: list[str], cells: list[str]) -> Cells:
    # Cells without a heading would be read by a person, and proved by nothing.
    if any(cells[len(names) :]):
        raise UnreadableResultFile(f"line {line} has more cells than the first line has columns")
    return dict(zip_longest(names, cells[: len(names)], fillvalue=""))


def _staff_no(form: int, line: str) -> str:
    if form == 1:
        return line.rsplit(",", 4)[0]
    # The lines come from this program: one match is certain.
    [quoted] = re.findall(r'^"((?:[^"]|"")*)"', line)
    return str(quoted).replace('""', '"')


def _lines(cells: Cells, document: dict[str, Any]) -> list[str]:
    """The canonical line of a row; where an apostrophe may be the escape of a formula, also the line without it."""
    in_order = [cells[name] for name in covered(document)]
    form, _kind = form_of(document)
    lines = [canonical_line(form, in_order)]
    if "'" in lines[0]:
        # Only the texts, which come first, are escaped.
        texts = in_order[: 1 if form == 1 else 2]
        choices = ({text: None, unguarded(text): None} for text in texts)
        lines = [canonical_line(form, [*some, *in_order[len(texts) :]]) for some in product(*choices)]
    return lines


# -- the proof -----------------------------------------------------------------------------------------------------


def signed_by(document: dict[str, Any], key: Ed25519PublicKey) -> bool:
    try:
        key.verify(base64.b64decode(document["signature"]), signed_bytes(document))
    except InvalidSignature:
        return False
    return True


def verify(raw: IO[bytes], document: dict[str, Any], key: Ed25519PublicKey, compared: Sequence[str] = ()) -> Finding:
    """Whether the CSV `raw` is what `document` (read_signature) signs with `key`. Raises UnreadableResultFile.

    Memory holds one row of the file at a time, and eight bytes for each row of the result. `compared`: columns outside
    the signature that the caller compares with stored values.
    """
    if not signed_by(document, key):
        return _failed(document, "key", "The signature was not made with this key, or the signature file was changed.")
    return _first_proved(_verify(table, compared) for table in tables(raw, document))


def _failed(document: dict[str, Any], code: str, sentence: str, line: int | None = None) -> Finding:
    return Finding(False, sentence, line, code, document=document)


def _first_proved(findings: Iterable[Finding]) -> Finding:
    """The finding in the first encoding in which the file is proved; else that in the most likely encoding."""
    each = iter(findings)
    likely = next(each)
    return next((finding for finding in chain([likely], each) if finding.covered_is_proved), likely)


def _verify(table: Table, compared: Sequence[str]) -> Finding:
    document, uncovered = table.document, UncoveredColumns(table, compared)
    sha256, rows, last = hashlib.sha256(f"{canonical_head(document)}\n".encode()), 0, None
    for number, cells, line in table.signed_lines():
        if line is None:
            return _difference(table, rows, number, cells)
        sha256.update(f"{line}\n".encode())
        rows, last = rows + 1, (number, cells["staff_no"])
        uncovered.check(number, cells)
    if rows < document["rows"]:
        after = f"line {last[0]} ({_excerpt(last[1])})" if last else "the header"
        missing = f"{document['rows'] - rows} lines are missing after {after}."
        return _failed(document, "missing", missing, last[0] + 1 if last else 2)
    # The short hashes name the line; only the digest proves it, because eight bytes can be forged.
    if sha256.hexdigest() != document["digest"]:
        return _failed(document, "digest", "The lines differ from the result, although their short hashes match.")
    proved = f"{joined(covered(document))} of all {rows} people match {_title(document)}."
    return uncovered.finding(
        f"{proved} Digest {document['digest']}.",
        lambda: (line for _number, _cells, line in table.signed_lines() if line is not None),
    )


def verify_either(
    whole: IO[bytes],
    part: IO[bytes] | None,
    document: dict[str, Any],
    key: Ed25519PublicKey,
    compared: Sequence[str] = (),
) -> Finding:
    """Whether `whole` is the result, and, where there is a `part`, whether the part is some rows of it."""
    finding = verify(whole, document, key, compared)
    if part is None:
        return finding
    if not finding.covered_is_proved or finding.lines is None:
        return _failed(document, "whole", f"The whole result is not proved: {finding.sentence}")
    return verify_part(part, finding.lines, document, compared)


def verify_part(
    raw: IO[bytes], lines: Callable[[], Iterable[str]], document: dict[str, Any], compared: Sequence[str] = ()
) -> Finding:
    """Whether every row of the CSV `raw` is one of `lines()`, the canonical lines of the whole result of `document`,
    which the caller has proved. Raises UnreadableResultFile. Memory holds the rows of the part, not those of the whole.
    """
    return _first_proved(_verify_part(table, lines, compared) for table in tables(raw, document))


def _verify_part(table: Table, lines: Callable[[], Iterable[str]], compared: Sequence[str]) -> Finding:
    document, (form, _kind) = table.document, form_of(table.document)
    # First the numbers of the part, so that memory holds its rows and not those of the whole.
    numbers = {_staff_no(form, line) for _number, cells in table.rows() for line in _lines(cells, document)}
    whole = {staff_no: line for line in lines() if (staff_no := _staff_no(form, line)) in numbers}
    line_of: dict[str, int] = {}
    uncovered = UncoveredColumns(table, compared)
    for number, cells in table.rows():
        spelled = _lines(cells, document)
        staff_no = next((found for found in (_staff_no(form, line) for line in spelled) if found in whole), "")
        here = f"Line {number} ({_excerpt(cells['staff_no'])})"
        if staff_no not in whole:
            wrong = f"{here} is not in the result: the result has no employee with this number."
            return _failed(document, "added", wrong, number)
        if whole[staff_no] not in spelled:
            return _failed(document, "changed", f"{here} was changed: the result says {whole[staff_no]}.", number)
        if staff_no in line_of:
            wrong = f"{here} appears twice: it is also in line {line_of[staff_no]}."
            return _failed(document, "repeated", wrong, number)
        line_of[staff_no] = number
        uncovered.check(number, cells)
    if not line_of:
        return _failed(document, "empty", f"This file has no rows, so it proves nothing about {_title(document)}.")
    return uncovered.finding(
        f"This is a part of {_title(document)}: {len(line_of)} of its {document['rows']} standings, with "
        f"the same {joined(covered(document))}. It says nothing about the other {document['rows'] - len(line_of)}. "
        f"Digest of the whole {document['digest']}.",
        lambda: (whole[staff_no] for staff_no in sorted(line_of)),
    )


class UncoveredColumns:
    """The columns outside the signature; those with values known from elsewhere are compared."""

    def __init__(self, table: Table, compared: Sequence[str]) -> None:
        self.document, self.names, self.encoding = table.document, table.uncovered, table.encoding
        self.unknown = [name for name in self.names if name not in compared]
        self.constants = {name: value for name, value in _constants(table.document).items() if name in self.names}
        self.changed: dict[str, int] = {}
        self.separating: tuple[int, str] | None = None

    def check(self, number: int, cells: Cells) -> None:
        for name, value in self.constants.items():
            # A spreadsheet writes an instant in its own way: equal instants are equal.
            if cells[name] != value and instant_in(cells[name]) != (instant_in(value) or value):
                self.changed.setdefault(name, number)
        # Both numbers are proved, so they are numbers.
        remaining = max(int(cells["target"]) - int(cells["counted"]), 0)
        if "remaining" in self.names and cells["remaining"] != str(remaining):
            self.changed.setdefault("remaining", number)
        if "verdict" in self.names and (cells["verdict"] == "eligible") != (cells["red"] == "no"):
            self.changed.setdefault("verdict", number)
        if self.separating is None and SEPARATING.search(" ".join(cells[name] for name in self.unknown)):
            self.separating = (number, next(name for name in self.unknown if SEPARATING.search(cells[name])))

    def finding(self, proved: str, lines: Callable[[], Iterator[str]]) -> Finding:
        """The finding about a file whose covered columns are proved, as `proved` says."""
        sentence, line = proved, None
        if self.names:
            sentence += f" Not covered by the signature, so not proved: {joined(self.names)}."
        if form_of(self.document)[0] == 1:
            sentence += " The signature is of version 1, which covers no name, no remaining and no verdict."
        if self.separating and not self.changed:
            line, name = self.separating
            sentence = (
                f"Line {line}: {name} is not covered by the signature and contains a character that some programs "
                "read as a separator, so they would show another table. Remove the column, or use --clean. "
                f"{PROVED}{sentence}"
            )
        code = "uncovered" if line is not None else ""
        finding = Finding(line is None, sentence, line, code, self.names, (), self.document, lines, self.encoding)
        return with_changes(finding, self.changed)


def with_changes(finding: Finding, changed: dict[str, int]) -> Finding:
    """The finding after a comparison: these columns outside the signature differ, first in these lines."""
    if not changed:
        return finding
    names = tuple(dict.fromkeys([*finding.changed, *changed]))
    line = min([*changed.values(), *([finding.line] if finding.changed and finding.line else [])])
    sentence = f"Not covered and changed: {joined(names)}, first in line {line}. {PROVED}"
    sentence += finding.sentence.rpartition(PROVED)[2]
    return replace(finding, verified=False, sentence=sentence, line=line, code="uncovered", changed=names)


def _constants(document: dict[str, Any]) -> Cells:
    """Columns outside the signature with one value in every line, which the signature file implies."""
    fields = {"result_version": "result_version", "rule_version": "rule_version", "cutoff_at": "cutoff"}
    of_handover = {"digest": "result_digest", "reviews_as_of": "reviews_as_of"}
    fields |= of_handover if form_of(document)[1] == HANDOVER else {"digest": "digest"}
    return {column: str(document[name]) for column, name in fields.items()}


def instant_in(text: str) -> datetime | None:
    """The instant in a cell; None when it holds none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _excerpt(text: str) -> str:
    """A cell in a sentence, quoted: its text may imitate a message of the program."""
    short = text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"
    return "".join(sign if sign.isprintable() else "�" for sign in short)


def joined(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _title(document: dict[str, Any]) -> str:
    result = f"the frozen result of {document['campaign']}, version {document['result_version']}"
    if form_of(document)[1] == HANDOVER:
        return f"the hand-over of {result}, reviews as of {document['reviews_as_of']}"
    return result


def _difference(table: Table, index: int, number: int, cells: Cells) -> Finding:
    """What is wrong with the first row that differs, at line `number`, after `index` rows."""
    signed, own_hashes = table.hash_at(index), set(map(short_hash, _lines(cells, table.document)))
    later = (cells for _number, cells in islice(table.rows(), index, None))
    # Which of the four sentences is right depends on where else the row and the signed line occur.
    comes_later = any(signed == short_hash(line) for cells in later for line in _lines(cells, table.document))
    later_starts = range(index * SHORT_HASH_BYTES, len(table.hashes), SHORT_HASH_BYTES)
    was_signed = any(table.hashes[start : start + SHORT_HASH_BYTES] in own_hashes for start in later_starts)
    here = f"Line {number} ({_excerpt(cells['staff_no'])})"
    if not signed or (comes_later and not was_signed):
        code, wrong = "added", f"{here} was added. It is not in the result."
    elif comes_later:
        code, wrong = "reordered", f"{here} is in a different position than in the result."
    elif was_signed:
        code, wrong = "missing", f"{here}: a line of the result is missing before it."
    else:
        code, wrong = "changed", f"{here} was changed. The result has another line here."
    return _failed(table.document, code, wrong, number)


# -- a clean copy --------------------------------------------------------------------------------------------------


def write_clean(finding: Finding, target: IO[bytes]) -> None:
    """Write what `finding` has proved in Hundred's own format: the covered columns alone, in canonical order."""
    if finding.document is None or finding.lines is None or not finding.covered_is_proved:
        raise ValueError("nothing is proved")
    form, _kind = form_of(finding.document)
    text = io.TextIOWrapper(target, "utf-8", newline="")
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(covered(finding.document))
    for line in finding.lines():
        cells = line.rsplit(",", 4) if form == 1 else next(csv.reader([line]))
        writer.writerow(map(guarded, cells))
    text.flush()
    text.detach()


def write_clean_file(finding: Finding, path: Path) -> None:
    """The same into a file, once it is complete. Raises OSError."""
    # Renamed when complete: a program that waits for the file must never pay by a half of it.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        whole = Path(folder) / "clean"
        with whole.open("wb") as target:
            write_clean(finding, target)
        whole.replace(path)


# -- the program ---------------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns its exit status."""
    parser = argparse.ArgumentParser(description="Verifies that a CSV is a frozen result of Hundred, or its hand-over.")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--part", type=Path, metavar="WHOLE.csv", help="FILE contains some rows of this whole result")
    parser.add_argument(
        "--signature", type=Path, metavar="FILE.sig", help="default: the name of the whole CSV with .sig appended"
    )
    parser.add_argument("--public-key", type=Path, metavar="PEM", required=True)
    parser.add_argument("--clean", type=Path, metavar="OUT.csv", help="write only the proved content here")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    options = parser.parse_args(arguments)
    try:
        whole = options.part or options.file
        signature = options.signature or whole.with_name(whole.name + ".sig")
        document, key = read_signature(signature.read_bytes()), read_key(options.public_key.read_bytes())
        with opened(whole) as csv_file, opened(options.file) if options.part else nullcontext() as part:
            finding = verify_either(csv_file, part, document, key)
            if options.clean and finding.covered_is_proved:
                write_clean_file(finding, options.clean)
    except OSError as error:
        finding = Finding(False, f"{error.filename}: {error.strerror}", None, "unreadable")
    except UnreadableResultFile as error:
        finding = Finding(False, f"{error}", None, "unreadable")
    print(json.dumps(finding.as_json, ensure_ascii=False) if options.json else finding.sentence)
    return 0 if finding.verified else 1


if __name__ == "__main__":
    sys.exit(main())
