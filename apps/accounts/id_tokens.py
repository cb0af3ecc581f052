"""Validate an OpenID Connect ID token: signature, issuer, audience, age and nonce.

Source: OpenID Connect Core 1.0, section 3.1.3.7. The standard lets a client that fetched the token itself skip the
signature. This check costs a millisecond, and holds even when the connection to the provider is compromised.
"""

import hmac
from collections.abc import Sequence
from typing import Any

import jwt
from jwt.types import Options

# Asymmetric signatures only: with a shared secret or no key, a third party could sign.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
KEY_TYPES = {"RSA", "EC", "OKP"}
# Allowed clock difference, and the maximum age of a token for a waiting browser; both in seconds.
LEEWAY_SECONDS, MAX_AGE_SECONDS = 60, 600
REQUIRED_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "nonce"]
MAX_SUBJECT_CHARS = 255


class InvalidIdToken(Exception):
    """The token is invalid; the text says why, for the log only."""


def read_id_token(
    token: object, *, keys: Sequence[dict[str, Any]], issuer: str, client_id: str, nonce: str, now: float
) -> dict[str, Any]:
    """Return the claims of a valid token; raise InvalidIdToken for any other.

    `keys`: the keys of the provider's JWK set. `now`: Unix time in seconds.
    """
    if not isinstance(token, str) or not nonce:
        raise InvalidIdToken("no ID token")
    # `strict_aud` would refuse a list of audiences, which the standard allows; `_check_claims` looks at `azp` instead.
    options: Options = {"require": REQUIRED_CLAIMS, "strict_aud": False}
    try:
        header = jwt.get_unverified_header(token)
        claims: dict[str, Any] = jwt.decode(
            token, _key(header, keys), algorithms=ALGORITHMS, issuer=issuer, audience=client_id, leeway=LEEWAY_SECONDS,
            options=options,
        )  # fmt: skip
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise InvalidIdToken(f"{type(error).__name__}: {error}") from error
    _check_claims(claims, client_id, nonce, now)
    return claims


def _key(header: dict[str, Any], keys: Sequence[dict[str, Any]]) -> jwt.PyJWK:
    """Return the one public key that the token header selects."""
    kid, algorithm = header.get("kid"), header.get("alg")
    if algorithm not in ALGORITHMS:
        raise InvalidIdToken(f"signed by {algorithm}")
    # A provider may publish encryption keys in the same set.
    usable = [key for key in keys if key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"]
    selected = [key for key in usable if kid is None or key.get("kid") == kid]
    # Of two keys without an id, none can be chosen safely.
    if len(selected) != 1 or selected[0].get("alg", algorithm) != algorithm:
        raise InvalidIdToken("signed by an unknown key")
    return jwt.PyJWK(selected[0], algorithm=algorithm)


def _check_claims(claims: dict[str, Any], client_id: str, nonce: str, now: float) -> None:
    """Check what PyJWT does not: authorized party, nonce, age and subject."""
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", client_id) != client_id or (len(audience) > 1 and "azp" not in claims):
        raise InvalidIdToken("made for another program")
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise InvalidIdToken("made for another browser")
    # PyJWT checks `exp` only, and a provider may issue tokens for days.
    if claims["iat"] < now - MAX_AGE_SECONDS - LEEWAY_SECONDS:
        raise InvalidIdToken("an old token")
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject.strip() or len(subject) > MAX_SUBJECT_CHARS:
        raise InvalidIdToken("no subject")
