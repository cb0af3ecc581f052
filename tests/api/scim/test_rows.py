"""What the roster makes of the directory's rows: a wrong row ends an employment late, or stops all others."""

import logging
from datetime import date
from typing import Any

import pytest

from apps.core.clock import db_now
from apps.core.time_zones import midnight
from apps.employees.models import Employment
from apps.roster.directory_models import DirectoryUser
from tests.api.scim.conftest import ENTERPRISE, ROSTER, Directory, entra_user, sync
from tests.commands import run
from tests.people import person

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 23)
GROUP = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Support"}


def test_a_user_deleted_and_created_again_before_a_load_is_active(directory: Directory) -> None:
    """Two rows of one number would contradict each other, and no change would arrive any more."""
    user = directory.provision("N001")
    sync()
    directory.call("DELETE", f"Users/{user}", status=204)
    directory.provision("n001", name="Nora Tal")
    directory.provision("N002")
    sync()
    assert DirectoryUser.objects.filter(staff_no__iexact="n001").count() == 1
    assert person("N002").pk


def test_a_number_given_to_another_user_replaces_the_deleted_one(directory: Directory) -> None:
    directory.call("DELETE", f"Users/{directory.provision('N001')}", status=204)
    user = directory.provision("N002")
    directory.patch_user(user, {"op": "Replace", "path": f"{ENTERPRISE}:employeeNumber", "value": "N001"})
    sync()
    assert DirectoryUser.objects.values_list("staff_no", "state").get() == ("N001", "applied")
    assert person("N001").name == "Name N002"


def test_rows_that_contradict_each_other_stop_nobody_else(
    directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    directory.provision("N001", name="Nora Berg")
    directory.provision("N002")
    day, user = db_now(), DirectoryUser.objects.get(staff_no="N001")
    DirectoryUser.objects.create(
        document=user.document | {"displayName": "Nora Tal"}, user_name="old", staff_no="N001", email=user.email,
        active=False, inactive_on=day.date(), deleted_at=day, actor_id=user.actor_id, actor_label=user.actor_label,
    )  # fmt: skip
    with caplog.at_level(logging.DEBUG):
        sync()
    assert person("N002").pk
    shown = run("directory_status")["shown"]
    assert [(user["staff_no"], user["problem"]) for user in shown] == [("N001", "conflicting_rows")] * 2
    assert "Nora" not in caplog.text


@pytest.mark.parametrize(("sent", "last"), [("2026-12-31", TODAY), ("2026-11-20", date(2026, 11, 20)), ("soon", TODAY)])
def test_a_deactivated_user_leaves_on_the_earlier_day(directory: Directory, sent: str, last: date) -> None:
    """Otherwise a person who has to leave at once keeps access until the end of the contract."""
    user = directory.provision("N001", **{ROSTER: {"startedOn": "2026-11-02"}})
    sync()
    body = entra_user("N001") | {"active": False, ROSTER: {"startedOn": "2026-11-02", "leftOn": sent}}
    directory.call("PUT", f"Users/{user}", body, 200)
    sync()
    assert Employment.objects.get(employee__staff_no="N001").ends_at == midnight(last, 1)


def test_a_deleted_user_leaves_before_the_day_that_was_sent(directory: Directory) -> None:
    user = directory.provision("N001", **{ROSTER: {"leftOn": "2026-12-31"}})
    sync()
    directory.call("DELETE", f"Users/{user}", status=204)
    sync()
    assert Employment.objects.get(employee__staff_no="N001").ends_at == midnight(TODAY, 1)


def test_a_removed_department_leaves_that_of_the_group(directory: Directory) -> None:
    user = directory.provision("N001")
    group: dict[str, Any] = GROUP | {"members": [{"value": user}]}
    directory.call("POST", "Groups", group, 201)
    sync()
    assert person("N001").current_department == "Sales"
    directory.patch_user(user, {"op": "Remove", "path": f"{ENTERPRISE}:department"})
    sync()
    assert person("N001").current_department == "Support"


def test_the_operator_reads_how_long_a_change_has_waited(directory: Directory) -> None:
    assert run("directory_status")["waiting_minutes"] == 0
    directory.provision("N001")
    DirectoryUser.objects.update(changed_at="2026-11-23T11:00:00+08:00")
    assert run("directory_status")["waiting_minutes"] == 60
