"""The key that signs final results: SIGNING_KEY. Only processes that sign read it, and it is never stored.

Processes that sign nothing need not have it. The worker, which signs, announces its public key in the database, so that
the web processes know whether a result can be signed.
"""

from __future__ import annotations

import hashlib
import logging
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from django.conf import settings
from django.utils.translation import gettext as _

from apps.core.identity import signing_seed
from apps.core.models import Setting

logger = logging.getLogger(__name__)
# The setting with the worker's public key as PEM; empty: the worker has no key. It only shows whether a key exists and
# proves nothing.
ANNOUNCED = "signing_public_key"


class CannotSign(RuntimeError):
    """There is no signing key; the sentence names what the operator must set."""


def missing() -> str:
    """The message for a user whose action needs a signature while no key is configured."""
    return _("SIGNING_KEY is not set for the worker, so no result can be signed. The operator of this site has to set "
             "it: see docs/deployment.md.")  # fmt: skip


def has_key() -> bool:
    """Whether this process can sign."""
    return bool(settings.SIGNING_KEY)


def private_key() -> Ed25519PrivateKey:
    """The signing key. Raises CannotSign."""
    if not has_key():
        raise CannotSign(missing())
    try:
        return Ed25519PrivateKey.from_private_bytes(signing_seed(settings.SIGNING_KEY))
    except ValueError as error:
        raise CannotSign("SIGNING_KEY is no key: 32 random bytes as base64 are wanted.") from error


def public_key() -> str:
    """The public half of this process's key as PEM. Raises CannotSign.

    It ignores the worker's announcement, which the application's role could have written.
    """
    return pem_of(private_key())


def public_key_of(secret: str) -> str:
    """The public key, as PEM, of a SIGNING_KEY value. Raises ValueError."""
    return pem_of(Ed25519PrivateKey.from_private_bytes(signing_seed(secret)))


def fingerprint(pem: str) -> str:
    """SHA-256 of the public key in groups, for two people to compare by telephone."""
    raw = load_pem_public_key(pem.encode()).public_bytes(Encoding.Raw, PublicFormat.Raw)
    digits = hashlib.sha256(raw).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def announce() -> None:
    """Store the worker's public key, or that it has none, if it changed; log a missing key."""
    try:
        public_key_pem = pem_of(private_key())
    except CannotSign as error:
        public_key_pem = ""
        _say_once(str(error))
    if _announced() != public_key_pem:
        Setting.objects.update_or_create(name=ANNOUNCED, defaults={"value": public_key_pem})


@cache
def _say_once(problem: str) -> None:
    logger.error("%s Campaigns are neither opened nor frozen until then.", problem)


def can_be_signed() -> bool:
    """Whether the worker can sign a result; before a worker has announced itself, whether this process can."""
    announced = _announced()
    return has_key() if announced is None else bool(announced)


def _announced() -> str | None:
    value = Setting.objects.filter(name=ANNOUNCED).values_list("value", flat=True).first()
    return None if value is None else str(value)


def pem_of(key: Ed25519PrivateKey) -> str:
    """The public half of a key as PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
