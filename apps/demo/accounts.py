"""Accounts for the demo's few users. Their random passwords are stored with the demo's mark, so that `demo_sign_ins`
can print them again. No database with real employees has that mark.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from apps.accounts.models import Account, Role, SecurityEvent
from apps.accounts.services import account_for, grant_role
from apps.core.audit import Actor, audit
from apps.demo.company import Company
from apps.employees.models import Employee

# No letters or digits that look alike.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
OPERATOR = "operator"


def make_sign_ins(company: Company, by: Actor) -> list[dict[str, str]]:
    """Give the demo's employee, manager, two HR users and operator an account; returns role, login, password, name."""
    sign_ins = []
    for role, account in _accounts(company, by):
        password = "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(3))
        account.set_password(password)
        account.save(update_fields=["password"])
        sign_ins.append({"role": role, "login": account.login, "password": password, "name": str(account)})
    # The demo's two HR users may approve at once: these accounts are new and were not taken over.
    Account.objects.update(security_changed_at=None)
    # The employees of a made-up company read no mails about their roles.
    SecurityEvent.objects.all().delete()
    return sign_ins


def _accounts(company: Company, by: Actor) -> Iterator[tuple[str, Account]]:
    yield "employee", account_at(company, company.at_99)
    yield "manager", account_at(company, company.manager)
    for index in company.hr:
        grant_role(employee=employee_at(company, index), role=Role.Kind.HR, by=by)
        yield "hr", account_at(company, index)
    # Without an employee: an operator runs the installation and need not be on the roster.
    account = Account.objects.create(login=OPERATOR, display_name="Operator", password="!")  # noqa: S106 # nosec B106
    Role.objects.create(account=account, role=Role.Kind.OPERATOR, granted_by_id=by.id, granted_by_label=by.label)
    audit("role.granted", by=by, kind="account", id=account.pk, label=str(account), detail={"role": OPERATOR})
    yield OPERATOR, account


def employee_at(company: Company, index: int) -> Employee:
    return Employee.objects.get_by_staff_no(company.people[index].staff_no)


def account_at(company: Company, index: int) -> Account:
    return account_for(employee_at(company, index))
