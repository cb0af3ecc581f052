"""Signs signature files with this installation's key."""

from __future__ import annotations

import base64
from typing import Any

from apps.core.signing_key import pem_of, private_key
from apps.results.verification import signed_bytes


def sign(document: dict[str, Any]) -> tuple[str, str]:
    """The signature over the other fields of a signature file (base64), and the public key that verifies it (PEM).

    Raises CannotSign.
    """
    key = private_key()
    return base64.b64encode(key.sign(signed_bytes(document))).decode(), pem_of(key)
