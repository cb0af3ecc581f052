"""Second factors: a code of an app beside the password (TOTP), and codes on paper for the day it is gone (ADR 52).

Passkeys are factors too, and their own module (ADR 56).

allauth makes and checks them; who needs one, whether a session has shown it, and what stands in the trail is ours.
"""

from __future__ import annotations

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

from apps.accounts.enrolment import has_factor, use_code
from apps.accounts.models import Account
from apps.accounts.security_mails import Event, notify_owner
from apps.accounts.sessions import end_access
from apps.core.audit import Actor, audit, audit_once
from apps.core.encryption import fernet_for, reencrypt

# Kept in the session: that whoever has it has shown a second factor, here or at the company's provider.
SHOWN = "second_factor"
# What secrets are sealed for; another word would make every stored one unreadable.
PURPOSE = "second factors"
# Where allauth keeps them: an app's, and that of the codes on paper. A passkey has none.
SEALED = ("secret", "seed")


class Unreadable(Exception):
    """The secret was stored under another SECRET_KEY: it proves nothing, and has to be made anew."""


class Secrets(DefaultMFAAdapter):
    """What allauth asks: how secrets are stored. A copy of the database alone gives nobody a code."""

    error_messages = {**DefaultMFAAdapter.error_messages, "incorrect_code": _("This code is not right, or was used.")}

    def get_totp_issuer(self) -> str:
        return "Hundred"

    def get_totp_label(self, user: Any) -> str:
        return str(user.login)

    def build_totp_svg(self, url: str) -> str:
        """On white: apps read nothing that is black on a dark page."""
        import qrcode
        from qrcode.image.svg import SvgPathFillImage

        return str(qrcode.make(url, image_factory=SvgPathFillImage).to_string(encoding="unicode"))

    def encrypt(self, text: str) -> str:
        return fernet_for(PURPOSE).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return fernet_for(PURPOSE).decrypt(encrypted_text.encode()).decode()
        except Exception as error:
            # An empty secret would make codes that everybody can make.
            raise Unreadable from error


# What is a factor of its own; codes on paper only stand in for one.
KINDS = {"app": Authenticator.Type.TOTP, "passkey": Authenticator.Type.WEBAUTHN}


def has_app(account: Account) -> bool:
    """Whether one of them is the code of an app."""
    return Authenticator.objects.filter(user=account, type=Authenticator.Type.TOTP).exists()


def lacks_factor(account: Account, session: MutableMapping[str, Any] | Any) -> bool:
    """Whether this account's roles ask for a second factor that this session has not shown. Asks no database."""
    return bool(account.roles & set(settings.SECOND_FACTOR_ROLES)) and not session.get(SHOWN)


def add_factor(*, account: Account, secret: str, enrolment_code: str = "") -> bool:
    """The app that knows this secret is a second factor of the account; False when it has an app already.

    Raises CodeNeeded.
    """
    from allauth.mfa.totp.internal.auth import TOTP

    with adding_factor(account, kind="app", enrolment_code=enrolment_code):
        if has_app(account):
            return False
        TOTP.activate(account, secret)
    return True


@contextmanager
def adding_factor(account: Account, *, kind: str, enrolment_code: str) -> Iterator[None]:
    """A transaction in which a factor may be added: everything that adds one goes through here. Raises CodeNeeded.

    The account is locked: of two browsers at once one waits, and finds what the other has added. A role holder's first
    factor uses up the enrolment code. With a new factor come recovery codes unless there are some, an entry in the
    trail and a mail to the owner.
    """
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        before = len(factors(account))
        use_code(account, enrolment_code)
        yield
        if len(factors(account)) > before:
            _factor_added(account, kind)


def _factor_added(account: Account, kind: str) -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    notify_owner(account, Event.FACTOR_ADDED)
    if not Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).exists():
        RecoveryCodes.activate(account)
    audit(
        "account.factor_added", by=account.actor, kind="account", id=account.pk, label=str(account),
        detail={"factor": kind},
    )  # fmt: skip


def reseal_factors(*, account: Account, by: Actor) -> bool:
    """Seal with today's SECRET_KEY what one of SECRET_KEY_FALLBACKS has sealed; False where nothing was.

    What no key opens stays as it is: the person is told at the next code.
    """
    if not settings.SECRET_KEY_FALLBACKS:
        return False
    with transaction.atomic():
        # Codes on paper are used up in the same rows.
        kept = Authenticator.objects.select_for_update().filter(user=account).order_by("pk")
        resealed = [one for one in kept if _reseal(one)]
        if resealed:
            Authenticator.objects.bulk_update(resealed, ["data"])
            # The triggers note that secrets were exchanged; this says why.
            audit("account.factor_resealed", by=by, kind="account", id=account.pk, label=str(account))
    return bool(resealed)


def _reseal(one: Authenticator) -> bool:
    before = {field: one.data[field] for field in SEALED if field in one.data}
    try:
        after = {field: reencrypt(sealed, PURPOSE) for field, sealed in before.items()}
    except InvalidToken:
        return False
    one.data |= after
    return after != before


def renew_codes(account: Account) -> None:
    """New codes on paper; the old ones open nothing any more."""
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).delete()
        RecoveryCodes.activate(account)
        notify_owner(account, Event.CODES_RENEWED)
        audit("account.codes_renewed", by=account.actor, kind="account", id=account.pk, label=str(account))


def paper_codes(account: Account) -> list[str]:
    """The codes on paper that were not used yet."""
    found = Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).first()
    return found.wrap().get_unused_codes() if found else []


def remove_factors(*, account: Account, by: Actor) -> bool:
    """Take all second factors of an account away; False when there were none.

    Whoever is helped by somebody else is signed out everywhere: what was lost may be in wrong hands.
    """
    with transaction.atomic():
        gone = Authenticator.objects.filter(user=account).delete()[0] > 0
        if gone:
            action = "account.factor_removed" if by == account.actor else "account.factor_reset"
            if by != account.actor:
                end_access(account=account, by=by)
            notify_owner(account, Event.FACTOR_REMOVED if by == account.actor else Event.FACTORS_RESET)
            audit(action, by=by, kind="account", id=account.pk, label=str(account))
    return gone


def remove_factor(*, account: Account, factor: int) -> bool:
    """Take one of one's own factors away, with the last one the codes on paper; False when there is none."""
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        found = Authenticator.objects.filter(user=account, type__in=KINDS.values(), pk=factor).first()
        if found is None:
            return False
        found.delete()
        if not has_factor(account):
            Authenticator.objects.filter(user=account).delete()
        notify_owner(account, Event.FACTOR_REMOVED)
        kind = next(name for name, stored in KINDS.items() if stored == found.type)
        audit(
            "account.factor_removed", by=account.actor, kind="account", id=account.pk, label=str(account),
            detail={"factor": kind},
        )  # fmt: skip
    return True


def factors(account: Account) -> list[Authenticator]:
    """Everything that is a factor of its own, the oldest first."""
    return list(Authenticator.objects.filter(user=account, type__in=KINDS.values()).order_by("pk"))


def audit_wrong_code(account: Account, *, guessed: bool) -> None:
    """Append that a code was wrong, once a minute: the password before it was right.

    `guessed`: so often that no further one is looked at; the owner is mailed, once a day.
    """
    if guessed and cache.add(f"guessed:{account.pk}", 1, timedelta(days=1).total_seconds()):
        notify_owner(account, Event.CODE_GUESSES)
    audit_once(
        "account.factor_refused", by=Actor(None, "?"), kind="account", id=account.pk, label=str(account),
        within=timedelta(minutes=1),
    )  # fmt: skip
