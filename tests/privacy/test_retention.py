"""Contacts are kept as long as a campaign needs them and no longer, and their erasure changes no number."""

import io
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.campaigns import population
from apps.campaigns.models import Campaign
from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.contacts.services.changes import end_contact
from apps.core.checks import check_retention_settings
from apps.core.models import AuditEntry, Job, StoredFile
from apps.employees.models import Employee
from apps.privacy import retention as privacy_retention
from apps.privacy import retention_purge
from apps.results.freeze import freeze
from apps.results.models import FrozenResult
from apps.standings import evaluation
from apps.standings.recount import compare_all
from tests import canary, commands, files, people, reviewing
from tests.fixtures import Clock
from tests.people import TESTER

pytestmark = pytest.mark.django_db
SHARED = ("email", "shared@outside.example.org")
# 30 November in Shanghai, plus 14 days to request a review, 7 to answer, and 90 more.
OVER = "2027-03-22T00:00:00+08:00"


@pytest.fixture(autouse=True)
def days(settings: Any) -> None:
    settings.RETENTION_DAYS, settings.RETENTION_LEAVER_DAYS = 90, 30


@pytest.fixture
def frozen(company: dict[str, Employee], alice: Employee, alan: Employee, clock: Clock) -> Campaign:
    """A frozen, exclusive campaign with the canary, a person of two employees, a colleague and a company address."""
    campaign = people.november(exclusive=True, company_domains=["half.example"])
    files.handed_in(alice, f"name,email,phone\n{canary.NAME},{canary.EMAIL},{canary.PHONE}\nX,,12\n")
    for one in (SHARED, ("email", "bob@corp.example.com"), ("email", "x@half.example")):
        people.record_one(alice, one)
    people.record_one(alan, SHARED)
    people.mark()
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=30), ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=True)
    campaign.refresh_from_db()
    return campaign


def named() -> int:
    return Contact.objects.filter(name__isnull=False).count()


def keys() -> list[list[int]]:
    """Return which contacts share an identity, whatever it is."""
    shared: dict[bytes, list[int]] = {}
    for contact, digest in ContactIdentity.objects.order_by("contact").values_list("contact", "digest"):
        shared.setdefault(bytes(digest), []).append(contact)
    return sorted(shared.values())


def lengths() -> list[int]:
    return sorted(len(bytes(one)) for one in ContactIdentity.objects.values_list("digest", flat=True))


def test_a_campaign_keeps_its_contacts_to_the_last_day_and_not_a_moment_longer(frozen: Campaign, clock: Clock) -> None:
    clock.set(privacy_retention.contacts_retained_until(frozen) - timedelta(seconds=1), ticks=True)
    assert privacy_retention.erase_expired(clock.now()) == (0, 0)
    assert named() == 5
    clock.set(OVER, ticks=True)
    StoredFile.objects.all().delete()  # rejected lines have expired by then
    assert privacy_retention.erase_expired(clock.now()) == (5, 4)
    assert named() == 0
    assert canary.shown_by_tables() == {}
    assert lengths() == [16] * 5 + [32], "a colleague's is theirs, and stays"


def judged(campaign: Campaign, at: datetime) -> list[tuple[int, str]]:
    """Return every contact with its reason at an instant; before the cut-off from the facts alone."""
    contacts: Any = Contact.objects.order_by("pk")
    found = evaluation.with_exclusion_reason(contacts, campaign.rule, at, population.ALL_EMPLOYEES)
    return list(found.values_list("pk", "reason"))


def test_no_reason_result_or_look_back_moves(frozen: Campaign, clock: Clock, tmp_path: Path) -> None:
    cutoff = frozen.rule.cutoff_at
    looks = [cutoff - timedelta(microseconds=1), cutoff]
    clock.set(OVER, ticks=True)
    before = [judged(frozen, at) for at in looks], keys(), list(FrozenResult.objects.values())
    assert {reason for _contact, reason in before[0][0]} == {"", "not_external", "claimed"}
    file = tmp_path / "final.csv"
    commands.run("export_standings", "--campaign", "november", "--output", file)
    privacy_retention.erase_expired(clock.now())
    assert named() == 0
    assert ([judged(frozen, at) for at in looks], keys(), list(FrozenResult.objects.values())) == before
    assert commands.run("verify_freeze", file)["verified"]


