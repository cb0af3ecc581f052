"""The key that signs what is final: SIGNING_KEY. It is read only where something is signed, and is never stored.

Processes that sign nothing need not have it. The worker, which signs, announces its public key in the database, so that
the web processes know whether a result could be signed.
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
# The setting that holds the worker's public key as PEM; empty: the worker has no key. It says whether there is one, and
# proves nothing.
ANNOUNCED = "signing_public_key"


class CannotSign(RuntimeError):
    """There is no key to sign with, with a sentence that names what the operator must set."""


def missing() -> str:
    """The sentence for whoever asks for something that would have to be signed."""
    return _("SIGNING_KEY is not set for the worker, so no result can be signed. The operator of this site has to set "
             "it: docs/deployment.md says how.")  # fmt: skip


def has_key() -> bool:
    """Whether this process can sign."""
    return bool(settings.SIGNING_KEY)


def private_key() -> Ed25519PrivateKey:
    """The key to sign with. Raises CannotSign."""
    if not has_key():
        raise CannotSign(missing())
    try:
        return Ed25519PrivateKey.from_private_bytes(signing_seed(settings.SIGNING_KEY))
    except ValueError as error:
        raise CannotSign("SIGNING_KEY is no key: 32 random bytes as base64 are wanted.") from error


def public_key() -> str:
    """The public half of this process's key as PEM. Raises CannotSign.

    What the worker announced is not given out as such: the application's role could have written it.
    """
    return pem_of(private_key())


def public_key_of(secret: str) -> str:
    """The public key, as PEM, of a signing key as SIGNING_KEY has it. Raises ValueError."""
    return pem_of(Ed25519PrivateKey.from_private_bytes(signing_seed(secret)))


def fingerprint(pem: str) -> str:
    """What two people compare over the telephone: SHA-256 of the public key, in groups."""
    raw = load_pem_public_key(pem.encode()).public_bytes(Encoding.Raw, PublicFormat.Raw)
    digits = hashlib.sha256(raw).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def announce() -> None:
    """Called by the worker: stores its public key, or that it has none, where it has changed; says the latter aloud."""
    try:
        mine = pem_of(private_key())
    except CannotSign as error:
        mine = ""
        _say_once(str(error))
    if _announced() != mine:
        Setting.objects.update_or_create(name=ANNOUNCED, defaults={"value": mine})


@cache
def _say_once(problem: str) -> None:
    logger.error("%s Campaigns are neither opened nor frozen until then.", problem)


def can_be_signed() -> bool:
    """Whether the worker could sign a result; before a worker has announced itself, whether this process could."""
    announced = _announced()
    return has_key() if announced is None else bool(announced)


def _announced() -> str | None:
    value = Setting.objects.filter(name=ANNOUNCED).values_list("value", flat=True).first()
    return None if value is None else str(value)


def pem_of(key: Ed25519PrivateKey) -> str:
    """The public half of a key."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
