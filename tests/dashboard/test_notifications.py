"""`/notifications/`: what concerns a reader, for that reader alone; settings; links that change nothing when opened."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Account
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.events import record_event
from apps.core.models import Event
from apps.employees.models import Employee
from apps.notifications.kinds import KINDS
from apps.notifications.models import Notification, Preference
from apps.notifications.planning import plan_notifications
from apps.notifications.unsubscribe import token
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(campaign: Campaign) -> Campaign:
    """November, whose opening has been notified."""
    Event.objects.all().delete()
    return campaign


def notify(clock: Clock, campaign: Campaign, employee: Employee, *kinds: str) -> list[int]:
    for kind in kinds:
        record_event(kind, subject="1", campaign_id=campaign.pk, employees=[employee.pk])
    plan_notifications(clock.now())
    return list(
        Notification.objects.filter(employee=employee, channel="app").order_by("pk").values_list("pk", flat=True)
    )


def queries(client: StrictClient, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in captured]


def test_the_bell_counts_what_is_unread_without_a_further_query(
    as_: SignIn, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    """It is on every page: the number is part of the query that reads the account."""
    client = as_(alice)
    client.get("/")
    before = queries(client, "/")
    assert "unread" not in words(client.get("/"))
    notify(clock, campaign, alice, "weekly", "adjustment_granted", "rule_changed")
    after = queries(client, "/")
    assert len(after) == len(before)
    assert len([sql for sql in after if "notifications_" in sql]) == 1
    assert "Notifications 3 unread" in words(client.get("/"))


def test_the_list_shows_the_own_ones_newest_first_and_opening_it_changes_nothing(
    as_: SignIn, campaign: Campaign, alice: Employee, bob: Employee, carol: Employee, clock: Clock
) -> None:
    notify(clock, campaign, alice, "weekly")
    notify(clock, campaign, alice, "adjustment_granted")
    notify(clock, campaign, bob, "review_answered")
    client = as_(alice)
    for _time in range(2):
        text = words(client.get("/notifications/"))
        assert text.index("Your target was adjusted") < text.index("Your week in Hundred")
        assert "HR has answered" not in text, "a colleague's notification"
        assert "2 unread" in text
    assert "No notifications yet" in words(as_(carol).get("/notifications/"))


def test_one_or_all_are_marked_as_read(
    as_: SignIn, campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    first, second = notify(clock, campaign, alice, "weekly", "adjustment_granted")
    [other] = notify(clock, campaign, bob, "weekly")
    client = as_(alice)
    client.post("/notifications/read/", {"only": first})
    assert unread(alice) == [second]
    client.post("/notifications/read/", {"only": other})
    assert unread(bob) == [other], "another person's"
    page = client.get("/notifications/").content.decode()
    [until] = re.findall(r'name="until" value="(\d+)"', page)
    [later] = set(notify(clock, campaign, alice, "turned_red")) - {first, second}
    client.post("/notifications/read/", {"until": until})
    assert unread(alice) == [later], "one that the page did not show"
    for odd in ("", "x", "-1", "9" * 30):
        assert client.post("/notifications/read/", {"until": odd}).status_code == 302
    assert unread(alice) == [later]


def unread(employee: Employee) -> list[int]:
    return list(
        Notification.objects.filter(employee=employee, channel="app", read_at=None).values_list("pk", flat=True)
    )


def test_the_list_costs_the_same_for_many_as_for_one(
    as_: SignIn, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    client = as_(alice)
    notify(clock, campaign, alice, "weekly")
    client.get("/notifications/")
    few = len(queries(client, "/notifications/"))
    notify(clock, campaign, alice, *(code for code, kind in KINDS.items() if kind.audience == "employee"))
    assert len(queries(client, "/notifications/")) == few


def test_a_long_list_has_pages(as_: SignIn, campaign: Campaign, alice: Employee, clock: Clock) -> None:
    Notification.objects.bulk_create(
        Notification(
            employee=alice, campaign=campaign, kind="weekly", subject_key=str(n), channel="app", state="sent",
            due_at=clock.now(), sent_at=clock.now(),
        )
        for n in range(35)
    )  # fmt: skip
    client = as_(alice)
    page = client.get("/notifications/")
    assert words(page).count("You were behind") == 30
    [following] = re.findall(r'href="([^"]+)" rel="next"', page.content.decode())
    assert words(client.get(following)).count("You were behind") == 5


# -- Settings ------------------------------------------------------------------------------------------------------


def test_a_reader_switches_kinds_off_and_chooses_the_language(
    as_: SignIn, campaign: Campaign, alice: Employee, clock: Clock
) -> None:
    client = as_(alice)
    text = words(client.get("/notifications/settings/"))
    assert "Your target is adjusted Always sent" in text
    assert "A request is waiting" not in text, "HR's kinds"
    ticked = [f"{code}.{channel}" for code, kind in KINDS.items() if kind.can_switch_off for channel in kind.channels]
    wanted = {name: "on" for name in ticked if name != "weekly.email"} | {"language": "zh-hans"}
    answer = client.post("/notifications/settings/", wanted, follow=True)
    assert "Your notification settings are saved." in words(answer)
    assert list(Preference.objects.values_list("employee", "kind", "channel", "enabled")) == [
        (alice.pk, "weekly", "email", False)
    ]
    assert account_for(alice).language == "zh-hans"
    notify(clock, campaign, alice, "weekly")
    assert set(Notification.objects.values_list("channel", flat=True)) == {"app"}
    client.post("/notifications/settings/", dict.fromkeys(ticked, "on"))
    assert not Preference.objects.exists()


def test_what_a_right_depends_on_stays_on(as_: SignIn, alice: Employee) -> None:
    client = as_(alice)
    client.post("/notifications/settings/", {"result_final.email": "", "approval_waiting.email": ""})
    assert not Preference.objects.filter(kind__in=["result_final", "approval_waiting"]).exists()
    assert client.post("/notifications/settings/", {"language": "tlh"}).status_code == 422


def test_a_reader_chooses_chat_and_sees_the_account_that_hr_entered(
    as_: SignIn, alice: Employee, alan: Employee, settings: Any
) -> None:
    """A wrong account would receive the own reminders."""
    Employee.objects.filter(pk=alice.pk).update(chat_id="U0<b>ALICE")
    assert "Slack" not in words(as_(alice).get("/notifications/settings/"))
    settings.SLACK_BOT_TOKEN = "xoxb-the-token"
    client = as_(alice)
    page = client.get("/notifications/settings/")
    assert "Messages by Slack go to the account U0<b>ALICE, as listed in the roster." in words(page)
    assert "<b>ALICE" not in page.content.decode()
    [box] = re.findall(r'<input[^>]+name="weekly.chat"[^>]*>', page.content.decode())
    assert "checked" in box
    assert 'name="result_final.chat"' not in page.content.decode()
    client.post("/notifications/settings/", {"weekly.app": "on", "weekly.email": "on"})
    stored = Preference.objects.filter(employee=alice, kind="weekly").values_list("channel", "enabled")
    assert set(stored) == {("chat", False), ("email", True)}
    assert "go to the account" not in words(as_(alan).get("/notifications/settings/"))


def test_hr_sees_the_kinds_of_hr(as_: SignIn, hr: Employee) -> None:
    assert "A request is waiting for a second person Always sent" in words(as_(hr).get("/notifications/settings/"))


# -- Unsubscribe links ---------------------------------------------------------------------------------------------


def link(alice: Employee, kind: str = "weekly") -> str:
    return f"/notifications/unsubscribe/{token(f'e{alice.pk}', kind, 'email')}/"


def test_opening_the_link_changes_nothing_and_a_post_without_cookies_switches_off(alice: Employee) -> None:
    """Mail scanners open every link; a mail program's button sends a POST and nothing else (RFC 8058)."""
    client = StrictClient(enforce_csrf_checks=True)
    for _time in range(2):
        page = client.get(link(alice))
        assert "Switch off this kind of e-mail? Monday summary" in words(page)
        assert "Alice" not in page.content.decode()
    assert not Preference.objects.exists()
    for _time in range(2):
        answer = client.post(link(alice), {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200, "a mail program follows no redirect"
    assert list(Preference.objects.values_list("employee", "kind", "channel", "enabled")) == [
        (alice.pk, "weekly", "email", False)
    ]
    assert "_auth_user_id" not in client.session


def test_a_recipient_without_an_employee_can_switch_off_too(db: None) -> None:
    operator = Account.objects.create(login="operator", password="!")
    StrictClient().post(f"/notifications/unsubscribe/{token(f'a{operator.pk}', 'weekly', 'email')}/")
    assert Preference.objects.get().account_id == operator.pk


@pytest.mark.parametrize("kind", ["adjustment_granted", "unknown"])
def test_no_link_switches_off_what_a_right_depends_on(alice: Employee, kind: str) -> None:
    assert StrictClient().post(link(alice, kind)).status_code == 404


def test_a_forged_link_is_not_found(alice: Employee) -> None:
    right = link(alice)
    for wrong in (
        right[:-3] + "x/",
        right.replace("W", "V", 1),
        "/notifications/unsubscribe/x/",
        right[:-1] + "9" * 400 + "/",
    ):
        assert StrictClient().post(wrong).status_code == 404
    assert not Preference.objects.exists()


# -- The page of HR and operators ----------------------------------------------------------------------------------


def test_hr_sees_how_many_wait_left_and_failed_and_no_recipient(
    as_: SignIn, campaign: Campaign, hr: Employee, operator: Employee, alice: Employee, alan: Employee, clock: Clock
) -> None:
    notify(clock, campaign, alice, "weekly")
    notify(clock, campaign, alan, "weekly")
    rows = Notification.objects.filter(kind="weekly", channel="email")
    rows.filter(employee=alan).update(state="failed", last_error="recipient: 550")
    for reader in (hr, operator):
        text = words(as_(reader).get("/company/notifications/"))
        assert "Monday summary, while you are behind the steady pace e-mail 1 0 0 1" in text
        assert "recipient: 550 failed" in text
        assert not any(name in text for name in ("Alan", "Alice", "A001", "alan@"))
    rows.filter(employee=alice).update(state="dropped", last_error="reached")
    assert "the target was reached by then" in words(as_(hr).get("/company/notifications/"))


def test_an_installation_without_notifications_has_an_empty_page(as_: SignIn, hr: Employee) -> None:
    assert "No notifications in the last 30 days" in words(as_(hr).get("/company/notifications/"))


def test_the_channel_of_mails_has_its_word_in_chinese(as_: SignIn, campaign: Campaign, alice: Employee) -> None:
    """邮箱 is the mailbox or the address, 邮件 the message."""
    page = as_(alice).get("/notifications/settings/", headers={"Accept-Language": "zh-hans"}).content.decode()
    labels = set(re.findall(r'<label class="check"><input [^>]*> ([^<]+)</label>', page))
    assert "邮件" in labels
    assert "邮箱" not in labels
