"""The own page evaluates its contacts twice in one statement, each equal to a separate evaluation of its instant."""

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.contacts.services import changes as contacts
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.reports import employee_detail, own_page
from tests import people
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db

YESTERDAY, MIDNIGHT, TODAY = "2026-11-22T09:00:00+08:00", "2026-11-23T00:00:00+08:00", "2026-11-23T09:00:00+08:00"


@pytest.mark.parametrize("terms", [{}, {"company_domains": ["ours.example.org"]}, {"exclusive": True}])
def test_both_instants_agree_with_separate_evaluations(
    alice: Employee, alan: Employee, clock: Clock, terms: dict
) -> None:
    """An employee who joined this morning was external yesterday: the two instants of a page must not be mixed up."""
    clock.set(YESTERDAY, ticks=True)
    campaign = people.november(**terms)
    people.record_one(alan, ("email", "shared@outside.example.org"))
    for address in ("bob@corp.example.com", "newcomer@elsewhere.example.org", "x@ours.example.org"):
        people.record_one(alice, ("email", address))
    people.record_one(alice, ("email", "shared@outside.example.org"))
    people.record(alice, 3)
    clock.set(MIDNIGHT)
    midnight = db_now()
    clock.set(TODAY, ticks=True)
    people.load("staff_no,name,email,started_on\nN001,New,newcomer@elsewhere.example.org,2026-11-23\n")
    people.record(alice, 2)
    contacts.end_contact(contact_id=Contact.objects.of(alice).order_by("-pk")[3].pk, employee=alice, by=people.TESTER)
    people.mark()
    now = db_now()
    own = own_page.own_contacts(campaign, alice, now, before=midnight, latest=50, each=50)
    looks = [
        {one.pk: one.reason for one in employee_detail.contacts_with_reason(campaign, alice, look)}
        for look in (now, midnight)
    ]
    active = {pk: reason for pk, reason in looks[0].items() if reason != "ended"}
    assert 0 < len(active) < len(looks[0])
    assert {one.pk: one.reason for one in own.latest} == active
    before = {pk: reason for pk, reason in looks[1].items() if pk in active}
    assert {one.pk: one.earlier for one in own.latest if one.earlier is not None} == before
    assert looks[0] != looks[1]
    assert own.by_reason == employee_detail.reason_counts(campaign, alice, now)


def test_a_contact_brings_what_it_is_known_by(alice: Employee, campaign: Campaign) -> None:
    people.record_one(alice, ("email", "a@outside.example.org"), ("phone", "+8613800138000"))
    [shown] = own_page.own_contacts(campaign, alice, db_now(), before=None, latest=5, each=0).latest
    [stored] = Contact.objects.of(alice)
    told = [[(one.kind, one.value) for one in contact.loaded_identities] for contact in (shown, stored)]
    assert told[0] == told[1]
    assert len(told[0]) == 2
