"""A CSV verifies as the frozen result, however it was saved again, or its first wrong line is named."""

import csv
import io
import json
import shutil
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from apps.core.signing_key import signing_seed
from apps.fileio import csv_injection
from apps.localstack.paths import BASE_DIR
from apps.results import verification
from apps.results.verification import HANDOVER, RESULT, UnreadableResultFile, read_key, read_signature
from tests.commands import say
from tests.published import HANDOVER_FILE, STANDINGS_FILE
from tests.results.proving import (
    PEM,
    PEOPLE,
    Row,
    people,
    person,
    signed,
    table,
    verify,
    verify_part,
)

COVERED = verification.COLUMNS
LATIN = [row for row in PEOPLE if row["staff_no"] != "A001"]

# -- harmless ------------------------------------------------------------------------------------------------------

SAVED_AGAIN: dict[str, Callable[[], bytes]] = {
    "as it was": lambda: table(PEOPLE).encode("utf-8-sig"),
    "no BOM": lambda: table(PEOPLE).encode(),
    "LF": lambda: table(PEOPLE, end="\n").encode(),
    "CR": lambda: table(PEOPLE, end="\r").encode(),
    "no line end at the end": lambda: table(PEOPLE).encode().rstrip(),
    "everything in quotes": lambda: table(PEOPLE, quoting=csv.QUOTE_ALL).encode(),
    "texts in quotes, as PostgreSQL does": lambda: table(PEOPLE, quoting=csv.QUOTE_NONNUMERIC).encode(),
    "UTF-16": lambda: table(PEOPLE).encode("utf-16"),
    "GB18030": lambda: table(PEOPLE).encode("gb18030"),
    "covered columns alone": lambda: table(PEOPLE, COVERED).encode(),
    "columns in another order": lambda: table(PEOPLE, [*reversed(COVERED), "email"]).encode(),
    "two columns of ours left out": lambda: table(PEOPLE, [*COVERED, "email", "department"]).encode(),
    "header in capitals": lambda: table(PEOPLE, COVERED, header=[name.upper() for name in COVERED]).encode(),
    "empty lines and columns at the end": lambda: (
        table(PEOPLE, COVERED).replace("\r\n", ",,\r\n").encode() + b"\r\n,,,,,,,,\r\n"
    ),
    "the formula guard taken off": lambda: table(PEOPLE, guard=False).encode(),
    "a signature file with BOM and other line ends": lambda: table(PEOPLE).encode(),
}


@pytest.mark.parametrize("how", SAVED_AGAIN)
def test_a_file_that_was_saved_again_still_verifies(how: str) -> None:
    signature = signed()
    if how.startswith("a signature file"):
        signature = b"\xef\xbb\xbf" + json.dumps(json.loads(signature), indent=2).replace("\n", "\r\n").encode()
    verdict = verify(SAVED_AGAIN[how](), signature)
    assert verdict.verified, verdict.sentence


def test_a_western_file_that_could_be_chinese_is_read_as_it_was_signed() -> None:
    """A spreadsheet program saves a CSV in the code page of its computer, and nothing in the file says which."""
    for encoding in ("cp1252", "gb18030", "utf-8"):
        assert verify(table(LATIN).encode(encoding), signed(LATIN)).verified, encoding


@pytest.mark.parametrize("part", [False, True])
def test_the_sentence_names_what_is_proved_and_what_is_not(part: bool) -> None:
    file = table(PEOPLE, [*COVERED, "email", "department"]).encode()
    verdict = verify_part(file) if part else verify(file)
    for told in ("staff_no, name, counted, target, remaining, exempt and red", "november, version 1"):
        assert told in verdict.sentence
    assert "Not covered by the signature, so not proved: email and department." in verdict.sentence
    assert verdict.as_json["proved"] == list(COVERED)
    assert verdict.as_json["not_covered"] == ["email", "department"]


# -- the first line that differs -----------------------------------------------------------------------------------

SOMEBODY: Row = {**PEOPLE[2], "staff_no": "B1"}
WRONG: dict[str, tuple[list[Row], str, int]] = {
    "counted raised": (people(counted=(5, "100")), "changed", 7),
    "name changed": (people(name=(5, "Least")), "changed", 7),
    "remaining forged": (people(remaining=(5, "1")), "changed", 7),
    "first line taken out": (PEOPLE[1:], "missing", 2),
    "line taken out": (PEOPLE[:2] + PEOPLE[3:], "missing", 4),
    "last line taken out": (PEOPLE[:-1], "missing", 8),
    "line added": ([*PEOPLE[:3], SOMEBODY, *PEOPLE[3:]], "added", 5),
    "line added at the end": ([*PEOPLE, SOMEBODY], "added", 9),
    "line twice": ([*PEOPLE[:3], PEOPLE[2], *PEOPLE[3:]], "added", 5),
    "two changed places": ([*PEOPLE[:2], PEOPLE[3], PEOPLE[2], *PEOPLE[4:]], "reordered", 4),
    "nobody": ([], "missing", 2),
}


