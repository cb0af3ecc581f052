"""The key that signs frozen results: SIGNING_KEY, or one made with the first result and kept in the database."""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from django.conf import settings

from apps.ledger.models import Setting
from apps.ledger.rules import signing_seed
from apps.quotas.freeze.proof import signed_bytes

logger = logging.getLogger(__name__)
KEPT_KEY = "signing_key"


def sign(document: dict[str, Any]) -> tuple[str, str]:
    """The signature over a signature file's other fields, base64, and the public key that verifies it, PEM."""
    key = _private_key()
    return base64.b64encode(key.sign(signed_bytes(document))).decode(), _pem(key)


def public_key() -> str:
    """The public key of this installation as PEM. Raises ImproperlyConfigured for a SIGNING_KEY that is none."""
    return _pem(_private_key())


def public_key_of(secret: str) -> str:
    """The public key, as PEM, of a signing key as SIGNING_KEY has it. Raises ValueError."""
    return _pem(Ed25519PrivateKey.from_private_bytes(signing_seed(secret)))


def fingerprint(pem: str) -> str:
    """What two people compare over the telephone: SHA-256 of the public key, in groups."""
    raw = load_pem_public_key(pem.encode()).public_bytes(Encoding.Raw, PublicFormat.Raw)
    digits = hashlib.sha256(raw).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _private_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(signing_seed(settings.SIGNING_KEY or _kept()))


def _kept() -> str:
    """A key of the installation's own: a result signed beside its key is still better than an unsigned one."""
    kept, made = Setting.objects.get_or_create(name=KEPT_KEY, defaults={"value": secrets.token_urlsafe(32)})
    if made:
        logger.warning(
            "SIGNING_KEY is not set: a key was made and is kept in the database. `public_key` prints its half"
        )
    return str(kept.value)


def _pem(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
