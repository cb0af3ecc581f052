"""Sign-in with staff number or e-mail and password; leavers can neither sign in nor stay signed in."""

import unicodedata
from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, F, IntegerField, Q, QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.http import HttpRequest

from apps.accounts.models import Account, Deputyship
from apps.accounts.models.account import best_matches, matches_login
from apps.core.identity import MAX_RAW_CHARS
from apps.core.periods import in_force_from
from apps.core.querysets import Clock
from apps.core.text import is_storable

# One query per request reads the account, employee, tree node, roles and deputy flag, for current employees only.
CAN_SIGN_IN = Q(employee=None) | in_force_from(Clock(), of="employee__employment")

# A subquery and not a join: a join would return one row for each role.
ROLES_SQL = "ARRAY(SELECT role.role FROM accounts_role role WHERE role.account_id = accounts_account.id)"

# The number beside the bell on each page. It reads a table of a higher app, so that no request needs a further query.
UNREAD_SQL = """(SELECT count(*) FROM notifications_notification unread
    WHERE unread.channel = 'app' AND unread.state = 'sent' AND unread.read_at IS NULL
      AND unread.employee_id = accounts_account.employee_id)
    + (SELECT count(*) FROM notifications_notification unread
    WHERE unread.channel = 'app' AND unread.state = 'sent' AND unread.read_at IS NULL
      AND unread.account_id = accounts_account.id)"""


@cache
def _is_deputy_sql() -> tuple[str, tuple[object, ...]]:
    """SQL: whether the account's employee sees another manager's team as a deputy now. Cached for every request."""
    deputyships = Deputyship.objects.in_force().with_team().order_by().values("deputy_id")
    query_text, values = deputyships.query.sql_with_params()
    return f"EXISTS ({query_text} AND accounts_deputyship.deputy_id = accounts_account.employee_id)", tuple(values)


@cache
def _accounts_for_requests() -> QuerySet[Account]:
    """Accounts that may be signed in, with all data a request needs; cached, because every request runs it."""
    allowed = Account.objects.filter(CAN_SIGN_IN, is_active=True).select_related("employee", "employee__node")
    return allowed.annotate(
        current_employment_id=F("employee__employment__pk"),
        role_names=RawSQL(ROLES_SQL, (), ArrayField(TextField())),  # noqa: S611 # nosec B611 # constant SQL
        unread=RawSQL(UNREAD_SQL, (), IntegerField()),  # noqa: S611 # nosec B611 # constant SQL
        leads_as_deputy=RawSQL(*_is_deputy_sql(), BooleanField()),  # noqa: S611 # nosec B611 # SQL compiled by Django
    ).distinct()


def normalise_login(raw: str) -> str:
    """Normalise a typed sign-in name for look-up and throttling; NFKC, as Django's own username field does.

    A text longer than any sign-in name becomes "": NFKC would make millions of characters of it.
    """
    return unicodedata.normalize("NFKC", raw).strip().lower() if len(raw) <= MAX_RAW_CHARS else ""


def find_by_login(name: str) -> Account | None:
    """Return the currently employed account that a sign-in name matches best; None for no match or two."""
    name = normalise_login(name)
    if not name or not is_storable(name):
        return None
    # Only current employees: a leaver's address may belong to another employee today.
    allowed = Account.objects.filter(matches_login(name) & CAN_SIGN_IN).select_related("employee").distinct()
    matches = best_matches(allowed, name)
    return matches[0] if len(matches) == 1 else None


class EmployeeBackend(ModelBackend):
    """Django's backend over logins and e-mail addresses, for accounts of current employees."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Account | None:
        # Django's forms pass `username`, other callers the field's own name.
        name = username or kwargs.get(Account.USERNAME_FIELD) or ""
        if not name.strip() or not password or not is_storable(name + password):
            return None
        account = find_by_login(name)
        if account is None:
            # Hash the password anyway: equal response times do not reveal whether the account exists.
            Account().set_password(password)
            return None
        if account.check_password(password) and self.user_can_authenticate(account):
            return account
        return None

    def user_can_authenticate(self, user: Any) -> bool:
        return super().user_can_authenticate(user) and Account.objects.filter(CAN_SIGN_IN, pk=user.pk).exists()

    def get_user(self, user_id: int) -> Account | None:
        account: Any = _accounts_for_requests().filter(pk=user_id).first()
        if account:
            # They replace cached properties, which would each run a query.
            account.roles, account.is_deputy = frozenset(account.role_names), account.leads_as_deputy
            account.employment_id = account.current_employment_id
            account.unread_notifications = account.unread
        return account
