#!/usr/bin/env python3
"""Proves, with no database and no network, that a CSV of standings is a frozen result of Hundred.

    python3 verify.py STANDINGS.csv [--signature STANDINGS.csv.sig] --public-key KEY.pem [--json]
    python3 verify.py TEAM.csv --part STANDINGS.csv [--signature STANDINGS.csv.sig] --public-key KEY.pem [--json]

Needs Python 3.11 and the package `cryptography`, nothing else: this one file may be handed to an auditor. Only the
columns staff_no, counted, target, exempt and red are read, so a file that a spreadsheet program saved again, with
another separator, other line ends or more columns, still verifies. With --part the file holds some rows of the result,
in any order: the whole result lies beside it, is proved first, and then has every row of the part. Exit status: 0 it is
the result or a part of it, 1 it is not, 2 wrong usage.

The digest is SHA-256 over the canonical text: a first line `hundred-1,SLUG,CUT-OFF,RULE VERSION,RESULT VERSION`, then
a line `staff_no,counted,target,exempt,red` for everybody, ordered by the code points of the staff number, in UTF-8,
each line ended by LF. The signature file holds the first eight bytes of every line's SHA-256, so that the first line
that differs can be named, and an Ed25519 signature over all of it as canonical JSON.
"""

import argparse
import base64
import codecs
import csv
import hashlib
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

COLUMNS = ("staff_no", "counted", "target", "exempt", "red")
SIGNED = ("campaign", "cutoff", "rule_version", "result_version", "rows", "line_hashes", "digest")
SHORT = 8  # bytes kept of each line's hash
PIECE = 1 << 16  # bytes that are decoded at once
SEPARATORS = ",;\t"
ENCODINGS = ("utf-8-sig", "gb18030", "latin-1")


class NotReadable(ValueError):
    """A file that is no CSV of standings, no signature or no key."""


@dataclass(frozen=True)
class Verdict:
    """Whether a file is the result; `sentence` says it. `line` is the first line of the file that differs."""

    verified: bool
    sentence: str
    line: int | None = None
    code: str = ""

    @property
    def told(self) -> dict[str, Any]:
        """What the programs print with --json."""
        return {"verified": self.verified, "code": self.code, "line": self.line, "sentence": self.sentence}


# -- the canonical form --------------------------------------------------------------------------------------------


def first_line(campaign: str, cutoff: str, rule_version: int, result_version: int) -> str:
    """The line that says which result it is; `cutoff` is the instant in UTC, such as 2026-11-30T16:00:00Z."""
    return f"hundred-1,{campaign},{cutoff},{rule_version},{result_version}"


def canonical_line(staff_no: str, counted: str, target: str, exempt: str, red: str) -> str:
    """One person. Nothing is quoted: the last four never hold a comma, so the line can be read in one way only."""
    return f"{staff_no},{counted},{target},{exempt},{red}"


def fingerprints(head: str, lines: Iterable[str]) -> tuple[str, bytes, int]:
    """The digest of a result, the short hashes of its lines one after the other, and how many lines there are."""
    whole, short = hashlib.sha256(f"{head}\n".encode()), bytearray()
    for line in lines:
        whole.update(f"{line}\n".encode())
        short += short_hash(line)
    return whole.hexdigest(), bytes(short), len(short) // SHORT


def short_hash(line: str) -> bytes:
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).digest()[:SHORT]


