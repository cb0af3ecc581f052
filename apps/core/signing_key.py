"""The key that signs final results: SIGNING_KEY. Only processes that sign read it, and it is never stored.

Processes that sign nothing need not have it. The worker, which signs, announces its public key in the database, so that
the web processes know whether a result can be signed.
"""

import base64
import hashlib
import logging
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from django.conf import settings
from django.utils.translation import gettext as _

from apps.core.models import Setting

logger = logging.getLogger(__name__)
# The setting with the worker's public key as PEM; empty: the worker has no key. It only shows whether a key exists and
# proves nothing.
PUBLIC_KEY_SETTING = "signing_public_key"


class CannotSign(RuntimeError):
    """There is no signing key; the sentence names what the operator must set."""


def signing_seed(text: str) -> bytes:
    """The 32 bytes of a signing key, from base64 in either alphabet. Raises ValueError."""
    # `secrets.token_urlsafe` writes the URL alphabet without padding, other tools the standard one with it.
    raw = base64.b64decode(text.strip().rstrip("=").translate(str.maketrans("-_", "+/")) + "=", validate=True)
    if len(raw) != 32:
        raise ValueError("a signing key is 32 bytes")
    return raw


def missing_key_message() -> str:
    """The message for a user whose action needs a signature while no key is configured."""
    return _(
        "SIGNING_KEY is not set for the worker, so no result can be signed. The operator has to set it. See "
        "docs/deployment.md."
    )  # fmt: skip


def has_key() -> bool:
    return bool(settings.SIGNING_KEY)


def private_key() -> Ed25519PrivateKey:
    """The signing key. Raises CannotSign."""
    if not has_key():
        raise CannotSign(missing_key_message())
    try:
        return Ed25519PrivateKey.from_private_bytes(signing_seed(settings.SIGNING_KEY))
    except ValueError as error:
        raise CannotSign("SIGNING_KEY is not a key: 32 random bytes as base64.") from error


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
    # 128 bits are enough against a second key with the same fingerprint, and short enough to read aloud.
    digits = hashlib.sha256(raw).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def announce_public_key() -> None:
    """Store the worker's public key, or that it has none, if it changed; log a missing key."""
    try:
        public_key_pem = pem_of(private_key())
    except CannotSign as error:
        public_key_pem = ""
        _log_missing_key_once(str(error))
    # Written only when it changed: the worker calls this with every check for due freezes.
    if _announced_key() != public_key_pem:
        Setting.objects.update_or_create(name=PUBLIC_KEY_SETTING, defaults={"value": public_key_pem})


# Cached by its text, so that each process logs it once.
@cache
def _log_missing_key_once(problem: str) -> None:
    logger.error("%s Campaigns are neither opened nor frozen until then.", problem)


def can_sign_results() -> bool:
    """Whether the worker can sign a result; before a worker has announced itself, whether this process can."""
    announced = _announced_key()
    return has_key() if announced is None else bool(announced)


def _announced_key() -> str | None:
    value = Setting.objects.filter(name=PUBLIC_KEY_SETTING).values_list("value", flat=True).first()
    return None if value is None else str(value)


def pem_of(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
