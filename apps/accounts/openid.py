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

from apps.accounts.id_tokens import InvalidIdToken, read_id_token
from apps.accounts.oidc_login import Claims


class InvalidProviderResponse(Exception):
    """The answer proves no identity; the text is for the log."""


class LoginCancelled(Exception):
    """The user cancelled at the provider's page."""


class ProviderUnavailable(Exception):
    """The provider does not answer, or is not the configured one."""


# Exceptions for a provider's answer in an unexpected form.
RESPONSE_ERRORS = (OAuth2Error, LookupError, TypeError, ValueError, AttributeError)
# All addresses that this program calls, or sends a user or a secret to.
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
OPTIONAL_ENDPOINT = "userinfo_endpoint"


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


class NoRedirectsAdapter(DefaultSocialAccountAdapter):
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
        config = super().openid_config
        if not isinstance(config, dict) or config.get("issuer") != settings.OIDC_ISSUER:
            raise OAuth2Error("the provider has another name than OIDC_ISSUER")
        scheme = urlsplit(settings.OIDC_ISSUER).scheme
        for name in ENDPOINTS:
            address = config.get(name, "")
            if not (name == OPTIONAL_ENDPOINT and not address) and urlsplit(str(address)).scheme not in (
                "https",
                scheme,
            ):
                raise OAuth2Error(f"{name} is not an https:// address")
        return config

    def claims(self, answer: dict[str, Any], nonce: str) -> Claims:
        """Return the verified claims of the token endpoint's answer."""
        claims = read_id_token(
            answer.get("id_token"),
            keys=self._fetch(self.openid_config["jwks_uri"])["keys"],
            issuer=settings.OIDC_ISSUER,
            client_id=settings.OIDC_CLIENT_ID,
            nonce=nonce,
            now=time.time(),
        )
        return self._claims(claims, str(answer["access_token"]))

    def _claims(self, claims: dict[str, Any], access_token: str) -> Claims:
        # Some providers put group claims only into the userinfo endpoint; asked only when a claim is missing.
        names = [name for name in (settings.OIDC_STAFF_NO_CLAIM or "email", settings.OIDC_GROUPS_CLAIM) if name]
        if any(name not in claims for name in names) and self.openid_config.get("userinfo_endpoint"):
            # The signed token wins over the endpoint's answer.
            claims = {**self._user_info(claims["sub"], access_token), **claims}
        return Claims(
            issuer=claims["iss"],
            subject=claims["sub"],
            staff_no=_text(claims.get(settings.OIDC_STAFF_NO_CLAIM)),
            # Only the boolean counts: a text such as "true" proves nothing.
            email=_text(claims.get("email")) if claims.get("email_verified") is True else "",
            groups=frozenset(_texts(claims.get(settings.OIDC_GROUPS_CLAIM))),
            second_factor="mfa" in _texts(claims.get("amr")),
        )

    def _user_info(self, subject: str, access_token: str) -> dict[str, Any]:
        """Return claims that the token lacks; the answer must be about the token's subject."""
        claims = self._fetch(self.openid_config["userinfo_endpoint"], {"Authorization": f"Bearer {access_token}"})
        if claims.get("sub") != subject:
            raise OAuth2Error("the provider describes another person")
        return claims

    @staticmethod
    def _fetch(address: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        with get_adapter().get_requests_session() as session:
            answer = session.get(address, headers=headers)
            answer.raise_for_status()
            content = answer.json()
        if not isinstance(content, dict):
            raise OAuth2Error("the provider's answer is not an object")
        return content


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [text for text in ([value] if isinstance(value, str) else value if isinstance(value, list) else [])
            if isinstance(text, str)]  # fmt: skip


def start_login(request: HttpRequest, next_url: str) -> HttpResponse:
    """Redirect to the provider with a state, PKCE and a nonce that only this session knows.

    Raises ProviderUnavailable.
    """
    adapter = CompanyAdapter(request)
    try:
        # Read the provider's metadata before redirecting, to raise ProviderUnavailable here.
        _config = adapter.openid_config
    except (RequestException, *RESPONSE_ERRORS) as error:
        raise ProviderUnavailable(repr(error)) from error
    nonce = secrets.token_urlsafe(32)
    response: HttpResponse = adapter.get_provider().redirect(
        request, "login", next_url=next_url, auth_params={"nonce": nonce}, nonce=nonce
    )
    return response


def finish_login(request: HttpRequest) -> tuple[Claims, str]:
    """Return the proven claims of a returning user, and the address to open next.

    Raises InvalidProviderResponse, LoginCancelled or ProviderUnavailable. A state is valid once, in the session that
    created it.
    """
    adapter = CompanyAdapter(request)
    try:
        state = adapter.get_provider().unstash_redirect_state(request, request.GET.get("state", ""))
        _check_issuer(request, adapter.openid_config)
        if request.GET.get("error") == "access_denied":
            raise LoginCancelled
        if "error" in request.GET:
            raise InvalidProviderResponse("the provider says that it failed")
        client = adapter.get_client(request, _app())
        secret = state["pkce_code_verifier"]
        # The code is exchanged here, by this server: the browser never sees the access token.
        answer = adapter.get_access_token_data(request, _app(), client, pkce_code_verifier=secret)
        return adapter.claims(answer, state["nonce"]), state.get("next", "")
    except PermissionDenied as error:
        raise InvalidProviderResponse("a state this session did not go off with") from error
    except InvalidIdToken as error:
        raise InvalidProviderResponse(str(error)) from error
    # Invalid JSON is a malformed answer, although requests treats it as a RequestException.
    except JSONDecodeError as error:
        raise InvalidProviderResponse(repr(error)) from error
    except RequestException as error:
        raise ProviderUnavailable(repr(error)) from error
    except RESPONSE_ERRORS as error:
        raise InvalidProviderResponse(repr(error)) from error


def _check_issuer(request: HttpRequest, config: dict[str, Any]) -> None:
    """Reject an answer from another provider (RFC 9207)."""
    issuer = request.GET.get("iss")
    # A provider that announces the parameter must send it: leaving it out is the attack that it prevents (mix-up).
    if issuer is None and not config.get("authorization_response_iss_parameter_supported"):
        return
    if issuer != settings.OIDC_ISSUER:
        raise InvalidProviderResponse("an answer of another provider")