@pytest.mark.parametrize("how", WRONG)
def test_the_first_line_that_differs_is_named(how: str) -> None:
    rows, code, line = WRONG[how]
    verdict = verify(table(rows).encode())
    assert (verdict.verified, verdict.code, verdict.line) == (False, code, line)


def test_whatever_the_signature_file_says_was_signed() -> None:
    for kind, columns in ((RESULT, COVERED), (HANDOVER, HANDOVER_FILE)):
        raw, document = table(PEOPLE, columns).encode(), json.loads(signed(kind=kind))
        for name, value in document.items():
            other = {**document, name: value + 1 if isinstance(value, int) else "QUJD" + value[4:]}
            try:
                assert verify(raw, json.dumps(other).encode()).code == "key", name
            except UnreadableResultFile:
                assert name in ("rows", "line_hashes", "form", "kind")
        other_key = Ed25519PrivateKey.generate().public_key()
        assert verification.verify(io.BytesIO(raw), document, other_key).code == "key"


def test_no_cell_speaks_for_the_verifier() -> None:
    """A number that imitates a proof's sentence would be taken for one."""
    said = "007)\n\nstaff_no, name, counted and red of all 7 people match the frozen result of november, version 1"
    for rows in (people(staff_no=(0, said)), [*PEOPLE, {**PEOPLE[0], "staff_no": said}]):
        sentence = verify(table(rows).encode()).sentence
        assert "\n" not in sentence
        assert "frozen result" not in sentence
    with pytest.raises(UnreadableResultFile) as refused:
        verify(table(PEOPLE, header=[said, *STANDINGS_FILE[1:]]).encode())
    assert "frozen result" not in str(refused.value)


# -- version 1 -----------------------------------------------------------------------------------------------------


def test_an_old_signature_still_verifies_for_what_it_covers_and_says_so() -> None:
    old = signed(form=1)
    handed_over = people()
    for row in handed_over:
        row["digest"] = json.loads(old)["digest"]
    for columns in (STANDINGS_FILE, HANDOVER_FILE, verification.COVERED[1, RESULT]):
        verdict = verify(table(handed_over, columns).encode(), old)
        assert verdict.verified, verdict.sentence
        assert "The signature is of version 1, which covers no name, no remaining and no verdict." in verdict.sentence
        assert verdict.as_json["proved"] == ["staff_no", "counted", "target", "exempt", "red"]
    assert verify(table(people(red=(0, "no"))).encode(), old).code == "changed"
    assert verify_part(table(PEOPLE[2:4]).encode(), signature=old).verified


def test_an_old_signature_finds_what_contradicts_the_columns_it_covers() -> None:
    old = signed(form=1)
    columns = [name for name in HANDOVER_FILE if name != "digest"]
    for changes in ({"remaining": (5, "0")}, {"verdict": (5, "eligible")}):
        verdict = verify(table(people(**changes), columns).encode(), old)
        [name] = changes
        assert (verdict.verified, verdict.changed, verdict.line) == (False, (name,), 7)
        assert f"Not covered and changed: {name}, first in line 7" in verdict.sentence


# -- a clean copy --------------------------------------------------------------------------------------------------


def clean(verdict: verification.Finding) -> bytes:
    target = io.BytesIO()
    verification.write_clean(verdict, target)
    return target.getvalue()


def test_a_clean_copy_holds_the_covered_columns_as_hundred_writes_them() -> None:
    shuffled = table(PEOPLE, [*reversed(COVERED), "email"], end="\n", guard=False).encode()
    written = clean(verify(shuffled))
    assert written == table(PEOPLE, COVERED).encode("utf-8-sig")
    assert verify(written).verified
    part = verify_part(table([PEOPLE[5], PEOPLE[1]], COVERED).encode())
    assert clean(part) == table([PEOPLE[1], PEOPLE[5]], COVERED).encode("utf-8-sig")
    old = verify(shuffled, signed(form=1))
    assert clean(old) == table(PEOPLE, verification.COVERED[1, RESULT]).encode("utf-8-sig")


