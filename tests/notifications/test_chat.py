"""Chat in the place of e-mail: who gets what by which channel, what chat holds, and what happens when it fails."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.events import record_event
from apps.core.models import Event, Setting
from apps.employees.models import Employee
from apps.notifications.channels.dingtalk import SEND
from apps.notifications.delivery import RETRY_MINUTES, send_notifications
from apps.notifications.inbox import entries_of
from apps.notifications.kinds import KINDS
from apps.notifications.models import Notification, Preference
from apps.notifications.planning import plan_notifications
from apps.notifications.preferences import enabled_channels, save_preferences
from apps.notifications.progress import read_progress
from tests import people
from tests.commands import run
from tests.fixtures import Clock
from tests.notifications.chat_services import DingTalkService, Reply, SlackService
from tests.notifications.smtp import Mailbox, part

pytestmark = pytest.mark.django_db
BY_CHAT = [code for code, kind in KINDS.items() if "chat" in kind.channels]
LIMITED = Reply({"errcode": 88, "sub_code": "90018"})


@pytest.fixture
def alice(alice: Employee) -> Employee:
    """The roster names her account."""
    people.load("staff_no,name,email,chat_id\nA001,Alice 艾,alice@corp.example.com,alice-id\n")
    Event.objects.all().delete()
    return people.person("A001")


def notify(clock: Clock, campaign: Campaign | None, *employees: Employee, kind: str = "weekly") -> None:
    campaign_id = campaign.pk if campaign else None
    record_event(kind, subject="1", campaign_id=campaign_id, employees=[employee.pk for employee in employees])
    plan_notifications(clock.now())


def planned() -> set[tuple[str, str]]:
    """(staff number, channel) of what has to be sent."""
    rows = Notification.objects.exclude(channel="app").values_list("employee__staff_no", "channel")
    return set(rows)


def states() -> list[tuple[str, str, str]]:
    rows = Notification.objects.exclude(channel="app").order_by("pk")
    return list(rows.values_list("channel", "state", "last_error"))


# -- By which channel ----------------------------------------------------------------------------------------------


def test_chat_takes_the_place_of_e_mail_for_those_whose_account_the_roster_names(
    dingtalk: DingTalkService, mailbox: Mailbox, campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    people.mark()
    notify(clock, campaign, alice, alan)
    assert planned() == {("A001", "chat"), ("A002", "email")}
    assert send_notifications().sent == 2
    assert [user for user, _text in dingtalk.sent] == ["alice-id"]
    assert mailbox.recipients == ["alan@corp.example.com"]


def test_without_a_chat_product_everything_goes_by_e_mail(
    mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    notify(clock, campaign, alice)
    assert planned() == {("A001", "email")}
    assert ("weekly", "chat") not in enabled_channels(account_for(alice))


def test_a_notice_of_a_right_never_depends_on_the_roster_s_account(
    dingtalk: DingTalkService, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    assert all(kind.can_switch_off for kind in KINDS.values() if "chat" in kind.channels)
    for kind in ("adjustment_granted", "turned_red", "result_final", "rule_changed"):
        notify(clock, campaign, alice, kind=kind)
    assert {channel for _no, channel in planned()} == {"email"}


def test_each_person_chooses_by_kind(
    dingtalk: DingTalkService, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    account = account_for(alice)
    before = enabled_channels(account)
    assert (before["weekly", "chat"], before["weekly", "email"]) == (True, False)
    save_preferences(account, before)
    assert not Preference.objects.exists(), "the default is no choice"
    save_preferences(account, before | {("weekly", "chat"): False, ("weekly", "email"): True})
    notify(clock, campaign, alice)
    assert planned() == {("A001", "email")}
    save_preferences(account, before | {("weekly", "chat"): True, ("weekly", "email"): True})
    Notification.objects.all().delete()
    notify(clock, campaign, alice)
    assert planned() == {("A001", "email"), ("A001", "chat")}
    assert enabled_channels(account)["weekly", "email"] is True


def test_what_was_switched_off_stays_off_when_hr_enters_or_clears_an_account(
    dingtalk: DingTalkService, campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    Preference.objects.create(employee=alan, kind="weekly", channel="email", enabled=False)
    people.load("staff_no,name,email,chat_id\nA002,Alan,alan@corp.example.com,alan-id\n")
    Event.objects.all().delete()
    nothing = dict.fromkeys(enabled_channels(account_for(alice)), False)
    save_preferences(account_for(alice), nothing)
    Employee.objects.filter(pk=alice.pk).update(chat_id="")
    notify(clock, campaign, alice, people.person("A002"))
    assert planned() == set()
    assert enabled_channels(account_for(people.person("A002")))["weekly", "chat"] is False


def test_slack_finds_by_e_mail_whoever_chose_it_and_dingtalk_offers_it_to_known_accounts_only(
    slack: SlackService, campaign: Campaign, alan: Employee, clock: Clock
) -> None:
    account = account_for(alan)
    choices = enabled_channels(account)
    assert choices["weekly", "chat"] is False
    save_preferences(account, choices | {("weekly", "chat"): True, ("weekly", "email"): False})
    people.mark()
    notify(clock, campaign, alan)
    assert planned() == {("A002", "chat")}
    send_notifications()
    assert [member for member, _text in slack.sent] == ["W0ALAN"]


def test_dingtalk_is_not_offered_without_an_account(dingtalk: DingTalkService, alan: Employee) -> None:
    assert ("weekly", "chat") not in enabled_channels(account_for(alan))


# -- What a message holds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", BY_CHAT)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_kind_is_a_short_text_with_own_numbers_and_no_contact(
    dingtalk: DingTalkService, campaign: Campaign, alice: Employee, clock: Clock, kind: str, language: str
) -> None:
    people.with_account(alice, "hr")
    people.load("staff_no,name,email,manager_staff_no\nA002,Wombat,alan@corp.example.com,A001\n")
    account = account_for(alice)
    account.language = language
    account.save(update_fields=["language"])
    people.record_one(alice, ("phone", "+86 138 0013 8000"), ("email", "canary@outside.example.org"), name="CANARY")
    if kind == "milestone_100":
        people.record(alice, 100)
    people.mark()
    Event.objects.all().delete()
    record_event(kind, subject="1:2026-11-23", campaign_id=campaign.pk, employees=[alice.pk])
    plan_notifications(clock.now())
    send_notifications()
    [text] = [text for user, text in dingtalk.sent if user == "alice-id"]
    first = text.splitlines()[0]
    assert not any(character.isdigit() for character in first), "a locked screen shows the first line"
    assert "November" not in first
    assert "http://testserver/" in text
    assert len(text.encode()) <= 1_000
    for canary in ("CANARY", "13800138000", "canary@", "Wombat"):
        assert canary not in text
    assert ("All settings:" in text) == (language == "en")


def test_a_long_name_of_a_campaign_leaves_room_for_the_link(
    dingtalk: DingTalkService, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(name="长" * 600)
    people.mark()
    notify(clock, campaign, alice)
    assert send_notifications().sent == 1
    assert "http://testserver/" in dingtalk.sent[0][1]


# -- When chat fails -----------------------------------------------------------------------------------------------


def test_what_chat_refuses_goes_by_e_mail(
    dingtalk: DingTalkService, mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    dingtalk.users.clear()
    people.mark()
    notify(clock, campaign, alice)
    send_notifications()
    send_notifications()
    assert states() == [("chat", "failed", "result: invalid_user"), ("email", "sent", "")]
    assert mailbox.recipients == ["alice@corp.example.com"]


def test_but_not_to_a_person_who_has_switched_mails_off(
    dingtalk: DingTalkService, mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    Preference.objects.create(employee=alice, kind="weekly", channel="email", enabled=False)
    Preference.objects.create(employee=alice, kind="weekly", channel="chat", enabled=True)
    dingtalk.users.clear()
    people.mark()
    notify(clock, campaign, alice)
    send_notifications()
    send_notifications()
    assert states() == [("chat", "failed", "result: invalid_user"), ("email", "dropped", "switched_off")]
    assert mailbox.received == []


def test_a_reminder_that_may_have_arrived_is_repeated_by_no_channel(
    dingtalk: DingTalkService, mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    dingtalk.fail(SEND, Reply(hang_up=True), after=True)
    people.mark()
    notify(clock, campaign, alice)
    send_notifications()
    send_notifications()
    [(channel, state, why)] = states()
    assert (channel, state) == ("chat", "failed")
    assert why.startswith("answer: ")
    assert (len(dingtalk.sent), mailbox.received) == (1, [])


def test_a_rate_limit_pauses_the_channel_and_costs_no_attempt(
    slack: SlackService, mailbox: Mailbox, campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    """Every further request would be refused, and would lengthen the ban."""
    Employee.objects.filter(pk=alice.pk).update(chat_id="U0ALICE")
    Employee.objects.filter(pk=alan.pk).update(chat_id="W0ALAN")
    slack.fail("/chat.postMessage", Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "120"}))
    people.mark()
    notify(clock, campaign, alice, alan)
    for _time in range(3):
        send_notifications()
    assert slack.paths() == ["chat.postMessage"]
    assert {state for _channel, state, _why in states()} == {"due"}
    assert max(Notification.objects.values_list("attempts", flat=True)) <= 1
    assert not Setting.objects.filter(name__startswith="channel fails").exists(), "a limit is no failure"
    notify(clock, campaign, people.person("C001"))
    send_notifications()
    assert mailbox.recipients == ["carol@corp.example.com"], "e-mail goes on"
    clock.set(clock.now() + timedelta(seconds=121), ticks=True)
    send_notifications()
    assert sorted(member for member, _text in slack.sent) == ["U0ALICE", "W0ALAN"]


def test_a_product_that_is_away_for_a_day_is_reported_and_replaced_by_e_mail(
    dingtalk: DingTalkService, mailbox: Mailbox, campaign: Campaign, alice: Employee, clock: Clock, settings: Any
) -> None:
    settings.QUIET_HOURS, settings.QUIET_DAYS = "", []
    settings.DINGTALK_APP_SECRET = "wrong"
    people.mark()
    notify(clock, campaign, alice, kind="milestone_50")
    for minutes in (*RETRY_MINUTES, 0):
        send_notifications()
        assert Setting.objects.get(name="channel fails:chat").value == "token: 40089"
        clock.set(clock.now() + timedelta(minutes=minutes, seconds=1), ticks=True)
    send_notifications()
    assert states() == [("chat", "failed", "token: 40089"), ("email", "sent", "")]


def test_the_time_that_messages_take_is_that_of_the_slower_channel(
    slack: SlackService, campaign: Campaign, alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.notifications.channels.slack.Slack.per_second", 0.01)
    notify(clock, campaign, alice)
    assert read_progress(clock.now()).minutes_left == 2


# -- The roster's account ------------------------------------------------------------------------------------------


def test_a_person_whose_account_hr_changes_is_notified_by_e_mail(
    dingtalk: DingTalkService, mailbox: Mailbox, alice: Employee, clock: Clock
) -> None:
    """One HR user could otherwise divert a person's reminders silently."""
    people.load("staff_no,name,email,chat_id\nA001,Alice 艾,alice@corp.example.com,mallory-id\n")
    plan_notifications(clock.now())
    send_notifications()
    assert mailbox.recipients == ["alice@corp.example.com"]
    text = part(mailbox.received[0], "plain")
    assert "mallory-id" in text
    assert "tell HR" in text
    assert dingtalk.sent == []
    row = Notification.objects.get(kind="chat_changed", channel="app")
    assert entries_of([row], clock.now())[0].path == "/notifications/settings/"
    people.load("staff_no,name,email,chat_id\nA001,Alice 艾,alice@corp.example.com,mallory-id\n")
    plan_notifications(clock.now())
    assert Notification.objects.filter(kind="chat_changed", channel="email").count() == 1, "nothing changed"


