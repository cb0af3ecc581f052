"""Parsing HR's files from any program: every good line is loaded and every bad line reported."""

import codecs
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import ProgrammingError, transaction

from apps.employees.models import Employee
from apps.fileio.csv_reader import Table, open_table
from apps.fileio.errors import UnreadableFile
from apps.roster import staging
from apps.roster.loading import load_roster
from apps.roster.parser import read_roster
from tests.commands import run, say
from tests.people import TESTER, load

LINES = "staff_no,name,email,department\n1,王芳,wang@corp.example.com,销售\n2,Zoë Ÿ,zoe@corp.example.com,Sales\n"


@pytest.mark.parametrize(
    "content",
    [
        LINES.encode(),
        codecs.BOM_UTF8 + LINES.encode(),
        LINES.replace("\n", "\r\n").encode(),
        LINES.replace("\n", "\r").encode(),
        LINES.replace(",", ";").encode(),
        LINES.replace(",", "\t").encode(),
        LINES.encode("utf-16"),
        codecs.BOM_UTF16_BE + LINES.encode("utf-16-be"),
        LINES.replace("staff_no,name", " Staff_No , NAME ").encode(),
        ("\n" + LINES).encode()[1:] + b"\n\n,,,\n",
    ],
    ids=["utf-8", "bom", "crlf", "cr", "semicolon", "tab", "utf-16", "utf-16-be", "header", "blank lines"],
)
def test_whatever_program_wrote_the_file_the_names_arrive_whole(db: None, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "roster.csv"
    file.write_bytes(content)
    told = run("import_roster", file)
    assert (told["created"], told["rejected"]) == (2, 0)
    assert list(Employee.objects.values_list("name", flat=True)) == ["王芳", "Zoë Ÿ"]


def test_a_file_in_no_known_encoding_is_refused_where_it_breaks_and_never_stored_as_mojibake(
    db: None, tmp_path: Path
) -> None:
    file = tmp_path / "roster.csv"
    file.write_bytes(LINES.encode() + "3,王芳,w3@corp.example.com,销售\n".encode("gb18030"))
    with pytest.raises(CommandError, match=r"near line 4: not UTF-8 text.*Nothing was changed") as refused:
        run("import_roster", file)
    assert refused.value.returncode == 1
    assert not Employee.objects.exists()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("staff_no,name", "missing column email; found staff_no, name"),
        ("", "the file is empty"),
        ("staff_no,name,email,email", "the column email appears twice"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_in_words(tmp_path: Path, header: str, words: str) -> None:
    file = tmp_path / "roster.csv"
    file.write_text(header + "\n" if header else "")
    with pytest.raises(UnreadableFile, match=words), open_table(file) as table:
        read_roster(table)


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        (",Nobody,n@corp.example.com,,,,", "staff_no", "missing"),
        ("X" * 65 + ",Long,n@corp.example.com,,,,", "staff_no", "too_long"),
        ("9,,n@corp.example.com,,,,", "name", "missing"),
        ("9,\u200b\u200b,n@corp.example.com,,,,", "name", "missing"),
        ("9,No Mail,,,,,", "email", "invalid_identity"),
        ("9,Bad Mail,n at corp,,,,", "email", "invalid_identity"),
        ("9,Bad Phone,n@corp.example.com,12,,,", "phone", "invalid_identity"),
        ("9,Bad Zone,n@corp.example.com,,Mars/Base,,", "time_zone", "unknown_time_zone"),
        ("9,Path Zone,n@corp.example.com,,../../etc/passwd,,", "time_zone", "unknown_time_zone"),
        ("9,Bad Date,n@corp.example.com,,,05/11/2026,", "started_on", "bad_date"),
        ("9,No Day,n@corp.example.com,,,2026-02-30,", "started_on", "bad_date"),
        ("9,Backwards,n@corp.example.com,,,2026-11-30,2026-11-01", "left_on", "left_before_start"),
    ],
)
def test_a_bad_line_is_named_and_takes_nobody_along(db: None, line: str, column: str, code: str) -> None:
    header = "staff_no,name,email,phone,time_zone,started_on,left_on\n"
    good = "1,One,1@corp.example.com,,,,\n", "2,Two,2@corp.example.com,,,,\n"
    result = load(header + good[0] + line + "\n" + good[1])
    assert (result.created, result.rejected) == (2, 1)
    reject = result.rejects[0]
    assert (reject.line, reject.column, reject.code) == (3, column, code)
    assert reject.reason


