"""Writers of people: the tree cache, roles, accounts, invitations. The roster itself is loaded by `imports`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import connection, transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from apps.employees.models import Account, Employee, Role
from apps.employees.password_links import password_link_tokens
from apps.employees.security_mail import Event, notify_owner
from apps.ledger.models import Setting
from apps.ledger.rules import storable
from apps.ledger.services import SYSTEM, Actor, audit, audit_once, lock_org_tree

ROSTER_VERSION = "roster_version"
TREE_VERSION = "tree_version"
# As SQL: the version of the tree that this very statement sees, so that what was made over another can be told from it.
TREE_VERSION_SQL = f"coalesce((SELECT (value #>> '{{}}')::bigint FROM ledger_setting WHERE name = '{TREE_VERSION}'), 0)"
NEXT_TREE = """
INSERT INTO ledger_setting (name, value) VALUES (%s, '1')
ON CONFLICT (name) DO UPDATE SET value = to_jsonb((ledger_setting.value #>> '{}')::bigint + 1)
"""
# Who was not let in may be anybody.
UNKNOWN = Actor(None, "?")

# Preorder numbers: a node's team is the interval (first, last], so that "everyone below" is one range of an index.
# Nothing is joined to what was walked: how many that are no planner knows, and who guesses few compares each with each.
NUMBERED_TREE = """
WITH RECURSIVE place AS (
    SELECT employee_id, department, manager_id FROM employees_placement WHERE {in_force}
), walk(employee_id, manager_id, department, depth, path) AS (
    -- A join, for a NOT IN goes over everybody once for each as soon as everybody does not fit into memory.
    SELECT place.employee_id, place.manager_id, place.department, 0, ARRAY[place.employee_id]
    FROM place LEFT JOIN place AS boss ON boss.employee_id = place.manager_id WHERE boss.employee_id IS NULL
    UNION ALL
    SELECT place.employee_id, place.manager_id, place.department, walk.depth + 1, walk.path || place.employee_id
    FROM walk JOIN place ON place.manager_id = walk.employee_id
), numbered AS (
    SELECT walk.*, row_number() OVER (ORDER BY path) AS first FROM walk
), tree AS (
    -- Of each one row of its own, and one of everybody who stands below or is it.
    SELECT employee_id, max(manager_id) AS manager_id, max(department) AS department, max(depth) AS depth,
           max(first) AS first, max(first) + count(*) - 2 AS last
    FROM (SELECT employee_id, manager_id, department, depth, first FROM numbered
          UNION ALL SELECT unnest(path), NULL, NULL, NULL, NULL FROM walk) told
    GROUP BY employee_id)
"""
REBUILD_TREE = f"""
{NUMBERED_TREE.format(in_force="starts_at <= %(at)s AND %(at)s < ends_at")}
INSERT INTO employees_treenode (employee_id, manager_id, department, depth, first, last, employed)
SELECT employee_id, manager_id, department, depth, first, last,
       EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = tree.employee_id
               AND work.starts_at <= %(at)s AND %(at)s < work.ends_at)
FROM tree
"""


def roster_version() -> int:
    """How often the roster has changed. Who holds the tree lock sees the one that stays until they let go."""
    found = Setting.objects.filter(name=ROSTER_VERSION).values_list("value", flat=True).first()
    return int(found or 0)


def next_version() -> int:
    """Say that the roster has changed; the caller holds the tree lock. Returns the version this makes."""
    version = roster_version() + 1
    Setting.objects.update_or_create(name=ROSTER_VERSION, defaults={"value": version})
    return version


def remember_columns(header: Sequence[str], roles: Sequence[str], by: Actor) -> None:
    """What an account said the columns of this header mean, for its own next file with it; for no other."""
    Setting.objects.update_or_create(name=_columns_of(header, by.id), defaults={"value": list(roles)})


def remembered_columns(header: Sequence[str], account_id: int | None) -> list[str] | None:
    """What the account said of this header before."""
    found = Setting.objects.filter(name=_columns_of(header, account_id)).values_list("value", flat=True).first()
    return list(found) if isinstance(found, list) and len(found) == len(header) else None


def _columns_of(header: Sequence[str], account_id: int | None) -> str:
    digest = hashlib.sha256("\0".join(header).encode("utf-8", "replace")).hexdigest()
    return f"roster_columns:{account_id or 0}:{digest}"


class UnknownRole(ValueError):
    """No such role."""


class NoAccount(ValueError):
    """The employee cannot have an account now, with the reason."""


def tree_at_sql(look: str) -> str:
    """CTEs ending in `tree` (employee_id, manager_id, department, depth, first, last): the state just before `look`."""
    return NUMBERED_TREE.format(in_force=f"starts_at < {look} AND ends_at >= {look}")


def rebuild_tree(at: datetime) -> int:
    """Rebuild today's tree from the placements in force at `at`; returns its size. Needs facts held, in a transaction.

    Readers see the old tree until the commit.
    """
    lock_org_tree()
    with connection.cursor() as cursor:
        cursor.execute(NEXT_TREE, [TREE_VERSION])
        cursor.execute("DELETE FROM employees_treenode")
        # Nobody has counted yet what the parts of this statement hold: taken for small, they would be gone through once
        # for each person.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(REBUILD_TREE, {"at": at})
        built = cursor.rowcount
        cursor.execute("SET LOCAL enable_nestloop = on")
        return built


def account_for(employee: Employee) -> Account:
    """The employee's account, made without a password when there is none yet."""
    login = employee.staff_no.lower()
    if Account.objects.filter(login=login).exclude(employee=employee).exists():
        # Staff numbers may differ by case alone, sign-ins may not.
        login = f"{login}-{employee.pk}"
    with transaction.atomic():
        account, created = Account.objects.get_or_create(
            employee=employee,
            defaults={
                "login": login,
                "email": employee.email,
                "display_name": employee.name,
                "password": "!",  # nosec B105 # unusable, no password
            },
        )
        if created:
            audit("account.created", by=SYSTEM, kind="account", id=account.pk, label=str(employee))
    return account


def grant_role(*, employee: Employee, role: str, by: Actor, revoke: bool = False) -> bool:
    """Give or take a role; False when nothing changed. Raises UnknownRole.

    A role that a provider's groups gave stays from now on when it is given here too. Triggers end what the account had
    before: its tokens, sessions and set-password links, and with the first role its second factors (ADR 65).
    """
    if role not in Role.Kind.values:
        raise UnknownRole(role)
    with transaction.atomic():
        account = account_for(employee)
        if revoke:
            changed = Role.objects.filter(account=account, role=role).delete()[0] > 0
        else:
            given = {"granted_by_id": by.id, "granted_by_label": by.label}
            found, changed = Role.objects.get_or_create(account=account, role=role, defaults=given)
            if found.issuer:
                changed = bool(Role.objects.filter(pk=found.pk).update(issuer="", **given))
        if changed:
            action = "role.revoked" if revoke else "role.granted"
            audit(action, by=by, kind="account", id=account.pk, label=str(employee), detail={"role": role})
            notify_owner(account, Event.ROLE_CHANGED)
    return changed


def set_password_link(account: Account) -> str:
    """A link, valid for PASSWORD_RESET_TIMEOUT and for one use, at which this account's password is set.

    It leads to BASE_URL: a caller that could name another host could have the token sent there.
    """
    address = reverse(
        "set-password",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(account.pk)),
            "token": password_link_tokens.make_token(account),
        },
    )
    return settings.BASE_URL + address


