"""A CSV in somebody's hand is the frozen result, however it was saved again, or its first wrong line is named."""

import csv
import io
import json
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.ledger.models import Setting
from apps.ledger.rules import signing_seed
from apps.quotas.freeze import proof, signing
from apps.quotas.freeze.proof import NotReadable, canonical_line, fingerprints, first_line, read_key, read_signature
from config.places import BASE_DIR
from tests.commands import say

HEADER = ["staff_no", "name", "counted", "target", "remaining", "red", "exempt"]
ROWS = [
    ["007", "Seven", "99", "100", "1", "yes", "no"],
    ["'=1+1", "Formula", "100", "100", "0", "no", "no"],
    ["A001", "Alice 艾", "0", "100", "100", "no", "yes"],
    ["A,2", "Comma", "5", "5", "0", "no", "no"],
    ["Z9", "Last", "1", "100", "99", "yes", "no"],
    ["é1", "Accent", "1", "100", "99", "yes", "no"],
]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def table(rows: list[list[str]], *, header: list[str] = HEADER, separator: str = ",", end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end).writerows([header, *rows])
    return text.getvalue()


def signed(rows: list[list[str]] = ROWS) -> bytes:
    """The signature file of these rows."""
    import base64

    lines = [canonical_line(row[0].removeprefix("'"), row[2], row[3], row[6], row[5]) for row in rows]
    digest, hashes, count = fingerprints(first_line("november", "2026-11-30T16:00:00Z", 1, 1), lines)
    document: dict[str, Any] = {
        "campaign": "november", "cutoff": "2026-11-30T16:00:00Z", "rule_version": 1, "result_version": 1,
        "rows": count, "line_hashes": base64.b64encode(hashes).decode(), "digest": digest,
    }  # fmt: skip
    document["signature"] = base64.b64encode(KEY.sign(proof.signed_bytes(document))).decode()
    return json.dumps(document).encode()


def verify(raw: bytes, signature: bytes | None = None) -> proof.Verdict:
    return proof.verify(io.BytesIO(raw), read_signature(signature or signed()), read_key(PEM))


def columns(*names: str) -> Callable[[], bytes]:
    """Only these columns, in this order."""
    places = [HEADER.index(name) for name in names]
    return lambda: table([[row[at] for at in places] for row in ROWS], header=list(names)).encode()


SAVED_AGAIN: dict[str, Callable[[], bytes]] = {
    "as it was": lambda: b"\xef\xbb\xbf" + table(ROWS).encode(),
    "no BOM": lambda: table(ROWS).encode(),
    "semicolons": lambda: table(ROWS, separator=";").encode(),
    "tabs": lambda: table(ROWS, separator="\t").encode(),
    "LF": lambda: table(ROWS, end="\n").encode(),
    "CR": lambda: table(ROWS, end="\r").encode(),
    "UTF-16": lambda: table(ROWS).encode("utf-16"),
    "GB18030": lambda: table(ROWS).encode("gb18030"),
    "other order of columns": columns("red", "exempt", "target", "counted", "staff_no"),
    "more columns": lambda: table(
        [[*row, "note, with comma\nand line"] for row in ROWS], header=[*HEADER, "n"]
    ).encode(),
    "empty lines at the end": lambda: table(ROWS).encode() + b"\r\n,,,,,,\r\n",
    "header in capitals": lambda: table(ROWS, header=[name.upper() for name in HEADER]).encode(),
    "the formula guard taken off": lambda: table([[row[0].removeprefix("'"), *row[1:]] for row in ROWS]).encode(),
}


@pytest.mark.parametrize("how", SAVED_AGAIN)
def test_a_file_that_was_saved_again_still_verifies(how: str) -> None:
    assert verify(SAVED_AGAIN[how]()) == verify(table(ROWS).encode())
    assert verify(SAVED_AGAIN[how]()).verified


def changed(place: int, column: int, text: str) -> list[list[str]]:
    rows = [list(row) for row in ROWS]
    rows[place][column] = text
    return rows


