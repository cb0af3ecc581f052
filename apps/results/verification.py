#!/usr/bin/env python3
"""Proves, with no database and no network, that a CSV is a frozen result of Hundred, its hand-over, or a part of one.

    python3 verify.py FILE.csv [--signature FILE.csv.sig] --public-key KEY.pem [--clean OUT.csv] [--json]
    python3 verify.py TEAM.csv --part FILE.csv [--signature FILE.csv.sig] --public-key KEY.pem [--clean OUT.csv]

Needs Python 3.11 and the package `cryptography`, nothing else: HR can give this one file to an auditor. A file that a
spreadsheet program saved again still verifies: with other quotes, line ends or encoding, without a byte order mark, or
with uncovered columns of Hundred left out or moved. The program refuses a separator other than the comma, columns that
Hundred does not write, and duplicate columns. With --part the file holds some rows of the result, in any order. The
program verifies the whole result first and then finds every row of the part in it. --clean writes a copy that contains
only the proved data. Exit status: 0 it is proved, 1 it is not, 2 wrong usage.

A signature of version 2 covers the columns of COVERED, one of version 1 only five; other columns are not proved, and
the answer names them. The digest is SHA-256 over the canonical text, in UTF-8, each line ended by LF: first the subject
of the signature (`head`), then a line per employee (`canonical_line`), ordered by the code points of the staff number.
The signature file holds the first eight bytes of every line's SHA-256, so that the first line that differs can be
named, and an Ed25519 signature over all of it as canonical JSON.
"""

import argparse
import base64
import codecs
import csv
import hashlib
import io
import itertools
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

FORM = 2  # the version of the canonical form for new signatures
RESULT, HANDOVER = "result", "handover"
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
        "quiet_days",
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
CHUNK_BYTES = 1 << 16  # bytes decoded at a time
# Tried in this order; the second and third only where the file is not UTF-8, and the third also after the second.
ENCODINGS = ("utf-8-sig", "gb18030", "cp1252")
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
# In unsigned columns these characters could make the file look like another table to another program.
SEPARATING = re.compile(r"[;|\x00-\x1f\x7f\x85\u2028\u2029]")
# As in apps/fileio/csv_injection.py: formulas that a spreadsheet runs, and the apostrophe that Hundred writes first.
BEGINS = r"""[\s"'＂＇‘’“”]*[-=+@\t\r＝＋－＠]"""
RUNS, RUNS_INSIDE = re.compile(f"^{BEGINS}"), re.compile(rf"([;\t\r\n])(?={BEGINS})")
INNER_GUARD = re.compile(rf"([;\t\r\n])'(?={BEGINS})")
# The end of the sentence about a file of which only the covered columns are proved.
PROVED = "Proved are the covered columns alone: "
BYTE_ORDER_MARK = "\ufeff"
Cells = dict[str, str]


class UnreadableResultFile(ValueError):
    """A file that is not a CSV of standings, not a signature, or not a key."""


@dataclass(frozen=True)
class Verdict:
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


def head(document: dict[str, Any]) -> str:
    """The first line or lines: the identity of the result, in version 2 also the kind and the columns.

    `cutoff` and `reviews_as_of` are instants in UTC, such as 2026-11-30T16:00:00Z.
    """
    form, kind = form_of(document)
    values = [str(document[name]) for name in HEAD]
    if form == 1:
        return ",".join(["hundred-1", *values])
    more = [str(document[name]) for name in OF_HANDOVER] if kind == HANDOVER else []
    return ",".join([f"hundred-{form}", kind, *values, *more]) + "\n" + ",".join(covered(document))


def canonical_line(form: int, cells: Sequence[str]) -> str:
    """One person's covered cells, unambiguous: texts are quoted, the other cells have no comma.

    Version 1 has one text, the staff number, which comes first and is not quoted.
    """
    if form == 1:
        return ",".join(cells)
    texts = ['"' + cell.replace('"', '""') + '"' for cell in cells[:2]]
    return ",".join([*texts, *cells[2:]])


