"""A rejected line shows whose it is and what it says, so that HR corrects it without searching in the file."""

import csv
import io

import pytest

from apps.core.files import read_file
from apps.employees.models import Employee
from tests.rosters import looked

HEADER = "staff_no,name,email,phone,department,manager_staff_no,started_on\n"
ROWS = (
    "N1,Nina,nina at corp,,Sales,,\n"
    "N2,Otto,otto@corp.example.com,,Sales,,31.31.2026\n"
    "N3,Pia,pia@corp.example.com,,Sales,X404,2026-11-02\n"
    ",Ruth,ruth@corp.example.com,,,,\n"
    "N4,Sven,sven@corp.example.com,,Sales,N3,\n"
)
PEOPLE = [
    ("N1", "Nina", "N1 · Nina · nina at corp · Sales"),
    ("N2", "Otto", "N2 · Otto · otto@corp.example.com · Sales · 31.31.2026"),
    ("N3", "Pia", "pia@corp.example.com · Sales · X404 · 2026-11-02"),
    ("", "Ruth", "Ruth · ruth@corp.example.com"),
]


@pytest.mark.django_db
def test_a_rejected_line_shows_its_person_and_its_values(company: dict[str, Employee]) -> None:
    shown = looked(HEADER + ROWS)
    rejected = shown.report["shown"]["rejected"]
    assert [(row["staff_no"], row["name"], row["content"]) for row in rejected] == PEOPLE
    assert [row["line"] for row in rejected] == [2, 3, 4, 5]


@pytest.mark.django_db
def test_the_csv_of_the_difference_has_them_too(company: dict[str, Employee]) -> None:
    shown = looked(HEADER + ROWS)
    assert shown.difference is not None
    text = b"".join(read_file(shown.difference)).decode("utf-8-sig")
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["change"] == "rejected"]
    # The line of Sven is in the file too: it is rejected because of its manager.
    assert [(row["staff_no"], row["name"], row["content"]) for row in rows][:4] == PEOPLE
    assert (rows[4]["staff_no"], rows[4]["code"]) == ("N4", "manager_rejected")


@pytest.mark.django_db
def test_a_line_that_cannot_be_read_shows_its_text(company: dict[str, Employee]) -> None:
    shown = looked(HEADER + 'N5,"Tea,tea@corp.example.com,,,,\nN6,Uli,uli@corp.example.com,,,,\n')
    [rejected] = shown.report["shown"]["rejected"]
    assert (rejected["code"], rejected["line"]) == ("unterminated_quote", 2)
    assert rejected["content"].startswith('N5 · "Tea · tea@corp.example.com')
