"""An empty cell changes nothing, unless HR chooses that empty cells clear values; what is cleared is counted."""

from pathlib import Path

import pytest

from apps.employees.models import Employee, Employment
from apps.roster import imports
from tests.accounts.access_log_entries import boss_of
from tests.commands import run, say
from tests.people import TESTER, load
from tests.rosters import applied, looked, worked

pytestmark = pytest.mark.django_db
HEADER = "staff_no,name,email,phone,department,manager_staff_no,time_zone,started_on,left_on\n"
BOSS = "1,Boss,boss@corp.example.com,,Board,,,,\n"
FULL = BOSS + "2,Zoe,zoe@corp.example.com,+8613812345678,Sales,1,Asia/Tokyo,2026-01-05,2027-03-31\n"
EMPTY = "1,Boss,boss@corp.example.com,,,,,,\n2,Zoe,zoe@corp.example.com,,,,,,\n"
CLEARED = {"phone": 1, "department": 2, "manager": 1, "time_zone": 1, "started_on": 1, "left_on": 1}


def facts(staff_no: str) -> tuple[object, ...]:
    employee, employment = Employee.objects.get(staff_no=staff_no), Employment.objects.get(employee__staff_no=staff_no)
    return employee.phone, employee.time_zone, boss_of(staff_no), employment.starts_at, employment.ends_at


@pytest.fixture
def zoe(noon: object) -> tuple[object, ...]:
    """Everything about Zoe before the file with empty cells."""
    load(HEADER + FULL)
    return facts("2")


def test_empty_cells_change_nothing(zoe: tuple[object, ...]) -> None:
    shown = looked(HEADER + EMPTY)
    assert (shown.report["unchanged"], shown.report["cleared"]) == (2, {})
    assert applied(HEADER + EMPTY).version is None
    assert facts("2") == zoe


def test_a_cell_beside_empty_ones_is_still_applied(zoe: tuple[object, ...]) -> None:
    applied(HEADER + "2,Zoe,zoe@corp.example.com,,,,Europe/Paris,,\n")
    phone, zone, *rest = facts("2")
    assert (phone, zone) == (zoe[0], "Europe/Paris")
    assert tuple(rest) == zoe[2:]


def test_empty_cells_clear_values_when_hr_says_so_and_are_counted_apart(zoe: tuple[object, ...]) -> None:
    shown = looked(HEADER + EMPTY, complete=False, clear_empty=True)
    assert shown.report["cleared"] == CLEARED
    assert imports.confirm(shown, digest=shown.digest, by=TESTER)
    assert worked(shown).state == "done"
    phone, zone, boss, *_rest = facts("2")
    assert (phone, zone, boss) == ("", "", None)
    assert Employment.objects.filter(employee__staff_no="2", starts_at__year__gte=2000).count() == 0


def test_the_choice_stays_when_the_file_is_read_another_way(zoe: tuple[object, ...]) -> None:
    content = "A title\n" + HEADER + EMPTY
    shown = looked(content, complete=False, clear_empty=True, header_line=1)
    assert shown.report["problem"]["code"] == "column_missing"
    imports.refresh_preview(shown, complete=False, clear_empty=True, header_line=2)
    assert worked(shown).report["cleared"] == CLEARED


def test_a_leaver_who_is_back_clears_nothing(zoe: tuple[object, ...]) -> None:
    load("staff_no,name,email,left_on\n2,Zoe,zoe@corp.example.com,2026-02-01\n")
    shown = looked("staff_no,name,email\n2,Zoe,zoe@corp.example.com\n")
    assert (shown.report["kinds"]["joined"], shown.report["cleared"]) == (1, {})


def test_the_command_clears_with_its_switch_alone(zoe: tuple[object, ...], tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text(HEADER + EMPTY)
    assert run("import_roster", file)["unchanged"] == 2
    assert facts("2") == zoe
    assert run("import_roster", file, "--clear-empty", "--dry-run")["cleared"] == CLEARED
    out, _err = say("import_roster", file, "--clear-empty")
    assert "Cleared: 2 department, 1 left_on, 1 manager, 1 phone, 1 started_on, 1 time_zone." in out
    assert facts("2")[0] == ""