def give_account(account: str) -> None:
    people.load(f"staff_no,name,email,chat_id\nA001,Alice 艾,alice@corp.example.com,{account}\n")


def test_a_change_at_night_that_is_undone_before_its_notice_leaves_is_shown(
    dingtalk: DingTalkService, mailbox: Mailbox, alice: Employee, clock: Clock
) -> None:
    """Otherwise the one notice of the day shows the right account, and the account is changed again after it."""
    changes = ["mallory-id", "alice-id", "mallory-id"]
    for account in changes:
        give_account(account)
        plan_notifications(clock.now())
    send_notifications()
    texts = [part(mail, "plain") for mail in mailbox.received]
    assert sorted(account for account in set(changes) for text in texts if account in text) == sorted(changes)


@pytest.mark.parametrize("at_once", [False, True])
def test_changes_in_a_loop_send_three_notices_a_day(
    dingtalk: DingTalkService, mailbox: Mailbox, alice: Employee, clock: Clock, *, at_once: bool
) -> None:
    """One HR user could otherwise flood a mailbox with mails that cannot be switched off."""
    for account in ("mallory-id", "second-id", "third-id", "fourth-id"):
        give_account(account)
        if not at_once:
            plan_notifications(clock.now())
    plan_notifications(clock.now())
    send_notifications()
    assert len(mailbox.received) == 3
    clock.set(clock.now() + timedelta(days=1), ticks=True)
    people.load("staff_no,name,email,chat_id\nA001,Alice 艾,alice@corp.example.com,alice-id\n")
    plan_notifications(clock.now())
    send_notifications()
    assert len(mailbox.received) == 4


