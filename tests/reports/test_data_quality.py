"""The indicators beside a total, so that it misleads no reader: counted again from the facts in plain Python."""

import random
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact, Submission
from apps.contacts.services.changes import correct_contact, end_contact
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.reports.data_quality import QualityIndicators, quality_indicators
from apps.reports.standings_filters import Filters
from apps.reports.standings_report import Standings
from apps.standings.report_people import People, Team, WholeCompany
from tests.commands import run
from tests.fixtures import Clock
from tests.people import TESTER, load, mark, november, record, record_one
from tests.reports.test_standings_report import LOOKS
from tests.results.test_frozen_reasons import frozen
from tests.standings.brute import OPENED, Brute


def meter_of(campaign: Campaign, people: People | None = None, **filters: str) -> QualityIndicators:
    standings = Standings(Campaign.objects.get(pk=campaign.pk), people or WholeCompany(), filters=Filters(**filters))
    return quality_indicators(standings, standings.totals())


def hand_in(seed: int) -> None:
    """Random submissions: pages and files, some for many employees, some before the opening; and a feed."""
    dice, staff = random.Random(seed), list(Employee.objects.order_by("staff_no"))
    for _ in range(60):
        at, read = OPENED + timedelta(hours=dice.randrange(-48, 22 * 24)), dice.randrange(1, 9)
        twice = dice.randrange(read)
        outcomes = [{"code": "duplicate"}] * twice + [{"code": "created"}] * (read - twice)
        page = {"outcomes": dice.sample(outcomes, read)}
        Submission.objects.create(
            employee=dice.choice([*staff, None]), source=dice.choice(["page", "csv", "feed"]), state="done",
            received_at=at, done_at=at, actor_label="x",
            report=dice.choice([page, {"read": read, "duplicate": twice, "counts": {}}]),
        )  # fmt: skip


def said(meter: QualityIndicators) -> dict[str, int]:
    return {name: number for name, number in asdict(meter).items() if name != "at"}


@pytest.mark.parametrize("as_of", LOOKS)
def test_every_figure_is_that_of_the_facts(random_company: Campaign, as_of: object) -> None:
    """As of a past instant too: later ends and submissions are left out."""
    hand_in(7)
    standings = Standings(random_company, WholeCompany(), as_of=as_of)
    facts = Brute(random_company, standings.now, past=as_of is not None)
    expected = facts.meter(facts.people, everyone=True)
    found = quality_indicators(standings, standings.totals())
    assert said(found) == expected
    assert found.at == facts.look
    assert expected["churned_early"]
    assert expected["duplicates"]
    for root in Employee.objects.filter(pk__in={place.manager_id for place in facts.places.values()}):
        team = Standings(random_company, Team(root, None), as_of=as_of)
        assert said(quality_indicators(team, team.totals())) == facts.meter(facts.team(root), everyone=False)
    few = Standings(random_company, WholeCompany(), as_of=as_of, filters=Filters(department="Sales"))
    in_sales = [one for one in facts.people if one.department == "Sales"]
    assert said(quality_indicators(few, few.totals())) == facts.meter(in_sales, everyone=False)


@pytest.mark.parametrize(
    ("now", "recent"),
    [
        ("2026-11-24T23:59:59.999999+08:00", 1), ("2026-11-25T00:00:00+08:00", 1),
        ("2026-11-25T00:00:00.000001+08:00", 0),
    ],
)  # fmt: skip
def test_a_contact_is_recent_until_the_end_of_the_next_local_day(
    campaign: Campaign, alice: Employee, clock: Clock, now: str, recent: int
) -> None:
    """The reader sees that a total doubled since yesterday; a midnight belongs to the day that ends."""
    clock.set("2026-11-23T00:00:00+08:00", ticks=True)
    record(alice, 1)
    mark()
    standings = Standings(campaign, WholeCompany(), now=datetime.fromisoformat(now))
    found = quality_indicators(standings, standings.totals())
    assert (found.counted, found.since_yesterday) == (1, recent)


