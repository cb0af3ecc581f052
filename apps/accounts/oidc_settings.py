"""Validate the sign-in settings: OpenID provider, password, or both. Only the environment sets them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

# Roles that may require a second factor.
ROLES = {"hr", "operator", "auditor"}
# Required when OIDC_ISSUER is set.
REQUIRED_SETTINGS = ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")


def validate_oidc_settings(values: Mapping[str, Any], *, local: bool) -> None:
    """Raise ImproperlyConfigured for incomplete settings, which could open or block sign-in by mistake."""
    if unknown := set(values["SECOND_FACTOR_ROLES"]) - ROLES:
        raise ImproperlyConfigured(f"SECOND_FACTOR_ROLES names unknown roles: {', '.join(sorted(unknown))}.")
    if not values["OIDC_ISSUER"]:
        if not values["PASSWORD_SIGN_IN"]:
            raise ImproperlyConfigured("PASSWORD_SIGN_IN=off needs OIDC_ISSUER: no user could sign in.")
        return
    address = urlsplit(values["OIDC_ISSUER"])
    if address.scheme not in (("https", "http") if local else ("https",)) or not address.hostname or address.query:
        raise ImproperlyConfigured("OIDC_ISSUER must be the provider's https:// address, as its tokens have it in iss.")
    if missing := [name for name in REQUIRED_SETTINGS if not values[name]]:
        raise ImproperlyConfigured(f"OIDC_ISSUER is set without {' and '.join(missing)}. See .env.example.")
    if bool(values["OIDC_GROUPS_CLAIM"]) != bool(values["OIDC_HR_GROUP"]):
        raise ImproperlyConfigured("OIDC_GROUPS_CLAIM and OIDC_HR_GROUP must be set together.")
    if "openid" not in values["OIDC_SCOPES"]:
        raise ImproperlyConfigured("OIDC_SCOPES must include openid.")
