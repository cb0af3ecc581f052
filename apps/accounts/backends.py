"""Sign-in with staff number or e-mail and password. Who has left cannot sign in, nor stay signed in."""

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

# One query for every request: the account, its employee and tree node, its roles, whether it stands in for a manager,
# only while employed.
MAY_SIGN_IN = Q(employee=None) | in_force_from(Clock(), of="employee__employment")

HELD = "ARRAY(SELECT role.role FROM accounts_role role WHERE role.account_id = accounts_account.id)"


@cache
def _leads() -> tuple[str, tuple[object, ...]]:
    """Whether the account's employee sees another's team now, as SQL; put together once, for every request asks it."""
    chosen = Deputyship.objects.in_force().with_a_team().order_by().values("deputy_id")
    text, values = chosen.query.sql_with_params()
    return f"EXISTS ({text} AND accounts_deputyship.deputy_id = accounts_account.employee_id)", tuple(values)


@cache
def _signed_in() -> QuerySet[Account]:
    """Whoever may be signed in, with all that a request asks of them; put together once, for every request asks it."""
    may = Account.objects.filter(MAY_SIGN_IN, is_active=True).select_related("employee", "employee__node")
    return may.annotate(
        running=F("employee__employment__pk"),
        held=RawSQL(HELD, (), ArrayField(TextField())),  # noqa: S611 # nosec B611 # ours
        leads=RawSQL(*_leads(), BooleanField()),  # noqa: S611 # nosec B611 # Django's
    ).distinct()


def typed_name(raw: str) -> str:
    """A name at the sign-in as it is looked up and counted: in the form (NFKC) that Django's own field gives it."""
    return unicodedata.normalize("NFKC", raw).strip().lower()


def account_meant(name: str) -> Account | None:
    """The account of somebody who works here now that a name at the sign-in means; None for none and for two."""
    name = typed_name(name)
    if not name or not storable(name):
        return None
    # Only of people who work here: the address of a leaver may be another employee's today.
    may = Account.objects.filter(meant_by(name) & MAY_SIGN_IN).select_related("employee").distinct()
    matches = list(may.order_by(F("employee").asc(nulls_last=True))[:2])
    exact = [account for account in matches if account.login == name] or matches
    return exact[0] if len(exact) == 1 else None


class EmployeeBackend(ModelBackend):
    """Django's own backend over logins and e-mail addresses, for accounts of people who are employed now."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Account | None:
        name = username or kwargs.get(Account.USERNAME_FIELD) or ""
        if not name.strip() or not password or not storable(name + password):
            return None
        account = account_meant(name)
        if account is None:
            # As long as a real check, so that the time does not tell whether the account exists.
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