WRONG = {
    "counted raised": (changed(4, 2, "100"), "changed", 6),
    "red washed": (changed(0, 5, "no"), "changed", 2),
    "target lowered": (changed(4, 3, "1"), "changed", 6),
    "exempted": (changed(4, 6, "yes"), "changed", 6),
    "zeros lost": (changed(0, 0, "7"), "changed", 2),
    "an apostrophe before a number": (changed(2, 0, "'A001"), "changed", 4),
    "first line taken out": (ROWS[1:], "missing", 2),
    "line taken out": (ROWS[:2] + ROWS[3:], "missing", 4),
    "last line taken out": (ROWS[:-1], "missing", 7),
    "line added": ([*ROWS[:3], ["B1", "", "9", "9", "0", "no", "no"], *ROWS[3:]], "added", 5),
    "line added at the end": ([*ROWS, ["zz", "", "9", "9", "0", "no", "no"]], "added", 8),
    "line twice": ([*ROWS[:3], ROWS[2], *ROWS[3:]], "added", 5),
    "two changed places": ([*ROWS[:2], ROWS[3], ROWS[2], *ROWS[4:]], "reordered", 4),
    "nobody": ([], "missing", 2),
}


@pytest.mark.parametrize("how", WRONG)
def test_the_first_line_that_differs_is_named(how: str) -> None:
    rows, code, line = WRONG[how]
    verdict = verify(table(rows).encode())
    assert (verdict.verified, verdict.code, verdict.line) == (False, code, line)


def test_whatever_the_signature_file_says_was_signed() -> None:
    document = json.loads(signed())
    for name in (*proof.SIGNED, "signature"):
        other = {
            **document,
            name: document[name] + 1 if isinstance(document[name], int) else "QUJD" + document[name][4:],
        }
        try:
            assert verify(table(ROWS).encode(), json.dumps(other).encode()).code == "key", name
        except NotReadable:
            assert name in ("rows", "line_hashes")
    other_key = Ed25519PrivateKey.generate().public_key()
    assert proof.verify(io.BytesIO(table(ROWS).encode()), document, other_key).code == "key"


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00\xff\x00", b"a,b\n1,2\n", b"staff_no,counted,target,exempt,red,red\n", b"\xff\xfe\x00", b'staff_no,"'],
)
def test_what_is_no_csv_of_standings_is_told_in_a_sentence(raw: bytes) -> None:
    with pytest.raises(NotReadable):
        verify(raw)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"[" * 90_000, signed()[:-5], b"\xff", b'{"rows": "x"}'])
def test_what_is_no_signature_file_is_told_in_a_sentence(raw: bytes) -> None:
    with pytest.raises(NotReadable):
        read_signature(raw)


