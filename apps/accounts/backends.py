"""Sign-in with staff number or e-mail and password; leavers can neither sign in nor stay signed in."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, F, Q, QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.http import HttpRequest

from apps.accounts.models import Account, Deputyship
from apps.accounts.models.account import meant_by
from apps.core.identity import storable
from apps.core.periods import in_force_from
from apps.core.querysets import Clock

# One query per request reads the account, employee, tree node, roles and deputy flag, for current employees only.
MAY_SIGN_IN = Q(employee=None) | in_force_from(Clock(), of="employee__employment")

HELD = "ARRAY(SELECT role.role FROM accounts_role role WHERE role.account_id = accounts_account.id)"


@cache
def _leads() -> tuple[str, tuple[object, ...]]:
    """SQL: whether the account's employee sees another manager's team as a deputy now. Cached for every request."""
    chosen = Deputyship.objects.in_force().with_a_team().order_by().values("deputy_id")
    text, values = chosen.query.sql_with_params()
    return f"EXISTS ({text} AND accounts_deputyship.deputy_id = accounts_account.employee_id)", tuple(values)


@cache
def _signed_in() -> QuerySet[Account]:
    """Accounts that may be signed in, with all data a request needs; cached, because every request runs it."""
    may = Account.objects.filter(MAY_SIGN_IN, is_active=True).select_related("employee", "employee__node")
    return may.annotate(
        running=F("employee__employment__pk"),
        held=RawSQL(HELD, (), ArrayField(TextField())),  # noqa: S611 # nosec B611 # constant SQL
        leads=RawSQL(*_leads(), BooleanField()),  # noqa: S611 # nosec B611 # SQL compiled by Django
    ).distinct()


def typed_name(raw: str) -> str:
    """Normalise a typed sign-in name for look-up and throttling; NFKC, as Django's own username field does."""
    return unicodedata.normalize("NFKC", raw).strip().lower()


def account_meant(name: str) -> Account | None:
    """Return the currently employed account that a sign-in name matches; None for no match or two."""
    name = typed_name(name)
    if not name or not storable(name):
        return None
    # Only current employees: a leaver's address may belong to another employee today.
    may = Account.objects.filter(meant_by(name) & MAY_SIGN_IN).select_related("employee").distinct()
    matches = list(may.order_by(F("employee").asc(nulls_last=True))[:2])
    # A matching login takes precedence over a matching e-mail.
    exact = [account for account in matches if account.login == name] or matches
    return exact[0] if len(exact) == 1 else None


class EmployeeBackend(ModelBackend):
    """Django's backend over logins and e-mail addresses, for accounts of current employees."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Account | None:
        name = username or kwargs.get(Account.USERNAME_FIELD) or ""
        if not name.strip() or not password or not storable(name + password):
            return None
        account = account_meant(name)
        if account is None:
            # Hash the password anyway: equal response times do not reveal whether the account exists.
            Account().set_password(password)
            return None
        if account.check_password(password) and self.user_can_authenticate(account):
            return account
        return None

    def user_can_authenticate(self, user: Any) -> bool:
        return super().user_can_authenticate(user) and Account.objects.filter(MAY_SIGN_IN, pk=user.pk).exists()

    def get_user(self, user_id: int) -> Account | None:
        account: Any = _signed_in().filter(pk=user_id).first()
        if account:
            account.roles, account.stands_in = frozenset(account.held), account.leads
            account.employment_id = account.running
        return account