def fingerprints(first: str, lines: Iterable[str]) -> tuple[str, bytes, int]:
    """The digest of a result, the concatenated short hashes of its lines, and the number of lines."""
    whole, short = hashlib.sha256(f"{first}\n".encode()), bytearray()
    for line in lines:
        whole.update(f"{line}\n".encode())
        short += short_hash(line)
    return whole.hexdigest(), bytes(short), len(short) // SHORT_HASH_BYTES


def short_hash(line: str) -> bytes:
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).digest()[:SHORT_HASH_BYTES]


def signed_bytes(document: dict[str, Any]) -> bytes:
    """The signed bytes: all other fields of the signature file, as JSON with sorted names and no blanks."""
    rest = {name: document[name] for name in sorted(document) if name != "signature"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def unguarded(text: str) -> str:
    """The text without the apostrophes that Hundred writes before what a spreadsheet would run."""
    inside = text[1:] if text.startswith("'") and RUNS.match(text[1:]) else text
    return INNER_GUARD.sub(r"\1", inside)


def guarded(text: str) -> str:
    inside = RUNS_INSIDE.sub(r"\1'", text)
    return f"'{inside}" if RUNS.match(text) else inside


# -- reading -------------------------------------------------------------------------------------------------------


def read_signature(raw: bytes) -> dict[str, Any]:
    """The signature file as a document. Raises UnreadableResultFile."""
    try:
        document = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once)
        form, kind = form_of(document)
        required = {*SIGNED, "signature"}
        if form != 1:
            required |= {"form", "kind", *(OF_HANDOVER if kind == HANDOVER else ())}
        whole = (form, kind) in COVERED and type(form) is int and set(document) == required
        hashes = base64.b64decode(document["line_hashes"], validate=True)
        whole = whole and len(hashes) == SHORT_HASH_BYTES * document["rows"]
        base64.b64decode(document["signature"], validate=True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableResultFile("the signature file is not one of Hundred's") from error
    if not whole:
        raise UnreadableResultFile("the signature file is not whole, or of a version that this program does not know")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse duplicate names: one program would read the first, another the second."""
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a name stands twice")
    return document


def read_key(pem: bytes) -> Ed25519PublicKey:
    """A public key. Raises UnreadableResultFile."""
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise UnreadableResultFile("the public key is no PEM file") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UnreadableResultFile("the public key is no Ed25519 key")
    return key


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file that can be read more than once; a pipe is copied to disk. Raises OSError."""
    with ExitStack() as stack:
        raw: IO[bytes] = stack.enter_context(path.open("rb"))
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

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """(line number, the named cells) of every row. Raises UnreadableResultFile."""
        begins, names = 1, None
        with _text(self.raw, self.encoding) as text:
            reader = csv.reader(text, strict=True)
            try:
                for cells in reader:
                    line, begins = begins, reader.line_num + 1
                    if names is None:
                        names = _header(cells, self.document)
                    elif any(cells):
                        yield line, _named(line, names, cells)
            except csv.Error as error:
                raise UnreadableResultFile(f"line {begins} is no line of a CSV: {error}") from error
        if names is None:
            _header([], self.document)

    def uncovered(self) -> tuple[str, ...]:
        """The columns outside the signature, in the file's order. Raises UnreadableResultFile."""
        with _text(self.raw, self.encoding) as text:
            try:
                names = next(csv.reader(text, strict=True), [])
            except csv.Error as error:
                raise UnreadableResultFile(f"line 1 is no line of a CSV: {error}") from error
        return tuple(name for name in _header(names, self.document) if name not in covered(self.document))


def tables(raw: IO[bytes], document: dict[str, Any]) -> Iterator[Table]:
    """The file in each possible encoding: in one of them its names are those that were signed.

    No encoding changes a comma, a quotation mark, a line end or a digit. Raises UnreadableResultFile.
    """
    raw.seek(0)
    wide = raw.read(2) in (b"\xff\xfe", b"\xfe\xff")
    readable = False
    for encoding in ("utf-16",) if wide else ENCODINGS:
        if not _decodes(raw, encoding):
            continue
        readable = True
        yield Table(raw, document, encoding)
        if encoding == ENCODINGS[0]:
            return
    if not readable:
        raise UnreadableResultFile("the file is no text")


def _decodes(raw: IO[bytes], encoding: str) -> bool:
    raw.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while piece := raw.read(CHUNK_BYTES):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
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
            raise UnreadableResultFile(f"the file has the column {_shown(name)!a} twice")
        if name == "verdict" and name not in known_names:
            raise UnreadableResultFile("the file is a hand-over, and the signature of a result covers no verdict")
        if name not in known_names:
            raise UnreadableResultFile(f"the file has a column that Hundred does not write: {_shown(name)!a}")
    if missing := [name for name in covered(document) if name not in names]:
        raise UnreadableResultFile(
            f"the first line does not name the columns {', '.join(missing)}, which the signature covers"
        )
    return names


def _named(line: int, names: list[str], cells: list[str]) -> Cells:
    if any(cells[len(names) :]):
        raise UnreadableResultFile(f"line {line} has more cells than the first line has columns")
    return dict(itertools.zip_longest(names, cells[: len(names)], fillvalue=""))


def _staff_no(form: int, line: str) -> str:
    """The staff number in a canonical line."""
    if form == 1:
        return line.rsplit(",", 4)[0]
    [quoted] = re.findall(r'^"((?:[^"]|"")*)"', line)
    return str(quoted).replace('""', '"')


def _lines(cells: Cells, document: dict[str, Any]) -> list[str]:
    """The canonical line of a row; where an apostrophe may be the escape of a formula, also the line without it."""
    chosen = [cells[name] for name in covered(document)]
    form, _kind = form_of(document)
    lines = [canonical_line(form, chosen)]
    if "'" in lines[0]:
        # Only the texts, which come first, are escaped.
        texts = chosen[: 1 if form == 1 else 2]
        choices = ({text: None, unguarded(text): None} for text in texts)
        lines = [canonical_line(form, [*some, *chosen[len(texts) :]]) for some in itertools.product(*choices)]
    return lines


def _expected(document: dict[str, Any]) -> bytes:
    """The concatenated short hashes of the signed lines."""
    return base64.b64decode(document["line_hashes"])


def _hash_at(expected: bytes, place: int) -> bytes:
    """The hash of the line at a place counted from 0; empty after the last."""
    return expected[place * SHORT_HASH_BYTES : (place + 1) * SHORT_HASH_BYTES]


def _stands_from(expected: bytes, place: int, wanted: bytes) -> bool:
    """Whether a line at or after this place has the hash `wanted`."""
    at = expected.find(wanted, place * SHORT_HASH_BYTES)
    while at % SHORT_HASH_BYTES and at >= 0:
        at = expected.find(wanted, at + 1)
    return at >= 0


def _in_order(table: Table, expected: bytes) -> Iterator[tuple[int, Cells, str | None]]:
    """(line number, cells, canonical line) of every row; no line where another one was signed at its place."""
    for place, (number, cells) in enumerate(table.rows()):
        wanted = _hash_at(expected, place)
        line = next((line for line in _lines(cells, table.document) if short_hash(line) == wanted), None)
        yield number, cells, line


# -- the proof -----------------------------------------------------------------------------------------------------


def signed_by(document: dict[str, Any], key: Ed25519PublicKey) -> bool:
    """Whether `key` has signed the document."""
    try:
        key.verify(base64.b64decode(document["signature"]), signed_bytes(document))
    except InvalidSignature:
        return False
    return True


def verify(raw: IO[bytes], document: dict[str, Any], key: Ed25519PublicKey, compared: Sequence[str] = ()) -> Verdict:
    """Whether the CSV `raw` is what `document` (read_signature) signs with `key`. Raises UnreadableResultFile.

    Memory holds one row of the file at a time, and eight bytes for each row of the result. `compared`: columns outside
    the signature that the caller compares with stored values.
    """
    if not signed_by(document, key):
        wrong = "The signature is not made with this key, or the signature file was changed."
        return Verdict(False, wrong, None, "key", document=document)
    return _first_proved(_verify(table, compared) for table in tables(raw, document))


def _first_proved(verdicts: Iterable[Verdict]) -> Verdict:
    """The first encoding in which the file is proved; else the error in the most likely one."""
    first: Verdict | None = None
    for verdict in verdicts:
        first = first or verdict
        if verdict.covered_is_proved:
            return verdict
    if first is None:
        raise UnreadableResultFile("the file is no text")
    return first


def _verify(table: Table, compared: Sequence[str]) -> Verdict:
    document, expected = table.document, _expected(table.document)
    rest = _Uncovered(table, compared)
    whole, rows, last = hashlib.sha256(f"{head(document)}\n".encode()), 0, None
    for number, cells, line in _in_order(table, expected):
        if line is None:
            return _difference(table, expected, rows, number, cells)
        whole.update(f"{line}\n".encode())
        rows, last = rows + 1, (number, cells["staff_no"])
        rest.look(number, cells)
    if rows < document["rows"]:
        after = f"line {last[0]} ({_shown(last[1])})" if last else "the header"
        missing = f"{document['rows'] - rows} lines are missing after {after}."
        return Verdict(False, missing, last[0] + 1 if last else 2, "missing", document=document)
    if whole.hexdigest() != document["digest"]:
        hidden = "The lines differ from the result, in a way that their short hashes hide."
        return Verdict(False, hidden, None, "digest", document=document)
    proved = f"{_listed(covered(document))} of all {rows} people are as in {_called(document)}."
    return rest.verdict(f"{proved} Digest {document['digest']}.", lambda: _proved(table, expected))


def _proved(table: Table, expected: bytes) -> Iterator[str]:
    """The canonical lines of a proved file."""
    yield from (line for _number, _cells, line in _in_order(table, expected) if line is not None)


def verify_either(
    whole: IO[bytes],
    part: IO[bytes] | None,
    document: dict[str, Any],
    key: Ed25519PublicKey,
    compared: Sequence[str] = (),
) -> Verdict:
    """Whether `whole` is the result, and, where there is a `part`, whether the part is some rows of it."""
    verdict = verify(whole, document, key, compared)
    if part is None:
        return verdict
    if not verdict.covered_is_proved or verdict.lines is None:
        return Verdict(False, f"The whole result is not proved: {verdict.sentence}", None, "whole", document=document)
    return verify_part(part, verdict.lines, document, compared)


def verify_part(
    raw: IO[bytes], lines: Callable[[], Iterable[str]], document: dict[str, Any], compared: Sequence[str] = ()
) -> Verdict:
    """Whether every row of the CSV `raw` is one of `lines()`, the canonical lines of the whole result of `document`,
    which the caller has proved. Raises UnreadableResultFile. Memory holds the rows of the part, not those of the whole.
    """
    return _first_proved(_verify_part(table, lines, compared) for table in tables(raw, document))


def _verify_part(table: Table, lines: Callable[[], Iterable[str]], compared: Sequence[str]) -> Verdict:
    document, (form, _kind) = table.document, form_of(table.document)
    asked = {_staff_no(form, line) for _number, cells in table.rows() for line in _lines(cells, document)}
    whole = {staff_no: line for line in lines() if (staff_no := _staff_no(form, line)) in asked}
    seen: dict[str, int] = {}
    rest = _Uncovered(table, compared)
    for number, cells in table.rows():
        spelled = _lines(cells, document)
        staff_no = next((one for one in (_staff_no(form, line) for line in spelled) if one in whole), "")
        here, code, wrong = f"Line {number} ({_shown(cells['staff_no'])})", "", ""
        if staff_no not in whole:
            code, wrong = "added", f"{here} is not in the result: it has nobody of this number."
        elif whole[staff_no] not in spelled:
            code, wrong = "changed", f"{here} was changed: the result says {whole[staff_no]}."
        elif staff_no in seen:
            code, wrong = "repeated", f"{here} stands twice: line {seen[staff_no]} has it already."
        if wrong:
            return Verdict(False, wrong, number, code, document=document)
        seen[staff_no] = number
        rest.look(number, cells)
    if not seen:
        nothing = f"This file has no row: it proves nothing of {_called(document)}."
        return Verdict(False, nothing, None, "empty", document=document)
    return rest.verdict(
        f"This is a part of {_called(document)}: {len(seen)} of its {document['rows']} standings, with "
        f"{_listed(covered(document))} as there. What the other {document['rows'] - len(seen)} say, and why they are "
        f"not here, it does not tell. Digest of the whole {document['digest']}.",
        lambda: (whole[staff_no] for staff_no in sorted(seen)),
    )


class _Uncovered:
    """The columns outside the signature; those with values known from elsewhere are compared."""

    def __init__(self, table: Table, compared: Sequence[str]) -> None:
        self.document, self.names, self.encoding = table.document, table.uncovered(), table.encoding
        self.loose = [name for name in self.names if name not in compared]
        self.known = {name: value for name, value in _constants(table.document).items() if name in self.names}
        self.changed: dict[str, int] = {}
        self.separating: tuple[int, str] | None = None

    def look(self, number: int, cells: Cells) -> None:
        for name, value in self.known.items():
            if cells[name] != value and instant_in(cells[name]) != (instant_in(value) or value):
                self.changed.setdefault(name, number)
        if "remaining" in self.names and cells["remaining"] != _remaining(cells):
            self.changed.setdefault("remaining", number)
        if "verdict" in self.names and (cells["verdict"] == "eligible") != (cells["red"] == "no"):
            self.changed.setdefault("verdict", number)
        if self.separating is None and SEPARATING.search(" ".join(cells[name] for name in self.loose)):
            self.separating = (number, next(name for name in self.loose if SEPARATING.search(cells[name])))

    def verdict(self, proved: str, lines: Callable[[], Iterator[str]]) -> Verdict:
        """The verdict on a file whose covered columns are proved, as `proved` says."""
        sentence, line = proved, None
        if self.names:
            sentence += f" Not covered by the signature, so not proved: {_listed(self.names)}."
        if form_of(self.document)[0] == 1:
            sentence += " The signature is of version 1, which covers no name, no remaining and no verdict."
        if self.separating and not self.changed:
            line, name = self.separating
            sentence = (
                f"Line {line}: {name} is not covered by the signature and holds a character by which some programs "
                "separate cells: they would read another table. Take the column out, or use --clean. "
                f"{PROVED}{sentence}"
            )
        code = "uncovered" if line is not None else ""
        verdict = Verdict(line is None, sentence, line, code, self.names, (), self.document, lines, self.encoding)
        return with_changes(verdict, self.changed)


def with_changes(verdict: Verdict, changed: dict[str, int], compared: Iterable[str] = ()) -> Verdict:
    """A verdict on a file of which these columns outside the signature differ, first in these lines, from the known
    values.

    `compared`: all columns that the caller has compared.
    """
    if not changed:
        if verdict.verified and (same := list(compared)):
            return replace(verdict, sentence=f"{verdict.sentence} As stored here: {_listed(same)}.")
        return verdict
    names = tuple(dict.fromkeys([*verdict.changed, *changed]))
    line = min([*changed.values(), *([verdict.line] if verdict.changed and verdict.line else [])])
    sentence = f"Not covered and changed: {_listed(names)}, first in line {line}. {PROVED}"
    sentence += verdict.sentence.rpartition(PROVED)[2]
    return replace(verdict, verified=False, sentence=sentence, line=line, code="uncovered", changed=names)


def _constants(document: dict[str, Any]) -> Cells:
    """Columns outside the signature with one value in every line, which the signature file implies."""
    fields = {"result_version": "result_version", "rule_version": "rule_version", "cutoff_at": "cutoff"}
    if form_of(document)[1] == HANDOVER:
        fields |= {"digest": "result_digest", "reviews_as_of": "reviews_as_of"}
    else:
        fields |= {"digest": "digest"}
    return {column: str(document[name]) for column, name in fields.items()}


def instant_in(text: str) -> datetime | None:
    """The instant in a cell; None when it holds none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _remaining(cells: Cells) -> str:
    """Both numbers are proved, so they are numbers."""
    return str(max(int(cells["target"]) - int(cells["counted"]), 0))


def _shown(text: str) -> str:
    """A cell in a sentence, quoted: its text may imitate a message of the program."""
    short = text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"
    return "".join(one if one.isprintable() else "�" for one in short)


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _called(document: dict[str, Any]) -> str:
    """The name of what a signature covers."""
    result = f"the frozen result of {document['campaign']}, version {document['result_version']}"
    if form_of(document)[1] == HANDOVER:
        return f"the hand-over of {result}, reviews as of {document['reviews_as_of']}"
    return result


def _difference(table: Table, expected: bytes, place: int, number: int, cells: Cells) -> Verdict:
    """What is wrong with the first row that differs, at line `number`, after `place` rows."""
    missed = _hash_at(expected, place)
    earlier: set[bytes] = set()
    comes_later = False
    for at, (_number, other) in enumerate(table.rows()):
        if at >= place:
            hashes = set(map(short_hash, _lines(other, table.document)))
            earlier = earlier or hashes
            comes_later = comes_later or missed in hashes
    wanted = any(_stands_from(expected, place, line_hash) for line_hash in earlier)
    here = f"Line {number} ({_shown(cells['staff_no'])})"
    if not missed or (comes_later and not wanted):
        code, wrong = "added", f"{here} was added: it is not in the result."
    elif comes_later:
        code, wrong = "reordered", f"{here} stands in another place than in the result."
    elif wanted:
        code, wrong = "missing", f"{here}: a line of the result is missing before it."
    else:
        code, wrong = "changed", f"{here} was changed: the result says something else here."
    return Verdict(False, wrong, number, code, document=table.document)


# -- a clean copy --------------------------------------------------------------------------------------------------


def write_clean(verdict: Verdict, target: IO[bytes]) -> None:
    """Write what `verdict` has proved in Hundred's own format: the covered columns alone, in canonical order."""
    if verdict.document is None or verdict.lines is None or not verdict.covered_is_proved:
        raise ValueError("nothing is proved")
    form, _kind = form_of(verdict.document)
    text = io.TextIOWrapper(target, "utf-8", newline="")
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(covered(verdict.document))
    for line in verdict.lines():
        cells = line.rsplit(",", 4) if form == 1 else next(csv.reader([line]))
        writer.writerow(map(guarded, cells))
    text.flush()
    text.detach()


def write_clean_file(verdict: Verdict, path: Path) -> None:
    """The same into a file, once it is complete. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        whole = Path(folder) / "clean"
        with whole.open("wb") as target:
            write_clean(verdict, target)
        whole.replace(path)


# -- the program ---------------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns its exit status."""
    parser = argparse.ArgumentParser(description="Proves that a CSV is a frozen result of Hundred, or its hand-over.")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--part", type=Path, metavar="WHOLE.csv", help="FILE holds some rows of this whole result")
    parser.add_argument("--signature", type=Path, metavar="FILE.sig", help="else the whole CSV with .sig behind it")
    parser.add_argument("--public-key", type=Path, metavar="PEM", required=True)
    parser.add_argument("--clean", type=Path, metavar="OUT.csv", help="where to write what is proved and nothing else")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    options = parser.parse_args(arguments)
    try:
        whole = options.part or options.file
        signature = options.signature or whole.with_name(whole.name + ".sig")
        document, key = read_signature(signature.read_bytes()), read_key(options.public_key.read_bytes())
        with opened(whole) as csv_file, opened(options.file) if options.part else nullcontext() as part:
            verdict = verify_either(csv_file, part, document, key)
            if options.clean and verdict.covered_is_proved:
                write_clean_file(verdict, options.clean)
    except OSError as error:
        verdict = Verdict(False, f"{error.filename}: {error.strerror}", None, "unreadable")
    except UnreadableResultFile as error:
        verdict = Verdict(False, f"{error}", None, "unreadable")
    print(json.dumps(verdict.as_json, ensure_ascii=False) if options.json else verdict.sentence)
    return 0 if verdict.verified else 1


if __name__ == "__main__":
    sys.exit(main())
