"""Sign-in by number or address for current employees only, and the roles of accounts."""

from typing import Any
from unittest import mock

import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.core.management import CommandError
from django.db import transaction
from django.test import Client
from django.urls import reverse

from apps.accounts.access_log import audit_account
from apps.accounts.models import Account, Role
from apps.accounts.password_reset import find_account
from apps.accounts.services import UnknownRole, account_for, grant_role, set_password_link
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from tests.commands import run, say
from tests.people import PASSWORD, ROSTER, TESTER, load, sign_in, with_account


def without(staff_no: str) -> str:
    return "".join(line for line in ROSTER.splitlines(keepends=True) if not line.startswith(staff_no))


@pytest.mark.parametrize("name", ["A001", "a001", " A001 ", "alice@corp.example.com", "Alice@Corp.example.com"])
def test_number_and_address_both_sign_in(alice: Employee, name: str) -> None:
    assert authenticate(None, username=name, password=PASSWORD) == account_for(alice)


@pytest.mark.parametrize(
    ("name", "password"),
    [("A001", "wrong"), ("A001", ""), ("", PASSWORD), ("nobody", PASSWORD), ("A001\0", PASSWORD), ("\ud800", PASSWORD)],
)
def test_nothing_else_signs_in(alice: Employee, name: str, password: str) -> None:
    assert authenticate(None, username=name, password=password) is None


def test_who_has_left_cannot_sign_in_nor_stay(alan: Employee) -> None:
    client = sign_in(Client(), alan)
    assert client.session["_auth_user_id"] == str(alan.account.pk)
    load(without("A002"), complete=True)
    assert authenticate(None, username="A002", password=PASSWORD) is None
    assert client.get(reverse("login")).wsgi_request.user.is_anonymous


def test_who_came_back_signs_in_again_and_is_there_once(alan: Employee) -> None:
    load(without("A002"), complete=True)
    load(ROSTER)
    assert authenticate(None, username="A002", password=PASSWORD) is None, "a password ends with the employment"
    alan.account.refresh_from_db()
    with_account(alan)
    assert authenticate(None, username="A002", password=PASSWORD) == alan.account
    assert sign_in(Client(), alan).get(reverse("login")).wsgi_request.user == alan.account


def test_the_heir_of_a_leavers_address_signs_in_with_it(alan: Employee) -> None:
    load(without("A002"), complete=True)
    load("staff_no,name,email\nA003,Alan Two,alan@corp.example.com")
    heir = with_account(Employee.objects.get(staff_no="A003"))
    assert authenticate(None, username="alan@corp.example.com", password=PASSWORD) == heir.account
    assert authenticate(None, username="A002", password=PASSWORD) is None


def test_a_new_line_with_the_address_of_an_account_without_an_employee_takes_nothing(alan: Employee) -> None:
    """Otherwise one HR user keeps the operator from signing in, and from a new password, by a line of the roster."""
    operator = Account.objects.create_user("operator", PASSWORD, email="Ops@corp.example.com")
    load("staff_no,name,email\nN001,Nina,ops@corp.example.com")
    planted = with_account(Employee.objects.get(staff_no="N001"))
    assert authenticate(None, username="ops@corp.example.com", password=PASSWORD) == operator
    assert find_account("ops@corp.example.com")[0] == operator.pk
    assert Account.objects.named("ops@corp.example.com") == [operator], "the trail names the account of a refusal"
    assert authenticate(None, username="n001", password=PASSWORD) == planted.account


@mock.patch("apps.roster.load_checks.REJECT_MISLEADING_NUMBERS", ())  # older rosters have such numbers
def test_staff_numbers_that_differ_by_case_alone_have_an_account_each(company: dict[str, Employee]) -> None:
    load("staff_no,name,email\na001,Little Alice,little@corp.example.com")
    big, little = (with_account(Employee.objects.get(staff_no=number)) for number in ("A001", "a001"))
    assert big.account != little.account
    assert authenticate(None, username="little@corp.example.com", password=PASSWORD) == little.account


def test_an_account_without_an_employee_may_sign_in(company: dict[str, Employee]) -> None:
    root = Account.objects.create_superuser("root", PASSWORD, email="root@corp.example.com")
    assert authenticate(None, username="root", password=PASSWORD) == root
    assert authenticate(None, username="root@corp.example.com", password=PASSWORD) == root


def test_a_superuser_is_not_hr(company: dict[str, Employee]) -> None:
    root = Account.objects.create_superuser("root", PASSWORD)
    assert not root.has_role("hr")
    assert not Employee.objects.visible_to(root).exists()


# -- who sees whom -------------------------------------------------------------------------------------------------


def seen_by(employee: Employee) -> set[str]:
    account = Account.objects.get(employee=employee)
    return set(Employee.objects.visible_to(account).values_list("staff_no", flat=True))


