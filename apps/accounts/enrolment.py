"""Enrolment codes: the operator creates one; its owner enters it to add a second factor (ADR 65, 86).

A role holder needs one for the first factor, and every account after the operator has removed its factors.
"""

import secrets
from collections.abc import Iterator
from datetime import timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from apps.accounts.access_log import audit_account
from apps.accounts.models import Account, EnrolmentCode, Role
from apps.core.audit import Actor
from apps.core.clock import db_now

# The operator hands it over in person, which may take a working week.
CODE_LIFETIME = timedelta(days=7)
# No look-alike characters. 16 characters out of 31 give 79 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
GROUPS, GROUP_CHARS = 4, 4
# The kinds of factors; recovery codes only replace one.
FACTOR_TYPE_OF_KIND = {"app": Authenticator.Type.TOTP, "passkey": Authenticator.Type.WEBAUTHN}


class EnrolmentCodeRequired(Exception):
    """The account's next second factor needs a valid enrolment code, and this code is not valid."""


def has_factor(account: Account) -> bool:
    return Authenticator.objects.filter(user=account, type__in=FACTOR_TYPE_OF_KIND.values()).exists()


def needs_enrolment_code(account: Account) -> bool:
    """Whether the account's next second factor needs an enrolment code: it has no factor, and holds a role or has an
    unused code, expired or not.
    """
    coded = EnrolmentCode.objects.filter(account=account)
    return (coded.exists() or Role.objects.filter(account=account).exists()) and not has_factor(account)


def must_enrol(account: Account) -> bool:
    """Whether an account without a role has to add a second factor, because the operator removed its factors."""
    return EnrolmentCode.objects.filter(account=account, account__role=None).exists() and not has_factor(account)


def create_enrolment_code(*, account: Account, by: Actor, after_reset: bool = False) -> str | None:
    """Create a code, valid once and for CODE_LIFETIME, and void the previous one; None when the account needs none.

    `after_reset`: the operator has just removed the account's factors, so that it needs one in any case.
    """
    code = "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_CHARS)) for _ in range(GROUPS))
    with transaction.atomic():
        # The same lock as in second_factors.adding_factor: a code is not created while a factor is being added.
        Account.objects.select_for_update().get(pk=account.pk)
        if has_factor(account) or not (after_reset or needs_enrolment_code(account)):
            return None
        now = db_now()
        EnrolmentCode.objects.update_or_create(
            account=account,
            defaults={"digest": next(_digests(account, code)), "made_at": now, "expires_at": now + CODE_LIFETIME},
        )
        audit_account("enrolment_code_made", account, by=by)
    return code


def use_enrolment_code(account: Account, typed: str) -> None:
    """Use up the code that the account's next factor needs; does nothing when it needs none.

    Raises EnrolmentCodeRequired. The caller holds the account's row lock and adds the factor in the same transaction.
    """
    if not needs_enrolment_code(account):
        return
    code = EnrolmentCode.objects.filter(account=account, expires_at__gt=db_now()).first()
    if code is None or not any(
        constant_time_compare(bytes(code.digest), digest) for digest in _digests(account, typed)
    ):
        raise EnrolmentCodeRequired
    # One use: the row is gone with the commit that adds the factor, and comes back when that fails.
    code.delete()


def _digests(account: Account, code: str) -> Iterator[bytes]:
    """Digests of a typed code, with the current SECRET_KEY first, then each fallback key."""
    # People type codes in lower case and with other separators.
    normalised = "".join(char for char in code.upper() if char.isalnum())
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield salted_hmac("enrolment code", f"{account.pk}:{normalised}", secret=key, algorithm="sha256").digest()
