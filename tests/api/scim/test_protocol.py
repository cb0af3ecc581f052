"""What protects the roster at `/scim/v2/`: tokens, roles, ETags, cycles and two persons."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.api_tokens import create_token
from apps.accounts.approvals import refuse_request
from apps.accounts.models import ApprovalRequest, BrowserSession, Scope
from apps.accounts.services import account_for
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.roster.directory_models import DirectoryUser
from apps.roster.import_processing import process_load
from apps.roster.models import RosterImport
from tests import people
from tests.api.scim.conftest import ENTERPRISE, Directory, entra_user, sync, token_of
from tests.commands import run
from tests.people import person

pytestmark = pytest.mark.django_db


def test_scim_is_off_unless_the_setting_names_it(directory: Directory, settings: Any) -> None:
    settings.ROSTER_SOURCE = "file"
    answer = directory.call("GET", "Users", status=403)
    assert "ROSTER_SOURCE=file" in answer["detail"]
    assert answer["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_only_a_token_of_hr_with_the_scope_is_accepted(company: dict[str, Employee], by_scim: None) -> None:
    assert Directory("hnd_wrong").call("GET", "Users").status_code == 401
    hr = people.with_account(company["H001"], "hr")
    assert Directory(token_of(hr, Scope.OWN)).call("GET", "Users").status_code == 403
    operator = people.with_account(company["O001"], "operator")
    with pytest.raises(Refused, match="Only HR users"):
        token_of(operator)
    with pytest.raises(Refused, match="Only HR users"):
        token_of(people.with_account(company["A001"]))


def test_a_token_loses_its_power_with_the_role(directory: Directory, company: dict[str, Employee]) -> None:
    account_for(company["H001"]).role_set.all().delete()
    directory.call("GET", "Users", status=401)


def test_a_token_without_a_second_factor_is_no_token_of_hr(
    company: dict[str, Employee], by_scim: None, settings: Any
) -> None:
    settings.SECOND_FACTOR_ROLES = ["hr"]
    account = account_for(people.with_account(company["H001"], "hr"))
    with pytest.raises(Refused, match="Only HR users"):
        create_token(account=account, name="directory", scopes=[Scope.SCIM], by=people.TESTER)


def test_a_token_is_refused_without_tls(directory: Directory, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert directory.call("GET", "Users").status_code == 403


def test_an_outdated_etag_changes_nothing(directory: Directory) -> None:
    user = directory.provision("N001")
    read = directory.call("GET", f"Users/{user}")
    change = {"op": "Replace", "path": "displayName", "value": "First"}
    directory.patch_user(user, change, **{"if-match": read["ETag"]})
    directory.patch_user(user, change | {"value": "Second"}, status=412, **{"if-match": read["ETag"]})
    assert directory.call("GET", f"Users/{user}", status=200)["displayName"] == "First"
    assert directory.call("GET", f"Users/{user}", **{"if-none-match": read["ETag"]}).status_code == 200


def test_pages_show_each_user_once(directory: Directory) -> None:
    for number in range(5):
        directory.provision(f"N00{number}")
    seen = []
    for start in (1, 3, 5):
        page = directory.get("/scim/v2/Users", {"startIndex": start, "count": 2}).json()
        assert page["totalResults"] == 5
        seen += [user["userName"] for user in page["Resources"]]
    assert seen == [f"n00{number}@corp.example.com" for number in range(5)]


@pytest.mark.parametrize(
    "filter",
    [
        'userName eq "N001@Corp.example.com"',
        'externalId eq "entra-N001"',
        f'{ENTERPRISE}:employeeNumber eq "N001"',
        'emails[type eq "work"].value eq "n001@corp.example.com"',
        'emails.value eq "n001@corp.example.com" and active eq true',
    ],
)
def test_a_directory_finds_its_user(directory: Directory, filter: str) -> None:
    directory.provision("N002")
    user = directory.provision("N001")
    assert [found["id"] for found in directory.find(filter)] == [user]


def test_a_cycle_is_refused_at_once(directory: Directory) -> None:
    top = directory.provision("N001")
    below = directory.provision("N002", manager={"value": top})
    change = {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": below}
    answer = directory.patch_user(top, change, status=400)
    assert "N001 > N002 > N001" in answer["detail"]
    assert not directory.call("GET", f"Users/{top}", status=200)[ENTERPRISE].get("manager")


def test_a_cycle_through_the_roster_leaves_the_others_alone(directory: Directory) -> None:
    # On the roster, B001 is above A001; the directory knows nothing of that.
    directory.provision("B001", name="Bob 白", manager="A001", emails=[{"value": "bob@corp.example.com"}])
    directory.provision("N001")
    sync()
    assert DirectoryUser.objects.get(staff_no="B001").problem == "cycle"
    assert person("N001").email == "n001@corp.example.com"


def test_text_that_no_database_holds_is_refused(directory: Directory) -> None:
    directory.call("POST", "Users", entra_user("N001", name="a\0b"), 400)
    directory.call("GET", "Users?filter=userName%20eq%20%22a%00b%22", status=400)
    directory.call("POST", "Users", [], 400)


def test_a_user_as_large_as_a_file_is_refused(directory: Directory) -> None:
    """Otherwise a stolen token fills the database, and the memory of the worker that reads all users."""
    emails = [{"value": f"a{number}@corp.example.com"} for number in range(1_000)]
    answer = directory.call("POST", "Users", entra_user("N001") | {"emails": emails}, status=400)
    assert "16384 characters" in answer["detail"]
    assert not DirectoryUser.objects.exists()


def test_taken_names_and_numbers_are_conflicts(directory: Directory) -> None:
    directory.provision("N001")
    for change in ({"userName": "other"}, {"userName": "N001@CORP.example.com"}):
        body = entra_user("n001") | change
        assert directory.call("POST", "Users", body, 409)["scimType"] == "uniqueness"


def test_a_user_without_a_number_or_address_is_refused(directory: Directory) -> None:
    body = entra_user("N001")
    del body[ENTERPRISE]["employeeNumber"]
    directory.call("POST", "Users", body, 400)
    body = entra_user("N001")
    del body["emails"]
    directory.call("POST", "Users", body, 400)


def test_a_new_address_waits_for_a_second_person(directory: Directory) -> None:
    user = directory.provision("A001", name="Alice 艾", emails=[{"type": "work", "value": "alice@corp.example.com"}])
    sync()
    change = {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "eve@corp.example.com"}
    directory.patch_user(user, change)
    sync()
    assert person("A001").email == "alice@corp.example.com"
    assert DirectoryUser.objects.get().problem == "address_waits"
    people.approve(ApprovalRequest.objects.get(kind="email_change"))
    assert person("A001").email == "eve@corp.example.com"


def test_what_is_too_much_for_a_day_waits_for_a_second_person(directory: Directory, settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.2
    users = [_as_on_roster(directory, number) for number in ("A001", "A002", "C001", "S001")]
    sync()
    for user in users:
        directory.patch_user(user, {"op": "Replace", "path": "active", "value": "False"})
    sync()
    assert sorted(DirectoryUser.objects.values_list("state", flat=True)) == ["applied", "held", "held", "held"]
    request = ApprovalRequest.objects.get(kind="roster_load")
    assert request.effect["leaving"] == 3
    people.approve(request)
    process_load(RosterImport.objects.get(pk=request.subject).pk)
    sync()
    assert set(DirectoryUser.objects.values_list("state", flat=True)) == {"applied"}


def _as_on_roster(directory: Directory, staff_no: str) -> str:
    employee = person(staff_no)
    emails = [{"type": "work", "value": employee.email}]
    return directory.provision(staff_no, name=employee.name, department=employee.current_department, emails=emails)


def test_a_refusal_of_hr_stands_until_the_directory_changes_the_user(directory: Directory, settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.0
    user = directory.provision("A002", name="Alan", emails=[{"value": "alan@corp.example.com"}], active=False)
    sync()
    refuse_request(request_id=ApprovalRequest.objects.get().pk, note="no", by=people.officer("approves"))
    sync()
    assert DirectoryUser.objects.get(pk=user).problem == "refused_by_hr"


def test_a_deactivated_user_is_signed_out_at_once(directory: Directory, company: dict[str, Employee]) -> None:
    browser = Client()
    people.sign_in(browser, people.with_account(company["A002"]))
    user = directory.provision("A002", name="Alan", emails=[{"value": "alan@corp.example.com"}])
    directory.patch_user(user, {"op": "Replace", "path": "active", "value": "False"})
    assert not BrowserSession.objects.of(account_for(company["A002"])).exists()


def test_a_deactivated_operator_is_signed_out_by_the_load_alone(
    directory: Directory, company: dict[str, Employee]
) -> None:
    """Otherwise a stolen token keeps those signed out who can revoke it."""
    operator = people.with_account(company["O001"], "operator")
    people.sign_in(Client(), operator)
    user = directory.provision("O001", name="Olga", emails=[{"value": operator.email}])
    directory.patch_user(user, {"op": "Replace", "path": "active", "value": "False"})
    assert BrowserSession.objects.of(account_for(operator)).exists()


def test_each_change_is_in_the_trail_without_values(directory: Directory) -> None:
    user = directory.provision("N001", name="Nora Berg")
    directory.patch_user(user, {"op": "Replace", "path": "displayName", "value": "Nora Tal"})
    entry = AuditEntry.objects.get(action="directory.user_changed")
    assert (entry.subject_label, entry.detail) == ("N001", {"attributes": ["displayName"]})
    assert entry.origin.startswith("scim ")


def test_a_request_costs_few_queries(directory: Directory) -> None:
    user = directory.provision("N001")
    counts = []
    for method, path, body in [
        ("POST", "Users", entra_user("N002")), ("GET", f"Users/{user}", None),
        ("GET", "Users?count=2", None), ("DELETE", f"Users/{user}", None),
    ]:  # fmt: skip
        with CaptureQueriesContext(connection) as queries:
            assert directory.call(method, path, body).status_code < 300
        counts.append(len(queries))
    # Token and account: 3; slots of the account: 2; savepoints; the change itself, its audit entry.
    assert max(counts) <= 20, counts


def test_the_operator_reads_what_the_roster_does_not_have(directory: Directory) -> None:
    directory.provision("X999", emails=[{"type": "work", "value": "alice@corp.example.com"}])
    directory.provision("N001")
    sync()
    output = run("directory_status")
    assert (output["users"], output["missing"]) == (2, 1)
    assert output["shown"][0] | {"id": ""} == {
        "id": "", "staff_no": "X999", "state": "refused", "problem": "email_taken"
    }  # fmt: skip
