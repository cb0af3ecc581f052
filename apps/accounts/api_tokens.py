"""Create, use and revoke API tokens.

A token's secret is shown once and never stored. Every change is audited.
"""

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
from apps.core.errors import Refused
from apps.core.querysets import Clock
from apps.core.text import clean_text

# The prefix lets secret scanners of repositories and chats recognise a leaked token.
PREFIX = "hnd_"
# 256 bits: the digest can then be a fast one (models.api_token).
RANDOM_BYTES = 32
MAX_NAME_CHARS = 100
# A token that outlives its program is the usual leak, so each ends within a year.
DEFAULT_DAYS, MAX_DAYS = 90, 366
# More are hard to review on the owner's page.
MAX_TOKENS = 20
# Each creation and each revocation is a mail, and revoked tokens do not count in MAX_TOKENS.
MAX_TOKENS_AN_HOUR = 30
USE_WRITTEN_EVERY = timedelta(hours=1)
SCOPES = tuple(Scope)


def create_token(
    *,
    account: Account,
    name: str,
    scopes: Collection[str],
    by: Actor,
    days: int = DEFAULT_DAYS,
    second_factor: bool = False,
) -> tuple[ApiToken, str]:
    """Create a token that expires after `days`; return it with its secret, which is not stored.

    `second_factor`: the creator has shown one. Otherwise the token does not carry the roles of SECOND_FACTOR_ROLES.
    Raises Refused.
    """
    name = clean_text(name, MAX_NAME_CHARS)
    _validate(account, name, scopes, days, second_factor)
    secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    now = db_now()
    with transaction.atomic():
        token = ApiToken.objects.create(
            account=account, name=name, digest=_digest(secret), scopes=sorted(set(scopes)), created_at=now,
            expires_at=now + timedelta(days=days), second_factor=second_factor,
        )  # fmt: skip
        detail = {"account": account.login, "scopes": token.scopes, "expires_at": token.expires_at.isoformat()}
        audit("token.created", by=by, kind="token", id=token.pk, label=name, detail=detail)
        notify_owner(account, Event.TOKEN_CREATED)
    return token, secret


def _validate(account: Account, name: str, scopes: Collection[str], days: int, second_factor: bool) -> None:
    if not name:
        raise Refused("required", _("Enter a name for the token."), "name")
    if not scopes or not set(scopes) <= set(SCOPES):
        offered = ", ".join(SCOPES)
        raise Refused("invalid_choice", _("Choose from these scopes: %(scopes)s.") % {"scopes": offered}, "scopes")
    if not 1 <= days <= MAX_DAYS:
        message = _("A token can be valid for 1 to %(days)s days.") % {"days": MAX_DAYS}
        raise Refused("out_of_range", message, "days")
    # Read again: the operator's command creates tokens for others, who may have left.
    owner = EmployeeBackend().get_user(account.pk)
    if owner is None:
        raise Refused("cannot_sign_in", _("This person cannot sign in."))
    if Scope.FEED in scopes and Role.Kind.OPERATOR not in _token_roles(owner, second_factor):
        raise Refused("invalid_choice", _("Only operators can create a token for the feed."), "scopes")
    if Scope.ROSTER in scopes and Role.Kind.HR not in _token_roles(owner, second_factor):
        raise Refused("invalid_choice", _("Only HR users can create a token for the roster."), "scopes")
    if Scope.SCIM in scopes and Role.Kind.HR not in _token_roles(owner, second_factor):
        raise Refused("invalid_choice", _("Only HR users can create a token for the company's directory."), "scopes")
    if ApiToken.objects.of(account).usable().count() >= MAX_TOKENS:
        message = _("You already have %(count)s tokens. Revoke one first.") % {"count": MAX_TOKENS}
        raise Refused("too_many_tokens", message)
    if ApiToken.objects.of(account).filter(created_at__gt=db_now() - timedelta(hours=1)).count() >= MAX_TOKENS_AN_HOUR:
        message = _("You can create at most %(count)s tokens an hour. Try again later.") % {"count": MAX_TOKENS_AN_HOUR}
        raise Refused("too_many_tokens", message)


def revoke_token(*, token: ApiToken, by: Actor) -> bool:
    """Revoke a token at once; False when it was already revoked."""
    with transaction.atomic():
        revoked = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=Clock())
        if revoked:
            detail = {"account": token.account.login}
            audit("token.revoked", by=by, kind="token", id=token.pk, label=token.name, detail=detail)
            notify_owner(token.account, Event.TOKEN_REVOKED)
    return bool(revoked)


def authenticate_token(secret: str) -> tuple[Account, ApiToken] | None:
    """Return the account and token for a secret; None when the token is unknown, expired, revoked or a leaver's.

    The account holds only the roles that the token carries.
    """
    token = ApiToken.objects.usable().filter(digest=_digest(secret)).annotate(now=Clock()).first()
    account = EmployeeBackend().get_user(token.account_id) if token else None
    if token is None or account is None:
        return None
    account.roles = _token_roles(account, token.second_factor)
    # Write at most once per USE_WRITTEN_EVERY, so that a read request rarely causes a write.
    if token.last_used_at is None or token.last_used_at <= token.now - USE_WRITTEN_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=token.now)
    return account, token


def _token_roles(account: Account, second_factor: bool) -> frozenset[str]:
    """Roles that a token carries; SECOND_FACTOR_ROLES only when a second factor was shown at its creation."""
    return account.roles if second_factor else account.roles - set(settings.SECOND_FACTOR_ROLES)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
