"""A correction of many by a file: every good line is corrected, every bad one is returned with its reason."""

import io
from datetime import timedelta

import pytest

from apps.accounts.models import Account
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.errors import Refused
from apps.core.models import AuditEntry, StoredFile
from apps.employees.models import Employee
from apps.results.correction_file import (
    CORRECTIONS,
    TERMS,
    _line,
    compare_with_result,
    request_by_file,
    required_result,
)
from apps.results.corrections import grant_correction
from apps.results.freeze import freeze
from apps.results.models import FrozenStanding, ResultCorrection
from apps.roster.people_file import read_people
from tests import files
from tests.fixtures import Clock
from tests.people import TESTER, record, with_account

pytestmark = pytest.mark.django_db
GOOD = "staff_no,email,counted,target,exempt\nA001,,102,,\n,ALAN@corp.example.com,,30,\nS001,,,,yes\n"


@pytest.fixture
def frozen(campaign: Campaign, alice: Employee, hr: Employee, clock: Clock) -> Campaign:
    """November, frozen with Alice at 99 and all others at 0."""
    record(alice, 99)
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    assert freeze(campaign=campaign, by=TESTER, wait=False)
    return Campaign.objects.get(pk=campaign.pk)


@pytest.fixture
def second(company: dict[str, Employee]) -> Account:
    """A second HR member, who decides."""
    return account_for(with_account(company["D001"], "hr"))


def compared(campaign: Campaign, content: str, by: Employee) -> tuple[list[tuple[str, int, int, bool]], dict[int, str]]:
    """The new standings by staff number, and the reason of each rejected line."""
    file = read_people(io.BytesIO(content.encode()), "", CORRECTIONS, TERMS, _line)
    found = compare_with_result(file, required_result(campaign), by.pk)
    numbers = dict(Employee.objects.values_list("pk", "staff_no"))
    return [(numbers[pk], *terms) for pk, *terms in found.rows], {one.line: one.reason for one in found.rejects}


def test_empty_cells_keep_what_the_standing_has(frozen: Campaign, hr: Employee) -> None:
    rows, rejects = compared(frozen, GOOD, hr)
    assert rows == [("A001", 102, 100, False), ("A002", 0, 30, False), ("S001", 0, 100, True)]
    assert rejects == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("X999,5,,", "No employee in this result"),
        (",5,,", "This line does not name an employee."),
        ("H001,5,,", "You cannot request a correction of your own standing."),
        ("A001,99,100,no", "This line changes nothing."),
        ("A001,,,", "This line has no count, no target and no exemption."),
        ("A001,many,,", "is not a whole number"),
        ("A001,-1,,", "is not a whole number"),
        ("A001,,0,", "too large or too small"),
        ("A001,1000001,,", "too large or too small"),
        ("A001," + "9" * 60 + ",,", "too large or too small"),
        ("A001,,,perhaps", "neither yes nor no"),
    ],
)
def test_a_bad_line_is_rejected_alone(frozen: Campaign, hr: Employee, line: str, reason: str) -> None:
    rows, rejects = compared(frozen, f"staff_no,counted,target,exempt\nA002,7,,\n{line}\n", hr)
    assert rows == [("A002", 7, 100, False)]
    assert reason in rejects[3]


def test_a_person_named_twice_is_corrected_once(frozen: Campaign, hr: Employee) -> None:
    rows, rejects = compared(frozen, "staff_no,counted\nA001,101\nA002,7\nA001,101\n", hr)
    assert rows == [("A001", 101, 100, False), ("A002", 7, 100, False)]
    assert rejects == {4: "Line 2 already names this person."}


@pytest.mark.parametrize("lines", ["A001,101,\nA001,102,", "A001,101,\nA001,,30", "A001,99,\nA001,101,"])
def test_of_lines_that_contradict_each_other_none_becomes_a_result(frozen: Campaign, hr: Employee, lines: str) -> None:
    """Which line is meant, only HR knows: the first one would have decided a bonus by its place in the file."""
    rows, rejects = compared(frozen, f"staff_no,counted,target\n{lines}\nA002,7,\n", hr)
    assert rows == [("A002", 7, 100, False)]
    assert rejects == {
        2: "Line 3 gives this person other values. Keep one line.",
        3: "Line 2 gives this person other values. Keep one line.",
    }


def asked(frozen: Campaign, hr: Employee, content: str = GOOD) -> tuple[StoredFile, ResultCorrection]:
    stored = files.corrections(hr, content, campaign=frozen)
    seen = str(stored.preview.version)
    return stored, request_by_file(
        campaign=frozen, stored=stored, reason="The feed came late", evidence="Ticket 7", seen=seen, by=account_for(hr)
    )


def test_a_file_becomes_one_request_and_one_version(frozen: Campaign, hr: Employee, second: Account) -> None:
    stored, correction = asked(frozen, hr)
    assert correction.lines.count() == 3
    assert not StoredFile.objects.filter(pk=stored.pk).exists()
    grant_correction(correction_id=correction.pk, by=second)
    rows = FrozenStanding.objects.filter(campaign=frozen, version=2).values_list(
        "staff_no", "counted", "target", "exempt"
    )
    assert {row for row in rows if row[0] in ("A001", "A002", "S001")} == {
        ("A001", 102, 100, False), ("A002", 0, 30, False), ("S001", 0, 100, True),
    }  # fmt: skip
    entry = AuditEntry.objects.get(action="correction.asked")
    assert entry.detail["people"] == ["A001", "A002", "S001"]


def test_a_file_makes_one_request_however_often_it_is_sent(frozen: Campaign, hr: Employee) -> None:
    stored, correction = asked(frozen, hr)
    again = request_by_file(
        campaign=frozen, stored=stored, reason="x", evidence="x", seen="1", by=account_for(hr)
    )  # fmt: skip
    assert again == correction
    assert ResultCorrection.objects.count() == 1


def test_a_list_of_an_older_version_is_refused(frozen: Campaign, hr: Employee, second: Account) -> None:
    stored = files.corrections(hr, GOOD, campaign=frozen)
    _other, correction = asked(frozen, hr, "staff_no,counted\nC001,3\n")
    grant_correction(correction_id=correction.pk, by=second)
    with pytest.raises(Refused, match="The list has changed since you saw it"):
        request_by_file(
            campaign=Campaign.objects.get(pk=frozen.pk), stored=stored, reason="x", evidence="x",
            seen=str(stored.preview.version), by=account_for(hr),
        )  # fmt: skip
    assert ResultCorrection.objects.count() == 1