def test_the_verifier_is_one_file_that_runs_without_the_program(tmp_path: Path) -> None:
    """As an auditor has it: the file alone in another folder, and no Django to be imported."""
    (tmp_path / "final.csv").write_text(table(ROWS), encoding="utf-8", newline="")
    (tmp_path / "final.csv.sig").write_bytes(signed())
    (tmp_path / "key.pem").write_bytes(PEM)
    shutil.copy(proof.__file__, tmp_path / "verify.py")
    for program in (tmp_path / "verify.py", BASE_DIR / "scripts" / "verify.py"):
        command = [sys.executable, "-I", str(program), "final.csv", "--public-key", "key.pem", "--json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, json.loads(done.stdout)["verified"]) == (0, True), done.stderr
    (tmp_path / "final.csv").write_text(table(ROWS[1:]), encoding="utf-8", newline="")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["line"]) == (1, 2)
    watching = [sys.executable, "-X", "importtime", *command[1:]]
    done = subprocess.run(watching, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "cryptography" in done.stderr
    assert "django" not in done.stderr


# -- a part --------------------------------------------------------------------------------------------------------


def verify_part(rows: list[list[str]], whole: list[list[str]] = ROWS) -> proof.Verdict:
    document = read_signature(signed())
    files = (io.BytesIO(table(each).encode()) for each in (whole, rows))
    return proof.verify_either(*files, document, read_key(PEM))


@pytest.mark.parametrize("places", [(3,), (0, 1, 5), (5, 4, 3, 2, 1, 0)])
def test_some_rows_in_any_order_are_proved_and_called_a_part(places: tuple[int, ...]) -> None:
    verdict = verify_part([ROWS[place] for place in places])
    assert (verdict.verified, verdict.line) == (True, None)
    assert f"{len(places)} of its 6 standings" in verdict.sentence
    assert f"the other {6 - len(places)} " in verdict.sentence


def test_a_part_whose_formula_guard_was_taken_off_is_a_part() -> None:
    assert verify_part([["=1+1", *ROWS[1][1:]], ROWS[4]]).verified


NO_PART = {
    "counted raised": ([ROWS[0], changed(4, 2, "100")[4]], "changed", 3),
    "red washed": ([changed(0, 5, "no")[0]], "changed", 2),
    "exempted": ([ROWS[2], ROWS[5], changed(4, 6, "yes")[4]], "changed", 4),
    "another spelling of a number": ([changed(4, 2, "01")[4]], "changed", 2),
    "the numbers of somebody else": ([["A001", *ROWS[0][1:]]], "changed", 2),
    "somebody made up": ([ROWS[1], ["B1", "", "100", "100", "0", "no", "no"]], "added", 3),
    "twice": ([ROWS[3], ROWS[0], ROWS[3]], "repeated", 4),
    "nobody": ([], "empty", None),
}


@pytest.mark.parametrize("how", NO_PART)
def test_the_first_line_that_is_not_in_the_result_is_named(how: str) -> None:
    rows, code, line = NO_PART[how]
    verdict = verify_part(rows)
    assert (verdict.verified, verdict.code, verdict.line) == (False, code, line)


def test_a_part_is_never_proved_by_a_whole_that_is_not() -> None:
    """Else a changed row would be proved by the same change in the file beside it."""
    washed = changed(0, 5, "no")
    verdict = verify_part([washed[0]], washed)
    assert (verdict.verified, verdict.code) == (False, "whole")
    assert "Line 2 (007)" in verdict.sentence
    assert not verify_part(ROWS[:1], ROWS[:1]).verified, "a part is not a whole"


def test_the_one_file_proves_a_part_too(tmp_path: Path) -> None:
    for name, rows in (("final.csv", ROWS), ("team.csv", ROWS[3:5]), ("forged.csv", changed(4, 2, "100")[3:5])):
        (tmp_path / name).write_text(table(rows), encoding="utf-8", newline="")
    (tmp_path / "final.csv.sig").write_bytes(signed())
    (tmp_path / "key.pem").write_bytes(PEM)
    program = [sys.executable, "-I", str(BASE_DIR / "scripts" / "verify.py")]
    for name, status, line in (("team.csv", 0, None), ("forged.csv", 1, 3)):
        command = [*program, name, "--part", "final.csv", "--public-key", "key.pem", "--json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, json.loads(done.stdout)["line"]) == (status, line), done.stderr


# -- the key --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_a_key_one_is_made_once_and_kept(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.SIGNING_KEY = ""
    first = signing.public_key()
    assert "a key was made" in caplog.text
    assert signing.public_key() == first
    assert len(signing_seed(Setting.objects.get(name=signing.KEPT_KEY).value)) == 32
    settings.SIGNING_KEY = "b25seS1mb3ItdGVzdHMtMDEyMzQ1Njc4OWFiY2RlZmc="
    assert signing.public_key() != first


@pytest.mark.parametrize("text", ["x", "not base64!", "YQ", "ключ", "A" * 90])
def test_a_key_that_is_none_is_refused_at_the_start(settings: Any, text: str) -> None:
    from apps.ledger.checks import usable_signing_key

    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        signing_seed(text)
    settings.SIGNING_KEY = text
    assert [problem.id for problem in usable_signing_key(None)] == ["hundred.E003"]


@pytest.mark.django_db
def test_the_command_prints_the_key_that_verifies(settings: Any) -> None:
    out, err = say("public_key")
    assert read_key(out.encode())
    assert "Fingerprint" in err


def test_a_file_that_comes_through_a_pipe_is_proved(tmp_path: Path) -> None:
    """As `verify.py <(zcat standings.csv.gz)` has it."""
    (tmp_path / "final.csv.sig").write_bytes(signed())
    (tmp_path / "key.pem").write_bytes(PEM)
    program = [sys.executable, "-I", str(BASE_DIR / "scripts" / "verify.py"), "/dev/stdin", "--json"]
    command = [*program, "--signature", "final.csv.sig", "--public-key", "key.pem"]
    for rows, status in ((ROWS, 0), (ROWS[1:], 1)):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, input=table(rows).encode(), check=False)
        assert done.returncode == status, done.stderr


def test_a_proof_holds_the_hashes_of_the_lines_and_not_the_lines() -> None:
    """Else an auditor's machine runs out of memory at a result of a million."""
    rows = [[f"{number:06}", "n" * 200, "1", "100", "99", "yes", "no"] for number in range(5_000)]
    raw, document, key = io.BytesIO(table(rows).encode()), read_signature(signed(rows)), read_key(PEM)
    part = io.BytesIO(table(rows[:3]).encode())
    proof.verify_either(raw, part, document, key)
    tracemalloc.start()
    try:
        assert proof.verify_either(raw, part, document, key).verified
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The signature file as it is signed, and eight bytes of each line.
    assert peak < 3 * len(document["line_hashes"]) + 8 * len(rows) + 300_000
    assert len(raw.getvalue()) > 1_000_000
