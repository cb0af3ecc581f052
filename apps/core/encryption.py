"""Texts that leave this process and come back, and that nobody may read or make on the way: keys for that."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


def seal_of(purpose: str) -> MultiFernet:
    """Seals with SECRET_KEY; opens what was sealed with those before it as well. What is sealed for one purpose opens
    for no other."""
    return MultiFernet([_key(secret, purpose) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def sealed_anew(sealed: str, purpose: str) -> str:
    """What was sealed with a SECRET_KEY before, sealed with today's; what is so already stays as it is.

    Raises InvalidToken for what no key opens.
    """
    try:
        _key(settings.SECRET_KEY, purpose).decrypt(sealed.encode())
    except InvalidToken:
        return seal_of(purpose).rotate(sealed.encode()).decode()
    return sealed


def _key(secret: str | bytes, purpose: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=f"hundred {purpose}".encode()).derive(force_bytes(secret))
    return Fernet(base64.urlsafe_b64encode(derived))
