"""The own contacts of a finished campaign: what counted, as in the final line, without offers to fix anything."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.employees.models import Employee
from apps.results.corrections import CorrectionDraft, grant_correction, request_correction
from apps.results.freeze import freeze
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import words
from tests.fixtures import Clock
from tests.people import TESTER, mark, record_one, with_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def over(campaign: Campaign, alice: Employee, clock: Clock) -> Campaign:
    """November, frozen after two of Alice's three contacts had counted: the third is a colleague."""
    for name, email in (
        ("Lee", "lee@outside.example.org"),
        ("Bob", "bob@corp.example.com"),
        ("Ann", "ann@x.example.org"),
    ):
        record_one(alice, ("email", email), name=name)
    mark()
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    return Campaign.objects.get(pk=campaign.pk)


def test_the_list_says_what_counted_under_the_final_line(over: Campaign, alice: Employee, as_: SignIn) -> None:
    said = words(as_(alice).get(reverse("contacts")))
    assert "final result, version 1" in said
    assert "2 of 100 2 contacts counted at the deadline." in said
    assert "Employees and company addresses did not count." in said
    assert "If this is another person, correct the entry" not in said, "nothing mends it any more"
    assert "Not mine" not in said


def test_one_that_ends_later_still_counted_and_the_page_says_both(over: Campaign, alice: Employee, as_: SignIn) -> None:
    lee = Contact.objects.get(name="Lee")
    end_contact(contact_id=lee.pk, employee=alice, by=TESTER)
    client = as_(alice)
    said = words(client.get(reverse("contacts")))
    assert "2 contacts counted at the deadline." in said
    assert "It counted at the deadline. Its later end changes nothing." in said
    assert "counted in November" in words(client.get(reverse("contact", args=[lee.pk])))
    assert client.get(reverse("contacts") + "?reason=counts").context["matches"] == 2


def test_a_correction_is_named_as_what_makes_the_number_another(
    over: Campaign, alice: Employee, hr: Employee, company: dict[str, Employee], as_: SignIn
) -> None:
    asked = request_correction(
        campaign=over, drafts=[CorrectionDraft("A001", counted=9)], reason="x", evidence="x", by=account_for(hr)
    )
    grant_correction(correction_id=asked.pk, by=account_for(with_account(company["D001"], "hr")))
    client = as_(alice)
    said = words(client.get(reverse("contacts")))
    assert "9 of 100 HR corrected the number. The list shows the state at the deadline: 2 contacts" in said
    assert "2 of 100 2 contacts counted" in words(client.get(reverse("contacts") + "?result=1"))


def test_the_own_page_offers_no_fixes(over: Campaign, alice: Employee, as_: SignIn) -> None:
    said = words(as_(alice).get(reverse("me")))
    assert "Contacts that did not count As of the deadline." in said
    assert "Mend it" not in said
