"""Incomplete sign-in settings stop the start, before a user finds sign-in closed or open by mistake."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.accounts.oidc_settings import validate_oidc_settings

WHOLE: dict[str, Any] = {
    "OIDC_ISSUER": "https://login.example.com",
    "OIDC_CLIENT_ID": "hundred",
    "OIDC_CLIENT_SECRET": "secret",
    "OIDC_SCOPES": ["openid"],
    "OIDC_GROUPS_CLAIM": "",
    "OIDC_HR_GROUP": "",
    "PASSWORD_SIGN_IN": True,
    "SECOND_FACTOR_ROLES": ["hr"],
}
GROUPS = {"OIDC_GROUPS_CLAIM": "groups", "OIDC_HR_GROUP": "hr"}


@pytest.mark.parametrize(
    "changed", [{}, {"PASSWORD_SIGN_IN": False}, GROUPS, {"OIDC_ISSUER": "", "OIDC_CLIENT_ID": "left over"}]
)
def test_what_is_whole_starts(changed: dict[str, Any]) -> None:
    validate_oidc_settings({**WHOLE, **changed}, local=False)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"OIDC_CLIENT_SECRET": ""}, "set without OIDC_CLIENT_SECRET"),
        ({"OIDC_CLIENT_ID": "", "OIDC_CLIENT_SECRET": ""}, "set without OIDC_CLIENT_ID and OIDC_CLIENT_SECRET"),
        ({"OIDC_HR_GROUP": "hr"}, "must be set together"),
        ({"OIDC_GROUPS_CLAIM": "groups"}, "must be set together"),
        ({"OIDC_ISSUER": "http://login.example.com"}, "https://"),
        ({"OIDC_ISSUER": "login.example.com"}, "https://"),
        ({"OIDC_ISSUER": "https://login.example.com/?realm=1"}, "https://"),
        ({"OIDC_ISSUER": "", "PASSWORD_SIGN_IN": False}, "no user could sign in"),
        ({"SECOND_FACTOR_ROLES": ["HR"]}, "names unknown roles: HR"),
        ({"OIDC_SCOPES": ["email"]}, "must include openid"),
    ],
)
def test_what_is_half_said_does_not(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=said):
        validate_oidc_settings({**WHOLE, **changed}, local=False)


def test_a_provider_without_tls_does_on_one_machine_alone() -> None:
    validate_oidc_settings({**WHOLE, "OIDC_ISSUER": "http://localhost:9400"}, local=True)
