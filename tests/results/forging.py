"""Ways to forge a result, a part of one and a payout file: a file, a signature file and a key."""

import base64
import csv
import io
import json
import random
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.results import verification
from apps.results.verification import HANDOVER, RESULT, UnreadableResultFile, read_key, read_signature
from tests.published import HANDOVER_FILE, STANDINGS_FILE
from tests.results.proving import PEM, PEOPLE, Row, people, sealed, signed, table

PART = "part"
COLUMNS = {RESULT: STANDINGS_FILE, HANDOVER: HANDOVER_FILE, PART: STANDINGS_FILE}
# The signed columns, also when a mutant changes them.
SIGNED_TODAY = dict(verification.COVERED)
SOMEBODY: Row = {**PEOPLE[2], "staff_no": "B1", "name": "Bea"}


@dataclass(frozen=True)
class Presented:
    """The files as a reader presents them; `whole` accompanies a part."""

    raw: bytes
    signature: bytes
    whole: bytes | None = None
    key: bytes = PEM

    def is_called_genuine(self) -> bool:
        try:
            document, files = read_signature(self.signature), [io.BytesIO(self.whole or self.raw)]
            part = io.BytesIO(self.raw) if self.whole else None
            return verification.verify_either(files[0], part, document, read_key(self.key)).verified
        except UnreadableResultFile:
            return False


def presented(kind: str, raw: str | bytes, **changes: Any) -> Presented:
    content = raw if isinstance(raw, bytes) else raw.encode()
    whole = table(PEOPLE).encode() if kind == PART else None
    signature = signed(kind=HANDOVER if kind == HANDOVER else RESULT)
    return replace(Presented(content, signature, whole), **changes)


def genuine(kind: str) -> Presented:
    return presented(kind, table(PEOPLE, COLUMNS[kind]))


def exchanged(column: str, one: int, other: int) -> list[Row]:
    rows = people()
    rows[one][column], rows[other][column] = rows[other][column], rows[one][column]
    return rows


# column: (row, text); each is forged in a result, in a part and in a payout file.

# column: (place of the row, text); each is forged in a result, in a part and in a hand-over.
CELLS: dict[str, dict[str, tuple[int, str]]] = {
    "counted raised": {"counted": (5, "100")},
    "counted lowered": {"counted": (1, "99")},
    "counted raised with all that follows": {"counted": (5, "100"), "remaining": (5, "0"), "red": (5, "no")},
    "target lowered": {"target": (5, "1")},
    "remaining forged": {"remaining": (5, "0")},
    "exempted": {"exempt": (5, "yes")},
    "exemption taken": {"exempt": (2, "no")},
    "red washed": {"red": (0, "no")},
    "made red": {"red": (1, "yes")},
    "red in capitals": {"red": (0, "YES")},
    "red left empty": {"red": (0, "")},
    "number with a zero before": {"counted": (0, "099")},
    "number with a fraction": {"counted": (0, "99.0")},
    "number in full width": {"counted": (0, "９９")},
    "number with a sign": {"counted": (0, "+99")},
    "number behind a blank": {"counted": (0, " 99")},
    "number before a blank": {"counted": (0, "99\u00a0")},
    "number with a NUL behind": {"counted": (0, "99\0")},
    "number with nothing to be seen in it": {"counted": (0, "9\u200b9")},
    "number in other digits": {"counted": (0, "٩٩")},
    "zeros of a number lost": {"staff_no": (0, "7")},
    "more zeros": {"staff_no": (0, "0007")},
    "number of somebody made up": {"staff_no": (5, "Z99")},
    "number in look-alike letters": {"staff_no": (2, "А001")},
    "an apostrophe before a number": {"staff_no": (2, "'A001")},
    "blank before a number": {"staff_no": (2, " A001")},
    "another name": {"name": (5, "Least")},
    "name in look-alike letters": {"name": (5, "Lаst")},
    "name behind an apostrophe": {"name": (5, "'Last")},
    "name behind a blank": {"name": (5, " Last")},
    "name before a blank": {"name": (5, "Last ")},
    "name with a line break": {"name": (5, "La\nst")},
    "name in other code points": {"name": (6, unicodedata.normalize("NFD", "Accent É"))},
    "name left empty": {"name": (5, "")},
    "formula of a name changed": {"name": (1, "=Formulas")},
}
VERDICTS: dict[str, dict[str, tuple[int, str]]] = {
    "made eligible": {"verdict": (5, "eligible")},
    "no more under review": {"verdict": (0, "not_eligible")},
    "under review": {"verdict": (5, "under_review")},
    "not eligible": {"verdict": (1, "not_eligible")},
    "verdict in capitals": {"verdict": (0, "UNDER_REVIEW")},
    "verdict left empty": {"verdict": (0, "")},
}
EXCHANGED = {"names exchanged": ("name", 1, 5), "numbers exchanged": ("staff_no", 1, 5), "reds": ("red", 0, 1)}


