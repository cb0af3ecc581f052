"""New e-mail addresses: a failure lets one person receive another's set-password links."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction

from apps.accounts.approvals import refuse_request
from apps.accounts.models import Account, ApprovalRequest, EmailChange
from apps.accounts.password_reset import BLOCKED_ONCE_IN, has_pending_email_change
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.employees.models import Employee, EmployeeIdentity
from apps.roster import imports
from apps.roster.email_change_mails import mail_address_changes
from apps.roster.undo import can_undo, undo_load
from apps.standings.approvable_changes import approve_request, effect_digest, effect_of_request
from tests import people, rosters
from tests.accounts.access_log_entries import counts
from tests.fixtures import Clock
from tests.people import ROSTER, load, officer, person, with_account

pytestmark = pytest.mark.django_db
HEADER = "staff_no,name,email\n"
LEAVERS = [("A002", "Alan"), ("C001", "Carol"), ("S001", "Sam")]
NEW = HEADER + "A001,Alice 艾,mallory@outside.example.org\n"


@pytest.fixture(autouse=True)
def requester(company: object) -> Actor:
    return officer("hr-1")


def the_request() -> ApprovalRequest:
    return ApprovalRequest.objects.get(kind="email_change", decision=None)


def approve(request: ApprovalRequest, by: str = "hr-2") -> None:
    seen = effect_digest(effect_of_request(request, db_now()))
    approve_request(request_id=request.pk, expected_digest=seen, by=officer(by))


def emails(staff_no: str) -> dict[str, bool]:
    return dict(EmployeeIdentity.objects.filter(employee__staff_no=staff_no, kind="email").values_list("value", "live"))


def test_a_roster_changes_no_address_of_an_employee_with_or_without_an_account() -> None:
    with_account(person("A002"))
    result = load(NEW + "A002,Alan Two,eve@outside.example.org\nN001,Nina,nina@corp.example.com\n")
    assert counts(result) == {"updated": 1, "created": 1, "unchanged": 1, "addresses": 2}
    assert (person("A001").email, person("A002").email) == ("alice@corp.example.com", "alan@corp.example.com")
    assert person("A002").name == "Alan Two", "everything else is loaded"
    assert Account.objects.get(employee__staff_no="A002").email == "alan@corp.example.com"
    assert emails("A001") == {"alice@corp.example.com": True}
    assert has_pending_email_change(person("A001").pk)
    assert not has_pending_email_change(person("N001").pk)


def test_the_same_file_again_asks_nothing_new_and_another_address_supersedes() -> None:
    load(NEW)
    first = the_request()
    assert counts(load(NEW)) == {"unchanged": 1}
    assert the_request() == first
    load(NEW.replace("mallory", "eve"))
    first.refresh_from_db()
    assert first.decision == "superseded"
    assert EmailChange.objects.get(waiting=True).new_email == "eve@outside.example.org"
    load(HEADER + "A001,Alice 艾,alice@corp.example.com\n")
    assert not EmailChange.objects.filter(waiting=True).exists(), "the roster has the old address again"
    assert not has_pending_email_change(person("A001").pk)


def test_a_second_person_approves_and_employee_account_and_identities_follow() -> None:
    account = with_account(person("A001")).account
    load(NEW)
    approve(the_request())
    account.refresh_from_db()
    assert person("A001").email == account.email == "mallory@outside.example.org"
    assert emails("A001") == {"alice@corp.example.com": False, "mallory@outside.example.org": True}
    assert account.security_changed_at is not None
    assert not has_pending_email_change(person("A001").pk)
    assert counts(load(NEW)) == {"unchanged": 1}


def test_a_refused_address_stays_as_it_was() -> None:
    load(NEW)
    refuse_request(request_id=the_request().pk, note="she knows nothing of it", by=officer("hr-2"))
    assert person("A001").email == "alice@corp.example.com"
    assert not has_pending_email_change(person("A001").pk)


def test_two_people_swap_their_addresses_with_a_second_person() -> None:
    load(HEADER + "A001,Alice 艾,alan@corp.example.com\nA002,Alan,alice@corp.example.com\n")
    assert person("A001").email == "alice@corp.example.com"
    approve(the_request())
    assert (person("A001").email, person("A002").email) == ("alan@corp.example.com", "alice@corp.example.com")
    assert emails("A001") == {"alice@corp.example.com": False, "alan@corp.example.com": True}


def test_nobody_new_takes_an_address_whose_change_waits() -> None:
    result = load(NEW + "N001,Nina,alice@corp.example.com\n")
    assert [reject.code for reject in result.rejects] == ["email_taken"]
    assert not Employee.objects.filter(staff_no="N001").exists()


def test_an_address_that_somebody_got_meanwhile_is_not_approved() -> None:
    load(NEW)
    load(HEADER + "N001,Nina,mallory@outside.example.org\n")
    with pytest.raises(Refused) as refusal:
        approve(the_request())
    assert refusal.value.code == "taken"
    assert person("A001").email == "alice@corp.example.com"


def test_a_leaver_who_returns_with_another_address_keeps_the_old_one_until_it_is_approved() -> None:
    load(ROSTER.replace("A002,Alan,alan@corp.example.com,,Sales,B001\n", ""), complete=True)
    result = load(HEADER + "A002,Alan,mallory@outside.example.org\n")
    assert counts(result) == {"updated": 1, "addresses": 1}
    assert person("A002").email == "alan@corp.example.com"
    assert has_pending_email_change(person("A002").pk)


def test_a_returner_whose_address_another_has_by_now_gets_no_link() -> None:
    """Otherwise the new holder of the address could set the returner's password."""
    load(ROSTER.replace("A002,Alan,alan@corp.example.com,,Sales,B001\n", ""), complete=True)
    load(HEADER + "N001,Alan Next,alan@corp.example.com\n")
    shown = rosters.looked(HEADER + "A002,Alan,alan.two@corp.example.com\n")
    assert imports.confirm(shown, digest=shown.digest, by=officer("hr-1"))
    rosters.worked(shown)
    approve(ApprovalRequest.objects.get(kind="roster_load", decision=None))
    rosters.worked(shown)
    refuse_request(request_id=the_request().pk, note="not his", by=officer("hr-2"))
    assert has_pending_email_change(person("A002").pk)
    assert not has_pending_email_change(person("N001").pk)


