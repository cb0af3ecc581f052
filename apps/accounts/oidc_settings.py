"""Validate the sign-in settings: OpenID provider, password, or both. Only the environment sets them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

# Roles that may require a second factor.
ROLES = {"hr", "operator", "auditor"}
# Required when OIDC_ISSUER is set.
NEEDED = ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")


def validate_oidc_settings(found: Mapping[str, Any], *, local: bool) -> None:
    """Raise ImproperlyConfigured for incomplete settings, which could open or block sign-in by mistake."""
    if unknown := set(found["SECOND_FACTOR_ROLES"]) - ROLES:
        raise ImproperlyConfigured(f"SECOND_FACTOR_ROLES names no role: {', '.join(sorted(unknown))}.")
    if not found["OIDC_ISSUER"]:
        if not found["PASSWORD_SIGN_IN"]:
            raise ImproperlyConfigured("PASSWORD_SIGN_IN=off needs OIDC_ISSUER: nobody could sign in.")
        return
    address = urlsplit(found["OIDC_ISSUER"])
    if address.scheme not in (("https", "http") if local else ("https",)) or not address.hostname or address.query:
        raise ImproperlyConfigured("OIDC_ISSUER must be the provider's https:// address, as its tokens have it in iss.")
    if missing := [name for name in NEEDED if not found[name]]:
        raise ImproperlyConfigured(f"OIDC_ISSUER is set, {' and '.join(missing)} not. See .env.example.")
    if bool(found["OIDC_GROUPS_CLAIM"]) != bool(found["OIDC_HR_GROUP"]):
        raise ImproperlyConfigured("OIDC_GROUPS_CLAIM and OIDC_HR_GROUP make HR together, or not at all.")
    if "openid" not in found["OIDC_SCOPES"]:
        raise ImproperlyConfigured("OIDC_SCOPES must have openid among them.")
