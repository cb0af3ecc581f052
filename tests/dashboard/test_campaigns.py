"""HR's campaign pages: previewed, opened, followed, cancelled and closed, by HR alone."""

from typing import Any

import pytest

from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.operations import tasks
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
HOME, NEW, OPEN = "/company/campaigns/", "/company/open-campaign/", "/company/open-campaign/confirm/"
KEY = "6f1c1f9e-0000-4000-8000-00000000000{}"


def typed(**changed: Any) -> dict[str, Any]:
    usual = {
        "name": "十二月", "target": "50", "opens_on": "2026-12-01", "deadline": "2026-12-31",
        "time_zone": "Asia/Shanghai", "company_domains": "corp.example.com\n@Corp.example.com", "key": KEY.format(1),
    }  # fmt: skip
    return {**usual, **changed}


def open_one(client: Any, **changed: Any) -> Campaign:
    response = client.post(OPEN, typed(**changed))
    assert response.status_code == 302, words(response)
    # The first one has other domains than the company's settings, so a second HR user approves it.
    if request := ApprovalRequest.objects.filter(decision=None).first():
        people.approve(request)
    return Campaign.objects.latest("pk")


def test_hr_begins_where_nothing_has_been_opened(as_: SignIn, hr: Employee, bob: Employee) -> None:
    client = as_(hr)
    assert NEW in client.get("/company/").content.decode()
    assert "Open the first campaign" in words(client.get(HOME))
    assert NEW not in as_(bob).get("/team/B001/").content.decode()


