"""`chat_id`, the employee's account in the chat product: a failure sends a person's reminders to another person."""

import csv
import io
from typing import Any

import pytest

from apps.core.files import read_file
from apps.core.models import Event
from apps.employees.models import Employee
from apps.roster import parser
from apps.roster.undo import undo_load
from tests.people import TESTER, load, officer, person
from tests.rosters import applied, looked

pytestmark = pytest.mark.django_db
HEADER = "staff_no,name,email,chat_id\n"
ALICE = HEADER + "A001,Alice 艾,alice@corp.example.com,{}\n"


@pytest.fixture(autouse=True)
def _one_person_may_change(company: dict[str, Employee], settings: Any) -> None:
    officer("hr-1")
    settings.ROSTER_APPROVAL_SHARE = 1
    settings.SLACK_BOT_TOKEN = "xoxb-the-token"


def notified() -> list[str]:
    events = Event.objects.filter(kind="chat_changed").order_by("pk")
    return [Employee.objects.get(pk=event.employee_id or 0).staff_no for event in events]


def test_a_roster_sets_changes_and_keeps_the_account() -> None:
    load(ALICE.format("alice-id"))
    assert person("A001").chat_id == "alice-id"
    load("staff_no,name,email\nA001,Alice 艾,alice@corp.example.com\n")
    load(ALICE.format(""))
    assert person("A001").chat_id == "alice-id", "an absent column or empty cell changes nothing"
    assert load(ALICE.format("alice-id")).unchanged == 1
    assert notified() == ["A001"]


def test_without_a_chat_product_no_person_is_notified(settings: Any) -> None:
    settings.SLACK_BOT_TOKEN = ""
    load(ALICE.format("alice-id"))
    assert person("A001").chat_id == "alice-id"
    assert notified() == []


def test_empty_cells_clear_it_when_hr_says_so() -> None:
    load(ALICE.format("alice-id"))
    shown = looked(ALICE.format(""), complete=False, clear_empty=True)
    assert shown.report["cleared"] == {"chat_id": 1}


@pytest.mark.parametrize("chat_id", ["alice,bob", "#general", "a b", "x" * 65, "艾丽斯", "=HYPERLINK(1)"])
def test_what_cannot_be_one_account_is_rejected_with_its_line(chat_id: str) -> None:
    result = load(
        HEADER + f'A001,Alice 艾,alice@corp.example.com,"{chat_id}"\nA002,Alan,alan@corp.example.com,alan-id\n'
    )
    assert [(reject.line, reject.column, reject.code) for reject in result.rejects] == [(2, "chat_id", "bad_chat_id")]
    assert (person("A001").chat_id, person("A002").chat_id) == ("", "alan-id")


def test_two_lines_that_disagree_about_an_account_refuse_the_file() -> None:
    with pytest.raises(parser.ConflictingRows):
        load(ALICE.format("alice-id") + "A001,Alice 艾,alice@corp.example.com,other-id\n")


def test_the_preview_and_its_file_show_the_account_before_and_after() -> None:
    load(ALICE.format("alice-id"))
    shown = looked(ALICE.format("mallory-id"))
    [change] = shown.report["shown"]["changed"]
    assert change["changes"] == [["chat_id", "alice-id", "mallory-id"]]
    assert shown.difference is not None
    rows = csv.DictReader(io.StringIO(b"".join(read_file(shown.difference)).decode("utf-8-sig"), newline=""))
    assert [(row["chat_id_before"], row["chat_id"]) for row in rows] == [("alice-id", "mallory-id")]


def test_an_undo_restores_the_account_and_its_person_is_notified() -> None:
    load(ALICE.format("alice-id"))
    done = applied(ALICE.format("mallory-id"))
    assert person("A001").chat_id == "mallory-id"
    undo_load(load_id=done.pk, by=TESTER)
    assert person("A001").chat_id == "alice-id"
    assert notified() == ["A001", "A001", "A001"]


def test_a_preview_notifies_no_person() -> None:
    looked(ALICE.format("alice-id"))
    assert notified() == []
