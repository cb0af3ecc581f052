"""Several contacts recorded again at once: each person stays once, and what is refused costs only itself."""

from datetime import date

import pytest
from django.conf import LazySettings

from apps.campaigns.models import Campaign
from apps.campaigns.selectors import record_all_again_while_open
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.contacts.services.recording_again import record_contacts_again
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests import people
from tests.fixtures import Clock
from tests.people import TESTER, mark, record, record_one, standing


@pytest.fixture
def early(alice: Employee, campaign: Campaign, clock: Clock) -> list[int]:
    """Four contacts of Alice from before the opening; it is noon in November now."""
    clock.set("2026-10-20T12:00:00+08:00", ticks=True)
    record(alice, 3)
    record_one(alice, ("handle", "wanda"), ("email", "wanda@outside.example.org"), name="Wanda")
    clock.set(people.NOON, ticks=True)
    return list(Contact.objects.of(alice).order_by("pk").values_list("pk", flat=True))


def test_each_person_counts_once_from_now_with_name_and_identities(
    alice: Employee, early: list[int], campaign: Campaign
) -> None:
    result = record_contacts_again(contact_ids=early, employee=alice, by=TESTER)
    assert (result.recorded, result.refused) == (4, {})
    live = Contact.objects.of(alice).live()
    assert sorted(live.values_list("replaces", flat=True)) == sorted(early)
    wanda = live.get(name="Wanda")
    assert sorted(wanda.identities.values_list("kind", "value", "domain", "live")) == [
        ("email", "wanda@outside.example.org", "outside.example.org", True), ("handle", "wanda", None, True),
    ]  # fmt: skip
    assert set(Contact.objects.filter(pk__in=early).values_list("end_reason", flat=True)) == {"corrected"}
    mark()
    assert standing(campaign, alice).counted == 4
    entries = AuditEntry.objects.filter(action="contact.corrected").values_list("subject_id", "detail")
    assert sorted(entries, key=str) == sorted(((str(c.replaces_id), {"replaced_by": c.pk}) for c in live), key=str)
    assert record_contacts_again(contact_ids=early, employee=alice, by=TESTER).recorded == 0, "a second press"


def test_what_cannot_be_recorded_costs_only_itself(
    alice: Employee, alan: Employee, early: list[int], settings: LazySettings
) -> None:
    end_contact(contact_id=early[0], employee=alice, by=TESTER)
    Contact.objects.filter(pk=early[1]).update(name=None)
    assert record_contacts_again(contact_ids=early, employee=alan, by=TESTER).recorded == 0, "another employee's"
    settings.MAX_CONTACTS_PER_EMPLOYEE_AND_DAY = 1
    result = record_contacts_again(contact_ids=early, employee=alice, by=TESTER)
    assert result.recorded == 1
    assert list(result.refused.values()) == [1]
    assert "tomorrow" in next(iter(result.refused))


def test_a_campaign_that_needs_a_contact_keeps_it(alice: Employee, early: list[int], campaign: Campaign) -> None:
    october = people.november(name="October", opens_on=date(2026, 10, 1), deadline=date(2026, 12, 5), exclusive=True)
    result = record_all_again_while_open(campaign=campaign, contact_ids=early, employee=alice, by=TESTER)
    assert (result.recorded, list(result.refused.values())) == (0, [4])
    assert october.rule.exclusive
