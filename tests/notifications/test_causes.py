"""What happens reaches those whom it concerns, once, in the transaction of the cause."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail

from apps.accounts.approvals import request_approval, withdraw_request
from apps.accounts.deputies import end_deputyship
from apps.accounts.models import ApprovalRequest
from apps.accounts.services import account_for
from apps.campaigns import rules
from apps.campaigns.adjustments.approve import withdraw_adjustment
from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import RuleDraft
from apps.contacts.imports import import_submission
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.contacts.services.submissions import refuse_submission
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.models import Event
from apps.employees.models import Employee
from apps.notifications import planning
from apps.notifications.inbox import entries_of
from apps.notifications.models import Notification
from apps.notifications.planning import plan_notifications
from apps.notifications.processing import process_notifications
from apps.notifications.schedule import record_scheduled_events
from apps.results import freeze
from apps.results.corrections import CorrectionDraft, grant_correction, request_correction
from apps.standings.effective_dates import process_effective_dates
from apps.standings.recount import record_drift
from apps.standings.rule_changes import change_rule
from tests import files, people, reviewing
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db


def events() -> list[tuple[str, str]]:
    """(kind, staff number) of the events that wait to be planned."""
    staff = dict(Employee.objects.values_list("pk", "staff_no"))
    return [(kind, staff.get(employee, "")) for kind, employee in Event.objects.values_list("kind", "employee_id")]


def sent_kinds(employee: Employee) -> list[str]:
    own = Notification.objects.filter(employee=employee, channel="email", state="sent")
    return list(own.order_by("sent_at", "pk").values_list("kind", flat=True))


# -- Marking -------------------------------------------------------------------------------------------------------


def test_milestones_are_heard_once_each_in_order(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    heard = []
    for number in (49, 1, 1, 38, 1, 9, 1, 5):
        people.record(alice, number)
        people.mark()
        heard += [kind for kind, _who in events()]
        process_notifications()
    assert heard == ["milestone_50", "milestone_90", "milestone_100"]
    assert sent_kinds(alice) == ["milestone_50", "milestone_90", "milestone_100"]


def test_many_contacts_at_once_are_one_milestone(campaign: Campaign, alice: Employee) -> None:
    people.record(alice, 100)
    people.mark()
    assert events() == [("milestone_100", "A001")]


def test_a_first_evaluation_and_a_mark_without_a_change_cause_nothing(
    company: dict[str, Employee], alice: Employee
) -> None:
    people.record(alice, 100)
    people.november()
    process_effective_dates()
    Event.objects.all().delete()
    people.mark()
    people.mark()
    assert events() == []


def end_some(employee: Employee, number: int) -> None:
    for contact in Contact.objects.of(employee).filter(ended_at=None)[:number]:
        end_contact(contact_id=contact.pk, employee=employee, by=people.TESTER)


def test_who_falls_below_the_target_again_learns_why_each_time(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    people.record(alice, 100)
    people.mark()
    process_notifications()
    for _time in range(2):
        mail.outbox.clear()
        end_some(alice, 1)
        people.mark()
        assert ("turned_red", "A001") in events()
        process_notifications()
        body = str(mail.outbox[-1].body)
        assert "1 contact no longer counts." in body
        assert "You fell below your target in November." in body
        people.record(alice, 1)
        people.mark()
        process_notifications()
    assert Counter(sent_kinds(alice)) == {"milestone_100": 1, "turned_red": 2}, "a milestone comes once"


def test_falls_in_a_loop_do_not_fill_the_queue_of_mails(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This mail cannot be switched off and is sent before all others."""
    monkeypatch.setattr(planning, "MAX_FALLS", 2)
    people.record(alice, 100)
    people.mark()
    for _time in range(4):
        end_some(alice, 1)
        people.mark()
        process_notifications()
        people.record(alice, 1)
        people.mark()
    assert sent_kinds(alice).count("turned_red") == 2


