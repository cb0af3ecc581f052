"""The reasons behind a final number never change: otherwise an employee is red by a list that says otherwise."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.contacts.services.changes import correct_contact, end_contact
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.reports.employee_detail import contacts_with_reason
from apps.results.freeze import freeze
from apps.results.models import FrozenResult, FrozenStanding
from apps.standings.marking import mark_outbox
from tests.commands import run
from tests.fixtures import Clock
from tests.people import TESTER, load, mark, november, record, record_one

JOINER = "staff_no,name,email,started_on\nN001,New,later.colleague@outside.example.org,2026-11-02\n"


def frozen(campaign: Campaign, clock: Clock) -> Campaign:
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    assert freeze(campaign=campaign, by=TESTER, wait=False)
    return Campaign.objects.get(pk=campaign.pk)


def told(campaign: Campaign, employee: Employee) -> dict[str, str]:
    """The reasons on the employee's list, by contact name."""
    found = contacts_with_reason(Campaign.objects.get(pk=campaign.pk), employee, db_now())
    return {contact.name or "": contact.reason for contact in found}


def differing(campaign: Campaign) -> list[str]:
    """Employees whose list does not sum up to their final number."""
    rows = FrozenStanding.objects.filter(campaign=campaign, version=1).select_related("employee")
    return [row.staff_no for row in rows if list(told_all(campaign, row.employee)).count("") != row.counted]


def told_all(campaign: Campaign, employee: Employee) -> Any:
    return contacts_with_reason(campaign, employee, db_now()).values_list("reason", flat=True)


@pytest.fixture
def reasoned(noon: Clock, company: dict[str, Employee], alice: Employee, alan: Employee) -> Campaign:
    """An exclusive campaign of confirmed contacts, frozen after Alice's ten had every reason but the period."""
    campaign = november(exclusive=True, confirmed_only=True, target=3)
    record_one(alan, ("handle", "first"), name="Alan's")
    for name, kind, value in (
        ("plain", "handle", "plain"), ("to end", "handle", "to_end"), ("to correct", "handle", "to_correct"),
        ("to withdraw", "email", "withdraw@outside.example.org"), ("ended", "handle", "ended"),
        ("to be hired", "email", "later.colleague@outside.example.org"), ("colleague", "email", "bob@corp.example.com"),
        ("claimed", "handle", "first"), ("open", "email", "open@outside.example.org"), ("second", "handle", "second"),
    ):  # fmt: skip
        record_one(alice, (kind, value), name=name)
    Contact.objects.exclude(name="open").update(confirmed_at=db_now())
    end_contact(contact_id=Contact.objects.get(name="ended").pk, employee=alice, by=TESTER)
    mark()
    return frozen(campaign, clock=noon)


BEFORE = {
    "plain": "", "to end": "", "to correct": "", "to withdraw": "", "to be hired": "", "second": "",
    "ended": "ended", "colleague": "not_external", "claimed": "claimed", "open": "unconfirmed",
}  # fmt: skip


def everything_later(alice: Employee, tmp_path: Path) -> None:
    """Everything that may still happen to the facts, also in the past, once a result stands."""
    for name in ("to end", "second"):
        end_contact(contact_id=Contact.objects.get(name=name).pk, employee=alice, by=TESTER)
    at = Contact.objects.get(name="to correct")
    correct_contact(contact_id=at.pk, employee=alice, identities=[("handle", "new")], by=TESTER)
    load(JOINER)
    feed = tmp_path / "feed.csv"
    lines = ["staff_no,name,email,recorded_at,confirmed_at,ended_at"]
    for name, email, column in (("to withdraw", "withdraw", 5), ("open", "open", 4)):
        recorded = Contact.objects.get(name=name).recorded_at.isoformat()
        cells = ["A001", name, f"{email}@outside.example.org", recorded, "", ""]
        cells[column] = "2026-11-29T10:00:00+08:00"
        lines.append(",".join(cells))
    lines.append("A001,late,late@outside.example.org,2026-11-28T10:00:00+08:00,2026-11-28T10:00:00+08:00,")
    feed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = run("import_contacts", feed, "--trust-times")
    assert (told["updated"], {one["code"] for one in told["rejects"]}) == (0, {"campaign_over"})
    # No interface does this any more, but a statement can.
    record_one(alice, ("email", "late@outside.example.org"), name="late")
    later = {
        "to withdraw": {"ended_at": "2026-11-29T10:00:00+08:00", "end_reason": "withdrawn"},
        "open": {"confirmed_at": "2026-11-29T10:00:00+08:00"},
        "late": {"recorded_at": "2026-11-28T10:00:00+08:00", "confirmed_at": "2026-11-28T10:00:00+08:00"},
    }  # fmt: skip
    for name, changes in later.items():
        assert Contact.objects.filter(name=name).update(**changes) == 1
    while mark_outbox():
        pass


def test_the_reasons_of_a_result_stay_when_facts_change(reasoned: Campaign, alice: Employee, tmp_path: Path) -> None:
    assert told(reasoned, alice) == BEFORE
    assert differing(reasoned) == []
    everything_later(alice, tmp_path)
    after = told(reasoned, alice)
    assert after.pop("late") == "outside_period"
    # The corrected one and what replaces it have one name, and the newer comes first in time only.
    assert {name: after[name] for name in BEFORE if name != "to correct"} == {
        name: reason for name, reason in BEFORE.items() if name != "to correct"
    }
    assert differing(reasoned) == []


def test_mutant_evaluated_from_todays_facts_the_list_contradicts_the_number(
    reasoned: Campaign, alice: Employee, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for results from before reasons were stored: the page says that today's facts explain the list."""
    everything_later(alice, tmp_path)
    monkeypatch.setattr(FrozenResult, "reasons_kept", property(lambda self: False, lambda self, value: None))
    assert differing(reasoned) == ["A001"]
    assert told(reasoned, alice)["to be hired"] == "not_external"


def test_of_a_random_company_every_list_sums_up_to_its_final_number(random_company: Campaign, noon: Clock) -> None:
    frozen(random_company, noon)
    assert differing(Campaign.objects.get()) == []


def test_an_instant_before_the_cut_off_is_evaluated_from_the_facts(reasoned: Campaign, alice: Employee) -> None:
    at = Contact.objects.get(name="ended").ended_at
    assert at is not None
    early = contacts_with_reason(Campaign.objects.get(), alice, at)
    assert early.get(name="ended").reason == ""


def test_two_campaigns_over_one_period_keep_their_own_reasons(
    noon: Clock, company: dict[str, Employee], alice: Employee
) -> None:
    first, second = november(), november(name="Confirmed", confirmed_only=True)
    record(alice, 2)
    mark()
    frozen(first, noon)
    frozen(second, noon)
    assert list(told_all(Campaign.objects.get(pk=first.pk), alice)) == ["", ""]
    assert list(told_all(Campaign.objects.get(pk=second.pk), alice)) == ["unconfirmed", "unconfirmed"]
