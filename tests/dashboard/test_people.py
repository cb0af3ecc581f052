"""Fields that name a person: suggestions by name, number and address, of people whom the reader sees alone."""

import pytest

from apps.accounts.models import Deputyship
from apps.campaigns.models import AdjustmentRequest, Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, words
from tests.dashboard.test_export import ask as ask_for_file
from tests.people import stands_in

pytestmark = pytest.mark.django_db
KEY = "8d4f0f62-6a1f-4a5e-9a55-0d35a8c8f0{:02}"


def suggested(client: StrictClient, q: str, more: str = "") -> list[str]:
    return [person["staff_no"] for person in client.get(f"/people/?q={q}{more}").json()["people"]]


@pytest.mark.parametrize("q", ["ali", "艾", "a001", "A001", "alice@corp", "ALICE 艾"])
def test_hr_finds_a_person_by_name_number_and_address(as_: SignIn, campaign: Campaign, hr: Employee, q: str) -> None:
    assert suggested(as_(hr), q)[0] == "A001"


def test_only_people_whom_the_reader_sees_are_suggested(
    as_: SignIn, campaign: Campaign, alice: Employee, bob: Employee, stranger: Employee, auditor: Employee
) -> None:
    assert suggested(as_(bob), "a") == ["A002", "A001"], "no employee of another team, and not the own manager"
    assert suggested(as_(bob), "sam") == suggested(as_(bob), "dana") == []
    for reader in (alice, stranger, auditor):
        assert as_(reader).get("/people/?q=a").status_code == 404
    stands_in(bob, stranger)
    assert suggested(as_(stranger), "ali") == ["A001"]
    assert suggested(as_(stranger), "bob") == [], "a deputy sees the team and not the manager"
    assert suggested(as_(stranger), "bob", "&teams=yes") == ["B001"]


def test_a_suggestion_tells_no_number_and_no_address(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    [person] = as_(hr).get("/people/?q=alice").json()["people"]
    assert person == {"staff_no": "A001", "name": "Alice 艾", "department": "Sales"}


def test_leavers_are_not_suggested_and_odd_texts_find_nobody(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    people.load(people.ROSTER.replace("A002,Alan,alan@corp.example.com,,Sales,B001\n", ""), complete=True)
    client = as_(hr)
    assert suggested(client, "alan") == []
    assert suggested(client, "") == suggested(client, "%25") == suggested(client, "_") == []


@pytest.mark.parametrize("who", ["a001", "alice@corp.example.com", "Alice 艾 (A001)", "alice 艾"])
def test_an_adjustment_takes_a_name_a_number_in_any_case_or_an_address(
    as_: SignIn, campaign: Campaign, alice: Employee, hr: Employee, who: str
) -> None:
    fields = {"key": KEY.format(1), "person": who, "kind": "leave", "what": "exempt", "reason": "x"}
    assert as_(hr).post("/company/adjustments/ask/", fields).status_code == 302
    assert AdjustmentRequest.objects.get().employee == alice


def test_of_people_with_one_name_the_form_asks_for_the_number(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    people.load("staff_no,name,email,department\nA003,Alan,alan2@corp.example.com,Support\n")
    fields = {"key": KEY.format(1), "kind": "leave", "what": "exempt", "reason": "x"}
    page = as_(hr).post("/company/adjustments/ask/", {**fields, "person": "alan"})
    assert "Several people have this name: A002 Sales, A003 Support. Enter the staff number." in words(page)
    page = as_(hr).post("/company/adjustments/ask/", {**fields, "person": "Alan (A001)"})
    assert page.status_code == 422, "name and number contradict each other"
    assert not AdjustmentRequest.objects.exists()


def test_a_manager_names_a_deputy_by_name_only_in_the_own_team(
    as_: SignIn, campaign: Campaign, bob: Employee, alan: Employee, stranger: Employee
) -> None:
    client = as_(bob)
    assert client.post("/deputies/", {"key": KEY.format(1), "deputy": "Sam", "until": "2026-11-27"}).status_code == 422
    assert client.post("/deputies/", {"key": KEY.format(2), "deputy": "alan", "until": "2026-11-27"}).status_code == 302
    assert client.post("/deputies/", {"key": KEY.format(3), "deputy": "s001", "until": "2026-11-27"}).status_code == 302
    assert set(Deputyship.objects.values_list("deputy", flat=True)) == {alan.pk, stranger.pk}


@pytest.mark.parametrize("team", ["b001", "Bob 白", "Bob 白 (B001)", "BOB@corp.example.com"])
def test_a_files_team_takes_a_name_a_number_in_any_case_or_an_address(
    as_: SignIn, campaign: Campaign, bob: Employee, hr: Employee, team: str
) -> None:
    for reader in (bob, hr):
        assert ask_for_file(as_(reader), team=team).status_code == 302
    assert ask_for_file(as_(hr), team="Alan").status_code == 422, "no employee reports to him"


def test_lists_are_searched_by_address_too_and_a_suggestion_is_no_look(
    as_: SignIn, campaign: Campaign, alan: Employee, hr: Employee
) -> None:
    people.ask(campaign=campaign, employee=alan, exempt=True)
    client = as_(hr)
    suggested(client, "alan")
    assert not AuditEntry.objects.filter(action__startswith="person.").exists()
    for q in ("a002", "alan@corp", "ALAN"):
        assert "Alan" in words(client.get(f"/company/adjustments/?show=all&q={q}")), q