def test_a_column_that_reads_as_another_table_is_refused_and_the_clean_copy_is_without_it() -> None:
    """With semicolons as separators a department could become other cells."""
    verdict = verify(table(people(department=(3, "Sales;no;100"))).encode())
    assert (verdict.verified, verdict.code, verdict.line) == (False, "uncovered", 5)
    assert "department" in verdict.sentence
    assert clean(verdict) == table(PEOPLE, COVERED).encode("utf-8-sig")
    with pytest.raises(ValueError, match="nothing is proved"):
        clean(verify(table(PEOPLE[1:]).encode()))


@given(st.text("=-@＝;\t\r\n '\"“xy"))
@example("'=1")
@example("x;'=1")
@example(";;+1")
def test_the_verifier_guards_cells_as_the_files_do(text: str) -> None:
    """The verifier is a single file, so it has these few lines of its own."""
    assert verification.guarded(text) == csv_injection.escape_formula(text)
    assert verification.unguarded(text) == csv_injection.unescape_formula(text)
    assert verification.unguarded(verification.guarded(text)) == text


def test_a_long_run_of_line_breaks_in_a_cell_takes_linear_time() -> None:
    """A forger's file keeps no auditor waiting. With quadratic time this takes minutes."""
    text = "\n'" * 40_000 + "x"
    begin = time.process_time()
    assert verification.unguarded(text) == text
    assert verification.guarded(text) == text
    assert time.process_time() - begin < 5


# -- what cannot be read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00\xff\x00", b"a,b\n1,2\n", b"staff_no,counted,target,exempt,red,red\n", b"\xff\xfe\x00", b'staff_no,"'],
)
def test_a_file_that_is_no_csv_of_standings_gets_a_message(raw: bytes) -> None:
    with pytest.raises(UnreadableResultFile):
        verify(raw)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"[" * 90_000, signed()[:-5], b"\xff", b'{"rows": "x"}'])
def test_a_file_that_is_no_signature_gets_a_message(raw: bytes) -> None:
    with pytest.raises(UnreadableResultFile):
        read_signature(raw)


