"""Campaigns: opened with their own rule, changed by allowed transitions only, and visible to their readers."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import available_timezones

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import Account
from apps.campaigns.models import Campaign
from apps.campaigns.selectors import campaign_for, restore_while_open
from apps.contacts.services.changes import end_contact
from apps.core import clock as core_clock
from apps.core.errors import Refused
from apps.core.models import AuditEntry, Setting
from apps.employees.models import Employee
from tests.fixtures import Clock
from tests.people import TESTER, november, record, record_one
from tests.results.deadline import seal


def at(day: int, month: int = 11) -> date:
    return date(2026, month, day)


def move(campaign: Campaign, **changes: Any) -> None:
    with transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(**changes)


def test_a_campaign_keeps_its_own_rule(company: dict[str, Employee], settings: Any) -> None:
    settings.COMPANY_EMAIL_DOMAINS = ["b.example.com", "A.example.com", "a.example.com"]
    campaign = november(scope=["Sales", "Sales", "Board"])
    settings.COMPANY_EMAIL_DOMAINS = []
    rule = Campaign.objects.get().rule
    assert (campaign.slug, campaign.state, campaign.backdated) == ("november", "open", False)
    assert (rule.version, rule.target, rule.company_domains) == (1, 100, ["a.example.com", "b.example.com"])
    assert rule.scope == ["Board", "Sales"]
    assert rule.opens_at == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert rule.cutoff_at == datetime(2026, 11, 30, 16, tzinfo=UTC)
    [run] = campaign.runs.all()
    assert (run.invalidates, run.progress()) == (True, (0, 1)), "everybody is to be judged"
    assert AuditEntry.objects.get(action="campaign.opened").subject_label == "November"


def test_an_exclusive_campaign_makes_writers_note_identities(company: dict[str, Employee]) -> None:
    november()
    assert not Setting.objects.filter(name="watch_identities").exists()
    november(name="Exclusive", exclusive=True)
    assert Setting.objects.filter(name="watch_identities").exists()


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"name": " \u200b"}, "name"),
        ({"target": 0}, "target"),
        ({"target": 1_000_001}, "target"),
        ({"deadline": at(31, 10)}, "deadline"),
        ({"deadline": date.max}, "deadline"),
        ({"opens_on": date.min}, "deadline"),
        ({"opens_on": date(2013, 3, 23)}, "deadline"),  # pages draw each day: 740,000 took them half a minute
        # Retention adds months to each cut-off: the overflow of one campaign stopped the erasures of all.
        ({"opens_on": date(9999, 12, 1), "deadline": date(9999, 12, 30)}, "deadline"),
        ({"opens_on": date(1999, 12, 31), "deadline": date(2000, 1, 1)}, "opens_on"),
        ({"time_zone": "Asia/Atlantis"}, "time_zone"),
        ({"time_zone": "../../etc/localtime"}, "time_zone"),
        ({"time_zone": "x\0"}, "time_zone"),
        ({"slug": "s" * 81}, "slug"),
    ],
)
def test_terms_that_make_no_campaign_are_refused_by_field(noon: Clock, terms: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        november(**terms)
    assert (refused.value.field, bool(refused.value.message)) == (field, True)
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ｎovember  2026!", "november-2026"),
        ("十一月", "campaign-2026-11-01"),
        ("n" * 80, "n" * 80),
        ("\ud800x\0", "x"),
    ],
)
def test_a_short_name_is_made_of_any_name(noon: Clock, name: str, slug: str) -> None:
    assert november(name=name).slug == slug


def test_names_and_short_names_are_taken_once(noon: Clock) -> None:
    november()
    for terms, field in (({}, "name"), ({"slug": "other"}, "name"), ({"name": "Other", "slug": "November"}, "slug")):
        with pytest.raises(Refused) as refused:
            november(**terms)
        assert refused.value.field == field


def test_every_zone_that_can_be_chosen_is_known_to_the_database(db: None) -> None:
    unknown = []
    for zone in sorted(available_timezones()):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT now() AT TIME ZONE %s", [zone])
        except DatabaseError:
            unknown.append(zone)
    refused = [zone for zone in unknown if not _opens(zone)]
    assert refused == unknown, "a campaign in such a zone could never be marked"


def _opens(zone: str) -> bool:
    try:
        with transaction.atomic():
            november(name=zone, time_zone=zone)
    except Refused:
        return False
    return True


def test_without_a_campaign_there_is_none(company: dict[str, Employee], alice: Employee) -> None:
    assert campaign_for(alice.account, None) is None
    assert campaign_for(None, "") is None


@pytest.mark.parametrize("slug", ["nonsense", "a\0b", "\ud800", "x" * 10_000, "November "])
def test_a_short_name_that_is_none_is_not_there(campaign: Campaign, alice: Employee, slug: str) -> None:
    with pytest.raises(Campaign.DoesNotExist):
        campaign_for(alice.account, slug)


def test_drafts_and_cancelled_campaigns_are_not_shown(campaign: Campaign, alice: Employee) -> None:
    Campaign.objects.create(slug="draft", name="Draft", created_by_label="x", state="draft")
    move(campaign, state="cancelled")
    assert campaign_for(alice.account, None) is None
    for slug in ("draft", "november"):
        with pytest.raises(Campaign.DoesNotExist):
            campaign_for(alice.account, slug)


def test_the_open_campaign_with_the_nearest_deadline_comes_first_and_a_frozen_one_last(
    company: dict[str, Employee], alice: Employee, clock: Clock
) -> None:
    long = november(name="Long", deadline=at(31, 12))
    short = november(name="Short", deadline=at(25))
    assert campaign_for(alice.account, None) == short
    assert campaign_for(alice.account, "long") == long
    clock.set("2026-11-26T00:00:00+08:00", ticks=True)
    assert campaign_for(alice.account, None) == long
    for one in (long, short):
        move(one, state="closing")
        move(one, snapshot_at=core_clock.db_now())
        seal(one)
        move(one, state="frozen")
    clock.set("2027-01-26T00:00:00+08:00", ticks=True)
    assert campaign_for(alice.account, None) == long, "of frozen ones the latest"


def test_a_campaign_of_another_department_is_not_the_readers_first(
    company: dict[str, Employee], alice: Employee, stranger: Employee
) -> None:
    everybody = november(name="Everybody")
    sales = november(name="Sales only", scope=["Sales"], deadline=at(25))
    readers = {one.staff_no: Account.objects.get(employee=one) for one in (alice, stranger)}
    assert campaign_for(readers["A001"], None) == sales
    assert campaign_for(readers["S001"], None) == everybody
    assert campaign_for(readers["S001"], "sales-only") == sales


def test_an_end_can_be_taken_back_while_its_campaign_is_open_only(campaign: Campaign, alice: Employee) -> None:
    contacts = [record(alice).outcomes[0].contact_id for _ in range(2)]
    for number in contacts:
        end_contact(contact_id=number, employee=alice, by=TESTER)
    restore_while_open(contact_id=contacts[0], employee=alice, by=TESTER)
    move(campaign, state="closing")
    with pytest.raises(Refused) as refused:
        restore_while_open(contact_id=contacts[1], employee=alice, by=TESTER)
    assert refused.value.code == "campaign_over"


def test_an_end_cannot_be_taken_back_between_the_deadline_and_the_closing(
    company: dict[str, Employee], alice: Employee, bob: Employee, clock: Clock
) -> None:
    """Otherwise a colleague decides after midnight who is red: here Bob's contact would be Alice's again."""
    november(target=1, exclusive=True)
    contact_id = record_one(alice, ("email", "kim@partner.example")).outcomes[0].contact_id
    end_contact(contact_id=contact_id, employee=alice, by=TESTER)
    record_one(bob, ("email", "kim@partner.example"))
    clock.set("2026-12-01T00:00:05+08:00", ticks=True)
    assert Campaign.objects.get().state == "open"
    with pytest.raises(Refused) as refused:
        restore_while_open(contact_id=contact_id, employee=alice, by=TESTER)
    assert refused.value.code == "campaign_over"


def test_ending_and_restoring_in_an_exclusive_campaign_does_not_tell_whose_contact_it_is(
    company: dict[str, Employee], alice: Employee, bob: Employee
) -> None:
    """Otherwise a count that rises and falls with it reveals the other holder, and stays lower in the end."""
    november(exclusive=True)
    contact_id = record_one(alice, ("email", "kim@partner.example")).outcomes[0].contact_id
    record_one(bob, ("email", "kim@partner.example"))
    end_contact(contact_id=contact_id, employee=alice, by=TESTER)
    with pytest.raises(Refused) as refused:
        restore_while_open(contact_id=contact_id, employee=alice, by=TESTER)
    assert refused.value.code == "claimed"


def test_a_contact_from_after_the_deadline_may_still_be_restored(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    clock.set("2026-12-05T00:00:00+08:00", ticks=True)
    number = record(alice).outcomes[0].contact_id
    end_contact(contact_id=number, employee=alice, by=TESTER)
    move(campaign, state="closing")
    restore_while_open(contact_id=number, employee=alice, by=TESTER)