def test_a_preview_opens_nothing_and_shows_the_rule_in_words(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    Employee.objects.filter(pk=hr.pk).update(time_zone="Europe/Berlin")
    page = words(as_(hr).post(NEW, typed(scope=["Sales"], exclusive="on")))
    assert (
        "In 十二月, the target for each employee is to record 50 people from outside the company, from Tue 1 Dec until"
        " Thu 31 Dec" in page
    )
    assert "no company address (corp.example.com)" in page
    assert "The campaign covers Sales." in page
    assert "A person counts only for the colleague who recorded them first" in page
    assert "could work out whose contact the person is" in page
    assert "Thu 31 Dec 2026, 23:59 in Shanghai" in page
    assert "your time: Thu 31 Dec, 16:59 in Berlin" in page
    assert "People in the campaign 3 people" in page
    assert "November is open until" not in page, "it begins when November is over"
    assert Campaign.objects.count() == 1


def test_a_preview_warns_of_overlaps_late_deadlines_and_empty_populations(
    as_: SignIn, campaign: Campaign, hr: Employee
) -> None:
    client = as_(hr)
    page = words(client.post(NEW, typed(opens_on="2026-11-10")))
    assert "November is open until Mon 30 Nov 2026, 23:59 in Shanghai" in page
    page = words(client.post(NEW, typed(opens_on="2026-10-01", deadline="2026-10-31")))
    assert "The deadline has already passed" in page
    assert "November is open until" not in page
    people.load(people.ROSTER.replace("O001,Olga,olga@corp.example.com,,IT,D001\n", ""), complete=True)
    page = words(client.post(NEW, typed(scope=["IT"])))
    assert "The campaign has no employees today" in page or "Choose departments from the list" in page


def zones(page: Any) -> list[str]:
    return [zone for zone, _label in page.context["form"].fields["time_zone"].choices]


def test_a_new_campaign_takes_the_zone_of_the_last_one_and_says_when_it_differs(
    as_: SignIn, campaign: Campaign, hr: Employee
) -> None:
    client = as_(hr)
    page = client.get(NEW)
    assert page.context["form"]["time_zone"].value() == "Asia/Shanghai", "the company's zone is UTC"
    assert zones(page)[0] == "UTC", "the company's zone comes first"
    assert "The last campaign" not in words(client.post(NEW, typed()))
    other = words(client.post(NEW, typed(time_zone="Europe/Berlin")))
    assert "This campaign uses the time zone Europe/Berlin. The last campaign, November, used Asia/Shanghai." in other


def test_a_campaign_prorates_joiners_where_hr_says_so_and_pages_say_why(
    as_: SignIn, campaign: Campaign, hr: Employee, bob: Employee
) -> None:
    people.load("staff_no,name,email,manager_staff_no,started_on\nJ001,Jin,jin@corp.example.com,B001,2026-11-16\n")
    joiner = people.with_account(people.person("J001"))
    client = as_(hr)
    page = words(client.post(NEW, typed(prorate_joiners="on")))
    assert "An employee who joins after the first day has a pro-rata target" in page
    fields = {
        "target": "100", "opens_on": "2026-11-01", "deadline": "2026-11-30", "time_zone": "Asia/Shanghai", "seen": "1",
        "prorate_joiners": "on", "reason": "Fair", "key": KEY.format(7),
    }  # fmt: skip
    preview = words(client.post(CHANGE, fields))
    assert "target of late joiners: the same becomes pro rata" in preview
    client.post(DO, fields)
    people.approve()
    people.mark()
    assert people.standing(campaign, joiner).target == 50
    told = "Target 50 instead of 100: pro rata"
    assert told in words(as_(joiner).get("/"))
    assert told in words(as_(bob).get("/team/J001/"))
    assert told not in words(as_(bob).get("/"))


def test_a_campaign_is_duplicated_without_its_name_and_days(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    client = as_(hr)
    opened = open_one(client, scope=["Sales", "IT"], time_zone="Europe/Berlin", confirmed_only="on")
    people.load(people.ROSTER.replace(",IT,", ",Tools,"))
    page = client.get(f"{HOME}{opened.slug}/").content.decode()
    assert f'href="{NEW}?like={opened.slug}"' in page
    form = client.get(f"{NEW}?like={opened.slug}")
    values = {name: form.context["form"][name].value() for name in ("target", "time_zone", "confirmed_only", "scope")}
    assert values == {"target": 50, "time_zone": "Europe/Berlin", "confirmed_only": True, "scope": ["IT", "Sales"]}
    assert [form.context["form"][name].value() for name in ("name", "opens_on", "deadline")] == [None, None, None]
    assert "Copied from 十二月" in words(form)
    assert "These departments have no employees today and are left out: IT." in words(form)
    assert client.get(f"{NEW}?like=unknown").status_code == 404


def test_a_rule_keeps_a_zone_under_its_former_name(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    client = as_(hr)
    assert "Asia/Kolkata" in zones(client.get(NEW))
    assert "Asia/Calcutta" not in zones(client.get(NEW))
    opened = open_one(client, time_zone="Asia/Calcutta")
    assert "Asia/Calcutta" in zones(client.get(f"{HOME}{opened.slug}/change/"))


def test_the_previewed_campaign_is_opened_and_evaluated_once(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    client = as_(hr)
    opened = open_one(client, scope=["Sales", "Board"], confirmed_only="on")
    again = client.post(OPEN, typed(scope=["Sales", "Board"], confirmed_only="on"))
    assert again.url == f"{HOME}{opened.slug}/"
    assert Campaign.objects.count() == 2
    rule = opened.rule
    assert (rule.target, rule.scope, rule.exclusive, rule.confirmed_only) == (50, ["Board", "Sales"], False, True)
    assert (rule.company_domains, rule.changed_by_label) == (["corp.example.com"], "Hedda")
    assert rule.approved_by_label == "approves"
    assert AuditEntry.objects.get(action="campaign.opened", subject_id=opened.slug).actor_id == hr.account.pk
    page = words(client.get(f"{HOME}{opened.slug}/"))
    assert "open" in page
    assert "It starts on Tue 1 Dec." in page
    assert "4 people" in page
    listed = words(client.get(HOME))
    assert "November november" in listed
    assert "Thu 31 Dec 2026, 23:59 in Shanghai" in listed


def test_several_campaigns_whose_names_make_one_short_name_run_at_a_time(
    as_: SignIn, campaign: Campaign, hr: Employee
) -> None:
    client = as_(hr)
    slugs = [open_one(client, name=name, key=KEY.format(n)).slug for n, name in enumerate(("甲", "乙", "丙"))]
    assert slugs == ["campaign-2026-12-01", "campaign-2026-12-01-2", "campaign-2026-12-01-3"]
    for slug in slugs:
        assert client.get(f"{HOME}{slug}/").status_code == 200


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"deadline": "2026-11-30"}, "The deadline is before the opening."),
        ({"opens_on": "0001-01-01"}, "A campaign can have at most 5000 days."),
        ({"deadline": "31.12.2026"}, "This is not a valid date."),
        ({"target": "0"}, "greater than or equal to 1"),
        ({"time_zone": "Asia/Atlantis"}, "Select a valid choice"),
        ({"scope": ["Nowhere"]}, "Choose departments from the list."),
        ({"company_domains": "a@b@c"}, "is not a domain"),
        ({"name": "November"}, "A campaign named November already exists."),
        ({"name": "\u200b"}, "Enter a name for the campaign."),
        ({"name": "November: sign in at evil.example"}, "cannot contain a web or e-mail address"),
        ({"name": "Ask hr@evil"}, "cannot contain a web or e-mail address"),
        ({"name": "N" * 81}, "can have at most 80 characters"),
    ],
)
def test_what_makes_no_campaign_comes_back_filled_in(
    as_: SignIn, campaign: Campaign, hr: Employee, changed: dict[str, Any], said: str
) -> None:
    client = as_(hr)
    for address in (NEW, OPEN):
        answer = client.post(address, typed(**changed))
        assert answer.status_code == 422
        assert said in words(answer)
        assert str(changed.get("target", 50)) in answer.content.decode()
    assert Campaign.objects.count() == 1


