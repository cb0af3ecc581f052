"""Headings that are not in the first row, as in reports of HR systems, and the words those systems use."""

import io
from typing import Any

import openpyxl
import pytest

from apps.campaigns.adjustments.bulk_file import read_adjustments
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.roster import imports
from apps.roster.columns import ROSTER
from apps.roster.reader import read_layout
from tests.people import officer
from tests.rosters import applied, looked, worked

pytestmark = pytest.mark.django_db
WORKDAY = ["Worker ID", "Legal First Name", "Legal Last Name", "Primary Work Email", "Reports To", "Hire Date"]
ROW = ["1", "Zoë", "Ÿ", "zoe@corp.example.com", "", "2026-11-02"]


def workbook(*rows: list[Any]) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(content)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        "Active workers\n\n" + ",".join(WORKDAY) + "\n" + ",".join(ROW) + "\n",
        "Report;Active workers\nRun on;2026-11-23\n\n" + ";".join(WORKDAY) + "\n" + ";".join(ROW) + "\n",
        'Active workers,"of the company\nin all countries"\n' + "\t".join(WORKDAY) + "\n" + "\t".join(ROW) + "\n",
        workbook(["Report", "Active workers"], ["Run on", "2026-11-23"], [], WORKDAY, ROW),
    ],
    ids=["a title", "two rows of a report", "a title over two lines", "a workbook"],
)
def test_rows_above_the_headings_are_ignored(noon: object, content: str | bytes) -> None:
    applied(content)
    assert Employee.objects.get().name == "Zoë Ÿ"


def test_rejected_lines_keep_the_numbers_of_the_file(noon: object) -> None:
    shown = looked("A report\n\nstaff_no,name,email\n1,Zoe,zoe at corp\n")
    assert [row["line"] for row in shown.report["shown"]["rejected"]] == [4]


@pytest.mark.parametrize(
    "content",
    [
        # The last line of these headings alone would name more columns than the first one.
        '"Staff\nnumber",name,email,department\n1,Zoe,zoe@corp.example.com,Sales\n',
        "staff_no,name,email,department\n1,Zoe,zoe@corp.example.com,Team\nstaff_no,name,email,department\n",
        "Nummer,Wer,Wohin\nTeam,Manager,Service\n",
    ],
    ids=["headings over two lines", "headings repeated below", "no known heading"],
)
def test_usual_headings_stay_in_the_first_row(content: str) -> None:
    assert read_layout(io.BytesIO(content.encode())).header_line == 1


def test_hr_chooses_another_row_for_the_headings(noon: object) -> None:
    content = "staff_no,name,email\nold,old,old\nNumber,Person,Address\n1,Zoe,zoe@corp.example.com\n"
    shown = looked(content)
    assert shown.layout["header_line"] == 1
    assert shown.layout["head"][2] == [3, "Number · Person · Address"]
    imports.refresh_preview(shown, header_line=3, complete=False)
    assert worked(shown).layout["header"] == ["Number", "Person", "Address"]
    imports.refresh_preview(shown, header_line=3, roles=["staff_no", "name", "email"], complete=False)
    assert worked(shown).report["kinds"]["joined"] == 1


def test_a_file_of_adjustments_may_have_a_title_too(noon: object) -> None:
    file = read_adjustments(io.BytesIO(b"Part time\n\nWorker ID,New target\nA001,90\n"))
    assert [(line.number, line.staff_no, line.target) for line in file.lines] == [(4, "A001", 90)]


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("Legal First Name", "given_name"), ("Legal Last Name", "family_name"), ("Worker ID", "staff_no"),
        ("Associate ID", "staff_no"), ("Employee #", "staff_no"), ("Reports to", "manager_staff_no"),
        ("Supervisor", "manager_staff_no"), ("Worker's Manager", "manager_staff_no"), ("Email - Work", "email"),
        ("Supervisory Organization", "department"), ("Last Day of Work", "left_on"), ("工号（必填）", "staff_no"),
        ("Last Name [Required]", "family_name"), ("员工UserID", "staff_no"),
    ],
)  # fmt: skip
def test_the_words_of_hr_systems_are_known(heading: str, role: str) -> None:
    assert ROSTER.recognise([heading]) == [role]


LONG = "Nummer " * 100


def test_long_headings_are_stored_cut_and_still_remembered(noon: object) -> None:
    content = f"{LONG}1,{LONG}2,Wer\n1,one@corp.example.com,One\n"
    by, roles = officer("hr-1"), ["staff_no", "email", "name"]
    load = worked(imports.receive_upload(name="long.csv", content=[content.encode()], by=by))
    assert [len(heading) for heading in load.layout["header"]] == [200, 200, 3]
    imports.refresh_preview(load, roles=roles, complete=False, by=by)
    assert imports.confirm(worked(load), digest=load.digest, by=by)
    worked(load)
    again = worked(imports.receive_upload(name="long.csv", content=[content.encode()], by=by))
    assert again.layout["roles"] == roles


def test_the_list_of_loads_reads_no_layout(noon: object) -> None:
    applied("staff_no,name,email\n1,Zoe,zoe@corp.example.com\n")
    looked("staff_no,name,email\n2,Ada,ada@corp.example.com\n")
    for loads in (imports.past_loads(), imports.open_loads(db_now())):
        assert [load.get_deferred_fields() for load in loads] == [{"layout"}]