def test_mutant_where_each_gets_bytes_of_its_own_a_claim_is_lost(
    frozen: Campaign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the test above detects it."""
    each = retention_purge.REPLACE_DIGESTS.replace("= replacement.new_digest", "= uuid_send(gen_random_uuid())")
    monkeypatch.setattr(retention_purge, "REPLACE_DIGESTS", each)
    clock.set(OVER, ticks=True)
    look = frozen.rule.cutoff_at - timedelta(microseconds=1)
    before = judged(frozen, look)
    privacy_retention.erase_expired(clock.now())
    assert judged(frozen, look) != before


def test_a_campaign_that_runs_keeps_its_contacts_and_what_it_shares(
    frozen: Campaign, alan: Employee, clock: Clock
) -> None:
    """The next campaign is exclusive too: the digest still identifies the people recorded in it."""
    clock.set("2027-03-01T12:00:00+08:00", ticks=True)
    terms: dict[str, Any] = {"opens_on": date(2027, 3, 1), "deadline": date(2027, 4, 30), "exclusive": True}
    spring = people.november(name="Spring", **terms)
    end_contact(contact_id=Contact.objects.of(alan).get().pk, employee=alan, by=TESTER)
    people.record_one(alan, SHARED)
    people.mark()
    clock.set(OVER, ticks=True)
    before = judged(spring, clock.now())
    assert privacy_retention.erase_expired(clock.now()) == (5, 3)
    assert named() == 1
    assert lengths().count(32) == 4, "the shared one of three contacts, and a colleague's"
    blanked = set(Contact.objects.filter(name=None).values_list("pk", flat=True))
    ends = [(contact, "ended" if contact in blanked else reason) for contact, reason in before]
    assert judged(spring, clock.now()) == ends, "what is erased was outside the period"
    assert all(reason in ("ended", "outside_period") for contact, reason in before if contact in blanked)
    people.mark()
    assert compare_all(spring).differences == []


@pytest.mark.parametrize("again", ["by hand", "by a feed"])
def test_after_the_time_a_person_counts_again_although_a_colleague_has_them(
    frozen: Campaign, alice: Employee, alan: Employee, clock: Clock, again: str
) -> None:
    """Otherwise the employee never counts the person, and learns that a colleague has them."""
    clock.set("2027-03-01T12:00:00+08:00", ticks=True)
    spring = people.november(name="Spring", opens_on=date(2027, 3, 1), deadline=date(2027, 4, 30))
    end_contact(contact_id=Contact.objects.of(alan).get().pk, employee=alan, by=TESTER)
    people.record_one(alan, SHARED)
    clock.set(OVER, ticks=True)
    privacy_retention.erase_expired(clock.now())
    if again == "by hand":
        assert people.record_one(alice, SHARED).created == 1
    else:
        row = f"staff_no,email,recorded_at\nA001,{SHARED[1]},2027-03-10T00:00:00Z\n"
        import_contacts(raw=io.BytesIO(row.encode()), by=TESTER, format="csv", trust_times=True)
    people.mark()
    assert [people.standing(spring, one).counted for one in (alice, alan)] == [1, 1]


def test_who_returns_records_the_same_people_again(
    frozen: Campaign, alan: Employee, clock: Clock, settings: Any
) -> None:
    end(alan, "2026-12-10")
    clock.set("2027-02-01T00:00:00+08:00", ticks=True)
    privacy_retention.erase_expired(clock.now())
    people.load(people.ROSTER)
    assert people.record_one(alan, SHARED).created == 1


def test_what_is_not_settled_keeps_its_contacts(frozen: Campaign, alice: Employee, clock: Clock) -> None:
    asked = reviewing.ask(frozen, alice)
    clock.set(OVER, ticks=True)
    assert privacy_retention.erase_expired(clock.now()) == (0, 0)
    reviewing.withdraw(asked)
    assert privacy_retention.erase_expired(clock.now()) == (5, 4)


def test_a_campaign_that_is_not_final_keeps_its_contacts(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    people.record(alice, 2)
    clock.set(OVER, ticks=True)
    assert privacy_retention.erase_expired(clock.now()) == (0, 0)


def test_who_has_left_keeps_them_for_less_and_no_count_moves(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    people.record(alan, 2)
    people.record(alice, 1)
    people.mark()
    left = "2026-11-24"
    people.load(f"staff_no,name,email,left_on\nA002,Alan,alan@corp.example.com,{left}\n")
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=30), ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=True)
    clock.set("2026-12-24T23:59:00+00:00", ticks=True)
    assert privacy_retention.erase_expired(clock.now()) == (0, 0)
    clock.set("2026-12-25T00:01:00+00:00", ticks=True)
    before = judged(campaign, campaign.rule.cutoff_at)
    assert privacy_retention.erase_expired(clock.now()) == (2, 0)
    assert Contact.objects.of(alice).get().name
    assert judged(campaign, campaign.rule.cutoff_at) == before


@pytest.mark.parametrize("kept", [0, 90])
def test_an_end_that_is_dated_back_erases_nothing_while_the_campaign_runs(
    campaign: Campaign, alan: Employee, clock: Clock, settings: Any, kept: int
) -> None:
    """Otherwise one import erases an employee's contacts permanently in the middle of a campaign."""
    settings.RETENTION_DAYS = kept
    people.record(alan, 2)
    end(alan, "2026-05-01")
    assert privacy_retention.erase_expired(clock.now()) == (0, 0)
    clock.set("2027-02-01T00:00:00Z", ticks=True)
    assert privacy_retention.erase_expired(clock.now()) == (0, 0), "not frozen"
    assert freeze(campaign=campaign, by=TESTER, wait=False)
    assert privacy_retention.erase_expired(clock.now()) == (2, 0)


def test_a_leavers_days_begin_when_the_roster_says_so(company: object, alan: Employee, clock: Clock) -> None:
    """This also holds for contacts outside every campaign."""
    people.record(alan, 2)
    end(alan, "2026-05-01")
    said = clock.now()
    clock.set(said + timedelta(days=29), ticks=True)
    assert privacy_retention.erase_expired(clock.now()) == (0, 0)
    clock.set(said + timedelta(days=31), ticks=True)
    assert privacy_retention.erase_expired(clock.now()) == (2, 0)


def test_mutant_by_the_day_alone_it_erases_at_once(
    company: object, alan: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the test above detects it."""
    by_day = retention_purge.DUE.replace(
        "greatest(employment.ends_at, employment.ended_recorded_at)", "employment.ends_at"
    )
    assert by_day != retention_purge.DUE
    monkeypatch.setattr(retention_purge, "DUE", by_day)
    with pytest.raises(AssertionError):
        test_a_leavers_days_begin_when_the_roster_says_so(company, alan, clock)


def end(employee: Employee, day: str) -> None:
    people.load(f"staff_no,name,email,left_on\n{employee.staff_no},{employee.name},{employee.email},{day}\n")


def test_with_no_days_everything_is_kept(frozen: Campaign, clock: Clock, settings: Any) -> None:
    settings.RETENTION_DAYS = settings.RETENTION_LEAVER_DAYS = 0
    clock.set("2040-01-01T00:00:00Z", ticks=True)
    assert privacy_retention.erase_expired(clock.now()) == (0, 0)
    assert privacy_retention.contacts_retained_until(frozen) is None
    assert next(one.id for one in check_retention_settings(None)) == "hundred.W004"


def test_one_that_died_is_gone_on_with_and_a_day_is_done_once(
    frozen: Campaign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_purge, "BATCH_ROWS", 2)
    clock.set(OVER, ticks=True)
    done = retention_purge.erase_expired(privacy_retention.retention_window(clock.now()))
    assert next(done) == (2, 0)
    done.close()
    assert named() == 3
    assert privacy_retention.erase_expired_daily(clock.now())
    assert named() == 0
    assert lengths().count(32) == 1
    assert not privacy_retention.erase_expired_daily(clock.now())
    assert Job.objects.get(job="retention").detail == {"contacts": 3, "digests": 4}
    told = AuditEntry.objects.filter(action="retention.blanked")
    assert [one.detail["contacts"] for one in told.order_by("pk")] == [2, 2, 1]


def test_a_file_is_no_longer_called_after_somebody(frozen: Campaign, clock: Clock) -> None:
    Submission.objects.filter(source="csv").update(file_name=f"{canary.NAME}.csv")
    clock.set(OVER, ticks=True)
    privacy_retention.erase_expired(clock.now())
    submission = Submission.objects.get(source="csv")
    assert (submission.file_name, submission.report["rejects"]) == ("", [])
    assert (submission.handed_in, submission.report["created"]) == (2, 1)


def test_the_command_says_how_many_and_from_when_on_and_then_does_it(frozen: Campaign, clock: Clock) -> None:
    looked = commands.run("retention", "--dry-run")
    assert (looked["contacts"], looked["campaigns"][0]["contacts"]) == (0, 5)
    assert datetime.fromisoformat(looked["campaigns"][0]["until"]) == datetime.fromisoformat(OVER)
    ahead = commands.run("retention", "--dry-run", "--at", OVER)
    assert ahead["contacts"] == 5
    assert named() == 5
    clock.set(OVER, ticks=True)
    assert commands.run("retention")["contacts"] == 5
    assert named() == 0


def test_everybody_is_told_the_day_before_it_comes(
    frozen: Campaign, alice: Employee, hr: Employee, client: Client
) -> None:
    mine = people.sign_in(Client(), alice).get("/contacts/").content.decode()
    assert "From Mon 22 Mar 2027 on" in mine
    page = people.sign_in(Client(), hr).get("/company/retention/").content.decode()
    assert "Mon 22 Mar 2027" in page
    assert "30 days after the roster showed that they left" in page
    public = Client().get("/privacy/").content.decode()
    assert "111 days after the deadline" in public
    assert "30 days after that" in public
