"""Accounts of the few who can sign in to the demo. Their passwords are made at random for each installation and kept

beside the demo's mark, which exists in no database with real people: so `demo_sign_ins` can print them again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from apps.accounts.models import Account, Role, SecurityEvent
from apps.accounts.services import account_for, grant_role
from apps.core.audit import Actor, audit
from apps.demo.company import Company
from apps.employees.models import Employee

# No letter or digit that looks like another.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
OPERATOR = "operator"


def make_sign_ins(company: Company, by: Actor) -> list[dict[str, str]]:
    """Give the demo's employee, manager, two of HR and operator an account; returns role, login, password, name."""
    made = [_with_password(role, account) for role, account in _accounts(company, by)]
    # The demo's two of HR decide at once: nobody's account was taken over here.
    Account.objects.update(security_changed_at=None)
    # Nobody of a made-up company reads mails about their roles.
    SecurityEvent.objects.all().delete()
    return made


def _accounts(company: Company, by: Actor) -> Iterator[tuple[str, Account]]:
    for role, place in (("employee", company.at_99), ("manager", company.manager)):
        yield role, account_for(_employee(company, place))
    for place in company.hr:
        employee = _employee(company, place)
        grant_role(employee=employee, role=Role.Kind.HR, by=by)
        yield "hr", account_for(employee)
    account = Account.objects.create(login=OPERATOR, display_name="Operator", password="!")  # noqa: S106 # nosec B106
    Role.objects.create(account=account, role=Role.Kind.OPERATOR, granted_by_id=by.id, granted_by_label=by.label)
    audit("role.granted", by=by, kind="account", id=account.pk, label=str(account), detail={"role": OPERATOR})
    yield OPERATOR, account


def _employee(company: Company, place: int) -> Employee:
    return Employee.objects.by_staff_no(company.people[place].staff_no)


def _with_password(role: str, account: Account) -> dict[str, str]:
    password = "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(3))
    account.set_password(password)
    account.save(update_fields=["password"])
    return {"role": role, "login": account.login, "password": password, "name": str(account)}