def invitation(account: Account) -> EmailMessage:
    """The mail that invites somebody to set a password."""
    return EmailMessage(
        subject=_("Your sign-in to Hundred"),
        body=_(
            "Hello %(name)s,\n\nset your password here:\n%(link)s\n\nYour sign-in is %(login)s. The link works once, "
            "for three days.\n"
        )
        % {"name": account, "link": set_password_link(account), "login": account.login},
        to=[account.email],
    )


def invite(
    *,
    employees: Iterable[Employee],
    by: Actor,
    progress: Callable[[int], None] = lambda sent: None,
) -> int:
    """Mail every employee a set-password link, over one connection; returns how many mails went out."""
    sent = 0
    with get_connection() as mail:
        for employee in employees:
            account = account_for(employee)
            if account.has_usable_password():
                continue
            message = invitation(account)
            message.connection = mail
            sent += message.send()
            audit("account.invited", by=by, kind="account", id=account.pk, label=str(employee))
            progress(sent)
    return sent


def audit_account(event: str, account: Account) -> None:
    """Append what somebody did to their own sign-in: signed_in, signed_out, password_set, password_changed."""
    audit(f"account.{event}", by=account.actor, kind="account", id=account.pk, label=str(account))


def audit_refused(name: str) -> None:
    """Append that somebody was not let in under this name, once a minute for one account and place.

    A name that nobody has is not kept: people type passwords into the wrong field.
    """
    named = Account.objects.named(name) if storable(name) else []
    label = str(named[0]) if len(named) == 1 else ""
    audit_once(
        "account.sign_in_refused", by=UNKNOWN, kind="account", id=named[0].pk if label else "", label=label,
        within=timedelta(minutes=1),
    )  # fmt: skip


def company_zone() -> str:
    """The zone in which the dates of a roster become instants."""
    return settings.TIME_ZONE
