"""Create, use and revoke API tokens.

A token's secret is shown once and never stored. Every change is audited.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.backends import EmployeeBackend
from apps.accounts.models import Account, ApiToken, Role, Scope
from apps.accounts.security_mails import Event, notify_owner
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.identity import clean_text
from apps.core.querysets import Clock

# The prefix lets secret scanners of repositories and chats recognise a leaked token.
PREFIX = "hnd_"
RANDOM_BYTES = 32
NAME_LIMIT = 100
DEFAULT_DAYS, MOST_DAYS = 90, 366
MOST_TOKENS = 20
USE_NOTED_EVERY = timedelta(hours=1)
OFFERED = tuple(Scope)


class TokenRefused(ValueError):
    """A token that cannot be created: a stable `code`, a `message`, and the `field` it belongs to."""

    def __init__(self, code: str, message: str, field: str = ""):
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def create_token(
    *,
    account: Account,
    name: str,
    scopes: Collection[str],
    by: Actor,
    days: int = DEFAULT_DAYS,
    shown: bool = False,
) -> tuple[ApiToken, str]:
    """Create a token that expires after `days`; return it with its secret, which is not stored.

    `shown`: the creator has shown a second factor. Otherwise the token does not carry the roles of SECOND_FACTOR_ROLES.
    Raises TokenRefused.
    """
    name = clean_text(name, NAME_LIMIT)
    _refuse_bad_terms(account, name, scopes, days, shown)
    secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    now = db_now()
    with transaction.atomic():
        token = ApiToken.objects.create(
            account=account, name=name, digest=_digest(secret), scopes=sorted(set(scopes)), created_at=now,
            expires_at=now + timedelta(days=days), second_factor=shown,
        )  # fmt: skip
        detail = {"account": account.login, "scopes": token.scopes, "expires_at": token.expires_at.isoformat()}
        audit("token.created", by=by, kind="token", id=token.pk, label=name, detail=detail)
        notify_owner(account, Event.TOKEN_CREATED)
    return token, secret


def _refuse_bad_terms(account: Account, name: str, scopes: Collection[str], days: int, shown: bool) -> None:
    if not name:
        raise TokenRefused("required", _("A token needs a name."), "name")
    if not scopes or not set(scopes) <= set(OFFERED):
        offered = ", ".join(OFFERED)
        raise TokenRefused("invalid_choice", _("Scopes are: %(scopes)s.") % {"scopes": offered}, "scopes")
    if not 1 <= days <= MOST_DAYS:
        message = _("A token lasts from 1 to %(days)s days.") % {"days": MOST_DAYS}
        raise TokenRefused("out_of_range", message, "days")
    owner = EmployeeBackend().get_user(account.pk)
    if owner is None:
        raise TokenRefused("cannot_sign_in", _("This person cannot sign in."))
    if Scope.FEED in scopes and Role.Kind.OPERATOR not in _reach(owner, shown):
        raise TokenRefused("invalid_choice", _("Only an operator's programs send the feed."), "scopes")
    if ApiToken.objects.of(account).usable().count() >= MOST_TOKENS:
        message = _("There are %(count)s tokens already: revoke one first.") % {"count": MOST_TOKENS}
        raise TokenRefused("too_many_tokens", message)


def revoke_token(*, token: ApiToken, by: Actor) -> bool:
    """Revoke a token at once; False when it was already revoked."""
    with transaction.atomic():
        ended = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=Clock())
        if ended:
            detail = {"account": token.account.login}
            audit("token.revoked", by=by, kind="token", id=token.pk, label=token.name, detail=detail)
            notify_owner(token.account, Event.TOKEN_REVOKED)
    return bool(ended)


def sign_in(secret: str) -> tuple[Account, ApiToken] | None:
    """Return the account and token for a secret; None when the token is unknown, expired, revoked or a leaver's.

    The account holds only the roles that the token carries.
    """
    found = ApiToken.objects.usable().filter(digest=_digest(secret)).annotate(now=Clock()).first()
    account = EmployeeBackend().get_user(found.account_id) if found else None
    if found is None or account is None:
        return None
    account.roles = _reach(account, found.second_factor)
    # Write at most once per USE_NOTED_EVERY, so that a read request rarely causes a write.
    if found.last_used_at is None or found.last_used_at <= found.now - USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=found.now)
    return account, found


def _reach(account: Account, shown: bool) -> frozenset[str]:
    """Roles that a token carries; SECOND_FACTOR_ROLES only when a second factor was shown at its creation."""
    return account.roles if shown else account.roles - set(settings.SECOND_FACTOR_ROLES)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
