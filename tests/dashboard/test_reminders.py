"""Reminders and help on pages: who may send, what the preview shows, and what the employee reads of it."""

import re
from typing import Any

import pytest

from apps.accounts.models import Account
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.models import Event
from apps.employees.models import Employee
from apps.notifications.models import HelpOffer, Reminder, ReminderText
from apps.notifications.planning import plan_notifications
from apps.notifications.reminders.help_offers import offer_help
from tests import people, reminding, reviewing
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, links, words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
TEAM, COMPANY, TEXTS = "/team/B001/remind/", "/company/remind/", "/company/reminder-texts/"


@pytest.fixture
def campaign(campaign: Campaign) -> Campaign:
    """November, whose opening has been notified."""
    Event.objects.all().delete()
    return campaign


def form(page: Any) -> dict[str, str]:
    """The hidden fields of the preview, and its chosen text."""
    html = page.content.decode()
    fields = {name: re.search(f'name="{name}" value="([^"]+)"', html) for name in ("key", "seen")}
    chosen = re.search(r'name="text" value="(\w+)" checked', html)
    return {name: match[1] for name, match in {**fields, "text": chosen}.items() if match}


def send(client: StrictClient, address: str, **typed: str) -> Any:
    return client.post(address, form(client.get(address)) | typed, follow=True)


# -- The preview and the sending -----------------------------------------------------------------------------------


def test_a_manager_comes_from_the_list_sees_who_is_reminded_and_sends(
    as_: SignIn, campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, clock: Clock
) -> None:
    reminding.text()
    people.adjust(campaign=campaign, employee=alan, exempt=True)
    people.mark()
    client = as_(bob)
    page = client.get("/team/B001/?status=to_go")
    assert "Remind these 2 people" in words(page)
    [address] = [link for link in links(page) if "/remind/" in link]
    assert address == "/team/B001/remind/?status=to_go"
    preview = words(client.get(address))
    assert "1 person is reminded." in preview
    assert "Alice 艾 A001 –" in preview
    assert "Alan A002 is exempt from the target –" in preview
    assert "1 e-mail is sent" in preview
    chinese = words(client.get(address, headers={"accept-language": "zh-CN"}))
    assert re.search(r"不提醒的人 \S+：1 ", chinese), "the colon of the reader's writing"
    answer = send(client, address)
    assert answer.redirect_chain == [("/team/B001/?status=to_go#list", 302)]
    assert "1 person is reminded." in words(answer)
    assert "Alice 艾 A001 was reminded within the last 24 hours today 12:00" in words(client.get(address))
    plan_notifications(clock.now())
    bell = words(as_(alice).get("/notifications/"))
    assert "A reminder new Bob 白 (manager) reminds you of November. Shall we talk?" in bell


