"""Keys to encrypt texts that leave this process and return, so that others can neither read nor create them."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


def fernet_for(purpose: str) -> MultiFernet:
    """Encrypts with SECRET_KEY and decrypts with earlier keys too. A text of one purpose cannot be decrypted for
    another.
    """
    return MultiFernet([_key(secret, purpose) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def reencrypt(encrypted: str, purpose: str) -> str:
    """Encrypt a text of an earlier SECRET_KEY with the current one; a current text is returned unchanged.

    Raises InvalidToken when no key decrypts the text.
    """
    try:
        # Not `rotate` for every text: it would change the row, and triggers would log a change of the secret.
        _key(settings.SECRET_KEY, purpose).decrypt(encrypted.encode())
    except InvalidToken:
        return fernet_for(purpose).rotate(encrypted.encode()).decode()
    return encrypted


def _key(secret: str | bytes, purpose: str) -> Fernet:
    # No salt: the key must be the same in every process and after a restart. `info` separates the
    # purposes (RFC 5869).
    derived = HKDF(SHA256(), length=32, salt=None, info=f"hundred {purpose}".encode()).derive(force_bytes(secret))
    return Fernet(base64.urlsafe_b64encode(derived))