def cells() -> Iterator[tuple[str, Presented]]:
    for kind, columns in COLUMNS.items():
        for name, changes in {**CELLS, **(VERDICTS if kind == HANDOVER else {})}.items():
            yield f"{kind}: {name}", presented(kind, table(people(**changes), columns))
        for name, which in EXCHANGED.items():
            yield f"{kind}: {name}", presented(kind, table(exchanged(*which), columns))
    yield "handover: verdicts exchanged", presented(HANDOVER, table(exchanged("verdict", 0, 5), HANDOVER_FILE))


# -- rows ----------------------------------------------------------------------------------------------------------


def rows() -> Iterator[tuple[str, Presented]]:
    for kind in (RESULT, HANDOVER):
        forged: dict[str, list[Row]] = {
            "first line taken out": PEOPLE[1:],
            "line taken out": PEOPLE[:2] + PEOPLE[3:],
            "last line taken out": PEOPLE[:-1],
            "first half": PEOPLE[:4],
            "second half": PEOPLE[4:],
            "line doubled": [*PEOPLE[:3], *PEOPLE[2:]],
            "whole doubled": PEOPLE + PEOPLE,
            "line added": [*PEOPLE[:3], SOMEBODY, *PEOPLE[3:]],
            "line added at the end": [*PEOPLE, SOMEBODY],
            "line in the place of another": [*PEOPLE[:5], SOMEBODY, *PEOPLE[6:]],
            "moved": [*PEOPLE[:2], PEOPLE[3], PEOPLE[2], *PEOPLE[4:]],
            "backwards": PEOPLE[::-1],
            "nobody": [],
        }
        for name, kept in forged.items():
            yield f"{kind}: {name}", presented(kind, table(kept, COLUMNS[kind]))
        again = table(PEOPLE, COLUMNS[kind])
        yield f"{kind}: header once more", presented(kind, again + again)
    yield "part: somebody made up", presented(PART, table([PEOPLE[0], SOMEBODY]))
    yield "part: line doubled", presented(PART, table([PEOPLE[0], PEOPLE[5], PEOPLE[0]]))
    yield "part: nobody", presented(PART, table([]))
    yield (
        "part: of a forged whole",
        presented(PART, table(people(red=(0, "no"))), whole=table(people(red=(0, "no"))).encode()),
    )


# -- columns and separators ----------------------------------------------------------------------------------------


def beside(kind: str, name: str, text: str, *, before: bool = True) -> str:
    """The file with one more column."""
    lines = list(csv.reader(io.StringIO(table(PEOPLE, COLUMNS[kind]), newline="")))
    out = io.StringIO(newline="")
    for number, line in enumerate(lines):
        more = [text if number else name]
        csv.writer(out).writerow([*more, *line] if before else [*line, *more])
    return out.getvalue()


NAMES = {
    "Cyrillic": "rеd", "full width": "ｒｅｄ", "with a blank": " red", "with something invisible": "re\u200bd",
    "in capitals": "RED", "the same": "red", "with a NUL": "red\0", "with a mark": "\ufeffred",
    "of a long s": "ſtaff_no", "unknown": "note", "not named": "",
    "read by semicolons": "x;staff_no;name;counted;target;remaining;exempt;red",
}  # fmt: skip


def columns() -> Iterator[tuple[str, Presented]]:
    for kind, names in COLUMNS.items():
        for called, name in NAMES.items():
            yield f"{kind}: column {called} before", presented(kind, beside(kind, name, "no"))
        yield f"{kind}: column the same behind", presented(kind, beside(kind, "red", "no", before=False))
        yield f"{kind}: unnamed column behind", presented(kind, beside(kind, "", "no", before=False))
        yield f"{kind}: a column left out", presented(kind, table(PEOPLE, [one for one in names if one != "name"]))
        other = ["target" if one == "counted" else "counted" if one == "target" else one for one in names]
        yield f"{kind}: names of columns exchanged", presented(kind, table(PEOPLE, names, header=other))
        longer = table(PEOPLE, names).replace("\r\n", ",no\r\n").replace(",no\r\n", "\r\n", 1)
        yield f"{kind}: more cells than names", presented(kind, longer)
        for separator in ";\t|":
            yield f"{kind}: separated by {separator!r}", presented(kind, table(PEOPLE, names, separator=separator))
        yield f"{kind}: sep=;", presented(kind, "sep=;\r\n" + table(PEOPLE, names))
        yield f"{kind}: no header", presented(kind, table(PEOPLE, names).partition("\r\n")[2])
        for text in ("x;A001;Alice;100;no", "x\tA001\t100", "x\r\nstaff_no;red\r\nA001;no", "x\0"):
            yield f"{kind}: e-mail {text!r}", presented(kind, table(people(email=(0, text)), names))
        yield f"{kind}: a quotation mark that never ends", presented(kind, table(PEOPLE, names) + '"')
    yield "result: a verdict", presented(RESULT, table(PEOPLE, [*STANDINGS_FILE, "verdict"]))
    yield "result: UTF-16 without its mark", presented(RESULT, table(PEOPLE).encode("utf-16-le"))


