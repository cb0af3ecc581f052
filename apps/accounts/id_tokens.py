"""Validate an OpenID Connect ID token: signature, issuer, audience, age and nonce.

Source: OpenID Connect Core 1.0, section 3.1.3.7. The standard lets a client that fetched the token itself skip the
signature. This check costs a millisecond, and holds even when the connection to the provider is compromised.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

import jwt
from jwt.types import Options

# Asymmetric signatures only: with a shared secret or no key, a third party could sign.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
KEY_TYPES = {"RSA", "EC", "OKP"}
# Allowed clock difference, and the maximum age of a token for a waiting browser; both in seconds.
LEEWAY, OLDEST = 60, 600
NEEDED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
LONGEST_SUBJECT = 255


class BadToken(Exception):
    """The token is invalid; the text says why, for the log only."""


def read_id_token(
    token: object, *, keys: Sequence[dict[str, Any]], issuer: str, client_id: str, nonce: str, now: float
) -> dict[str, Any]:
    """Return the claims of a valid token; raise BadToken for any other.

    `keys`: the keys of the provider's JWK set. `now`: Unix time in seconds.
    """
    if not isinstance(token, str) or not nonce:
        raise BadToken("no ID token")
    options: Options = {"require": NEEDED, "strict_aud": False}
    try:
        header = jwt.get_unverified_header(token)
        claims: dict[str, Any] = jwt.decode(
            token, _key(header, keys), algorithms=ALGORITHMS, issuer=issuer, audience=client_id, leeway=LEEWAY,
            options=options,
        )  # fmt: skip
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise BadToken(f"{type(error).__name__}: {error}") from error
    _for_us_now(claims, client_id, nonce, now)
    return claims


def _key(header: dict[str, Any], keys: Sequence[dict[str, Any]]) -> jwt.PyJWK:
    """Return the one public key that the token header selects."""
    kid, algorithm = header.get("kid"), header.get("alg")
    if algorithm not in ALGORITHMS:
        raise BadToken(f"signed by {algorithm}")
    usable = [key for key in keys if key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"]
    meant = [key for key in usable if kid is None or key.get("kid") == kid]
    if len(meant) != 1 or meant[0].get("alg", algorithm) != algorithm:
        raise BadToken("signed by an unknown key")
    return jwt.PyJWK(meant[0], algorithm=algorithm)


def _for_us_now(claims: dict[str, Any], client_id: str, nonce: str, now: float) -> None:
    """Check what PyJWT does not: authorized party, nonce, age and subject."""
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", client_id) != client_id or (len(audience) > 1 and "azp" not in claims):
        raise BadToken("made for another program")
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise BadToken("made for another browser")
    if claims["iat"] < now - OLDEST - LEEWAY:
        raise BadToken("an old token")
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject.strip() or len(subject) > LONGEST_SUBJECT:
        raise BadToken("no subject")