def test_hr_reminds_the_company_and_writes_a_text_for_this_time(
    as_: SignIn, campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    client = as_(hr)
    own = {"text": "own", "text_en": "Come by.", "text_zh": "来找我。"}
    page = send(client, f"{COMPANY}?q=A001", **own | {"text_zh": ""})
    assert "Write the text in both languages." in words(page)
    assert "Come by." in page.content.decode(), "what was typed is still there"
    reminding.text()
    empty = send(client, f"{COMPANY}?q=A001", **own | {"text_en": "", "text_zh": ""}).content.decode()
    assert "Write the text in both languages." in empty.partition("<details open")[2], "the fold would hide the error"
    assert not Reminder.objects.exists()
    send(client, f"{COMPANY}?q=A001", **own)
    reminder = Reminder.objects.get()
    assert (reminder.text, reminder.text_zh, reminder.sender_role, reminder.people) == (None, "来找我。", "hr", 1)


def test_a_manager_chooses_among_approved_texts_alone(as_: SignIn, campaign: Campaign, bob: Employee) -> None:
    client = as_(bob)
    assert "There is no text yet" in words(client.get(TEAM))
    withdrawn = reminding.text()
    ReminderText.objects.update(withdrawn_at=withdrawn.made_at)
    for text in ("own", str(withdrawn.pk), "999999", ""):
        seen = {"seen": reminding.preview(campaign, bob).seen, "key": "8d4f0f62-6a1f-4a5e-9a55-0d35a8c8f0aa"}
        answer = client.post(TEAM, seen | {"text": text, "text_en": "Work!", "text_zh": "快！"})
        assert answer.status_code == 422
    assert not Reminder.objects.exists()


def test_a_list_that_grew_since_the_preview_is_shown_again(
    as_: SignIn, campaign: Campaign, alice: Employee, bob: Employee
) -> None:
    reminding.text()
    people.record(alice, 100)
    people.mark()
    client = as_(bob)
    typed = form(client.get(TEAM))
    people.adjust(campaign=campaign, employee=alice, target=120)
    people.mark()
    answer = client.post(TEAM, typed)
    assert answer.status_code == 409
    assert "The list has changed: more people would be reminded." in words(answer)
    assert not Reminder.objects.exists()
    assert client.post(TEAM, typed | form(answer)).status_code == 302
    assert Reminder.objects.get().people == 2
    for forged in ("", "x", "1.!"):
        assert client.post(TEAM, typed | {"seen": forged}).status_code == 422


@pytest.mark.parametrize("who", ["alan", "carol", "auditor", "operator", "deputy"])
def test_who_does_not_lead_the_team_reminds_no_one(
    as_: SignIn, campaign: Campaign, bob: Employee, who: str, request: pytest.FixtureRequest
) -> None:
    """A deputy sees the team and does not speak for its manager (ADR 81)."""
    reminding.text()
    reader = people.with_account(people.person("S001")) if who == "deputy" else request.getfixturevalue(who)
    if who == "deputy":
        people.stands_in(bob, reader)
        page = as_(reader).get("/team/B001/")
        assert page.status_code == 200
        assert not [link for link in links(page) if "/remind/" in link or link.startswith("mailto:")]
    for address in (TEAM, COMPANY):
        assert as_(reader).get(address).status_code == 404
        assert as_(reader).post(address, {"text": "1"}).status_code == 404


def test_a_manager_above_reminds_the_team_below(as_: SignIn, campaign: Campaign, dana: Employee) -> None:
    reminding.text()
    send(as_(dana), TEAM)
    assert Reminder.objects.get().people == 2


def test_a_past_day_and_a_campaign_that_is_over_offer_no_reminder(
    as_: SignIn, campaign: Campaign, bob: Employee, clock: Clock
) -> None:
    client = as_(bob)
    assert not [link for link in links(client.get("/team/B001/?as_of=2026-11-20")) if "/remind/" in link]
    clock.set("2026-12-01T00:00:30+08:00", ticks=True)
    assert not [link for link in links(client.get("/team/B001/")) if "/remind/" in link]
    assert client.get(TEAM).status_code == 404


def test_a_manager_s_preview_says_nothing_of_accounts_and_their_languages(
    as_: SignIn, campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, hr: Employee
) -> None:
    reminding.text()
    account = account_for(people.with_account(alice))
    account.language = "zh-hans"
    account.save(update_fields=["language"])
    Account.objects.filter(employee=people.with_account(alan)).update(is_active=False)
    seen_by_hr = words(as_(hr).get(f"{COMPANY}?q=A00"))
    assert "has no access to Hundred" in seen_by_hr
    assert "Alice 艾 A001 简体中文" in seen_by_hr
    seen_by_manager = words(as_(bob).get(TEAM))
    assert "Alan A002 cannot be reminded now –" in seen_by_manager
    assert "Alice 艾 A001 –" in seen_by_manager
    for hidden in ("no access", "简体中文 –", "all languages", "Language Last"):
        assert hidden not in seen_by_manager


def test_a_manager_s_preview_says_nothing_of_a_review(
    as_: SignIn, campaign: Campaign, alice: Employee, bob: Employee, hr: Employee
) -> None:
    before = words(as_(bob).get(TEAM))
    reviewing.ask(campaign, alice)
    assert words(as_(bob).get(TEAM)) == before
    assert "Alice 艾 A001 has asked HR for a review" in words(as_(hr).get(COMPANY))


# -- HR's texts and sums -------------------------------------------------------------------------------------------


def test_hr_adds_changes_and_withdraws_a_text(as_: SignIn, campaign: Campaign, hr: Employee) -> None:
    client = as_(hr)
    typed = {"title": "Talk", "text_en": "<b>Shall we talk?</b>", "text_zh": "聊聊？"}
    page = client.post(TEXTS, typed, follow=True)
    assert "Managers can now send “Talk”." in words(page)
    assert "&lt;b&gt;Shall we talk?" in page.content.decode()
    assert client.post(TEXTS, typed).status_code == 409
    first = ReminderText.objects.get()
    assert client.post(f"{TEXTS}{first.pk}/", typed | {"text_en": "x" * 1_001}).status_code == 422
    client.post(f"{TEXTS}{first.pk}/", typed | {"text_en": "Let us talk."})
    assert client.get(f"{TEXTS}{first.pk}/").status_code == 404
    second = ReminderText.objects.current().get()
    assert (second.version, second.text_en) == (2, "Let us talk.")
    for _time in range(2):
        answer = client.post(f"{TEXTS}{second.pk}/withdraw/", follow=True)
        assert "There is no text yet" in words(answer)
    assert client.post(f"{TEXTS}999999/withdraw/").status_code == 404


def test_hr_reads_sums_by_sender_and_an_operator_does_not(
    as_: SignIn, campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, hr: Employee, operator: Employee
) -> None:
    reminding.remind(campaign, bob)
    offer_help(campaign=campaign, employee=alice, kind=HelpOffer.Kind.TALK, by=account_for(bob))
    text = words(as_(hr).get("/company/notifications/"))
    assert "Bob 白 B001 1 2 1" in text
    assert "Alice" not in text
    assert "Bob" not in words(as_(operator).get("/company/notifications/"))


# -- Write to, and help --------------------------------------------------------------------------------------------


def test_a_manager_writes_to_a_person_and_offers_help_from_the_list(
    as_: SignIn, campaign: Campaign, alice: Employee, bob: Employee
) -> None:
    Employee.objects.filter(pk=alice.pk).update(email="a?subject=x&b@corp.example.com")
    found = links(as_(bob).get("/team/B001/"))
    assert "mailto:a%3Fsubject%3Dx%26b@corp.example.com" in found
    assert "/team/A001/#help" in found


def test_help_is_offered_answered_and_seen_by_the_two_alone(
    as_: SignIn, campaign: Campaign, alice: Employee, alan: Employee, bob: Employee, dana: Employee, hr: Employee
) -> None:
    manager, mine = as_(bob), as_(alice)
    answer = manager.post("/team/A001/help/", {"kind": "training"}, follow=True)
    assert "Alice 艾 now sees your offer on their first page." in words(answer)
    assert "Training today 12:00 · waiting for an answer" in words(answer)
    page = words(mine.get("/"))
    assert "Bob 白 offers you help" in page
    assert "Training Accept help Not needed" in page
    for other in (dana, hr, alan):
        member = as_(other).get("/team/A001/")
        assert "waiting for an answer" not in words(member)
    offer = HelpOffer.objects.get()
    assert as_(alan).post(f"/help/{offer.pk}/answer/", {"answer": "accepted"}).status_code == 404
    answer = mine.post(f"/help/{offer.pk}/answer/", {"answer": "not_needed"}, follow=True)
    assert "Bob 白 sees that you need no help now." in words(answer)
    answer = mine.post(f"/help/{offer.pk}/answer/", {"answer": "not_needed"}, follow=True)
    assert "offers you help" not in words(answer)
    assert "Training today 12:00 · not needed" in words(manager.get("/team/A001/"))


def test_an_answer_says_when_the_manager_does_not_read_it_any_more(
    as_: SignIn, campaign: Campaign, alice: Employee, bob: Employee
) -> None:
    as_(bob).post("/team/A001/help/", {"kind": "talk"})
    head = people.ROSTER.splitlines()[0]
    people.load(f"{head}\nA001,Alice 艾,alice@corp.example.com,,Support,C001\n")
    answer = as_(alice).post(f"/help/{HelpOffer.objects.get().pk}/answer/", {"answer": "accepted"}, follow=True)
    assert "Bob 白 is no longer your manager and does not see your answer." in words(answer)


def test_no_help_is_offered_to_a_person_at_the_target_or_in_an_unknown_kind(
    as_: SignIn, campaign: Campaign, alice: Employee, bob: Employee
) -> None:
    client = as_(bob)
    assert "Choose what you offer." in words(client.post("/team/A001/help/", {"kind": "money"}, follow=True))
    people.record(alice, 100)
    people.mark()
    assert "Offer help" not in words(client.get("/team/A001/"))
    answer = client.post("/team/A001/help/", {"kind": "talk"}, follow=True)
    assert "This person is not below target." in words(answer)
    assert not HelpOffer.objects.exists()


def test_an_offer_can_be_withdrawn_after_the_employee_moved_away(
    as_: SignIn, campaign: Campaign, alice: Employee, bob: Employee
) -> None:
    client = as_(bob)
    client.post("/team/A001/help/", {"kind": "talk"})
    offer = HelpOffer.objects.get()
    head = people.ROSTER.splitlines()[0]
    people.load(f"{head}\nA001,Alice 艾,alice@corp.example.com,,Support,C001\n")
    assert client.post("/team/A001/help/", {"kind": "talk"}).status_code == 404
    answer = client.post(f"/help/{offer.pk}/withdraw/", follow=True)
    assert answer.status_code == 200
    assert HelpOffer.objects.get().state == "withdrawn"


def test_a_manager_offers_help_to_a_manager_below(
    as_: SignIn, campaign: Campaign, bob: Employee, dana: Employee
) -> None:
    answer = as_(dana).post("/team/B001/help/", {"kind": "target"}, follow=True)
    assert "Asking HR together for another target" in words(answer)
    assert "Dana 董 offers you help" in words(as_(bob).get("/"))
