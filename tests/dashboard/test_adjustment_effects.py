"""What a decision about adjustments does to each standing, shown before it to the HR user who decides."""

from typing import Any

import pytest

from apps.accounts.services import account_for, grant_role
from apps.campaigns.adjustments import approve, bulk_previews, requests
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.reports import adjustment_effects
from apps.reports.standings_report import Standings
from apps.standings.report_people import EmployeeIds
from tests import files, people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, words

pytestmark = pytest.mark.django_db
HOME = "/company/adjustments/"
LIST = "staff_no,target\nA001,40\nA002,60\nC001,exempt\nS001,30\n"


@pytest.fixture
def second(bob: Employee) -> Employee:
    """A second HR member, who decides."""
    grant_role(employee=bob, role="hr", by=people.TESTER)
    return bob


@pytest.fixture
def counted(campaign: Campaign, alice: Employee, alan: Employee, stranger: Employee) -> None:
    """Alice at 45, Alan at 50, Sam at 110, Carol at 0."""
    for employee, number in ((alice, 45), (alan, 50), (stranger, 110)):
        people.record(employee, number)
    people.mark()


def by_file(campaign: Campaign, hr: Employee, content: str = LIST) -> AdjustmentRequest:
    """A request for all on the file, still pending."""
    stored = files.adjustments(hr, content)
    stored.preview.refresh_from_db()
    targets = bulk_previews.previewed(stored.preview.report, campaign.rule, db_now(), hr.pk)
    assert targets
    return bulk_previews.request_by_file(
        campaign=campaign, stored=stored, kind="part_time", reason="four days a week", expected_digest=targets.digest,
        by=account_for(hr).actor,
    )  # fmt: skip


def granted(campaign: Campaign, hr: Employee, second: Employee, content: str = LIST) -> AdjustmentRequest:
    request = by_file(campaign, hr, content)
    current = approve.recheck(request, campaign.rule, db_now(), second.pk)
    approve.grant_adjustment(request_id=request.pk, by=account_for(second).actor, expected_digest=current.digest)
    people.mark()
    return AdjustmentRequest.objects.get(pk=request.pk)


def test_who_decides_sees_counted_target_and_who_turns_red_or_not(
    as_: SignIn, campaign: Campaign, counted: None, hr: Employee, second: Employee
) -> None:
    people.adjust(campaign=campaign, employee=people.person("D001"), target=1)
    request = by_file(campaign, hr, LIST + "D001,5\n")
    client = as_(second)
    page = client.get(f"{HOME}{request.pk}/")
    said = words(page)
    assert "All 4 Turn red 0 No longer red 2" in said
    assert "Alice 艾 A001 · Sales for the whole campaign 45 100 becomes 40 no longer red" in said
    assert "Alan A002 · Sales for the whole campaign 50 100 becomes 60 stays red" in said
    assert "Carol C001 · Support for the whole campaign 0 100 becomes exempt no longer red" in said
    assert "110 100 becomes 30 not red, as before" in said
    assert "/team/A001/" in links(page)
    address = f"{HOME}{request.pk}/?turn=not_red#people"
    assert address in links(page)
    said = words(client.get(address))
    assert "Alice 艾" in said
    assert "Alan A002" not in said
    assert "Approve for 4 people" in said


def test_one_person_who_would_turn_red_is_shown_as_such(
    as_: SignIn, campaign: Campaign, counted: None, stranger: Employee, second: Employee
) -> None:
    request = people.ask(campaign=campaign, employee=stranger, target=200)
    said = words(as_(second).get(f"{HOME}{request.pk}/"))
    assert "Effect of approval 110 counted · Target 100 becomes 200 turns red" in said


def test_an_end_shows_its_people_before_and_after_the_decision(
    as_: SignIn, campaign: Campaign, counted: None, hr: Employee, second: Employee
) -> None:
    request = granted(campaign, hr, second)
    ending = requests.request_revocation(request=request, employee=None, reason="a mistake", by=account_for(hr).actor)
    client = as_(second)
    said = words(client.get(f"{HOME}{ending.pk}/"))
    assert "Approval ends the adjustments of 4 people" in said
    assert "All 4 Turn red 2 No longer red 0" in said
    assert "45 40 becomes 100 turns red" in said
    assert "50 60 becomes 100 stays red" in said
    client.post(f"{HOME}{ending.pk}/grant/")
    said = words(client.get(f"{HOME}{ending.pk}/"))
    assert "4 people" in said
    assert "Alice 艾 A001" in said


def test_one_person_of_a_batch_can_be_ended(
    as_: SignIn, campaign: Campaign, counted: None, hr: Employee, second: Employee
) -> None:
    request = granted(campaign, hr, second)
    client = as_(hr)
    page = client.get(f"{HOME}{request.pk}/")
    address = f"{HOME}{request.pk}/?person=A002#end"
    assert address in links(page)
    page = client.get(address)
    assert "Request end for Alan" in words(page)
    answer = client.post(
        f"{HOME}{request.pk}/end/", {"person": "A002", "reason": "works full time again", "key": people_key(page)},
        follow=True,
    )  # fmt: skip
    assert "End requested." in words(answer)
    ending = AdjustmentRequest.objects.get(ends=request)
    said = words(as_(second).get(f"{HOME}{ending.pk}/"))
    assert "Effect of approval 50 counted · Target 60 becomes 100 stays red" in said
    as_(second).post(f"{HOME}{ending.pk}/grant/")
    ended = Adjustment.objects.filter(request=request).exclude(ended_at=None)
    assert list(ended.values_list("employee__staff_no", flat=True)) == ["A002"]
    assert address not in links(client.get(f"{HOME}{request.pk}/"))


def people_key(page: Any) -> str:
    return str(page.context["end"]["key"].value())


@pytest.mark.parametrize("first", [{"target": 40}, {"exempt": True}], ids=["another target", "an exemption"])
@pytest.mark.parametrize("then", [{"target": 30}, {"exempt": False}, {"exempt": True}])
def test_what_is_shown_is_what_happens(
    campaign: Campaign, counted: None, alice: Employee, first: dict[str, Any], then: dict[str, Any]
) -> None:
    people.adjust(campaign=campaign, employee=alice, **first)
    people.mark()
    request = people.ask(campaign=campaign, employee=alice, **then)
    shown = adjustment_effects.effects_of_grant(campaign, request.adjustment_set.all(), db_now())[alice.pk]
    approve.grant_adjustment(request_id=request.pk, by=people.officer("grants"))
    people.mark()
    assert standing(campaign, alice) == (shown.counted, shown.target, shown.exempt, shown.is_red)
    ended = adjustment_effects.effects_of_end(campaign, request.pk, [alice.pk], db_now())[alice.pk]
    ending = requests.request_revocation(request=request, employee=alice, reason="x", by=people.officer("asks"))
    approve.grant_adjustment(request_id=ending.pk, by=people.officer("grants"))
    people.mark()
    assert standing(campaign, alice) == (ended.counted, ended.target, ended.exempt, ended.is_red)


def standing(campaign: Campaign, employee: Employee) -> tuple[int, int, bool, bool]:
    row = Standings(campaign, EmployeeIds([employee.pk])).row_of(employee.pk)
    assert row
    return row.counted, row.target, row.exempt, row.red
