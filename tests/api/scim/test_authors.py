"""Two HR users with a token each: otherwise one of them takes over accounts by the other one's name."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from apps.accounts.api_tokens import create_token
from apps.accounts.approvals import approvers
from apps.accounts.models import Account, ApprovalRequest, Role, Scope
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.roster import directory_loads, loading
from apps.roster.directory_models import DirectoryUser
from apps.roster.import_processing import process_load
from apps.roster.models import RosterImport
from tests import people
from tests.api.scim.conftest import ENTERPRISE, Directory, entra_user, sync
from tests.fixtures import Clock
from tests.people import officer, person

pytestmark = pytest.mark.django_db
WORK = 'emails[type eq "work"].value'
GROUP = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Support"}


@pytest.fixture
def other(directory: Directory) -> Directory:
    """The client of a second token, of the HR user hr-2."""
    return client_of("hr-2")


def client_of(login: str) -> Directory:
    account = Account.objects.get(login=officer(login).label)
    _token, secret = create_token(
        account=account, name=login, scopes=[Scope.SCIM], by=people.TESTER, second_factor=True
    )
    return Directory(secret)


def alice(directory: Directory) -> str:
    return directory.provision("A001", name="Alice 艾", emails=[{"type": "work", "value": "alice@corp.example.com"}])


def new_address(value: str = "eve@corp.example.com") -> dict[str, Any]:
    return {"op": "Replace", "path": WORK, "value": value}


def renamed(value: str = "Alice Ai") -> dict[str, Any]:
    return {"op": "Replace", "path": "displayName", "value": value}


def test_each_load_is_of_the_account_that_caused_its_changes(directory: Directory, other: Directory) -> None:
    user = alice(directory)
    sync()
    directory.patch_user(user, new_address())
    other.provision("N001")
    sync()
    request = ApprovalRequest.objects.get(kind="email_change")
    hr = Account.objects.get(employee__staff_no="H001")
    assert request.requested_by_id == hr.pk
    with pytest.raises(Refused, match="requested this yourself"):
        people.approve(request, by=hr.actor)
    authors = {load.actor_id: load.report["created"] for load in RosterImport.objects.filter(source="scim")}
    assert authors[officer("hr-2").id] == 1


def test_nobody_approves_a_change_that_another_account_continued(directory: Directory, other: Directory) -> None:
    """A changes an address, and B's directory a name before the worker runs: neither may approve alone."""
    user = alice(directory)
    sync()
    directory.patch_user(user, new_address())
    other.patch_user(user, renamed())
    sync()
    assert (person("A001").email, person("A001").name) == ("alice@corp.example.com", "Alice 艾")
    assert DirectoryUser.objects.get().problem == "several_accounts"
    request = ApprovalRequest.objects.get(decision=None)
    hr = Account.objects.get(employee__staff_no="H001").actor
    for author in (hr, officer("hr-2")):
        with pytest.raises(Refused, match="requested this yourself"):
            people.approve(request, by=author)
    assert not approvers(request, db_now()).filter(pk__in=[hr.id, officer("hr-2").id]).exists()
    page = people.sign_in(Client(), person("H001")).get(reverse("approval", args=[request.pk])).content.decode()
    # Its whole effect would tell an author whose contact that is.
    assert "You requested this yourself" in page
    assert not any(reverse(step, args=[request.pk]) in page for step in ("approval-approve", "approval-withdraw"))
    people.approve(request, by=officer("third"))
    process_load(RosterImport.objects.get(pk=request.subject).pk)
    sync()
    assert DirectoryUser.objects.values_list("state", "problem").get() == ("applied", "address_waits")
    addresses = ApprovalRequest.objects.get(decision=None)
    for author in (hr, officer("hr-2")):
        with pytest.raises(Refused, match="requested this yourself"):
            people.approve(addresses, by=author)
    people.approve(addresses, by=officer("third"))
    sync()
    assert (person("A001").email, person("A001").name) == ("eve@corp.example.com", "Alice Ai")
    assert DirectoryUser.objects.values_list("state", "problem").get() == ("applied", "")


def test_an_address_that_waits_keeps_its_author(directory: Directory, other: Directory) -> None:
    """The load with it is applied, but the address is not: another account's load would request it as its own."""
    user = alice(directory)
    sync()
    directory.patch_user(user, new_address(), {"op": "Add", "path": "phoneNumbers", "value": [{"value": "nothing"}]})
    sync()
    other.patch_user(user, renamed())
    sync()
    assert DirectoryUser.objects.get().problem == "several_accounts"
    assert person("A001").name == "Alice 艾"


def test_a_change_that_the_roster_has_needs_no_author(directory: Directory, other: Directory) -> None:
    """Otherwise every renewal of the token by another HR user would need a third one."""
    user = alice(directory)
    sync()
    directory.patch_user(user, new_address())
    sync()
    people.approve(ApprovalRequest.objects.get(kind="email_change"))
    other.patch_user(user, renamed())
    sync()
    assert person("A001").name == "Alice Ai"