def test_a_leaver_in_the_file_gives_the_address_to_somebody_new() -> None:
    load(ROSTER.replace("A002,Alan,alan@corp.example.com,,Sales,B001\n", ""), complete=True)
    result = load(
        "staff_no,name,email,left_on\nA002,Alan,alan.two@corp.example.com,2026-11-20\n"
        "N001,Alan Next,alan@corp.example.com,\n"
    )
    assert counts(result)["created"] == 1
    assert emails("N001") == {"alan@corp.example.com": True}
    assert emails("A002") == {"alan@corp.example.com": False}


def test_undoing_the_load_takes_its_request_back(requester: Actor) -> None:
    done = rosters.applied(NEW + "N001,Nina,nina@corp.example.com\n")
    undo_load(load_id=done.pk, by=requester)
    assert not ApprovalRequest.objects.filter(kind="email_change", decision=None).exists()
    assert not has_pending_email_change(person("A001").pk)


def test_an_approved_address_ends_the_undoing_of_the_load() -> None:
    done = rosters.applied(NEW + "N001,Nina,nina@corp.example.com\n")
    assert can_undo(done)
    approve(the_request())
    assert not can_undo(done), "undoing would bring the old address back by one person"


def test_no_statement_changes_an_address_alone_once_there_is_hr(alice: Employee) -> None:
    with pytest.raises(IntegrityError, match="second person"), transaction.atomic():
        Employee.objects.filter(pk=alice.pk).update(email="mallory@outside.example.org")


def test_the_old_address_is_told_of_the_request_and_of_the_change_once_each() -> None:
    load(NEW)
    assert mail_address_changes() == 1
    assert mail_address_changes() == 0
    approve(the_request())
    assert mail_address_changes() == 1
    assert mail_address_changes() == 0
    assert [message.to for message in mail.outbox] == [["alice@corp.example.com"]] * 2
    for message in mail.outbox:
        text = message.subject + message.body
        assert "mallory@" not in text, "the new address is masked"
        assert "http" not in text
        assert "outside.example.org" not in message.body, "one HR user could send a link to all employees"
        assert "an address outside the company (m***)" in message.body


@pytest.mark.parametrize("address", ["alice.new@corp.example.com", "alice@corp.example.net"])
def test_the_domain_of_a_new_address_of_the_company_is_named(settings: Any, address: str) -> None:
    """Otherwise the owner does not recognise the own new address, and calls HR."""
    settings.COMPANY_EMAIL_DOMAINS = ["Corp.Example.net"]
    load(HEADER + f"A001,Alice 艾,{address}\n")
    mail_address_changes()
    assert f"a***@{address.partition('@')[2]}" in str(mail.outbox[0].body)


def test_one_hr_user_blocks_nobodys_links_for_ever(noon: Clock) -> None:
    """Each day another address: the links return after two weeks, and the employee reads one mail a day."""
    first, alice = db_now(), person("A001").pk
    blocked = []
    for day in range(40):
        noon.set(first + timedelta(days=day, minutes=day), ticks=True)
        for time in range(3):
            load(HEADER + f"A001,Alice 艾,alice{day}.{time}@corp.example.com\n", by=officer("hr-1"))
        blocked.append(has_pending_email_change(alice))
        assert mail_address_changes() == 1
    assert blocked == [True] * 14 + [False] * 26
    noon.set(first + BLOCKED_ONCE_IN + timedelta(days=40), ticks=True)
    load(NEW, by=officer("hr-1"))
    assert has_pending_email_change(alice)


def test_a_mail_that_is_not_taken_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load(NEW)

    def away(*args: object, **options: object) -> int:
        raise OSError("alice@corp.example.com")

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", away)
        assert mail_address_changes() == 0
    assert "alice@" not in caplog.text
    assert mail_address_changes() == 1


def test_refused_addresses_keep_back_no_other_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a file with old addresses of leavers hides for a week that an employee's address changes."""
    monkeypatch.setattr("apps.roster.email_change_mails.MAX_MAILS", 2)
    load(HEADER + "".join(f"{number},{name},new.{name.lower()}@corp.example.com\n" for number, name in LEAVERS))
    load(NEW)
    send = EmailMessage.send

    def refusing(message: EmailMessage) -> int:
        if message.to != ["alice@corp.example.com"]:
            raise SMTPRecipientsRefused({message.to[0]: (550, b"no such user")})
        return send(message)

    monkeypatch.setattr(EmailMessage, "send", refusing)
    assert mail_address_changes() + mail_address_changes() == 1
    assert [message.to for message in mail.outbox] == [["alice@corp.example.com"]]


def test_the_first_set_up_has_no_second_person() -> None:
    Account.objects.all().delete()
    assert counts(people.load(NEW)) == {"updated": 1}
    assert person("A001").email == "mallory@outside.example.org"
