"""Undoing the last load restores all people at every instant; only the last load can be undone."""

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from apps.accounts.models import Account
from apps.core.closed_periods import BackdatingBlocked, block_backdated_writes
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee, EmployeeIdentity, Employment, Placement, TreeNode
from apps.roster.models import RosterImportBefore
from apps.roster.undo import can_undo, undo_load
from tests.accounts.access_log_entries import employed
from tests.people import ROSTER, TESTER, load, person
from tests.roster.test_imports import NEXT
from tests.rosters import applied

# For people who were on the roster before; a new person stays as a name without a placement.
LOOKS = {
    Employee: ("id", "staff_no", "name", "email", "phone", "time_zone", "chat_id"),
    EmployeeIdentity: ("id", "employee_id", "kind", "value", "live", "started_at", "ended_at"),
    Account: ("id", "login", "email", "display_name", "password"),
    Employment: ("id", "employee_id", "starts_at", "ends_at"),
    Placement: ("id", "employee_id", "department", "manager_id", "starts_at", "ends_at"),
    TreeNode: ("employee_id", "manager_id", "department", "depth", "first", "last", "employed"),
}


def everything() -> dict[str, list[tuple[object, ...]]]:
    return {
        model.__name__: list(model.objects.exclude(**{"staff_no": "N001"} if model is Employee else {"pk": None})
                             .order_by("pk").values_list(*fields))
        for model, fields in LOOKS.items()
    }  # fmt: skip


def test_everybody_is_again_what_they_were_at_every_instant(company: dict[str, Employee], alice: Employee) -> None:
    before = everything()
    done = applied(NEXT, complete=True)
    assert everything() != before
    undo_load(load_id=done.pk, by=TESTER)
    assert everything() == before
    assert not employed("N001")
    assert AuditEntry.objects.filter(action="roster.undone", subject_label="roster.csv").count() == 1
    assert not RosterImportBefore.objects.exists()


def test_the_same_file_loads_again_after_its_undoing(company: dict[str, Employee]) -> None:
    done = applied(NEXT, complete=True)
    undo_load(load_id=done.pk, by=TESTER)
    again = applied(NEXT, complete=True)
    assert again.report["kinds"] == done.report["kinds"]
    assert employed("N001")
    assert person("N001").current_department == "Sales"


def test_only_the_last_load_that_changed_something_can_be_undone(company: dict[str, Employee]) -> None:
    done = applied(NEXT)
    applied(NEXT)  # changes nothing
    assert can_undo(done)
    load("staff_no,name,email\nZ001,Zoe,zoe@corp.example.com")
    assert not can_undo(done)
    with pytest.raises(Refused, match="cannot be undone"):
        undo_load(load_id=done.pk, by=TESTER)
    assert employed("N001")


def test_a_load_is_undone_once(company: dict[str, Employee]) -> None:
    done = applied(NEXT)
    undo_load(load_id=done.pk, by=TESTER)
    with pytest.raises(Refused, match="cannot be undone"):
        undo_load(load_id=done.pk, by=TESTER)


def test_nothing_is_undone_while_a_result_is_made_of_it(company: dict[str, Employee]) -> None:
    done = applied(NEXT)
    block_backdated_writes("november", blocked=True)
    with pytest.raises(BackdatingBlocked):
        undo_load(load_id=done.pk, by=TESTER)
    assert employed("N001")


def test_the_application_takes_back_nothing_but_the_last_load(company: dict[str, Employee]) -> None:
    first = applied(NEXT)
    applied(ROSTER)
    with pytest.raises(DatabaseError, match="is not the last one"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT roster_take_back(%s)", [first.pk])
