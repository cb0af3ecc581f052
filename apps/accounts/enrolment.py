"""Enrolment codes: the operator makes one, and the role holder types it to add the first second factor (ADR 65)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from apps.accounts.models import Account, EnrolmentCode, Role
from apps.core.audit import Actor, audit, audit_once
from apps.core.clock import db_now

VALID = timedelta(days=7)
# No letter or digit that looks like another: 16 of 31 are 79 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
GROUPS, GROUP_CHARS = 4, 4
# Kinds that are a factor of their own; recovery codes only stand in for one.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class CodeNeeded(Exception):
    """The first second factor of a role holder needs an enrolment code, and this is none that is good."""


def has_factor(account: Account) -> bool:
    """Whether this account signs in with something beside the password."""
    return Authenticator.objects.filter(user=account, type__in=FACTORS).exists()


def needs_code(account: Account) -> bool:
    """Whether the account's next second factor needs an enrolment code: it holds a role, and has no factor yet."""
    return Role.objects.filter(account=account).exists() and not has_factor(account)


def make_code(*, account: Account, by: Actor) -> str | None:
    """A new code, good once and for VALID; the one before is void. None for an account that needs none."""
    code = "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_CHARS)) for _ in range(GROUPS))
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        if not needs_code(account):
            return None
        now = db_now()
        EnrolmentCode.objects.update_or_create(
            account=account,
            defaults={"digest": next(_digests(account, code)), "made_at": now, "expires_at": now + VALID},
        )
        audit("account.enrolment_code_made", by=by, kind="account", id=account.pk, label=str(account))
    return code


def use_code(account: Account, typed: str) -> None:
    """Use up the code that the account needs for its next factor; nothing where it needs none. Raises CodeNeeded.

    The caller has locked the account, and adds the factor in the same transaction.
    """
    if not needs_code(account):
        return
    code = EnrolmentCode.objects.filter(account=account, expires_at__gt=db_now()).first()
    if code is None or not any(
        constant_time_compare(bytes(code.digest), digest) for digest in _digests(account, typed)
    ):
        raise CodeNeeded
    code.delete()


def audit_wrong_enrolment_code(account: Account) -> None:
    """Append that a wrong enrolment code was typed, once a minute: the password before it was right."""
    audit_once(
        "account.enrolment_code_refused", by=Actor(None, "?"), kind="account", id=account.pk, label=str(account),
        within=timedelta(minutes=1),
    )  # fmt: skip


def _digests(account: Account, code: str) -> Iterator[bytes]:
    """Of the code as people type it, with today's SECRET_KEY first and then the ones before."""
    plain = "".join(char for char in code.upper() if char.isalnum())
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield salted_hmac("enrolment code", f"{account.pk}:{plain}", secret=key, algorithm="sha256").digest()
