"""The OpenID Connect flow: allauth's steps, with the checks that allauth leaves out.

allauth keeps the state, the PKCE secret and the code. This module adds the nonce, the signature check, `azp`, and the
check that the provider is the configured one.
"""

from __future__ import annotations

import secrets
import time
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from requests import JSONDecodeError, RequestException, Session

from apps.accounts.id_tokens import BadToken, read_id_token
from apps.accounts.oidc_login import Claims


class NotProven(Exception):
    """The answer proves no identity; the text is for the log."""


class Cancelled(Exception):
    """The user cancelled at the provider's page."""


class Away(Exception):
    """The provider does not answer, or is not the configured one."""


# Exceptions for a provider's answer in an unexpected form.
MALFORMED = (OAuth2Error, LookupError, TypeError, ValueError, AttributeError)
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
OPTIONAL = "userinfo_endpoint"


def _app() -> SocialApp:
    """The provider from the environment, in allauth's form.

    Its id is the issuer, so a state is valid for this issuer only.
    """
    return SocialApp(
        provider="openid_connect", provider_id=settings.OIDC_ISSUER, name=settings.OIDC_NAME,
        client_id=settings.OIDC_CLIENT_ID, secret=settings.OIDC_CLIENT_SECRET,
        settings={
            "server_url": settings.OIDC_ISSUER.rstrip("/") + "/.well-known/openid-configuration",
            "scope": settings.OIDC_SCOPES,
            "oauth_pkce_enabled": True,
        },
    )  # fmt: skip


class NoRedirects(DefaultSocialAccountAdapter):
    """Send all requests to a provider, allauth's included (SOCIALACCOUNT_ADAPTER), with a time-out and no redirects.

    A redirect could send a secret or an authorization code to an unchecked address.
    """

    def get_requests_session(self) -> Session:
        session: Session = super().get_requests_session()
        # The first redirect raises TooManyRedirects and is not followed.
        session.max_redirects = 0
        return session


class CompanyProvider(OpenIDConnectProvider):
    def get_oauth2_adapter(self, request: HttpRequest) -> CompanyAdapter:
        return CompanyAdapter(request)


class CompanyAdapter(OpenIDConnectOAuth2Adapter):
    """Adapter for the one configured provider; checks every answer against the configuration."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, settings.OIDC_ISSUER)

    def get_provider(self) -> CompanyProvider:
        return CompanyProvider(self.request, app=_app())

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("company-sign-in-back"))

    @cached_property
    def openid_config(self) -> dict[str, Any]:
        """The provider's metadata.

        Raises OAuth2Error when the issuer is not the configured one, or an endpoint does not use TLS.
        """
        found = super().openid_config
        if not isinstance(found, dict) or found.get("issuer") != settings.OIDC_ISSUER:
            raise OAuth2Error("the provider has another name than OIDC_ISSUER")
        scheme = urlsplit(settings.OIDC_ISSUER).scheme
        for name in ENDPOINTS:
            address = found.get(name, "")
            if not (name == OPTIONAL and not address) and urlsplit(str(address)).scheme not in ("https", scheme):
                raise OAuth2Error(f"{name} is no https:// address")
        return found

    def claims(self, answer: dict[str, Any], nonce: str) -> Claims:
        """Return the verified claims of the token endpoint's answer."""
        found = read_id_token(
            answer.get("id_token"),
            keys=self._fetch(self.openid_config["jwks_uri"])["keys"],
            issuer=settings.OIDC_ISSUER,
            client_id=settings.OIDC_CLIENT_ID,
            nonce=nonce,
            now=time.time(),
        )
        return self._claims(found, str(answer["access_token"]))

    def _claims(self, found: dict[str, Any], access_token: str) -> Claims:
        wanted = [name for name in (settings.OIDC_STAFF_NO_CLAIM or "email", settings.OIDC_GROUPS_CLAIM) if name]
        if any(name not in found for name in wanted) and self.openid_config.get("userinfo_endpoint"):
            found = {**self._user_info(found["sub"], access_token), **found}
        return Claims(
            issuer=found["iss"],
            subject=found["sub"],
            staff_no=_text(found.get(settings.OIDC_STAFF_NO_CLAIM)),
            # Only the boolean counts: a text such as "true" proves nothing.
            email=_text(found.get("email")) if found.get("email_verified") is True else "",
            groups=frozenset(_texts(found.get(settings.OIDC_GROUPS_CLAIM))),
            second_factor="mfa" in _texts(found.get("amr")),
        )

    def _user_info(self, subject: str, access_token: str) -> dict[str, Any]:
        """Return claims that the token lacks; the answer must be about the token's subject."""
        found = self._fetch(self.openid_config["userinfo_endpoint"], {"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != subject:
            raise OAuth2Error("the provider tells of somebody else")
        return found

    @staticmethod
    def _fetch(address: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        with get_adapter().get_requests_session() as session:
            answer = session.get(address, headers=headers)
            answer.raise_for_status()
            found = answer.json()
        if not isinstance(found, dict):
            raise OAuth2Error("the provider's answer is no object")
        return found


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [one for one in ([value] if isinstance(value, str) else value if isinstance(value, list) else [])
            if isinstance(one, str)]  # fmt: skip


def go(request: HttpRequest, next_url: str) -> HttpResponse:
    """Redirect to the provider with a state, PKCE and a nonce that only this session knows. Raises Away."""
    adapter = CompanyAdapter(request)
    try:
        # Read the provider's metadata before redirecting, to raise Away here.
        _known = adapter.openid_config
    except (RequestException, *MALFORMED) as error:
        raise Away(repr(error)) from error
    nonce = secrets.token_urlsafe(32)
    sent: HttpResponse = adapter.get_provider().redirect(
        request, "login", next_url=next_url, auth_params={"nonce": nonce}, nonce=nonce
    )
    return sent


def come_back(request: HttpRequest) -> tuple[Claims, str]:
    """Return the proven claims of a returning user, and the address to open next.

    Raises NotProven, Cancelled or Away. A state is valid once, in the session that created it.
    """
    adapter = CompanyAdapter(request)
    try:
        state = adapter.get_provider().unstash_redirect_state(request, request.GET.get("state", ""))
        _from_our_provider(request, adapter.openid_config)
        if request.GET.get("error") == "access_denied":
            raise Cancelled
        if "error" in request.GET:
            raise NotProven("the provider says that it failed")
        client = adapter.get_client(request, _app())
        secret = state["pkce_code_verifier"]
        answer = adapter.get_access_token_data(request, _app(), client, pkce_code_verifier=secret)
        return adapter.claims(answer, state["nonce"]), state.get("next", "")
    except PermissionDenied as error:
        raise NotProven("a state this session did not go off with") from error
    except BadToken as error:
        raise NotProven(str(error)) from error
    # Invalid JSON is a malformed answer, although requests treats it as a RequestException.
    except JSONDecodeError as error:
        raise NotProven(repr(error)) from error
    except RequestException as error:
        raise Away(repr(error)) from error
    except MALFORMED as error:
        raise NotProven(repr(error)) from error


def _from_our_provider(request: HttpRequest, config: dict[str, Any]) -> None:
    """Reject an answer from another provider (RFC 9207)."""
    said = request.GET.get("iss")
    if said is None and not config.get("authorization_response_iss_parameter_supported"):
        return
    if said != settings.OIDC_ISSUER:
        raise NotProven("an answer of another provider")
