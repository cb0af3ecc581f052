"""An employee who loses a team, a role or a deputyship loses its pages, files and API access with the next request."""

from typing import Any

import pytest

from apps.accounts.deputies import end_deputyship
from apps.accounts.models import Scope
from apps.accounts.services import grant_role
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import files, people
from tests.api.conftest import with_token
from tests.dashboard.conftest import SignIn

pytestmark = pytest.mark.django_db
HEAD = people.ROSTER.splitlines()[0] + "\n"
# Addresses that show Alice, and those that show her team.
HERS = ("/team/A001/", "/charts/member/A001.json", "/api/v1/standings/A001/")
TEAM = ("/team/B001/", "/charts/team/B001/curve.json", "/team/B001/standings.csv", "/api/v1/standings/?root=B001")


def statuses(client: Any, addresses: tuple[str, ...]) -> set[int]:
    found = set()
    for address in addresses:
        response = client.get(address)
        found.add(response.status_code)
        if response.streaming:
            b"".join(response.streaming_content)
    return found


def move(staff_no: str, name: str, under: str) -> None:
    """From now on the roster has another manager for an employee."""
    people.load(f"{HEAD}{staff_no},{name},{name.split()[0].lower()}@corp.example.com,,Sales,{under}\n")


def test_a_moved_employee_is_seen_by_the_new_manager_alone(
    as_: SignIn, alice: Employee, bob: Employee, carol: Employee, campaign: Campaign
) -> None:
    people.mark()
    old, new = as_(bob), as_(carol)
    programs = [with_token(one, Scope.REPORTS) for one in (bob, carol)]
    standing = ("/api/v1/standings/A001/",)
    assert (statuses(old, HERS), statuses(new, HERS)) == ({200}, {404})
    assert [statuses(one, standing) for one in programs] == [{200}, {404}]
    move("A001", "Alice 艾", "C001")
    assert (statuses(old, HERS), statuses(new, HERS)) == ({404}, {200})
    assert [statuses(one, standing) for one in programs] == [{404}, {200}]


def test_a_manager_who_loses_the_team_loses_its_pages_files_and_past(
    as_: SignIn, alice: Employee, bob: Employee, carol: Employee, campaign: Campaign
) -> None:
    """Carol manages Bob and his team for a while; afterwards, files made for her then are closed too."""
    move("B001", "Bob 白", "C001")
    people.mark()
    page, made = as_(carol), files.export(campaign, carol, root=bob)
    kept = tuple(f"/exports/{made.pk}/{part}" for part in ("", "file/", "manifest.json"))
    past = ("/team/B001/?as_of=2026-11-22", "/team/A001/?as_of=2026-11-22")
    assert statuses(page, (*HERS, *TEAM, *kept, *past)) == {200}
    move("B001", "Bob 白", "D001")
    assert statuses(page, (*HERS, *TEAM, *kept, *past)) == {404}
    assert "B001" not in page.get("/exports/").content.decode()


def test_a_manager_who_moves_below_another_brings_no_past_team_along(
    as_: SignIn, alice: Employee, bob: Employee, carol: Employee, campaign: Campaign
) -> None:
    """Otherwise every rotation of managers shows another team's numbers, as of any past day and in final results."""
    people.load(f"{HEAD}A002,Alan,alan@corp.example.com,,Sales,D001\nB001,Bob 白,bob@corp.example.com,,Sales,C001\n")
    people.mark()
    page = as_(carol)
    for address in ("/team/B001/?as_of=2026-11-22", "/team/B001/standings.csv?as_of=2026-11-22"):
        answer = page.get(address)
        text = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert b"A001" in text
        assert b"A002" not in text
    assert page.get("/charts/team/B001/histogram.json?as_of=2026-11-22").status_code == 200


def test_a_role_that_is_taken_away_closes_its_pages(
    as_: SignIn, hr: Employee, alice: Employee, campaign: Campaign
) -> None:
    people.mark()
    page, program = as_(hr), with_token(hr, Scope.REPORTS)
    rooms = ("/company/", "/company/roster/", "/company/audit/", "/company/adjustments/", "/team/A001/")
    assert statuses(page, rooms) == {200}
    assert statuses(program, ("/api/v1/standings/A001/",)) == {200}
    grant_role(employee=hr, role="hr", by=people.TESTER, revoke=True)
    assert statuses(page, rooms) == {302}, "the session goes on with what the role gave"
    assert statuses(program, ("/api/v1/standings/A001/",)) == {401}
    page, program = as_(hr), with_token(hr, Scope.REPORTS)
    assert statuses(page, rooms) == {404}
    assert statuses(program, ("/api/v1/standings/A001/",)) == {404}
    grant_role(employee=hr, role="auditor", by=people.TESTER)
    page = as_(hr)
    assert statuses(page, ("/company/audit/", "/company/")) == {200}
    assert statuses(page, ("/company/roster/", "/team/A001/")) == {404}


def test_a_deputyship_opens_and_closes_at_once(
    as_: SignIn, alice: Employee, bob: Employee, stranger: Employee, campaign: Campaign
) -> None:
    people.mark()
    page = as_(stranger)
    assert statuses(page, (*HERS, *TEAM)) == {404}
    made = people.stands_in(bob, stranger)
    assert statuses(page, (*HERS, *TEAM)) == {200}
    end_deputyship(deputyship_id=made.pk, by=people.with_account(bob).account)
    assert statuses(page, (*HERS, *TEAM)) == {404}
