"""Second factors: app codes (TOTP) beside the password, and recovery codes on paper (ADR 52).

Passkeys are factors too, in their own module (ADR 56).

allauth creates and checks the codes. This package decides who needs a factor, whether a session has shown one, and what
the audit trail records.
"""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.access_log import audit_account, audit_failure
from apps.accounts.enrolment import has_factor, use_enrolment_code
from apps.accounts.models import Account
from apps.accounts.security_mails import Event, notify_owner
from apps.accounts.sessions import end_access
from apps.core.audit import Actor
from apps.core.encryption import fernet_for, reencrypt

# Session key: the user has shown a second factor, in Hundred or at the company's provider.
SESSION_FACTOR_KEY = "second_factor"
# Session key: the operator removed the account's factors, so it adds one before it opens other pages.
MUST_ENROL_KEY = "must_enrol"
# Key derivation purpose; another value would make every stored secret unreadable.
PURPOSE = "second factors"
# Fields in which allauth stores the secrets of apps and recovery codes. A passkey has none.
ENCRYPTED_FIELDS = ("secret", "seed")


class UndecryptableSecret(Exception):
    """The secret was encrypted with another SECRET_KEY: it proves nothing, and the user must set it up again."""


class EncryptingMFAAdapter(DefaultMFAAdapter):
    """Encrypt allauth's secrets, so that a copy of the database alone yields no code."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This code is wrong or has already been used."),
    }

    def get_totp_issuer(self) -> str:
        return "Hundred"

    def get_totp_label(self, user: Any) -> str:
        return str(user.login)

    def build_totp_svg(self, url: str) -> str:
        """Draw on white: apps cannot read black on a dark page."""
        import qrcode
        from qrcode.image.svg import SvgPathFillImage

        return str(qrcode.make(url, image_factory=SvgPathFillImage).to_string(encoding="unicode"))

    def encrypt(self, text: str) -> str:
        return fernet_for(PURPOSE).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return fernet_for(PURPOSE).decrypt(encrypted_text.encode()).decode()
        except Exception as error:
            # An empty secret would let anyone generate valid codes.
            raise UndecryptableSecret from error


# Kinds that count as a factor; recovery codes only replace one.
FACTOR_TYPE_OF_KIND = {"app": Authenticator.Type.TOTP, "passkey": Authenticator.Type.WEBAUTHN}


def has_app(account: Account) -> bool:
    return Authenticator.objects.filter(user=account, type=Authenticator.Type.TOTP).exists()


def lacks_factor(account: Account, session: MutableMapping[str, Any] | Any) -> bool:
    """Whether the account's roles, or a reset, need a second factor that this session has not shown. Runs no query."""
    needs = bool(account.roles & set(settings.SECOND_FACTOR_ROLES)) or bool(session.get(MUST_ENROL_KEY))
    return needs and not session.get(SESSION_FACTOR_KEY)


def add_app(*, account: Account, secret: str, enrolment_code: str = "") -> bool:
    """Add the app with this secret as a second factor; False when the account already has an app.

    Raises EnrolmentCodeRequired.
    """
    from allauth.mfa.totp.internal.auth import TOTP

    with adding_factor(account, kind="app", enrolment_code=enrolment_code):
        if has_app(account):
            return False
        TOTP.activate(account, secret)
    return True


@contextmanager
def adding_factor(account: Account, *, kind: str, enrolment_code: str) -> Iterator[None]:
    """Transaction for adding a factor; every function that adds one uses it. Raises EnrolmentCodeRequired.

    It locks the account: of two browsers, the second waits and sees the first one's factor. A role holder's first
    factor uses up the enrolment code. A new factor also creates recovery codes if there are none, an audit entry and a
    mail to the owner.
    """
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        before = len(factors(account))
        use_enrolment_code(account, enrolment_code)
        yield
        if len(factors(account)) > before:
            _factor_added(account, kind)


def _factor_added(account: Account, kind: str) -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    notify_owner(account, Event.FACTOR_ADDED)
    if not Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).exists():
        RecoveryCodes.activate(account)
    audit_account("factor_added", account, factor=kind)


def reencrypt_factors(*, account: Account, by: Actor) -> bool:
    """Re-encrypt secrets from SECRET_KEY_FALLBACKS with the current SECRET_KEY; False when there were none.

    Secrets that no key decrypts stay unchanged. The person learns of it at the next code.
    """
    if not settings.SECRET_KEY_FALLBACKS:
        return False
    with transaction.atomic():
        # Lock, because sign-ins use up recovery codes in the same rows.
        stored = Authenticator.objects.select_for_update().filter(user=account).order_by("pk")
        resealed = [factor for factor in stored if _reencrypt(factor)]
        if resealed:
            Authenticator.objects.bulk_update(resealed, ["data"])
            # Triggers record the changed secrets; this entry records the reason.
            audit_account("factor_resealed", account, by=by)
    return bool(resealed)


def _reencrypt(factor: Authenticator) -> bool:
    before = {field: factor.data[field] for field in ENCRYPTED_FIELDS if field in factor.data}
    try:
        after = {field: reencrypt(sealed, PURPOSE) for field, sealed in before.items()}
    except InvalidToken:
        return False
    factor.data |= after
    return after != before


def renew_recovery_codes(account: Account) -> None:
    """Create new recovery codes; the old ones become invalid."""
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).delete()
        RecoveryCodes.activate(account)
        notify_owner(account, Event.CODES_RENEWED)
        audit_account("codes_renewed", account)


def unused_recovery_codes(account: Account) -> list[str]:
    codes = Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).first()
    return codes.wrap().get_unused_codes() if codes else []


def remove_factors(*, account: Account, by: Actor) -> bool:
    """Remove all second factors of an account; False when there were none.

    When another person removes them, the account is signed out everywhere, because a lost factor may be stolen.
    """
    with transaction.atomic():
        removed = Authenticator.objects.filter(user=account).delete()[0] > 0
        if removed:
            if by == account.actor:
                notify_owner(account, Event.FACTOR_REMOVED)
                audit_account("factor_removed", account)
            else:
                end_access(account=account, by=by)
                notify_owner(account, Event.FACTORS_RESET)
                audit_account("factor_reset", account, by=by)
    return removed


def remove_factor(*, account: Account, factor: int) -> bool:
    """Remove one of the account's own factors; False when it does not exist.

    Removing the last factor also removes the recovery codes.
    """
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        authenticator = Authenticator.objects.filter(
            user=account, type__in=FACTOR_TYPE_OF_KIND.values(), pk=factor
        ).first()
        if authenticator is None:
            return False
        authenticator.delete()
        if not has_factor(account):
            Authenticator.objects.filter(user=account).delete()
        notify_owner(account, Event.FACTOR_REMOVED)
        kind = next(name for name, stored in FACTOR_TYPE_OF_KIND.items() if stored == authenticator.type)
        audit_account("factor_removed", account, factor=kind)
    return True


def factors(account: Account) -> list[Authenticator]:
    """Factors without recovery codes, oldest first."""
    return list(Authenticator.objects.filter(user=account, type__in=FACTOR_TYPE_OF_KIND.values()).order_by("pk"))


def audit_wrong_code(account: Account, *, guessed: bool) -> None:
    """Append a wrong code to the audit trail, at most once a minute, because the password before it was right.

    `guessed`: the limit is reached and no further code is checked. Then the owner is mailed, at most once a day.
    """
    if guessed and cache.add(f"guessed:{account.pk}", 1, timedelta(days=1).total_seconds()):
        notify_owner(account, Event.CODE_GUESSES)
    audit_failure("factor_refused", account)