def test_a_new_employee_is_not_notified_of_the_first_account(
    dingtalk: DingTalkService, company: object, clock: Clock
) -> None:
    people.load("staff_no,name,email,chat_id\nN001,Nina,nina@corp.example.com,nina-id\n")
    plan_notifications(clock.now())
    assert not Notification.objects.filter(kind="chat_changed").exists()


# -- For operators -------------------------------------------------------------------------------------------------


def test_the_test_message_goes_by_chat_too_and_may_be_repeated_on_the_same_day(
    dingtalk: DingTalkService, mailbox: Mailbox, alice: Employee
) -> None:
    for _time in range(2):
        assert run("send_test_notification", "A001") == {"staff_no": "A001", "email": "sent", "chat": "sent"}
    assert len(dingtalk.sent) == 2
    dingtalk.users.clear()
    assert run("send_test_notification", "A001")["chat"] == "result: invalid_user"


def found() -> set[str | None]:
    return {message.id for message in run_checks(include_deployment_checks=True)}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"DINGTALK_APP_KEY": "key"}, "hundred.E020"),
        ({"DINGTALK_APP_KEY": "k", "DINGTALK_APP_SECRET": "s", "DINGTALK_AGENT_ID": "1", "SLACK_BOT_TOKEN": "t"},
         "hundred.E021"),
        ({"SLACK_BOT_TOKEN": "xoxb-1\r"}, "hundred.E022"),
        ({"SLACK_URL": "http://slack.com/api"}, "hundred.E023"),
        ({"DINGTALK_URL": "https://user@oapi.dingtalk.com"}, "hundred.E023"),
        ({"DINGTALK_URL": "https://collector.example"}, "hundred.W020"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_settings_is_found_before_the_start(settings: Any, values: dict[str, str], code: str) -> None:
    assert code not in found()
    for name, value in values.items():
        setattr(settings, name, value)
    assert code in found()
