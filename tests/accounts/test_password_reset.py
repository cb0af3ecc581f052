"""Forgotten passwords: a page that reveals accounts would reveal employees to a stranger."""

import inspect
import re
from contextlib import nullcontext
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Account, SecurityEvent
from apps.accounts.password_reset import find_account
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core import enqueue, locks, rate_limits
from apps.core.models import AuditEntry
from apps.core.rate_limits import Kind
from apps.employees.models import Employee
from apps.operations.tasks import mail_link, send_security_mails
from tests import people
from tests.dashboard.strict import Page
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
NEW = "seven quiet lanterns by a river"


@pytest.fixture(autouse=True)
def _worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the worker's tasks at once."""
    cache.clear()
    monkeypatch.setattr(enqueue, "_publish", lambda send: send({}))
    monkeypatch.setattr(
        enqueue, "_send", lambda task, _options, *said: {enqueue.MAIL_PASSWORD_LINK: mail_link}[task](*said)
    )


def ask(name: str, django_capture: Any) -> Any:
    with django_capture(execute=True):
        return Client().post("/password/forgotten/", {"username": name})


def links() -> list[str]:
    return [
        found for one in mail.outbox for found in re.findall(r"http://testserver(/set-password/\S+)", str(one.body))
    ]


def test_an_address_that_is_the_same_in_capitals_alone_hides_nobodys(alice: Employee) -> None:
    """Otherwise an invented joiner could block a colleague's first sign-in."""
    people.load("staff_no,name,email\nX001,Xenia,alıce@corp.example.com\n")
    assert find_account("alice@corp.example.com")[1] == alice.pk


@pytest.mark.parametrize("name", ["A001", "a001", " alice@corp.example.com ", "Alice@Corp.example.com"])
def test_the_link_goes_to_the_address_of_the_roster_and_sets_a_password(
    name: str, alice: Employee, campaign: Campaign, django_capture_on_commit_callbacks: Any
) -> None:
    Account.objects.filter(employee=alice).update(email="old@elsewhere.example")
    before = people.sign_in(Client(), alice)
    ask(name, django_capture_on_commit_callbacks)
    assert [one.to for one in mail.outbox] == [["alice@corp.example.com"]]
    visitor, (link,) = Client(), links()
    page = visitor.get(link, follow=True)
    visitor.post(page.redirect_chain[-1][0], {"new_password1": NEW, "new_password2": NEW})
    assert Client().login(username="A001", password=NEW) or account_for(alice).check_password(NEW)
    assert before.get("/").status_code == 302, "whoever else was signed in as her still is"
    assert visitor.get(link, follow=True).context["validlink"] is False, "the link works twice"


def test_whoever_has_another_address_sets_a_new_password_there(
    hr: Employee, campaign: Campaign, django_capture_on_commit_callbacks: Any
) -> None:
    """A changed address ends the password: without this, HR would be locked out permanently."""
    people.enrol(hr, "KRUGS4ZANFZSAYJAONSWG4TFOQQGWZLZ")
    people.load("staff_no,name,email\nH001,Hedda,hedda.new@corp.example.com")
    people.approve()
    assert not account_for(hr).has_usable_password()
    ask("hedda.new@corp.example.com", django_capture_on_commit_callbacks)
    (link,) = links()
    visitor = Client()
    page = visitor.get(link, follow=True)
    visitor.post(page.redirect_chain[-1][0], {"new_password1": NEW, "new_password2": NEW})
    assert account_for(hr).check_password(NEW)
    assert Authenticator.objects.filter(user=account_for(hr)).exists()


def test_somebody_who_never_signed_in_gets_one_too(
    company: dict[str, Employee], campaign: Campaign, django_capture_on_commit_callbacks: Any
) -> None:
    assert not Account.objects.filter(employee=company["S001"]).exists()
    ask("S001", django_capture_on_commit_callbacks)
    assert [one.to for one in mail.outbox] == [["sam@corp.example.com"]]


@pytest.mark.parametrize("name", ["X999", "nobody@corp.example.com", "L001", "\x01", "a" * 200])
def test_nobody_gets_nothing_and_the_answer_is_the_same(
    name: str, alice: Employee, campaign: Campaign, django_capture_on_commit_callbacks: Any
) -> None:
    people.load("staff_no,name,email,left_on\nL001,Lea,lea@corp.example.com,2026-11-20")
    answers, asked = [], []
    for one in (name, "A001"):
        with CaptureQueriesContext(connection) as queries:
            answers.append(Client().post("/password/forgotten/", {"username": one}))
        asked.append([re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries])
    assert answers[0].status_code == answers[1].status_code == 200
    assert asked[0] == asked[1], "the time would tell"
    words = [Page(re.sub(r'value="[^"]*"', "", one.content.decode())).words for one in answers]
    assert words[0] == words[1]
    ask(name, django_capture_on_commit_callbacks)
    assert mail.outbox == []


