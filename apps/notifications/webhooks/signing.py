"""Signatures of Standard Webhooks 1.0: HMAC-SHA256 (`v1`) with a shared secret, Ed25519 (`v1a`) with a key pair."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SHARED_SECRET, PRIVATE_KEY, PUBLIC_KEY = "whsec_", "whsk_", "whpk_"
KEY_BYTES = 32


class Scheme(StrEnum):
    HMAC = "hmac"
    ED25519 = "ed25519"


def new_secret(scheme: str) -> str:
    prefix = PRIVATE_KEY if scheme == Scheme.ED25519 else SHARED_SECRET
    return prefix + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def public_key(secret: str) -> str:
    """What verifies the signatures of a private key; empty for a shared secret."""
    if not secret.startswith(PRIVATE_KEY):
        return ""
    key = Ed25519PrivateKey.from_private_bytes(_bytes_of(secret, PRIVATE_KEY))
    return PUBLIC_KEY + base64.b64encode(key.public_key().public_bytes_raw()).decode()


def signed_headers(secrets: Iterable[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a message; `at` is the instant of this attempt. One signature for each secret."""
    # Seconds of an aware instant: independent of the zone in which it is written.
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    if secret.startswith(PRIVATE_KEY):
        version = "v1a"
        signature = Ed25519PrivateKey.from_private_bytes(_bytes_of(secret, PRIVATE_KEY)).sign(signed)
    else:
        version = "v1"
        signature = hmac.digest(_bytes_of(secret, SHARED_SECRET), signed, hashlib.sha256)
    return f"{version},{base64.b64encode(signature).decode()}"


def _bytes_of(secret: str, prefix: str) -> bytes:
    return base64.b64decode(secret.removeprefix(prefix), validate=True)
