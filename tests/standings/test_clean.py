"""`last_disqualified_at`: after it no contact of an employee is internal or claimed, which saves the meter most work.

If it was wrong, a total with thousands of colleagues could pass as the contacts of one night.
"""

import random
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from apps.campaigns.models import Campaign
from apps.campaigns.population import all_employees_sql
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.core.outbox import queue_reevaluation
from apps.employees.models import Employee, Employment
from apps.reports import summaries
from apps.reports.data_quality import quality_indicators
from apps.reports.standings_report import Standings
from apps.standings import build_summaries, metrics
from apps.standings.evaluation import with_exclusion_reason
from apps.standings.marking import mark_touched
from apps.standings.models import Standing
from apps.standings.population import Team, WholeCompany
from apps.standings.process_runs import mark_everybody
from apps.standings.recount import recount
from tests.fixtures import Clock
from tests.people import TESTER, company, mark, november, person, record, record_one, standing

BEGUN = datetime(2026, 11, 20, 4, tzinfo=UTC)


def test_what_was_refused_last_is_known_of_everybody(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    record_one(alice, ("email", "bob@corp.example.com"))
    refused = Contact.objects.of(alice).latest("pk").recorded_at
    record(alice)
    record(alan)
    mark()
    assert standing(campaign, alice).last_disqualified_at == refused
    assert standing(campaign, alan).last_disqualified_at == campaign.rule.opens_at


def test_a_claim_of_somebody_else_is_a_refusal_too_until_it_is_gone(
    noon: Clock, company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    campaign = november(exclusive=True)
    record_one(alan, ("handle", "first"))
    record_one(alice, ("handle", "first"))
    mark()
    claimed = Contact.objects.of(alice).get()
    assert standing(campaign, alice).last_disqualified_at == claimed.recorded_at
    end_contact(contact_id=Contact.objects.of(alan).get().pk, employee=alan, by=TESTER)
    mark()
    assert standing(campaign, alice).last_disqualified_at == campaign.rule.opens_at


def test_what_is_refused_anew_leaves_the_verdict_as_old_as_it_was(campaign: Campaign, alice: Employee) -> None:
    """Pages show as "as of" the instant at which a verdict changed."""
    record(alice)
    mark()
    before = standing(campaign, alice)
    record_one(alice, ("email", "bob@corp.example.com"))
    mark()
    after = standing(campaign, alice)
    assert after.last_disqualified_at > before.last_disqualified_at
    assert (after.verdict_changed_at, after.status_since, after.counted) == (
        before.verdict_changed_at,
        before.status_since,
        1,
    )


def test_what_is_not_known_yet_is_no_drift_and_known_after_the_next_mark(campaign: Campaign, alice: Employee) -> None:
    """This is the state of all employees after an upgrade."""
    record(alice)
    mark()
    Standing.objects.update(last_disqualified_at=None)
    assert recount(campaign) == []
    mark_everybody(campaign)
    assert set(Standing.objects.values_list("last_disqualified_at", flat=True)) == {campaign.rule.opens_at}


def test_what_is_known_wrongly_is_drift(campaign: Campaign, alice: Employee) -> None:
    record(alice)
    mark()
    Standing.objects.filter(employee=alice).update(last_disqualified_at=BEGUN - timedelta(days=30))
    assert [(one.staff_no, one.fields) for one in recount(campaign)] == [("A001", ["last_disqualified_at"])]


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use summaries in a company of any size, with three people per block."""
    monkeypatch.setattr(build_summaries, "WORTH_IT", 0)
    monkeypatch.setattr(metrics, "BLOCK", 3)
    monkeypatch.setattr(summaries, "MIN_BLOCKS", 1)


def last_day(campaign: Campaign, staff: list[Employee], at: datetime) -> int:
    """The counted contacts of these people's last 24 hours, contact by contact."""
    mine = Contact.objects.filter(employee__in=staff, recorded_at__gte=at - timedelta(days=1))
    judged = with_exclusion_reason(mine, campaign.rule, at, all_employees_sql())
    return sum(one.reason == "" for one in judged)


def compare(campaign: Campaign) -> None:
    """Compare the meter of the company and of the largest team, by sums, with the single contacts of the day."""
    campaign = Campaign.objects.get(pk=campaign.pk)
    working = list(Employee.objects.filter(pk__in=Standing.objects.values("employee_id")))
    boss = person("P00")
    below = [one for one in working if one.pk != boss.pk and one.manager_chain_below(boss)]
    for people, staff in ((WholeCompany(), working), (Team(boss), below)):
        for assume_up_to_date in (True, False):
            standings = Standings(campaign, people, assume_up_to_date=assume_up_to_date)
            assert standings.summary, "the sums are asked"
            found = quality_indicators(standings, standings.totals())
            assert found.last_day == last_day(campaign, staff, standings.now), (people, assume_up_to_date)
            everybody = Standings(campaign, people, use_summaries=False, assume_up_to_date=False)
            everybody.now = standings.now
            assert found == quality_indicators(everybody, everybody.totals())


def something_is_recorded(dice: random.Random, staff: list[Employee], exclusive: bool) -> None:
    """One employee records a new person, a colleague or another employee's contact; or a contact ends."""
    one = dice.choice(staff)
    shared = ("handle", f"shared{dice.randrange(4)}")
    colleague = ("email", f"p{dice.randrange(len(staff)):02d}@corp.example.com")

    def ends() -> None:
        live = Contact.objects.filter(ended_at=None).order_by("pk")
        if live:
            gone = dice.choice(list(live))
            end_contact(contact_id=gone.pk, employee=gone.employee, by=TESTER)

    dice.choice([
        partial(record, one, 2), partial(record_one, one, colleague), partial(record_one, one, shared),
        partial(record_one, one, shared if exclusive else colleague), ends,
    ])()  # fmt: skip


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("late", [False, True])
def test_who_stands_nowhere_is_of_no_team_however_large(clock: Clock, late: bool) -> None:
    """For nearly the whole company a query subtracts the others; employees outside the tree are not among them."""
    midnight = BEGUN - timedelta(hours=12)
    clock.set(midnight, ticks=True)
    staff = company([("P00", ""), *((f"P{n:02d}", f"P{n // 3:02d}") for n in range(1, 14))])
    campaign = november(target=5)
    lost = Employee.objects.create(staff_no="Q99", name="Nowhere", email="q99@corp.example.com")
    began, ends = midnight - timedelta(days=9), midnight + timedelta(days=90)
    work = Employment.objects.create(employee=lost, starts_at=midnight + late * timedelta(days=9), ends_at=ends)
    for hours in (4, 20):
        clock.set(midnight + timedelta(hours=hours), ticks=True)
        for one in (*staff.values(), lost):
            record(one, 2)
    mark()
    build_summaries.update_summaries()
    Employment.objects.filter(pk=work.pk).update(starts_at=began)
    queue_reevaluation([lost.pk])
    mark_touched()
    assert standing(campaign, lost).counted == 4
    # Before noon the meter evaluates the first hours of the day before, after noon the last hours.
    for hours in (30, 42):
        clock.set(midnight + timedelta(hours=hours), ticks=True)
        assert Standings(campaign, Team(person("P00"))).summary.near_company_size
        compare(campaign)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize(("seed", "exclusive", "nearly_all"), [(3, False, 0.9), (4, True, 1.0), (5, True, 0.9)])
def test_the_last_day_is_counted_contact_by_contact_whatever_was_refused(
    clock: Clock, seed: int, exclusive: bool, nearly_all: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "NEAR_COMPANY_SHARE", nearly_all)
    dice, at = random.Random(seed), BEGUN
    clock.set(at, ticks=True)
    staff = list(company([("P00", ""), *((f"P{n:02d}", f"P{n // 3:02d}") for n in range(1, 14))]).values())
    campaign = november(target=5, exclusive=exclusive)
    mark()
    for step in range(40):
        at += timedelta(minutes=dice.randrange(1, 200))
        clock.set(at, ticks=True)
        something_is_recorded(dice, staff, exclusive)
        if dice.random() < 0.4:
            mark_touched()
        if dice.random() < 0.2:
            build_summaries.update_summaries()
        if step == 20:
            Standing.objects.filter(employee__in=dice.sample(staff, 4)).update(last_disqualified_at=None)
        if step % 5 == 4:
            compare(campaign)
    mark_touched()
    build_summaries.update_summaries()
    compare(campaign)
