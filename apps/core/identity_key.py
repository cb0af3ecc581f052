"""The key of all stored identity digests."""

import hmac
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.core.identity import Identity, InvalidIdentity, digest, normalise
from apps.core.models import Setting

IDENTITY_KEY_CHECK = "identity_key_check"


# Keys that this process has compared with the database's: digests are made only with these.
_verified_keys: dict[str, bool] = {}


def normalise_identity(kind: str, raw: str) -> Identity:
    """Normalise raw text with this installation's region and key, to find a stored identity: its handle may be older
    than HANDLE_PATTERN. Raises InvalidIdentity, ImproperlyConfigured.
    """
    return identity_normaliser(handle_pattern="")(kind, raw)


def identity_normaliser(handle_pattern: str | None = None) -> Callable[[str, str], Identity]:
    """A normaliser for identities to be recorded: a new handle must match HANDLE_PATTERN (or `handle_pattern`).

    Raises ImproperlyConfigured.
    """
    if not _verified_keys.get(settings.IDENTITY_KEY):
        verify_identity_key()
    return partial(
        normalise, region=settings.COMPANY_PHONE_REGION, key=settings.IDENTITY_KEY,
        handle_pattern=settings.HANDLE_PATTERN if handle_pattern is None else handle_pattern,
    )  # fmt: skip


def verify_identity_key() -> None:
    """Refuse an IDENTITY_KEY that differs from the one of all stored digests.

    The first call stores the check value. Raises ImproperlyConfigured.
    """
    check = digest(settings.IDENTITY_KEY, "check", "hundred").hex()
    stored, _ = Setting.objects.get_or_create(name=IDENTITY_KEY_CHECK, defaults={"value": check})
    # A constant-time comparison, although the check value is no secret: keys are never compared with `==` here.
    if not hmac.compare_digest(str(stored.value), check):
        raise ImproperlyConfigured(
            "IDENTITY_KEY is not the key this database was filled with. With another key no stored "
            "identity would match: set the key of the first start, or restore it from your secrets."
        )
    _verified_keys[settings.IDENTITY_KEY] = True


def email_digest(address: str) -> bytes | None:
    """The digest of an e-mail address, or None for a text that is not an address. Raises ImproperlyConfigured."""
    try:
        return normalise_identity("email", address).digest
    except InvalidIdentity:
        return None