def test_a_letter_box_is_not_filled(
    alice: Employee, campaign: Campaign, django_capture_on_commit_callbacks: Any
) -> None:
    for _try in range(5):
        ask("A001", django_capture_on_commit_callbacks)
    assert len(mail.outbox) == 1


def test_it_stands_in_the_trail_and_a_link_ends(
    alice: Employee, campaign: Campaign, clock: Clock, django_capture_on_commit_callbacks: Any
) -> None:
    ask("A001", django_capture_on_commit_callbacks)
    entry = AuditEntry.objects.get(action="account.link_mailed")
    assert entry.subject_id == str(account_for(alice).pk)
    assert "set-password" not in repr(vars(entry))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9999", "localhost:1"])
def test_a_link_leads_to_the_installation_whatever_host_and_port_were_asked_for(
    host: str, alice: Employee, campaign: Campaign, django_capture_on_commit_callbacks: Any
) -> None:
    """Otherwise the token would go to a server at the host or port named in a request."""
    with django_capture_on_commit_callbacks(execute=True):
        Client().post("/password/forgotten/", {"username": "A001"}, headers={"host": host})
    assert len(links()) == 1


def test_no_task_message_can_name_where_a_link_leads(alice: Employee) -> None:
    """Otherwise a manipulated broker could make Hundred mail links to a foreign server."""
    assert set(inspect.signature(mail_link).parameters) == {"account_id", "employee_id", "language"}
    mail_link(account_for(alice).pk, alice.pk, "https://evil.example/")
    assert len(links()) == 1
    assert "evil" not in str(mail.outbox[0].message())


def test_a_cache_that_was_emptied_fills_no_letter_box(alice: Employee) -> None:
    for _try in range(3):
        cache.clear()
        mail_link(account_for(alice).pk, alice.pk, "en")
    assert len(mail.outbox) == 1


def test_an_address_of_another_host_is_not_mailed(alice: Employee, campaign: Campaign) -> None:
    """A link to a foreign server would reveal the token."""
    answer = Client().post("/password/forgotten/", {"username": "A001"}, headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert mail.outbox == []


def test_without_passwords_there_is_no_such_page(settings: Any) -> None:
    settings.PASSWORD_SIGN_IN = False
    assert Client().get("/password/forgotten/").status_code == 404


def test_a_broken_mail_server_is_said_to_the_log_without_whom(
    alice: Employee, campaign: Campaign, django_capture_on_commit_callbacks: Any, caplog: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(
        "django.core.mail.EmailMessage.send", lambda *_a, **_k: (_ for _ in ()).throw(OSError("to alice@"))
    )
    answer = ask("A001", django_capture_on_commit_callbacks)
    assert answer.status_code == 200
    assert "OSError" in caplog.text
    assert "alice" not in caplog.text.lower()


def test_one_worker_sends_and_the_others_leave_their_mails_to_it(
    alice: Employee, alan: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a stranger's requests occupy every worker with the mail server."""
    with monkeypatch.context() as busy:
        busy.setattr(locks, "advisory_lock", lambda name: nullcontext(name != "mails"))
        mail_link(account_for(alice).pk, alice.pk, "en")
        mail_link(account_for(alan).pk, alan.pk, "zh-hans")
        mail_link(account_for(alan).pk, alan.pk, "zh-hans")
    assert mail.outbox == []
    send_security_mails()
    assert [one.to for one in mail.outbox] == [["alice@corp.example.com"], ["alan@corp.example.com"]]
    assert "密码" in mail.outbox[1].subject
    assert not SecurityEvent.objects.exists()


def test_a_link_that_could_not_be_mailed_is_tried_again_for_an_hour(
    alice: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: Any) -> int:
        raise OSError

    with monkeypatch.context() as away:
        away.setattr("django.core.mail.EmailMessage.send", fails)
        mail_link(account_for(alice).pk, alice.pk, "en")
    clock.set("2026-11-23T12:11:00+08:00", ticks=True)
    send_security_mails()
    assert len(links()) == 1
    SecurityEvent.objects.create(account=account_for(alice), kind=SecurityEvent.PASSWORD_LINK, address="a@b.example")
    clock.set("2026-11-23T14:00:00+08:00", ticks=True)
    send_security_mails()
    assert len(links()) == 1, "an hour later the owner has asked again or given up"
    assert not SecurityEvent.objects.exists()


def test_an_address_asks_for_a_limited_number_of_links(alice: Employee, campaign: Campaign, settings: Any) -> None:
    settings.RATES = {kind.value: "off" for kind in Kind} | {"password_mail": "2/minute"}
    rate_limits._counters.cache_clear()
    asked = [Client().post("/password/forgotten/", {"username": f"X{n}"}).status_code for n in range(3)]
    rate_limits._counters.cache_clear()
    assert asked == [200, 200, 429]