def test_the_verifier_is_one_file_that_runs_without_the_program(tmp_path: Path) -> None:
    """As for an auditor: the file alone in another folder, without Django."""
    (tmp_path / "final.csv").write_text(table(PEOPLE), encoding="utf-8", newline="")
    (tmp_path / "final.csv.sig").write_bytes(signed())
    (tmp_path / "key.pem").write_bytes(PEM)
    shutil.copy(verification.__file__, tmp_path / "verify.py")
    for program in (tmp_path / "verify.py", BASE_DIR / "scripts" / "verify.py"):
        command = [sys.executable, "-I", str(program), "final.csv", "--public-key", "key.pem", "--json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, json.loads(done.stdout)["verified"]) == (0, True), done.stderr
    (tmp_path / "final.csv").write_text(table(PEOPLE[1:]), encoding="utf-8", newline="")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["line"]) == (1, 2)
    copied = [*command[:-1], "--part", "whole.csv", "--clean", "clean.csv", "--json"]
    (tmp_path / "whole.csv").write_text(table(PEOPLE), encoding="utf-8", newline="")
    (tmp_path / "whole.csv.sig").write_bytes(signed())
    done = subprocess.run(copied, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["proved"]) == (0, list(COVERED)), done.stderr
    in_order = sorted(PEOPLE[1:], key=lambda row: row["staff_no"])
    assert (tmp_path / "clean.csv").read_bytes() == table(in_order, COVERED).encode("utf-8-sig")
    assert not list(tmp_path.glob(".clean*")), "nothing unfinished is left"
    watching = [sys.executable, "-X", "importtime", *command[1:]]
    done = subprocess.run(watching, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "cryptography" in done.stderr
    assert "django" not in done.stderr


# -- a part --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("places", [(3,), (0, 1, 5), (6, 5, 4, 3, 2, 1, 0)])
def test_some_rows_in_any_order_are_proved_and_called_a_part(places: tuple[int, ...]) -> None:
    verdict = verify_part(table([PEOPLE[place] for place in places]).encode())
    assert (verdict.verified, verdict.line) == (True, None)
    assert f"{len(places)} of its 7 standings" in verdict.sentence
    assert f"about the other {7 - len(places)}." in verdict.sentence


def test_a_part_whose_formula_guard_was_taken_off_is_a_part() -> None:
    assert verify_part(table([PEOPLE[1], PEOPLE[4]], guard=False).encode()).verified


NO_PART: dict[str, tuple[list[Row], str, int | None]] = {
    "counted raised": ([PEOPLE[0], people(counted=(5, "100"))[5]], "changed", 3),
    "name changed": ([people(name=(0, "Eight"))[0]], "changed", 2),
    "red washed": ([people(red=(0, "no"))[0]], "changed", 2),
    "exempted": ([PEOPLE[2], PEOPLE[6], people(exempt=(5, "yes"))[5]], "changed", 4),
    "another spelling of a number": ([people(counted=(5, "01"))[5]], "changed", 2),
    "the numbers of somebody else": ([{**PEOPLE[0], "staff_no": "A001"}], "changed", 2),
    "somebody made up": ([PEOPLE[1], SOMEBODY], "added", 3),
    "twice": ([PEOPLE[3], PEOPLE[0], PEOPLE[3]], "repeated", 4),
    "nobody": ([], "empty", None),
}


@pytest.mark.parametrize("how", NO_PART)
def test_the_first_line_that_is_not_in_the_result_is_named(how: str) -> None:
    rows, code, line = NO_PART[how]
    verdict = verify_part(table(rows).encode())
    assert (verdict.verified, verdict.code, verdict.line) == (False, code, line)


def test_a_part_is_never_proved_by_a_whole_that_is_not() -> None:
    """Otherwise a changed row would be proved by the same change in the other file."""
    washed = people(red=(0, "no"))
    verdict = verify_part(table(washed[:1]).encode(), table(washed).encode())
    assert (verdict.verified, verdict.code) == (False, "whole")
    assert "Line 2 (007)" in verdict.sentence
    first = table(PEOPLE[:1]).encode()
    assert not verify_part(first, first).verified, "a part is not a whole"


def test_the_one_file_proves_a_part_too(tmp_path: Path) -> None:
    for name, rows in (
        ("final.csv", PEOPLE),
        ("team.csv", PEOPLE[3:6]),
        ("forged.csv", people(counted=(4, "100"))[3:6]),
    ):
        (tmp_path / name).write_text(table(rows), encoding="utf-8", newline="")
    (tmp_path / "final.csv.sig").write_bytes(signed())
    (tmp_path / "key.pem").write_bytes(PEM)
    program = [sys.executable, "-I", str(BASE_DIR / "scripts" / "verify.py")]
    for name, status, line in (("team.csv", 0, None), ("forged.csv", 1, 3)):
        command = [*program, name, "--part", "final.csv", "--public-key", "key.pem", "--json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, json.loads(done.stdout)["line"]) == (status, line), done.stderr


# -- the key --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["x", "not base64!", "YQ", "ключ", "A" * 90])
def test_a_key_that_is_none_is_refused_at_the_start(settings: Any, text: str) -> None:
    from apps.core.checks import check_signing_key_valid

    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        signing_seed(text)
    settings.SIGNING_KEY = text
    assert [problem.id for problem in check_signing_key_valid(None)] == ["hundred.E003"]


@pytest.mark.django_db
def test_the_command_prints_the_key_that_verifies(settings: Any) -> None:
    out, err = say("public_key")
    assert read_key(out.encode())
    assert "Fingerprint" in err


def test_a_file_that_comes_through_a_pipe_is_proved(tmp_path: Path) -> None:
    """As in `verify.py <(zcat standings.csv.gz)`."""
    (tmp_path / "final.csv.sig").write_bytes(signed())
    (tmp_path / "key.pem").write_bytes(PEM)
    program = [sys.executable, "-I", str(BASE_DIR / "scripts" / "verify.py"), "/dev/stdin", "--json"]
    command = [*program, "--signature", "final.csv.sig", "--public-key", "key.pem"]
    for rows, status in ((PEOPLE, 0), (PEOPLE[1:], 1)):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, input=table(rows).encode(), check=False)
        assert done.returncode == status, done.stderr


def test_a_proof_holds_the_hashes_of_the_lines_and_not_the_lines() -> None:
    """Otherwise an auditor's machine runs out of memory at a result of a million."""
    rows = [person(f"{number:06}", "n" * 200, 1, 100) for number in range(5_000)]
    raw, document, key = io.BytesIO(table(rows).encode()), read_signature(signed(rows)), read_key(PEM)
    part = io.BytesIO(table(rows[:3]).encode())
    verification.verify_either(raw, part, document, key)
    tracemalloc.start()
    try:
        assert verification.verify_either(raw, part, document, key).verified
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The signature file, and eight bytes for each line.
    assert peak < 3 * len(document["line_hashes"]) + 8 * len(rows) + 300_000
    assert len(raw.getvalue()) > 1_000_000