def test_what_does_not_count_is_not_recent(
    noon: Clock, company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    """An internal, claimed, unconfirmed or ended contact must not make the total look fresh."""
    campaign = november(exclusive=True, confirmed_only=True)
    record_one(alan, ("handle", "first"), name="Alan's")
    for name, kind, value in (
        ("plain", "handle", "plain"), ("ended", "handle", "ended"), ("colleague", "email", "bob@corp.example.com"),
        ("claimed", "handle", "first"), ("open", "email", "open@outside.example.org"),
    ):  # fmt: skip
        record_one(alice, (kind, value), name=name)
    Contact.objects.exclude(name="open").update(confirmed_at=db_now())
    end_contact(contact_id=Contact.objects.get(name="ended").pk, employee=alice, by=TESTER)
    mark()
    found = meter_of(campaign)
    assert (found.counted, found.since_yesterday, found.churned_early) == (2, 2, 1)


def test_a_duplicate_submission_is_counted_as_refused(campaign: Campaign, alice: Employee, alan: Employee) -> None:
    for _ in range(3):
        record_one(alice, ("handle", "again"))
    record_one(alan, ("handle", "again"))
    found = meter_of(campaign)
    assert (found.submitted, found.duplicates) == (4, 2)
    assert (meter_of(campaign, q="alan").submitted, meter_of(campaign, q="alan").duplicates) == (1, 0)


def test_duplicates_in_a_file_are_counted_and_files_for_many_only_in_the_company_indicator(
    campaign: Campaign, bob: Employee, tmp_path: Path
) -> None:
    own, many = tmp_path / "own.csv", tmp_path / "many.csv"
    own.write_text("name,handle\nOne,one\nTwo,two\nOne,one\n")
    many.write_text("staff_no,name,handle\nA001,One,one\nA002,Two,two\n")
    run("import_contacts", str(own), "--employee", "A001")
    for _ in range(2):
        run("import_contacts", str(many))
    everybody, team = meter_of(campaign), meter_of(campaign, Team(bob, None))
    assert (everybody.submitted, everybody.duplicates) == (7, 4)
    assert (team.submitted, team.duplicates) == (3, 1)


def test_a_feed_that_repeats_everything_adds_no_submissions(
    campaign: Campaign, alice: Employee, tmp_path: Path
) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("staff_no,name,handle,recorded_at\nA001,One,one,2026-11-20T10:00:00Z\n")
    for _ in range(3):
        run("import_contacts", str(feed), "--trust-times")
    found = meter_of(campaign)
    assert (found.submitted, found.duplicates, Contact.objects.count()) == (0, 0, 1)


def test_the_indicators_of_a_result_stay_when_facts_change(
    noon: Clock, company: dict[str, Employee], alice: Employee, tmp_path: Path
) -> None:
    """A result with a signature must not stand beside indicators that change."""
    campaign = november(confirmed_only=True)
    noon.set("2026-11-30T20:00:00+08:00", ticks=True)
    for name in ("plain", "to end", "to correct", "ended", "open"):
        record_one(alice, ("handle", name.replace(" ", "_")), name=name)
    record_one(alice, ("email", "later.colleague@outside.example.org"), name="to be hired")
    Contact.objects.exclude(name="open").update(confirmed_at=db_now())
    end_contact(contact_id=Contact.objects.get(name="ended").pk, employee=alice, by=TESTER)
    mark()
    campaign = frozen(campaign, clock=noon)
    before = meter_of(campaign)
    assert (before.counted, before.since_yesterday, before.churned_early, before.submitted) == (4, 4, 1, 6)
    assert before.at == campaign.rule.cutoff_at
    end_contact(contact_id=Contact.objects.get(name="to end").pk, employee=alice, by=TESTER)
    corrected = Contact.objects.get(name="to correct")
    correct_contact(contact_id=corrected.pk, employee=alice, identities=[("handle", "new")], by=TESTER)
    record_one(alice, ("handle", "plain"), name="plain")
    load("staff_no,name,email,started_on\nN001,New,later.colleague@outside.example.org,2026-11-02\n")
    feed = tmp_path / "feed.csv"
    lines = ["staff_no,name,handle,recorded_at,confirmed_at,ended_at"]
    for name, confirmed, ended in (
        ("open", "2026-11-30T13:00:00Z", ""), ("plain", "", "2026-11-30T13:00:00Z"),
        ("new one", "2026-11-30T13:00:00Z", ""),
    ):  # fmt: skip
        found = Contact.objects.filter(name=name).first()
        at = found.recorded_at.isoformat() if found else "2026-11-30T12:30:00Z"
        lines.append(f"A001,{name},{name.replace(' ', '_')},{at},{confirmed},{ended}")
    feed.write_text("\n".join(lines))
    told = run("import_contacts", str(feed), "--trust-times")
    assert {one["code"] for one in told["rejects"]} == {"campaign_over"}
    # No interface does this any more, but a statement can.
    Contact.objects.filter(name="open").update(confirmed_at="2026-11-30T13:00:00Z")
    Contact.objects.filter(name="plain", ended_at=None).update(ended_at="2026-11-30T13:00:00Z", end_reason="withdrawn")
    mark()
    moved = Contact.objects.filter(name__in=["plain", "to end", "to correct"], ended_at__isnull=False)
    assert moved.count() == 3, "the facts have moved"
    assert meter_of(campaign) == before