def test_cancelling_says_what_it_means_and_keeps_the_reason(
    as_: SignIn, campaign: Campaign, hr: Employee, alice: Employee
) -> None:
    client, address = as_(hr), f"{HOME}november/"
    assert "marks no one red" in words(client.get(address))
    assert client.post(address + "cancel/", {"reason": " "}).status_code == 422
    assert client.post(address + "cancel/", {"reason": "Opened by mistake"}).status_code == 302
    page = words(client.get(address))
    assert "cancelled" in page
    assert "Opened by mistake" in page
    assert "Cancel this campaign" not in page
    assert client.post(address + "cancel/", {"reason": "twice"}).status_code == 409
    assert "There is no campaign yet" in words(as_(alice).get("/"))


def test_a_campaign_that_people_have_worked_for_is_cancelled_by_two(
    as_: SignIn, campaign: Campaign, hr: Employee, alice: Employee
) -> None:
    people.record(alice)
    client, address = as_(hr), f"{HOME}november/"
    assert client.post(address + "cancel/", {"reason": "Opened by mistake"}).status_code == 302
    assert "Cancelling a campaign · Waiting for a second HR user" in words(client.get(address))
    answer = client.post(address + "cancel/", {"reason": "again"})
    assert (answer.status_code, "is already waiting" in words(answer)) == (409, True)
    people.approve()
    assert "Opened by mistake" in words(client.get(address))


