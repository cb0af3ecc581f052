"""The database's own rules for campaigns, rules and standings, for every writer."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.campaigns.models import Campaign, CampaignRule
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.standings.models import Standing
from tests.fixtures import Clock
from tests.results.deadline import seal


def at(day: int, month: int = 11) -> date:
    return date(2026, month, day)


def move(campaign: Campaign, **changes: Any) -> None:
    with transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(**changes)


STATES = ("draft", "open", "closing", "frozen", "cancelled")
WAYS = {("draft", "open"), ("draft", "cancelled"), ("open", "closing"), ("open", "cancelled"), ("closing", "frozen")}


@pytest.mark.parametrize("old", STATES)
@pytest.mark.parametrize("new", STATES)
def test_a_campaign_moves_along_the_listed_ways_only(noon: Clock, old: str, new: str) -> None:
    kept = {"snapshot_at": db_now()}
    campaign = Campaign.objects.create(slug="x", name="x", created_by_label="x", state="draft")
    for step in {"draft": [], "cancelled": ["cancelled"]}.get(old, STATES[1 : STATES.index(old) + 1]):
        move(campaign, state=step)
        if step == "closing":
            move(campaign, **kept)
            seal(campaign)
    if old == new or (old, new) in WAYS:
        return move(campaign, state=new)
    with pytest.raises(DatabaseError):
        move(campaign, state=new, **(kept if new == "frozen" else {}))
    return None


def test_nothing_is_frozen_without_its_instant_and_the_instant_stays(campaign: Campaign) -> None:
    with pytest.raises(IntegrityError):
        move(campaign, snapshot_at=db_now())
    move(campaign, state="closing")
    with pytest.raises(IntegrityError):
        move(campaign, state="frozen")
    move(campaign, snapshot_at=db_now())
    for other in (None, db_now()):
        with pytest.raises(DatabaseError, match="the snapshot of campaign"):
            move(campaign, snapshot_at=other)


@pytest.mark.parametrize("days", [(date(1999, 12, 31), date(2000, 1, 9)), (date(2999, 12, 1), date(3000, 1, 1))])
def test_no_rule_has_days_in_which_arithmetic_overflows(noon: Clock, days: tuple[date, date]) -> None:
    campaign = Campaign.objects.create(slug="x", name="x", created_by_label="x", state="draft")
    opens_on, deadline = days
    instants = {"opens_at": db_now(), "cutoff_at": db_now() + timedelta(days=1)}
    with pytest.raises(IntegrityError, match="campaigns_rule_years"):
        CampaignRule.objects.create(
            campaign=campaign, version=1, target=1, time_zone="UTC", opens_on=opens_on, deadline=deadline, **instants
        )


def test_a_rule_is_never_changed_and_a_campaign_that_is_over_gets_no_new_one(campaign: Campaign, as_owner: Any) -> None:
    terms = {
        name: getattr(campaign.rule, name)
        for name in ("target", "time_zone", "opens_on", "deadline", "opens_at", "cutoff_at")
    }
    CampaignRule.objects.create(campaign=campaign, version=2, **terms, reason="x")
    for said, changes in {
        "needs a reason": {"version": 3, "reason": ""},
        "must follow the previous one": {"version": 4},
        "must carry the current time": {"version": 3, "in_force_from": campaign.rule.in_force_from},
        "one in the future": {"version": 3, "cutoff_at": db_now()},
    }.items():
        with pytest.raises(DatabaseError, match=said), transaction.atomic():
            CampaignRule.objects.create(**{"campaign": campaign, "reason": "x", **terms, **changes})
    move(campaign, state="closing")
    with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
        CampaignRule.objects.create(campaign=campaign, version=3, **terms, reason="x")


@pytest.mark.django_db(transaction=True)
def test_not_even_the_owner_rewrites_a_rule_or_deletes_a_campaign(campaign: Campaign, as_owner: Any) -> None:
    for statement in (
        "UPDATE campaigns_campaignrule SET target = 1",
        "DELETE FROM campaigns_campaignrule",
        "DELETE FROM campaigns_campaign",
        "UPDATE campaigns_campaign SET state = 'frozen', snapshot_at = now()",
    ):
        with pytest.raises(Exception, match=r"not deleted|cannot"):
            as_owner(statement)


def test_nothing_is_frozen_without_a_result(campaign: Campaign) -> None:
    move(campaign, state="closing")
    move(campaign, snapshot_at=db_now())
    with pytest.raises(DatabaseError, match="without a result"):
        move(campaign, state="frozen")


def test_red_and_what_remains_are_the_databases_own_arithmetic(campaign: Campaign, alice: Employee) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE standings_standing SET red = false")
    for changes in ({"counted": -1}, {"target": 0}, {"counted": 100}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Standing.objects.filter(employee=alice).update(**changes)
    Standing.objects.filter(employee=alice).update(counted=100, target_reached_at=db_now())
    verdict = Standing.objects.get(employee=alice)
    assert (verdict.red, verdict.remaining) == (False, 0)