def test_a_change_of_a_group_is_of_its_account(directory: Directory, other: Directory) -> None:
    body = entra_user("N001")
    del body[ENTERPRISE]["department"]
    user = directory.call("POST", "Users", body, 201)["id"]
    sync()
    other.call("POST", "Groups", GROUP | {"members": [{"value": user}]}, 201)
    row = DirectoryUser.objects.get()
    assert (row.actor_id, row.other_actors, row.version) == (officer("hr-2").id, [], 2)
    hr = Account.objects.get(employee__staff_no="H001").pk
    directory.patch_user(user, renamed())
    [group] = other.find('displayName eq "Support"', "Groups")
    other.call("PUT", f"Groups/{group['id']}", GROUP, 200)
    row.refresh_from_db()
    assert (row.actor_id, row.other_actors) == (officer("hr-2").id, [hr])


def test_a_change_of_a_group_during_a_load_is_not_lost(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    body = entra_user("N001")
    del body[ENTERPRISE]["department"]
    user = directory.call("POST", "Users", body, 201)["id"]
    apply, groups = directory_loads.load_roster, [GROUP | {"members": [{"value": user}]}]

    def meanwhile(**options: Any) -> Any:
        result = apply(**options)
        if groups:
            directory.call("POST", "Groups", groups.pop(), 201)
        return result

    monkeypatch.setattr(directory_loads, "load_roster", meanwhile)
    sync()
    assert person("N001").current_department == "Support"


def test_an_account_without_the_role_stops_its_own_changes_alone(directory: Directory, other: Directory) -> None:
    directory.provision("N001")
    other.provision("N002")
    Role.objects.filter(account__employee__staff_no="H001").delete()
    sync()
    assert Employee.objects.filter(staff_no__in=("N001", "N002")).values_list("staff_no", flat=True).get() == "N002"
    assert DirectoryUser.objects.filter(state="waiting").values_list("staff_no", "problem").get() == (
        "N001", "not_hr"
    )  # fmt: skip


def test_held_changes_of_two_accounts_become_two_files(
    directory: Directory, other: Directory, settings: LazySettings, clock: Clock
) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.0
    for client, number in ((directory, "A001"), (other, "A002")):
        employee = person(number)
        client.provision(number, name=f"{employee.name} New", emails=[{"value": employee.email}])
    sync()
    first = ApprovalRequest.objects.get()
    assert first.requested_by_id == Account.objects.get(employee__staff_no="H001").pk
    clock.set("2026-11-23T15:00:00+08:00")
    sync()
    second = ApprovalRequest.objects.exclude(pk=first.pk).get()
    assert (second.requested_by_id, second.effect) == (officer("hr-2").id, {"renaming": 1})


def test_a_change_of_a_requested_user_closes_the_request(directory: Directory, settings: LazySettings) -> None:
    """Otherwise an approval of the old file ends the employment of a person who is active again."""
    settings.ROSTER_APPROVAL_SHARE = 0.0
    user = alice(directory)
    directory.call("DELETE", f"Users/{user}", status=204)
    sync()
    request = ApprovalRequest.objects.get()
    assert request.effect["leaving"] == 1
    alice(directory)
    request.refresh_from_db()
    assert request.decision == "superseded"
    sync()
    assert DirectoryUser.objects.values_list("deleted_at", "staff_no").get() == (None, "A001")


def test_who_is_somebodys_contact_is_answered_three_times_a_day(
    directory: Directory, other: Directory, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """As a page does: otherwise a token asks for each employee whose contact that is."""
    count = loading.count_effect

    def counting(now: Any, by: Any) -> dict[str, int]:
        contacts = Employee.objects.filter(staff_no__in=CONTACTS).count()
        return count(now, by) | ({"counts": contacts} if contacts else {})

    monkeypatch.setattr(loading, "count_effect", counting)
    for number in (*CONTACTS, "N001"):
        directory.provision(number)
    other.provision("N002")
    sync()
    problems = dict(DirectoryUser.objects.values_list("staff_no", "problem"))
    assert problems == dict.fromkeys(CONTACTS[:3], "second_person") | {
        "C904": "daily_limit", "N001": "daily_limit", "N002": ""
    }  # fmt: skip
    entries = AuditEntry.objects.filter(action="roster.effect_counted", subject_kind="directory")
    assert sorted(entries.values_list("subject_label", flat=True)) == CONTACTS[:3]
    clock.set("2026-11-24T12:00:00+08:00")
    sync()
    assert DirectoryUser.objects.get(staff_no="N001").state == "applied"
    assert DirectoryUser.objects.get(staff_no="C904").problem == "second_person"


CONTACTS = ["C901", "C902", "C903", "C904"]