def test_a_quoted_cell_may_hold_separators_and_lines(db: None) -> None:
    load(
        'staff_no,name,email,department\n1,"Doe, Jane",j@corp.example.com,"Vice\nPresident, ""Sales"""\n'
        "2,B,b@c.example.com,\n"
    )
    jane = Employee.objects.select_related("node").get(staff_no="1")
    assert (jane.name, jane.current_department) == ("Doe, Jane", 'Vice President, "Sales"')


def test_short_lines_lack_their_last_cells_only(db: None) -> None:
    result = load(
        "staff_no,name,email,department,phone\n1,One,1@corp.example.com\n2,Two,2@corp.example.com,Sales,,,,\n"
    )
    assert (result.created, result.rejected) == (2, 0)


def test_columns_nobody_knows_are_named_and_passed_over(db: None, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("staff_no,name,email,shoe size\n1,One,1@corp.example.com,44\n")
    out, err = say("import_roster", file)
    assert "ignored columns: shoe size" in err
    assert "Loaded 1 rows: 1 created" in out


def test_a_trial_run_says_would(db: None, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("staff_no,name,email\n1,One,1@corp.example.com\n")
    out, _err = say("import_roster", file, "--dry-run")
    assert "Would load 1 rows: 1 created" in out
    assert not Employee.objects.exists()


def test_the_json_names_every_count_of_the_contract(db: None, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("staff_no,name,email\n1,One,1@corp.example.com\n2,Two,two\n")
    told: dict[str, Any] = run("import_roster", file)
    reject = {"line": 3, "column": "email", "code": "invalid_identity", "reason": told["rejects"][0]["reason"]}
    assert told == {
        "read": 2, "created": 1, "updated": 0, "unchanged": 0, "duplicate": 0, "rejected": 1, "left": 0,
        "addresses": 0,
        "rejects": [reject],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["missing.csv", ""])
def test_a_file_that_is_not_there_is_refused_in_one_sentence(db: None, tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match=r"(No such file|Is a directory).*Nothing was changed") as refused:
        run("import_roster", tmp_path / name)
    assert refused.value.returncode == 1


@pytest.mark.parametrize(
    "cell", ["=1+1", "\\N", "\\.", "a\\tb", "'; DROP TABLE employees_employee; --", "%s %(now)s {}"]
)
def test_odd_texts_are_names_like_any_other(db: None, cell: str) -> None:
    load(f'staff_no,name,email,department\n1,"{cell}",1@corp.example.com,"{cell}"\n')
    stored = Employee.objects.select_related("node").get()
    assert (stored.name, stored.current_department) == (cell, cell)


def test_characters_that_no_database_stores_are_dropped(db: None) -> None:
    load("staff_no,name,email\n1,A\x00l\ud800ice\u200b,1@corp.example.com\n")
    assert Employee.objects.get().name == "Alice"


def test_a_file_in_many_pieces_is_judged_as_a_whole(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manager is found at any distance: pieces only limit memory."""
    monkeypatch.setattr(staging, "CHUNK_ROWS", 2)
    told = load(
        "staff_no,name,email,manager_staff_no\n"
        "1,Anna,anna@corp.example.com,Zora\n"
        "2,Bo,same@corp.example.com,\n"
        "3,,no-name@corp.example.com,\n"
        "4,Di,di@corp.example.com,1\n"
        "1,Anna,anna@corp.example.com,Zora\n"
        "5,Ed,same@corp.example.com,\n"
        "6,Zora,zora@corp.example.com,\n"
    )
    assert (told.read, told.created, told.duplicate, told.rejected) == (7, 3, 1, 3)
    assert [(one.line, one.code) for one in told.rejects] == [(3, "email_shared"), (4, "missing"), (7, "email_shared")]
    assert told.rejects[0].about == "Ed (5, line 7)"
    assert Employee.objects.get(staff_no="1").node.manager_id == Employee.objects.get(staff_no="6").pk


def test_an_earlier_file_is_not_loaded_in_the_place_of_a_later_one(db: None) -> None:
    """A new file deletes the earlier rows: loading the earlier roster is an error, never a mix-up."""
    read = [read_roster(Table(io.StringIO(f"staff_no,name,email\n{n},N,{n}@corp.example.com\n"))) for n in (1, 2)]
    with pytest.raises(ProgrammingError, match="does not exist"), transaction.atomic():
        load_roster(roster=read[0], by=TESTER)
    load_roster(roster=read[1], by=TESTER)
    assert list(Employee.objects.values_list("staff_no", flat=True)) == ["2"]
