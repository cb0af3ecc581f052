"""A software authenticator: the responses of a phone or a key, and those of a forger.

Follows the formats of W3C Web Authentication, level 2: authenticator data (6.1), attestation objects (6.5.4),
assertions (6.3.3) and the client data of browsers (5.8.1).
"""

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, WITH_KEY = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw(encoded: str) -> bytes:
    return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def _head(kind: int, length: int) -> bytes:
    return bytes([kind << 5 | length]) if length < 24 else bytes([kind << 5 | 25]) + struct.pack(">H", length)


def cbor(value: Any) -> bytes:
    """The part of RFC 8949 that an attestation needs."""
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value)) + value.encode()
    return _head(5, len(value)) + b"".join(cbor(name) + cbor(one) for name, one in value.items())


@dataclass
class Authenticator:
    """One passkey. Each use increments its counter; `flags` are those it sets on use."""

    host: str = "testserver"
    origin: str = "http://testserver"
    flags: int = PRESENT | VERIFIED
    counter: int = 0
    step: int = 1
    algorithm: int = -7
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def makes(self, options: dict[str, Any], **overrides: Any) -> str:
        """The response to a request for a new passkey."""
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: self.algorithm, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        data = self._data(self.flags | WITH_KEY) + bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor(public)
        attested = cbor({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options, overrides)
        return self._answer(clientDataJSON=client, attestationObject=attested)

    def signs(self, options: dict[str, Any], **overrides: Any) -> str:
        """The response to a sign-in request."""
        self.counter += self.step
        data, client = self._data(self.flags), self._client("webauthn.get", options, overrides)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature)

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + struct.pack(">I", self.counter)

    def _client(self, kind: str, options: dict[str, Any], overrides: dict[str, Any]) -> bytes:
        client_data = {"type": kind, "challenge": options["publicKey"]["challenge"], "origin": self.origin}
        return json.dumps({**client_data, "crossOrigin": False, **overrides}).encode()

    def _answer(self, **response: bytes) -> str:
        parts = {name: text(part) for name, part in response.items()}
        return json.dumps({"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": parts})
