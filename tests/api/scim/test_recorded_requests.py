"""Requests as Entra and Okta send them: a wrong reading gives an employee a wrong manager, or no end of employment."""

from datetime import date
from typing import Any

import pytest

from apps.core.time_zones import midnight
from apps.employees.models import Employee, Employment
from apps.roster.directory_models import DirectoryUser
from tests.accounts.access_log_entries import boss_of
from tests.api.scim.conftest import ENTERPRISE, Directory, entra_user, sync
from tests.fixtures import Clock
from tests.people import person

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 23)


def test_a_provisioned_user_becomes_an_employee_below_the_manager(directory: Directory) -> None:
    boss = directory.provision("N001", name="Nora Berg")
    directory.provision("N002", name="Ned", manager={"value": boss})
    sync()
    assert (person("N001").name, person("N001").email) == ("Nora Berg", "n001@corp.example.com")
    assert boss_of("N002") == "N001"
    assert person("N002").current_department == "Sales"
    assert set(DirectoryUser.objects.values_list("state", "problem")) == {("applied", "")}


def test_a_report_may_come_before_the_manager(directory: Directory) -> None:
    directory.provision("N002", manager="N001")
    sync()
    assert boss_of("N002") is None
    directory.provision("N001")
    sync()
    assert boss_of("N002") == "N001"


# Entra: the schema's path with an object, with plain text, or with a list; Okta: a value without a path.
CHANGES_OF_MANAGER: list[Any] = [
    {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": {"$ref": "", "value": "{id}"}},
    {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "{id}"},
    {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": [{"value": "{id}"}]},
    {"op": "Add", "path": f"{ENTERPRISE}:manager.value", "value": "{id}"},
    {"op": "replace", "value": {ENTERPRISE: {"manager": {"value": "{id}"}}}},
    {"op": "replace", "value": {f"{ENTERPRISE}:manager": "{id}"}},
    {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": "N009"},
]


@pytest.mark.parametrize("operation", CHANGES_OF_MANAGER)
def test_a_change_of_manager_moves_the_employee(directory: Directory, operation: dict[str, Any]) -> None:
    old, new, user = directory.provision("N001"), directory.provision("N009"), ""
    user = directory.provision("N002", manager={"value": old})
    sync()
    directory.patch_user(user, _with_id(operation, new))
    sync()
    assert boss_of("N002") == "N009"


def _with_id(value: Any, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _with_id(part, new) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_id(part, new) for part in value]
    return new if value == "{id}" else value


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Remove", "path": f"{ENTERPRISE}:manager"},
        {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": ""},
        {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": None},
    ],
)
def test_a_removed_manager_puts_the_employee_on_top(directory: Directory, operation: dict[str, Any]) -> None:
    user = directory.provision("N002", manager={"value": directory.provision("N001")})
    sync()
    assert boss_of("N002") == "N001"
    directory.patch_user(user, operation)
    sync()
    assert boss_of("N002") is None


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "value": {"active": False}},
        {"op": "Replace", "path": "active", "value": False},
        {"op": "Replace", "value": {"active": "false"}},
    ],
)
def test_a_deactivation_ends_the_employment_with_the_day(directory: Directory, operation: dict[str, Any]) -> None:
    user = directory.provision("N001")
    sync()
    assert directory.patch_user(user, operation)["active"] is False
    sync()
    assert _ends("N001") == [midnight(TODAY, 1)]


def test_a_deletion_ends_the_employment_too_and_the_person_stays(directory: Directory) -> None:
    user = directory.provision("N001")
    sync()
    directory.call("DELETE", f"Users/{user}", status=204)
    directory.call("GET", f"Users/{user}", status=404)
    sync()
    assert _ends("N001") == [midnight(TODAY, 1)]
    assert not DirectoryUser.objects.exists()


def test_the_same_day_back_leaves_no_gap(directory: Directory) -> None:
    user = directory.provision("N001")
    sync()
    directory.patch_user(user, {"op": "Replace", "path": "active", "value": "False"})
    sync()
    directory.patch_user(user, {"op": "Replace", "path": "active", "value": "True"})
    sync()
    [ends_at] = _ends("N001")
    assert ends_at > midnight(TODAY, 100_000)


