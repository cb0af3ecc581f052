"""An offer of help concerns two people: it is answered by a click, does not flood, and no one else reads of it."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.errors import Refused
from apps.core.models import AuditEntry, Event
from apps.employees.models import Employee
from apps.notifications.delivery import send_notifications
from apps.notifications.inbox import entries_of
from apps.notifications.models import HelpOffer, Notification
from apps.notifications.planning import plan_notifications
from apps.notifications.progress import sums_by_sender
from apps.notifications.reminders.help_offers import answer_offer, offer_help, withdraw_offer
from apps.notifications.retention import delete_old_notifications
from tests import crowd, people, reviewing
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
TALK, TRAINING = HelpOffer.Kind.TALK, HelpOffer.Kind.TRAINING


def offer(campaign: Campaign, employee: Employee, by: Employee, kind: HelpOffer.Kind = TALK) -> HelpOffer:
    return offer_help(campaign=campaign, employee=employee, kind=kind, by=account_for(by))


def test_the_employee_reads_it_in_hundred_and_by_mail(
    campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    offer(campaign, alice, bob)
    plan_notifications(clock.now())
    send_notifications()
    assert "Bob 白 offers you help in November: a talk." in str(mail.outbox[0].body)
    [entry] = entries_of(Notification.objects.visible_to(account_for(alice)), clock.now())
    assert entry.content.summary == "Bob 白 offers you help in November: a talk."


def test_sent_twice_it_is_one_offer_and_another_kind_waits_for_the_answer(
    campaign: Campaign, alice: Employee, bob: Employee
) -> None:
    assert offer(campaign, alice, bob) == offer(campaign, alice, bob)
    assert reviewing.refusal(offer, campaign, alice, bob, TRAINING) == "waiting"
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_managers_at_once_offer_one_person_one_help_a_day(
    campaign: Campaign, alice: Employee, bob: Employee, dana: Employee
) -> None:
    outcomes = crowd.at_once(*[partial(offer, campaign, alice, by) for by in (bob, dana, bob, dana)])
    assert HelpOffer.objects.count() == 1
    assert {outcome.code for outcome in outcomes if isinstance(outcome, Refused)} == {"too_many"}


def test_withdrawing_and_offering_again_sends_no_second_mail_that_day(
    campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    first = offer(campaign, alice, bob)
    assert withdraw_offer(offer_id=first.pk, by=account_for(bob))[1] is True
    assert reviewing.refusal(offer, campaign, alice, bob) == "too_many"
    clock.set(clock.now() + timedelta(hours=24, minutes=1), ticks=True)
    assert offer(campaign, alice, bob).pk != first.pk


def test_a_person_is_offered_help_three_times_in_a_week_from_all_managers(
    campaign: Campaign, alice: Employee, bob: Employee, dana: Employee, clock: Clock
) -> None:
    for by in (bob, dana, bob):
        withdraw_offer(offer_id=offer(campaign, alice, by).pk, by=account_for(by))
        clock.set(clock.now() + timedelta(hours=25), ticks=True)
    assert reviewing.refusal(offer, campaign, alice, dana) == "too_many"
    clock.set(clock.now() + timedelta(days=4), ticks=True)
    assert offer(campaign, alice, dana).pk


def test_a_withdrawn_offer_is_not_mailed(campaign: Campaign, alice: Employee, bob: Employee, clock: Clock) -> None:
    first = offer(campaign, alice, bob)
    plan_notifications(clock.now())
    withdraw_offer(offer_id=first.pk, by=account_for(bob))
    send_notifications()
    assert mail.outbox == []
    assert Notification.objects.get(channel="email").last_error == "decided"


def test_only_the_employee_answers_once_and_only_the_author_withdraws(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, dana: Employee
) -> None:
    first = offer(campaign, alice, bob)
    with pytest.raises(HelpOffer.DoesNotExist):
        answer_offer(offer_id=first.pk, employee=alan, accepted=True)
    with pytest.raises(HelpOffer.DoesNotExist):
        withdraw_offer(offer_id=first.pk, by=account_for(dana))
    assert answer_offer(offer_id=first.pk, employee=alice, accepted=True)[1] is True
    assert answer_offer(offer_id=first.pk, employee=alice, accepted=False)[1] is False
    assert withdraw_offer(offer_id=first.pk, by=account_for(bob))[1] is False
    assert HelpOffer.objects.get().state == "accepted"


def test_the_trail_and_the_sums_name_the_manager_and_not_whom_they_help(
    campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    first = offer(campaign, alice, bob)
    answer_offer(offer_id=first.pk, employee=alice, accepted=False)
    [entry] = AuditEntry.objects.filter(action__startswith="help.")
    assert (entry.action, entry.subject_label) == ("help.offered", "")
    assert entry.detail == {"campaign": "november", "kind": "talk"}
    [row] = sums_by_sender(clock.now())
    assert row == {"sender_id": account_for(bob).pk, "sender": "Bob 白", "staff_no": "B001", "reminders": 0,
                   "people": 0, "offers": 1}  # fmt: skip


def test_of_a_campaign_that_is_over_no_help_is_offered(
    campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    clock.set("2026-12-01T00:00:00+08:00", ticks=True)
    assert reviewing.refusal(offer, campaign, alice, bob) == "over"


def test_a_year_after_the_campaign_offers_are_gone(
    campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    offer(campaign, alice, bob)
    delete_old_notifications(clock.now() + timedelta(days=366))
    assert HelpOffer.objects.exists()
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    people.mark()
    delete_old_notifications(clock.now() + timedelta(days=366))
    assert not HelpOffer.objects.exists()
