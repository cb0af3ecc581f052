"""Signs employees in without their passwords: `python -m tests.bench.readers PEOPLE [TEAM ...]`.

So many employees from all over the company, for each team size a manager with at least so many below, and one HR user.
Prints their sessions as JSON.
"""

from __future__ import annotations

import json
import os
import sys

import django


def make_accounts(ids: list[int]) -> None:
    """An account for each of these employees without one."""
    from apps.accounts.models import Account
    from apps.employees.models import Employee

    Account.objects.bulk_create(
        Account(employee=one, login=one.staff_no.lower(), email=one.email, display_name=one.name, password="!")
        for one in Employee.objects.filter(pk__in=ids, account=None)
    )


def sign_in(ids: list[int]) -> dict[str, str]:
    """A session for each of these employees, who have accounts, by staff number."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from apps.accounts.models import Account, BrowserSession
    from apps.accounts.sessions import SessionStore
    from apps.employees.models import Employee

    people = Employee.objects.in_bulk(ids)
    sessions, keys = [], {}
    for account in Account.objects.filter(employee__in=ids):
        signed = {SESSION_KEY: str(account.pk), BACKEND_SESSION_KEY: "apps.accounts.backends.EmployeeBackend"}
        signed[HASH_SESSION_KEY] = account.get_session_auth_hash()
        sessions.append(SessionStore().create_model_instance(signed))
        keys[people[account.employee_id].staff_no] = sessions[-1].session_key
    BrowserSession.objects.bulk_create(sessions)
    return keys


def managers(sizes: list[int]) -> dict[str, int]:
    """For each size the id of a manager with just so many people below, or with the next more."""
    from django.db.models import F

    from apps.employees.models import TreeNode

    below = TreeNode.objects.annotate(size=F("last") - F("first")).order_by("size", "first")
    return {str(size): below.filter(size__gte=size).values_list("employee_id", flat=True)[0] for size in sizes}


def main(count: str, *sizes: str) -> None:
    django.setup()
    people, teams = int(count), list(map(int, sizes))
    from apps.accounts.models import Account, Role
    from apps.employees.models import Employee

    every = dict(Employee.objects.order_by("pk").values_list("pk", "staff_no"))
    # From the end: these have no team. The last one is HR.
    hr, *others = reversed(every)
    chosen = others[:: max(1, len(others) // people)][:people]
    leaders = managers(teams)
    readers = list({hr, *chosen, *leaders.values()})
    make_accounts(readers)
    # Before the sign-ins: a new role ends the sessions of its account.
    Role.objects.get_or_create(
        account=Account.objects.get(employee=hr), role=Role.Kind.HR, defaults={"granted_by_label": "bench"}
    )
    signed = sign_in(readers)
    print(json.dumps({
        "people": {every[one]: signed[every[one]] for one in chosen},
        "leaders": {size: [every[one], signed[every[one]]] for size, one in leaders.items()},
        "hr": signed[every[hr]],
    }))  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main(*sys.argv[1:])