def test_everybody_sees_themselves_and_who_is_below_and_hr_sees_all(
    alice: Employee, bob: Employee, carol: Employee, dana: Employee, hr: Employee, auditor: Employee, operator: Employee
) -> None:
    assert seen_by(alice) == {"A001"}
    assert seen_by(bob) == {"B001", "A001", "A002"}
    assert seen_by(carol) == {"C001", "S001"}
    everybody = {"D001", "B001", "A001", "A002", "C001", "S001", "H001", "U001", "O001"}
    assert seen_by(dana) == everybody
    assert seen_by(hr) == everybody
    assert seen_by(auditor) == {"U001"}
    assert seen_by(operator) == {"O001"}


def test_a_manager_loses_sight_of_who_moved_away(bob: Employee, carol: Employee) -> None:
    load("staff_no,name,email,manager_staff_no\nA001,Alice 艾,alice@corp.example.com,C001")
    assert seen_by(bob) == {"B001", "A002"}
    assert seen_by(carol) == {"C001", "S001", "A001"}


def test_a_number_no_database_can_hold_is_nobodys(company: dict[str, Employee]) -> None:
    for number in ("A\0", "\ud800", "", "x" * 10_000):
        with pytest.raises(Employee.DoesNotExist):
            Employee.objects.get_by_staff_no(number)


# -- roles ---------------------------------------------------------------------------------------------------------


def test_a_role_is_given_once_taken_once_and_both_are_on_record(alice: Employee) -> None:
    assert grant_role(employee=alice, role="hr", by=TESTER)
    assert not grant_role(employee=alice, role="hr", by=TESTER)
    assert Account.objects.get(employee=alice).has_role("hr")
    assert grant_role(employee=alice, role="hr", by=TESTER, revoke=True)
    assert not grant_role(employee=alice, role="hr", by=TESTER, revoke=True)
    assert not Role.objects.exists()
    trail = AuditEntry.objects.filter(action__startswith="role.").order_by("id")
    assert [(entry.action, entry.detail["role"]) for entry in trail] == [("role.granted", "hr"), ("role.revoked", "hr")]


def test_an_unknown_role_is_none(alice: Employee) -> None:
    with pytest.raises(UnknownRole):
        grant_role(employee=alice, role="king", by=TESTER)


def test_the_command_gives_and_takes_roles(company: dict[str, Employee]) -> None:
    granted = run("grant_role", "A001", "hr")
    assert granted.pop("enrolment_code"), "nobody could add the second factor that the role needs"
    assert granted == {"staff_no": "A001", "role": "hr", "changed": True}
    assert run("grant_role", "A001", "hr")["changed"] is False
    assert "no longer has the role hr" in say("grant_role", "A001", "hr", "--revoke")[0]
    with pytest.raises(CommandError, match="no employee has the number X404"):
        run("grant_role", "X404", "hr")


# -- invitations ---------------------------------------------------------------------------------------------------


def test_an_invitation_lets_somebody_set_a_password(
    company: dict[str, Employee], client: Client, settings: Any
) -> None:
    settings.BASE_URL = "https://hundred.example.com"
    told = run("invite_employees", "--staff-no", "A001")
    assert told["sent"] == 1
    [message] = mail.outbox
    assert message.to == ["alice@corp.example.com"]
    account = Account.objects.get(employee=company["A001"])
    assert not account.has_usable_password()
    link = next(word for word in message.body.split() if word.startswith("https://hundred.example.com/"))
    assert link.removeprefix("https://hundred.example.com").startswith("/")
    assert client.get(link.removeprefix("https://hundred.example.com")).status_code == 302
    assert AuditEntry.objects.filter(action="account.invited").count() == 1


def test_only_who_has_no_password_and_works_here_is_invited(alice: Employee) -> None:
    load(without("A002"), complete=True)
    told = run("invite_employees")
    assert told["sent"] == 7
    assert {message.to[0] for message in mail.outbox}.isdisjoint({"alice@corp.example.com", "alan@corp.example.com"})


def test_links_can_be_printed_instead_of_mailed(company: dict[str, Employee]) -> None:
    told = run("invite_employees", "--print", "--staff-no", "A001")
    assert list(told["links"]) == ["A001"]
    assert not mail.outbox
    with pytest.raises(CommandError, match="no employee has the number X404"):
        run("invite_employees", "--staff-no", "X404")


def test_a_mail_server_that_is_down_is_told_in_one_sentence(company: dict[str, Employee], settings: object) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 9, 1
    with pytest.raises(CommandError, match="mail"):
        run("invite_employees", "--staff-no", "A001")


def test_a_link_is_of_one_use(alice: Employee) -> None:
    account = account_for(alice)
    link = set_password_link(account)
    account.set_password("another one")
    account.save()
    assert set_password_link(account) != link


def test_a_sign_in_is_on_record(alice: Employee) -> None:
    with transaction.atomic():
        audit_account("signed_in", account_for(alice))
    entry = AuditEntry.objects.get(action="account.signed_in")
    assert (entry.actor_label, entry.subject_label) == ("Alice 艾", "Alice 艾")
