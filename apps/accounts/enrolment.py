"""Enrolment codes: the operator creates one; the role holder enters it to add the first second factor (ADR 65)."""

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
# No look-alike characters. 16 characters out of 31 give 79 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
GROUPS, GROUP_CHARS = 4, 4
# Kinds that count as a factor; recovery codes only replace one.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class CodeNeeded(Exception):
    """A role holder's first second factor needs a valid enrolment code, and this code is not valid."""


def has_factor(account: Account) -> bool:
    """Whether the account has a second factor."""
    return Authenticator.objects.filter(user=account, type__in=FACTORS).exists()


def needs_code(account: Account) -> bool:
    """Whether the account's next second factor needs an enrolment code: it holds a role and has no factor yet."""
    return Role.objects.filter(account=account).exists() and not has_factor(account)


def make_code(*, account: Account, by: Actor) -> str | None:
    """Create a code, valid once and for VALID, and void the previous one; None when the account needs none."""
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
    """Use up the code that the account's next factor needs; does nothing when it needs none. Raises CodeNeeded.

    The caller holds the account's row lock and adds the factor in the same transaction.
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
    """Append a wrong enrolment code to the audit trail, at most once a minute.

    The entry matters because the password before it was right.
    """
    audit_once(
        "account.enrolment_code_refused", by=Actor(None, "?"), kind="account", id=account.pk, label=str(account),
        within=timedelta(minutes=1),
    )  # fmt: skip


def _digests(account: Account, code: str) -> Iterator[bytes]:
    """Digests of a typed code, with the current SECRET_KEY first, then each fallback key."""
    plain = "".join(char for char in code.upper() if char.isalnum())
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield salted_hmac("enrolment code", f"{account.pk}:{plain}", secret=key, algorithm="sha256").digest()