def test_the_requester_of_other_domains_reads_no_count(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    """Otherwise a domain that a single contact has would reveal whose contact it is."""
    client = as_(hr)
    page = words(client.post(CHANGE, november(target="100", company_domains="partner.example")))
    assert "Only the second HR user sees how many people this affects" in page
    assert "turn red" not in page
    assert client.post(DO, november(target="100", company_domains="partner.example")).status_code == 302
    request = ApprovalRequest.objects.get()
    page = words(client.get(f"/company/approvals/{request.pk}/"))
    assert "Only that person sees its exact effect" in page
    assert "changes" not in page.partition("Effect on people")[2].partition("Requested")[0]


def test_a_backdated_campaign_is_closed_by_hand_and_a_worker_makes_its_result(
    as_: SignIn, campaign: Campaign, hr: Employee
) -> None:
    client = as_(hr)
    assert client.post(f"{HOME}november/close/").status_code == 409, "it still runs"
    late = open_one(client, name="October", opens_on="2026-10-01", deadline="2026-10-31")
    address = f"{HOME}{late.slug}/"
    tasks.freeze_due()
    assert "Data imported before you close it still counts" in words(client.get(address))
    assert client.post(address + "close/").status_code == 302
    page = words(client.get(address))
    assert "Closing a campaign · Waiting for a second HR user · requested by Hedda" in page
    assert Campaign.objects.get(pk=late.pk).state == "open"
    people.approve()
    page = client.get(address)
    assert "All standings are recounted" in words(page)
    assert 'hx-trigger="every 3s"' in page.content.decode()
    tasks.freeze_due()
    page = client.get(address)
    assert "The final result" in words(page)
    assert "hx-trigger" not in page.content.decode()
    assert AuditEntry.objects.get(action="campaign.closing").actor_id == hr.account.pk


def test_a_frozen_campaign_has_no_steps_left(as_: SignIn, campaign: Campaign, hr: Employee, clock: Clock) -> None:
    clock.set("2026-12-01T00:00:30+08:00", ticks=True)
    client = as_(hr)
    assert "closes automatically" in words(client.get(f"{HOME}november/"))
    tasks.freeze_due()
    page = words(client.get(f"{HOME}november/"))
    assert "frozen" in page
    for step in ("Cancel", "Change rule", "Close campaign"):
        assert step not in page


# -- changing the rule ---------------------------------------------------------------------------------------------

CHANGE, DO = "/company/campaigns/november/change/", "/company/campaigns/november/change/confirm/"


def november(**changed: Any) -> dict[str, Any]:
    usual = {
        "target": "2", "opens_on": "2026-11-01", "deadline": "2026-11-30", "time_zone": "Asia/Shanghai", "seen": "1",
        "reason": "It was too much", "key": KEY.format(2),
    }  # fmt: skip
    return {**usual, **changed}


def test_a_change_is_previewed_made_once_and_announced_for_a_fortnight(
    as_: SignIn, campaign: Campaign, hr: Employee, alice: Employee, clock: Clock
) -> None:
    people.record(alice, 2)
    people.mark()
    client = as_(hr)
    assert 'name="target" value="100"' in client.get(CHANGE).content.decode()
    page = words(client.post(CHANGE, november()))
    assert "target: 100 becomes 2" in page
    assert "0 turn red 1 no longer red 9 people affected" in page
    assert "Red: 9 now, 8 under the new rule" in page
    assert campaign.rules.count() == 1
    assert "Request change" in page
    for _click in range(2):
        assert client.post(DO, november()).status_code == 302
    assert campaign.rules.count() == 1
    for address in ("/company/campaigns/november/", CHANGE):
        assert "Waiting for a second HR user · requested by Hedda" in words(client.get(address))
    people.approve()
    assert client.post(DO, november()).status_code == 302
    assert campaign.rules.count() == 2
    page = words(client.get("/company/campaigns/november/"))
    assert "Hedda, approved by approves" in page
    assert "Version 2 of the rule" in page
    assert "target: 100 becomes 2 Reason: It was too much" in page
    people.mark()
    own = words(as_(alice).get("/"))
    assert "The rule of this campaign changed on Mon 23 Nov: target 100 → 2 (It was too much)" in own
    assert "Version 2 of the rule" in own
    assert "2 reached" in own
    clock.set("2026-12-07T11:59:00+08:00", ticks=True)
    assert "The rule of this campaign changed" in words(as_(alice).get("/"))
    clock.set("2026-12-07T12:01:00+08:00", ticks=True)
    assert "The rule of this campaign changed" not in words(as_(alice).get("/"))


def test_a_change_of_an_outdated_version_needs_a_new_preview(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    client = as_(hr)
    client.post(DO, november())
    people.approve()
    for address in (CHANGE, DO):
        answer = client.post(address, november(target="3", key=KEY.format(3)))
        assert answer.status_code == 409
        assert "Hedda has changed the rule to version 2 in the meantime. Check it again." in words(answer)
        assert 'name="seen" value="2"' in answer.content.decode()
    assert client.post(DO, november(target="3", seen="2", key=KEY.format(3))).status_code == 302
    people.approve()
    assert campaign.rules.latest("version").target == 3


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"target": "100"}, "The rule has not changed."),
        ({"deadline": "2026-11-22"}, "This deadline has already passed"),
        ({"opens_on": "2026-11-24"}, "its first day cannot be moved into the future"),
        ({"deadline": "2026-10-01"}, "The deadline is before the opening."),
    ],
)
def test_what_is_no_change_comes_back(
    as_: SignIn, campaign: Campaign, hr: Employee, changed: dict[str, str], said: str
) -> None:
    for address in (CHANGE, DO):
        answer = as_(hr).post(address, november(**changed))
        assert (answer.status_code, said in words(answer)) == (422, True)
    answer = as_(hr).post(DO, november(reason=" "))
    assert (answer.status_code, "Enter a reason" in words(answer)) == (422, True)
    assert campaign.rules.count() == 1


def test_a_past_day_is_shown_with_the_rule_of_that_day(
    as_: SignIn, campaign: Campaign, hr: Employee, clock: Clock
) -> None:
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    client = as_(hr)
    client.post(DO, november())
    people.mark()
    before = client.get("/company/?as_of=2026-11-23")
    assert "100" in words(before)
    assert "under 2 " not in words(before)