# -- signatures ----------------------------------------------------------------------------------------------------


def edited(of: str, **changes: Any) -> bytes:
    document = json.loads(signed(kind=of))
    return json.dumps({name: value for name, value in {**document, **changes}.items() if value is not None}).encode()


def signatures() -> Iterator[tuple[str, Presented]]:
    stranger = Ed25519PrivateKey.generate()
    for kind in (RESULT, HANDOVER):
        forged = people(counted=(5, "100"), remaining=(5, "0"), red=(5, "no"), verdict=(5, "eligible"))
        washed, its = table(forged, COLUMNS[kind]), json.loads(signed(forged, kind=kind))
        other = HANDOVER if kind == RESULT else RESULT
        changes: dict[str, dict[str, Any]] = {
            "another campaign": {"campaign": "december"}, "another cut-off": {"cutoff": "2026-12-31T16:00:00Z"},
            "another rule": {"rule_version": 2}, "another version": {"result_version": 2},
            "another kind": {"kind": other}, "another form": {"form": 1}, "no form": {"form": None, "kind": None},
            "fewer rows": {"rows": 6}, "rows as text": {"rows": "7"}, "form as truth": {"form": True},
            "one more name": {"note": "checked"}, "no signature": {"signature": ""},
        }  # fmt: skip
        if kind == HANDOVER:
            changes["another day of reviews"] = {"reviews_as_of": "2026-12-05T00:00:00Z"}
            changes["another result"] = {"result_digest": "e" * 64}
        for name, change in changes.items():
            yield f"{kind}: signature with {name}", replace(genuine(kind), signature=edited(kind, **change))
        yield (
            f"{kind}: forged with its hashes",
            presented(kind, washed, signature=edited(kind, line_hashes=its["line_hashes"], digest=its["digest"])),
        )
        yield f"{kind}: forged with its digest", presented(kind, washed, signature=edited(kind, digest=its["digest"]))
        unsigned = {name: value for name, value in its.items() if name != "signature"}
        yield f"{kind}: signed by somebody else", presented(kind, washed, signature=sealed(unsigned, stranger))
        twice = signed(kind=kind).replace(b'"campaign"', b'"campaign": "december", "campaign"')
        yield f"{kind}: a name twice", replace(genuine(kind), signature=twice)
        yield f"{kind}: the other kind's signature", replace(genuine(kind), signature=signed(kind=other))
        yield (
            f"{kind}: the signature of another campaign",
            presented(kind, table(PEOPLE, COLUMNS[kind]), signature=signed(forged, kind=kind, campaign="december")),
        )
        cut = base64.b64encode(b"\0" * 64).decode()
        yield f"{kind}: a signature of nothing", replace(genuine(kind), signature=edited(kind, signature=cut))
    yield (
        "part: the signature of another result",
        presented(PART, table(PEOPLE[:2]), signature=signed(people(name=(4, "Other")), campaign="december")),
    )
    yield (
        "part: the whole's signature edited",
        presented(PART, table(PEOPLE[:2]), signature=edited(RESULT, rule_version=2)),
    )


def forgeries() -> dict[str, Presented]:
    """Every forgery by name; made on demand, with what the verifier signs at that time."""
    kinds: Sequence[Callable[[], Iterator[tuple[str, Presented]]]] = (cells, rows, columns, signatures)
    return {name: one for kind in kinds for name, one in kind()}


# -- by chance -----------------------------------------------------------------------------------------------------


def covered_cells(raw: bytes, kind: str) -> list[list[str]] | None:
    """The covered columns as another CSV reader sees them, without escapes; None where it finds no such table."""
    names = SIGNED_TODAY[verification.FORM, kind]
    try:
        found = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))
        return [[verification.unguarded(row[name]) for name in names] for row in found if any(row.values())]
    except (UnicodeDecodeError, KeyError, TypeError, AttributeError, csv.Error):
        return None


def called_genuine_by_chance(count: int, seed: int) -> list[bytes]:
    """Of `count` files with a few bytes changed, moved, doubled or removed, those that verify although they hold other
    cells than signed.
    """
    dice, wrong = random.Random(seed), []
    for number in range(count):
        kind = (RESULT, HANDOVER)[number % 2]
        whole = genuine(kind)
        raw = bytearray(whole.raw)
        for _ in range(dice.choice((1, 1, 2, 3))):
            at, length = dice.randrange(len(raw)), dice.choice((1, 1, 2, 5, 40))
            piece = bytes(raw[at : at + length])
            new = (b"", piece + piece, dice.randbytes(1), dice.choice([b",", b'"', b";", b"\r\n", b"0", b"9", b"'"]))
            raw[at : at + length] = dice.choice(new)
        told = replace(whole, raw=bytes(raw)).is_called_genuine()
        if told and covered_cells(bytes(raw), kind) != covered_cells(whole.raw, kind):
            wrong.append(bytes(raw))
    return wrong