def signed_bytes(document: dict[str, Any]) -> bytes:
    """What the signature is over: everything else in the signature file, as JSON with sorted names and no blanks."""
    rest = {name: document[name] for name in sorted(document) if name != "signature"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


# -- reading -------------------------------------------------------------------------------------------------------


def read_signature(raw: bytes) -> dict[str, Any]:
    """The signature file as a document. Raises NotReadable."""
    try:
        document = json.loads(raw.decode("utf-8-sig"))
        hashes = base64.b64decode(document["line_hashes"], validate=True)
        whole = len(hashes) == SHORT * document["rows"] and {*SIGNED, "signature"} <= set(document)
        base64.b64decode(document["signature"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotReadable("the signature file is not one of Hundred's") from error
    if not whole:
        raise NotReadable("the signature file is not whole")
    return document


def read_key(pem: bytes) -> Ed25519PublicKey:
    """A public key. Raises NotReadable."""
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise NotReadable("the public key is no PEM file") from error
    if not isinstance(key, Ed25519PublicKey):
        raise NotReadable("the public key is no Ed25519 key")
    return key


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file to be read more than once; of a pipe a copy on the disk. Raises OSError."""
    with ExitStack() as stack:
        raw: IO[bytes] = stack.enter_context(path.open("rb"))
        if not raw.seekable():
            copy = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(raw, copy)
            raw = copy
        yield raw


def read_lines(raw: IO[bytes]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, the five cells) of every row of a CSV, a seekable file. Raises NotReadable."""
    encoding = _encoding(raw)
    separator, places = _header(raw, encoding)
    begins = 1
    with _text(raw, encoding) as text:
        reader = csv.reader(text, delimiter=separator)
        try:
            for number, cells in enumerate(reader):
                line, begins = begins, reader.line_num + 1
                if number == 0 or not any(cell.strip() for cell in cells):
                    continue
                yield line, {name: cells[at].strip() if at < len(cells) else "" for name, at in places.items()}
        except csv.Error as error:
            raise NotReadable(f"line {begins} is no line of a CSV: {error}") from error


@contextmanager
def _text(raw: IO[bytes], encoding: str) -> Iterator[io.TextIOWrapper]:
    """The file from its start as text, its line ends as they are; it stays open afterwards."""
    raw.seek(0)
    text = io.TextIOWrapper(raw, encoding, newline="")
    try:
        yield text
    finally:
        text.detach()


def _encoding(raw: IO[bytes]) -> str:
    raw.seek(0)
    wide = raw.read(2) in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if wide else ENCODINGS:
        raw.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while piece := raw.read(PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise NotReadable("the file is no text")


def _header(raw: IO[bytes], encoding: str) -> tuple[str, dict[str, int]]:
    """The separator, and where each of the five columns stands."""
    for separator in SEPARATORS:
        with _text(raw, encoding) as text:
            try:
                cells = next(csv.reader(text, delimiter=separator), [])
            except csv.Error:
                continue
        names = [cell.strip().lower() for cell in cells]
        if set(COLUMNS) <= set(names):
            if twice := [name for name in COLUMNS if names.count(name) > 1]:
                raise NotReadable(f"the file has the column {twice[0]} twice")
            return separator, {name: names.index(name) for name in COLUMNS}
    raise NotReadable(f"the first line does not name the columns {', '.join(COLUMNS)}")


def _staff_no(line: str) -> str:
    """That of a canonical line."""
    return line.rsplit(",", 4)[0]


def _spellings(cells: dict[str, str]) -> Iterator[str]:
    """The canonical line of a row; a staff number behind an apostrophe that guards a formula also without it."""
    numbers = [cells["staff_no"]]
    if numbers[0][:1] == "'" and not numbers[0][1:2].isalnum():
        numbers.append(numbers[0][1:])
    for number in numbers:
        yield canonical_line(number, *(cells[name] for name in COLUMNS[1:]))


def _expected(document: dict[str, Any]) -> bytes:
    """The short hashes of the signed lines, one after the other."""
    return base64.b64decode(document["line_hashes"])


def _hash_at(expected: bytes, place: int) -> bytes:
    """That of the line at a place counted from 0; empty behind the last."""
    return expected[place * SHORT : (place + 1) * SHORT]


def _stands_from(expected: bytes, place: int, wanted: bytes) -> bool:
    """Whether a line at this place or behind it has the hash `wanted`."""
    at = expected.find(wanted, place * SHORT)
    while at % SHORT and at >= 0:
        at = expected.find(wanted, at + 1)
    return at >= 0


def _in_order(raw: IO[bytes], expected: bytes) -> Iterator[tuple[int, str, str | None]]:
    """(line number, staff number, canonical line) of every row; no line where another one was signed in its place."""
    for place, (number, cells) in enumerate(read_lines(raw)):
        wanted = _hash_at(expected, place)
        line = next((line for line in _spellings(cells) if short_hash(line) == wanted), None)
        yield number, cells["staff_no"], line


# -- the proof -----------------------------------------------------------------------------------------------------


def signed_by(document: dict[str, Any], key: Ed25519PublicKey) -> bool:
    """Whether `key` has signed the document."""
    try:
        key.verify(base64.b64decode(document["signature"]), signed_bytes(document))
    except InvalidSignature:
        return False
    return True


def verify(raw: IO[bytes], document: dict[str, Any], key: Ed25519PublicKey) -> Verdict:
    """Whether the CSV `raw` is the result that `document` (read_signature) signs with `key`. Raises NotReadable.

    Of the file one row at a time is held; of the result eight bytes for each of its rows.
    """
    if not signed_by(document, key):
        return Verdict(
            False, "The signature is not made with this key, or the signature file was changed.", None, "key"
        )
    expected = _expected(document)
    head = first_line(*(document[name] for name in SIGNED[:4]))
    whole, rows, last = hashlib.sha256(f"{head}\n".encode()), 0, None
    for number, staff_no, line in _in_order(raw, expected):
        if line is None:
            return _difference(raw, expected, rows, number, staff_no)
        whole.update(f"{line}\n".encode())
        rows, last = rows + 1, (number, staff_no)
    if rows < document["rows"]:
        after = f"line {last[0]} ({last[1]})" if last else "the header"
        missing = f"{document['rows'] - rows} lines are missing after {after}."
        return Verdict(False, missing, last[0] + 1 if last else 2, "missing")
    if whole.hexdigest() != document["digest"]:
        return Verdict(
            False, "The lines differ from the result, in a way that their short hashes hide.", None, "digest"
        )
    return Verdict(
        True,
        f"This is the frozen result of {document['campaign']}, version {document['result_version']}: "
        f"{document['rows']} standings, digest {document['digest']}.",
    )


def verify_either(whole: IO[bytes], part: IO[bytes] | None, document: dict[str, Any], key: Ed25519PublicKey) -> Verdict:
    """Whether `whole` is the result, and then, where there is a `part`, whether that is some rows of it."""
    verdict = verify(whole, document, key)
    if part is None:
        return verdict
    if not verdict.verified:
        return Verdict(False, f"The whole result is not proved: {verdict.sentence}", None, "whole")
    lines = (line for _number, _staff_no, line in _in_order(whole, _expected(document)) if line is not None)
    return verify_part(part, lines, document)


def verify_part(raw: IO[bytes], lines: Iterable[str], document: dict[str, Any]) -> Verdict:
    """Whether every row of the CSV `raw` is one of `lines`, the canonical lines of the whole result of `document`,
    which somebody has proved. Raises NotReadable. The rows of the part are held, those of the whole are not."""
    asked = {_staff_no(line) for _number, cells in read_lines(raw) for line in _spellings(cells)}
    whole = {staff_no: line for line in lines if (staff_no := _staff_no(line)) in asked}
    seen: dict[str, int] = {}
    for number, cells in read_lines(raw):
        spelled = list(_spellings(cells))
        staff_no = next((one for one in map(_staff_no, spelled) if one in whole), "")
        here = f"Line {number} ({cells['staff_no']})"
        if staff_no not in whole:
            return Verdict(False, f"{here} is not in the result: it has nobody of this number.", number, "added")
        if whole[staff_no] not in spelled:
            return Verdict(False, f"{here} was changed: the result says {whole[staff_no]}.", number, "changed")
        if staff_no in seen:
            return Verdict(False, f"{here} stands twice: line {seen[staff_no]} has it already.", number, "repeated")
        seen[staff_no] = number
    name = f"the frozen result of {document['campaign']}, version {document['result_version']}"
    if not seen:
        return Verdict(False, f"This file has no row: it proves nothing of {name}.", None, "empty")
    return Verdict(
        True,
        f"This is a part of {name}: {len(seen)} of its {document['rows']} standings, each as in the result. "
        f"What the other {document['rows'] - len(seen)} say, and why they are not here, it does not tell. "
        f"Digest of the whole {document['digest']}.",
    )


def _difference(raw: IO[bytes], expected: bytes, place: int, number: int, staff_no: str) -> Verdict:
    """What is wrong with the first row that differs: it stands in line `number`, and `place` rows stand before it."""
    missed = _hash_at(expected, place)
    found: set[bytes] = set()
    comes_later = False
    for at, (_number, cells) in enumerate(read_lines(raw)):
        if at >= place:
            hashes = set(map(short_hash, _spellings(cells)))
            found = found or hashes
            comes_later = comes_later or missed in hashes
    wanted = any(_stands_from(expected, place, one) for one in found)
    here = f"Line {number} ({staff_no})"
    if not missed or (comes_later and not wanted):
        return Verdict(False, f"{here} was added: it is not in the result.", number, "added")
    if comes_later:
        return Verdict(False, f"{here} stands in another place than in the result.", number, "reordered")
    if wanted:
        return Verdict(False, f"{here}: a line of the result is missing before it.", number, "missing")
    return Verdict(False, f"{here} was changed: the result says something else here.", number, "changed")


# -- the program ---------------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = argparse.ArgumentParser(description="Proves that a CSV of standings is a frozen result of Hundred.")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--part", type=Path, metavar="WHOLE.csv", help="FILE holds some rows of this whole result")
    parser.add_argument("--signature", type=Path, metavar="FILE.sig", help="else the whole CSV with .sig behind it")
    parser.add_argument("--public-key", type=Path, metavar="PEM", required=True)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    options = parser.parse_args(arguments)
    try:
        whole = options.part or options.file
        signature = options.signature or whole.with_name(whole.name + ".sig")
        document, key = read_signature(signature.read_bytes()), read_key(options.public_key.read_bytes())
        with opened(whole) as csv_file, opened(options.file) if options.part else nullcontext() as part:
            verdict = verify_either(csv_file, part, document, key)
    except OSError as error:
        verdict = Verdict(False, f"{error.filename}: {error.strerror}", None, "unreadable")
    except NotReadable as error:
        verdict = Verdict(False, f"{error}", None, "unreadable")
    print(json.dumps(verdict.told, ensure_ascii=False) if options.json else verdict.sentence)
    return 0 if verdict.verified else 1


if __name__ == "__main__":
    sys.exit(main())