def test_a_returner_is_the_same_person_with_a_new_period(directory: Directory, clock: Clock) -> None:
    user = directory.provision("N001")
    sync()
    employee = person("N001").pk
    directory.patch_user(user, {"op": "Replace", "path": "active", "value": "False"})
    sync()
    clock.set("2026-11-26T09:00:00+08:00")
    directory.patch_user(user, {"op": "replace", "value": {"active": True}})
    sync()
    assert person("N001").pk == employee
    assert len(_ends("N001")) == 2


def test_a_returner_who_was_deleted_is_found_by_the_number(directory: Directory, clock: Clock) -> None:
    user = directory.provision("N001")
    sync()
    employee = person("N001").pk
    directory.call("DELETE", f"Users/{user}", status=204)
    sync()
    clock.set("2026-11-26T09:00:00+08:00")
    assert directory.provision("N001") != user
    sync()
    assert (person("N001").pk, len(_ends("N001"))) == (employee, 2)


def test_a_rename_and_a_new_department_arrive(directory: Directory) -> None:
    user = directory.provision("N001", name="Nora Berg")
    sync()
    directory.patch_user(
        user,
        {"op": "Replace", "path": "displayName", "value": "Nora Tal"},
        {"op": "Replace", "path": "name.familyName", "value": "Tal"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Support"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "n001@corp.example.com"},
        {"op": "Add", "path": "title", "value": "not kept"},
    )
    sync()
    assert (person("N001").name, person("N001").current_department) == ("Nora Tal", "Support")


def test_okta_replaces_the_whole_user(directory: Directory) -> None:
    user = directory.provision("N001", name="Nora Berg")
    sync()
    body = entra_user("N001", name="Nora Tal") | {"id": user, "active": False, "groups": [], "locale": "en-US"}
    assert directory.call("PUT", f"Users/{user}", body, 200)["active"] is False
    sync()
    assert person("N001").name == "Nora Tal"
    assert _ends("N001") == [midnight(TODAY, 1)]


def test_a_first_day_comes_with_the_own_extension(directory: Directory) -> None:
    extension = {"urn:ietf:params:scim:schemas:extension:hundred:2.0:User": {"startedOn": "2026-11-02T00:00:00Z"}}
    directory.provision("N001", **extension)
    sync()
    assert Employment.objects.get(employee__staff_no="N001").starts_at == midnight(date(2026, 11, 2))


def test_a_user_of_the_roster_is_linked_by_the_number_and_keeps_what_is_not_sent(
    directory: Directory, company: dict[str, Employee]
) -> None:
    directory.provision("A001", name="Alice 艾", emails=[{"type": "work", "value": "alice@corp.example.com"}])
    sync()
    assert person("A001").pk == company["A001"].pk
    assert boss_of("A001") == "B001"


def test_an_address_never_takes_another_employee_over(directory: Directory, company: dict[str, Employee]) -> None:
    directory.provision("X999", name="Mallory", emails=[{"type": "work", "value": "alice@corp.example.com"}])
    sync()
    assert person("A001").email == "alice@corp.example.com"
    assert not Employee.objects.filter(staff_no="X999").exists()
    assert DirectoryUser.objects.get().problem == "email_taken"


def test_department_groups_stand_in_for_a_missing_department(directory: Directory) -> None:
    body = entra_user("N001")
    del body[ENTERPRISE]["department"]
    user = directory.call("POST", "Users", body, 201)["id"]
    group = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Support"}
    created = directory.call("POST", "Groups", group | {"members": [{"value": user}]}, 201)
    sync()
    assert person("N001").current_department == "Support"
    operation = {"op": "Replace", "value": {"id": created["id"], "displayName": "Care"}}
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    directory.call("PATCH", f"Groups/{created['id']}", patch, 204)
    assert directory.call("GET", f"Groups/{created['id']}", status=200)["displayName"] == "Care"
    sync()
    assert person("N001").current_department == "Care"
    patch["Operations"] = [{"op": "Remove", "path": "members", "value": [{"value": user}]}]
    directory.call("PATCH", f"Groups/{created['id']}", patch, 204)
    assert not directory.call("GET", f"Groups/{created['id']}", status=200).get("members")


def _ends(staff_no: str) -> list[Any]:
    return list(
        Employment.objects.filter(employee__staff_no=staff_no).order_by("starts_at").values_list("ends_at", flat=True)
    )