def test_of_several_falls_in_one_night_one_is_mailed(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    """Otherwise ending and restoring one contact all night delays the mails of others in the morning."""
    people.record(alice, 100)
    people.mark()
    process_notifications()
    clock.set("2026-11-24T23:00:00+00:00", ticks=True)
    for _time in range(3):
        end_some(alice, 1)
        people.mark()
        process_notifications()
        people.record(alice, 1)
        people.mark()
    end_some(alice, 1)
    people.mark()
    process_notifications()
    clock.set("2026-11-25T09:00:00+00:00", ticks=True)
    process_notifications()
    assert sent_kinds(alice).count("turned_red") == 1
    dropped = Notification.objects.filter(kind="turned_red", channel="email", state="dropped")
    assert set(dropped.values_list("last_error", flat=True)) == {"superseded"}


def test_red_that_is_over_before_the_mail_leaves_is_not_sent(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    """A wrong red is the worst fault: also in a mail."""
    people.record(alice, 100)
    people.mark()
    process_notifications()
    end_some(alice, 1)
    people.mark()
    people.record(alice, 1)
    people.mark()
    process_notifications()
    assert sent_kinds(alice) == ["milestone_100"]
    assert Notification.objects.get(kind="turned_red", channel="email").last_error == "reached"


def test_an_end_of_an_exemption_is_a_reason(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    until = datetime.fromisoformat("2026-11-25T00:00:00+08:00")
    people.adjust(campaign=campaign, employee=alice, exempt=True, ends_at=until)
    people.mark()
    process_notifications()
    mail.outbox.clear()
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    process_effective_dates()
    people.mark()
    assert sorted(kind for kind, who in events() if who == "A001") == ["adjustment_ended", "turned_red"]
    process_notifications()
    assert any("Your exemption from the target has ended." in str(sent.body) for sent in mail.outbox)


# -- Decisions -----------------------------------------------------------------------------------------------------


def test_an_adjustment_is_sent_when_it_is_granted_and_when_it_is_ended(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    people.adjust(campaign=campaign, employee=alice, target=50)
    kinds = [kind for kind, _who in events()]
    assert kinds == ["approval_waiting", "adjustment_granted"]
    people.mark()
    process_notifications()
    assert any("Your target is 50" in str(sent.body) for sent in mail.outbox)
    assert "approval_waiting" not in {row.kind for row in Notification.objects.filter(state="sent", channel="email")}, (
        "decided by then"
    )


def test_a_changed_rule_is_sent_after_the_opening_alone(campaign: Campaign) -> None:
    rule = campaign.rule
    draft = RuleDraft(target=80, opens_on=rule.opens_on, deadline=rule.deadline, time_zone=rule.time_zone)
    change_rule(campaign=campaign, draft=draft, expected_version=1, reason="too high", by=people.TESTER)
    assert [kind for kind, _who in events()] == ["rule_changed"]


def test_who_is_not_in_the_campaign_any_more_hears_of_the_change_that_did_it(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    """Otherwise Sales works for a target that no longer holds."""
    rule = campaign.rule
    draft = RuleDraft(100, rule.opens_on, rule.deadline, rule.time_zone, scope=["Support"])
    change_rule(campaign=campaign, draft=draft, expected_version=1, reason="only support", by=people.TESTER)
    plan_notifications(clock.now())
    people.mark()
    process_notifications()
    mails = {to: str(sent.body) for sent in mail.outbox for to in sent.to}
    assert len(mails) == 9
    for name in ("alice", "hedda"):
        assert "You are no longer part of this campaign." in mails[f"{name}@corp.example.com"]
    assert "not part of" not in mails["sam@corp.example.com"]
    mail.outbox.clear()
    wider = RuleDraft(90, rule.opens_on, rule.deadline, rule.time_zone, scope=["Support"])
    change_rule(campaign=campaign, draft=wider, expected_version=2, reason="less", by=people.TESTER)
    people.mark()
    process_notifications()
    assert {to for sent in mail.outbox for to in sent.to} == {"sam@corp.example.com", "carol@corp.example.com"}


def test_an_opening_is_sent_when_it_comes(company: dict[str, Employee], clock: Clock) -> None:
    people.november(name="Now")
    people.november(name="Past", opens_on=date(2026, 10, 1), deadline=date(2026, 10, 31))
    later = people.november(name="Later", opens_on=date(2026, 11, 25))
    opened = Event.objects.filter(kind="campaign_opened")
    assert opened.count() == 1
    process_effective_dates()
    assert set(opened.values_list("campaign_id", flat=True)) == {Campaign.objects.get(name="Now").pk}
    opened.delete()
    clock.set("2026-11-25T09:00:00+08:00", ticks=True)
    process_effective_dates()
    assert list(opened.values_list("campaign_id", flat=True)) == [later.pk]
    people.mark()
    process_notifications()
    assert len(mail.outbox) == 9


def test_an_answer_is_in_the_list_at_once(campaign: Campaign, alice: Employee, hr: Employee, clock: Clock) -> None:
    reviewing.answer(reviewing.ask(campaign, alice), hr)
    plan_notifications(clock.now())
    row = Notification.objects.get(employee=alice, kind="review_answered")
    assert (row.channel, row.state) == ("app", "sent")


def test_the_final_result_reaches_everybody_the_number_and_until_when_a_review_can_be_asked(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    people.record(alice, 3)
    people.mark()
    clock.set("2026-12-01T09:00:00+08:00", ticks=True)
    assert freeze.freeze(campaign=campaign, by=people.TESTER, wait=True)
    process_notifications()
    [sent] = [sent for sent in mail.outbox if sent.to == ["alice@corp.example.com"]]
    assert len(mail.outbox) == 9
    assert "The result of November is final." in str(sent.body)
    assert "3 of your contacts count. Your target is 100, so 97 are missing." in str(sent.body)
    assert "Until 15 Dec 2026 you can ask HR for a review." in str(sent.body)


def test_whose_result_was_corrected_hears_of_it_and_no_colleague(
    campaign: Campaign, alice: Employee, alan: Employee, hr: Employee, clock: Clock
) -> None:
    """A correction can cost or give a bonus: the employee must not find out from the payslip."""
    people.record(alice, 99)
    people.mark()
    clock.set("2026-12-01T09:00:00+08:00", ticks=True)
    assert freeze.freeze(campaign=campaign, by=people.TESTER, wait=True)
    process_notifications()
    mail.outbox.clear()
    second = account_for(people.with_account(people.person("D001"), "hr"))
    drafts = [CorrectionDraft("A001", counted=100), CorrectionDraft("A002", counted=1)]
    asked = request_correction(
        campaign=Campaign.objects.get(), drafts=drafts, reason="The feed came late", evidence="Ticket 7",
        by=account_for(hr),
    )  # fmt: skip
    assert grant_correction(correction_id=asked.pk, by=second)
    process_notifications()
    rows = Notification.objects.filter(kind="result_corrected", channel="email")
    assert {row.employee for row in rows} == {alice, alan}
    [sent] = [sent for sent in mail.outbox if sent.to == ["alice@corp.example.com"]]
    assert "HR corrected your result in November." in str(sent.body)
    assert "100 of your contacts count. Your target is 100." in str(sent.body)
    assert "Ticket" not in str(sent.body)


def test_hr_hears_of_a_request_and_again_after_a_day(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    people.ask(campaign=campaign, employee=people.person("A001"), exempt=True)
    process_notifications()
    assert sent_kinds(hr) == ["approval_waiting"]
    record_scheduled_events(clock.now())
    clock.set(clock.now() + timedelta(days=1, minutes=1), ticks=True)
    for _time in range(3):
        record_scheduled_events(clock.now())
        process_notifications()
    heard = [kind for kind in sent_kinds(hr) if kind.startswith("approval")]
    assert heard == ["approval_waiting", "approval_overdue"]


def _request_and_withdraw(what: str, campaign: Campaign, by: Actor) -> Callable[[], object]:
    """Make a request, and return how to withdraw it."""
    if what == "adjustments":
        asked = people.ask(campaign=campaign, employee=people.person("A001"), exempt=True)
        return partial(withdraw_adjustment, request_id=asked.pk, by=by)
    request = request_approval(
        kind=ApprovalRequest.Kind.RULE_CHANGE, subject=campaign.slug, label="November", payload={},
        effect={"people": 1}, by=by,
    )  # fmt: skip
    return partial(withdraw_request, request_id=request.pk, by=by)


@pytest.mark.parametrize("what", ["adjustments", "approvals"])
def test_one_account_cannot_flood_its_colleagues_with_requests(
    campaign: Campaign, hr: Employee, clock: Clock, what: str
) -> None:
    """Otherwise a loop of requests delays the reminders of all employees, and hides a real request."""
    asks = people.officer("asks")
    for _time in range(3):
        withdraw = _request_and_withdraw(what, campaign, asks)
        process_notifications()
        withdraw()
    assert sent_kinds(hr) == ["approval_waiting"]
    assert Notification.objects.filter(employee=hr, kind="approval_waiting", channel="app").count() == 1
    clock.set(clock.now() + timedelta(hours=1), ticks=True)
    _request_and_withdraw(what, campaign, asks)
    process_notifications()
    assert sent_kinds(hr) == ["approval_waiting"] * 2, "the next hour has its notice"
    _request_and_withdraw("approvals" if what == "adjustments" else "adjustments", campaign, asks)
    process_notifications()
    assert sent_kinds(hr) == ["approval_waiting"] * 3, "so has another page of requests"


def test_a_notice_of_withdrawn_requests_alone_is_dropped(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    """Otherwise HR looks for a request that is no longer there."""
    asks = people.officer("asks")
    _request_and_withdraw("approvals", campaign, asks)()
    process_notifications()
    assert sent_kinds(hr) == []
    assert Notification.objects.get(employee=hr, channel="email").last_error == "decided"


def test_many_requests_that_wait_for_a_day_are_one_notice(campaign: Campaign, hr: Employee, clock: Clock) -> None:
    """Otherwise one account mails its colleagues hundreds of reminders a day."""
    for number in ("A001", "A002", "B001"):
        people.ask(campaign=campaign, employee=people.person(number), exempt=True)
    process_notifications()
    clock.set(clock.now() + timedelta(days=1, minutes=1), ticks=True)
    record_scheduled_events(clock.now())
    process_notifications()
    assert sent_kinds(hr).count("approval_overdue") == 1


# -- Mornings ------------------------------------------------------------------------------------------------------


def mornings(clock: Clock, *instants: str) -> list[tuple[str, str]]:
    heard = []
    for instant in instants:
        clock.set(instant, ticks=True)
        record_scheduled_events(clock.now())
        heard += events()
        Event.objects.all().delete()
    return heard


def test_on_monday_at_nine_those_behind_hear_of_it_in_their_own_morning(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, clock: Clock
) -> None:
    Employee.objects.filter(pk=alan.pk).update(time_zone="Europe/Paris")
    people.record(bob, 90)  # ahead
    people.mark()
    Event.objects.all().delete()
    heard = mornings(clock, "2026-11-23T08:59:59+08:00", "2026-11-23T09:00:00+08:00", "2026-11-23T09:01:00+08:00")
    assert ("weekly", "A001") in heard
    assert Counter(heard)["weekly", "A001"] == 1
    assert ("weekly", "B001") not in heard
    assert ("weekly", "A002") not in heard
    assert mornings(clock, "2026-11-23T09:00:00+01:00") == [("weekly", "A002")]


@pytest.mark.parametrize("share", [1, *range(5, 101, 5)])
def test_who_is_behind_is_decided_as_on_every_page(
    campaign: Campaign, alice: Employee, clock: Clock, share: int
) -> None:
    people.record(alice, share)
    people.mark()
    Event.objects.all().delete()
    rule = campaign.rule
    heard = ("weekly", "A001") in mornings(clock, "2026-11-16T09:00:00+08:00")
    assert heard == (rules.pace(share, 100, rule.opens_at, rule.cutoff_at, clock.now()) == "behind")


def test_seven_three_and_one_days_before_the_deadline_those_below_hear_of_it_once(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    people.record(alan, 100)
    people.mark()
    process_notifications()
    mail.outbox.clear()
    Notification.objects.all().delete()
    instant = clock.now()
    while instant < campaign.rule.cutoff_at + timedelta(days=1):
        clock.set(instant, ticks=True)
        record_scheduled_events(clock.now())
        process_notifications()
        instant += timedelta(minutes=30)
    assert sent_kinds(alan) == []
    assert sent_kinds(alice) == ["weekly", "deadline_7", "deadline_1"]
    rows = Notification.objects.filter(employee=alice, channel="email")
    # The third day before this deadline is a Saturday; on Monday the last day has come.
    assert rows.get(kind="deadline_3").last_error == "superseded"
    last = rows.get(kind="deadline_1").sent_at
    assert last is not None
    assert last.astimezone(clock.now().tzinfo).isoformat()[:16] == "2026-11-30T01:00", "nine in the morning"
    own = [sent for sent in mail.outbox if sent.to == ["alice@corp.example.com"]]
    assert "Today, 30 Nov 2026, is the last day." in str(own[-1].body)


def test_who_is_evaluated_again_in_that_minute_is_reminded_after_it(
    campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, clock: Clock
) -> None:
    """A colleague's large file would otherwise cost everybody who has the same contacts the last reminder."""
    people.mark()
    people.record(alice, 1)
    people.record(alan, 100)
    clock.set("2026-11-24T09:00:00+08:00", ticks=True)
    record_scheduled_events(clock.now())
    plan_notifications(clock.now())
    listed = Notification.objects.filter(kind="deadline_7", channel="app").values_list("employee", flat=True)
    assert bob.pk in listed
    assert not {alice.pk, alan.pk} & set(listed), "the list would say something that may be wrong"
    people.mark()
    process_notifications()
    assert "deadline_7" in sent_kinds(alice)
    mails = Notification.objects.filter(kind="deadline_7", channel="email")
    assert mails.get(employee=alan).last_error == "reached"


def test_two_schedulers_record_once(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    clock.set("2026-11-24T09:00:00+08:00", ticks=True)
    assert [record_scheduled_events(clock.now()) > 0, record_scheduled_events(clock.now())] == [True, 0]


def test_a_scheduler_that_was_away_all_morning_catches_up_the_same_day(
    campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    assert ("deadline_7", "A001") in mornings(clock, "2026-11-24T19:00:00+08:00")


# -- Managers and HR -----------------------------------------------------------------------------------------------


def test_a_manager_s_monday_digest_names_the_team_and_no_contact(
    campaign: Campaign, bob: Employee, alice: Employee, alan: Employee, clock: Clock
) -> None:
    people.record_one(alice, ("handle", "canary"), name="CANARY")
    people.record(alan, 100)
    people.mark()
    process_notifications()
    mail.outbox.clear()
    clock.set("2026-11-23T12:30:00+08:00", ticks=True)
    record_scheduled_events(clock.now())
    process_notifications()
    [digest] = [sent for sent in mail.outbox if sent.to == ["bob@corp.example.com"] and "digest" in sent.subject]
    body = str(digest.body)
    assert "2 people: 1 below target, 1 at target, 0 exempt." in body
    assert "Who needs help first: Alice 艾 (1/100)." in body
    assert "101 contacts that count came in the last seven days." in body
    assert "CANARY" not in body
    assert "canary" not in body
    assert {row.employee_id for row in Notification.objects.filter(kind="team_digest")} == {
        person.pk for person in Employee.objects.filter(staff_no__in=["D001", "B001", "C001"])
    }


def test_in_the_last_week_digests_are_daily_and_never_two_of_one_day(
    campaign: Campaign, bob: Employee, hr: Employee, clock: Clock
) -> None:
    instant = clock.now()
    while instant < campaign.rule.cutoff_at + timedelta(days=2):
        clock.set(instant, ticks=True)
        record_scheduled_events(clock.now())
        process_notifications()
        instant += timedelta(minutes=30)
    # Two Mondays and Tuesday to Friday; the digests of the weekend are superseded by that of Monday.
    assert sent_kinds(bob).count("team_digest") == 6
    assert sent_kinds(hr).count("company_digest") == 5
    dropped = Notification.objects.filter(kind="team_digest", employee=bob, state="dropped")
    assert list(dropped.values_list("last_error", flat=True)) == ["superseded", "superseded"]


def test_who_has_no_team_any_more_gets_no_digest(campaign: Campaign, bob: Employee, clock: Clock) -> None:
    clock.set("2026-11-23T21:00:00+08:00", ticks=True)
    record_scheduled_events(clock.now())
    process_notifications()
    people.load(people.ROSTER.replace(",B001\n", ",D001\n"))
    people.mark()
    clock.set("2026-11-24T08:00:00+08:00", ticks=True)
    process_notifications()
    assert Notification.objects.get(kind="team_digest", employee=bob, channel="email").last_error == "no_team"


def test_manager_and_deputy_hear_of_a_deputyship(
    campaign: Campaign, bob: Employee, alice: Employee, clock: Clock
) -> None:
    deputyship = people.stands_in(bob, alice)
    process_notifications()
    assert sorted(sent.to[0] for sent in mail.outbox) == ["alice@corp.example.com", "bob@corp.example.com"]
    assert "Alice 艾 can see the team of Bob 白 from 23 Nov 2026 to 27 Nov 2026." in str(mail.outbox[0].body)
    end_deputyship(deputyship_id=deputyship.pk, by=account_for(bob))
    process_notifications()
    assert sent_kinds(alice) == ["deputy_named", "deputy_ended"]


def test_hr_hears_of_a_review_and_before_its_reply_is_due(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    review = reviewing.ask(campaign, alice)
    process_notifications()
    assert sent_kinds(hr) == ["review_opened"]
    for days in (1, 5, 7, 8):
        clock.set(datetime.fromisoformat(people.NOON) + timedelta(days=days), ticks=True)
        record_scheduled_events(clock.now())
        process_notifications()
    assert [kind for kind in sent_kinds(hr) if kind.startswith("review")] == ["review_opened", "review_due"]
    assert review.due_at > db_now() - timedelta(days=2)


def test_a_review_that_is_answered_by_then_is_not_sent(
    campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    reviewing.answer(reviewing.ask(campaign, alice), hr)
    process_notifications()
    assert Notification.objects.get(kind="review_opened", channel="email").last_error == "decided"


def test_a_failed_freeze_and_drift_reach_hr_once_a_day(
    campaign: Campaign, hr: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set("2026-12-01T09:00:00+08:00", ticks=True)

    def fail(**options: Any) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(freeze, "freeze", fail)
    for _time in range(3):
        assert freeze.freeze_due_campaigns(people.TESTER) == []
        record_drift(campaign, 2)
    record_drift(campaign, 0)
    process_notifications()
    assert sorted(sent_kinds(hr)) == ["drift_found", "freeze_failed"]


@pytest.mark.parametrize(("rows", "heard"), [(500, ["import_finished"]), (499, [])])
def test_who_uploaded_a_large_file_hears_of_its_end_and_gets_to_its_report(
    campaign: Campaign, alice: Employee, clock: Clock, rows: int, heard: list[str]
) -> None:
    people.with_account(alice)
    file = files.received(alice, "phone\n" + "12\n" * rows, by=account_for(alice).actor)
    import_submission(file.pk)
    assert [kind for kind, _who in events()] == heard
    plan_notifications(clock.now())
    own = Notification.objects.filter(employee=alice, kind="import_finished")
    assert [row.channel for row in own] == ["app"] * len(heard), "no mail: the page is open in most cases"
    assert [entry.path for entry in entries_of(own, clock.now())] == [f"/contacts/import/batch/{file.pk}/"] * len(heard)


def test_a_file_that_cannot_be_recorded_is_heard_of_and_a_command_s_is_not(campaign: Campaign, alice: Employee) -> None:
    people.with_account(alice)
    mine, other = files.received(alice, "phone\n12\n", by=account_for(alice).actor), files.received(alice, "phone\n1\n")
    for file in (mine, other):
        assert refuse_submission(file.pk, "unreadable")
    assert [row.subject for row in Event.objects.filter(kind="import_finished")] == [str(mine.pk)]
