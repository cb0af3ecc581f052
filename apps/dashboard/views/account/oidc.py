"""Sign-in at the company's OpenID provider: start and callback. Both are 404 without a provider."""

import logging
from collections.abc import Callable
from functools import wraps
from types import ModuleType

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from apps.accounts.access_log import audit_failure
from apps.accounts.models import Account
from apps.accounts.oidc_login import SignInRejected, sign_in_with_claims
from apps.dashboard.login_flow import complete_login, safe_redirect

logger = logging.getLogger(__name__)
# The allowed origins of a sign-in: the application's own button, or a typed or bookmarked address. Links and images
# elsewhere start no session; browsers before 2023 do not send the header.
TRUSTED_FETCH_SITES = frozenset({"same-origin", "none"})


def _openid() -> ModuleType:
    """The provider's client, imported on demand: it would slow every process start, and most installations have no
    provider.
    """
    from apps.accounts import openid

    return openid


def _with_provider(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if not settings.OIDC_ISSUER:
            raise Http404
        return view(request)

    return checked


@login_not_required
@never_cache
@_with_provider
@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """A link, not a form: the content security policy allows no form to another site."""
    target = safe_redirect(request, request.GET.get("next", ""))
    if request.user.is_authenticated:
        return HttpResponseRedirect(target)
    # Otherwise any page could start a sign-in in the reader's browser (login CSRF).
    if request.headers.get("Sec-Fetch-Site", "none") not in TRUSTED_FETCH_SITES:
        return redirect_to_login(target)
    openid = _openid()
    try:
        response: HttpResponse = openid.start_login(request, target)
    except openid.ProviderUnavailable as error:
        return _refused(request, "away", error)
    return response


@login_not_required
@never_cache
@_with_provider
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    openid = _openid()
    try:
        claims, target = openid.finish_login(request)
        account = sign_in_with_claims(claims)
    except openid.InvalidProviderResponse as error:
        return _refused(request, "unproven", error)
    except openid.LoginCancelled:
        return _refused(request, "cancelled")
    except openid.ProviderUnavailable as error:
        return _refused(request, "away", error)
    except SignInRejected as error:
        return _refused(request, error.reason, account=error.account)
    return complete_login(
        request,
        account,
        target,
        event="signed_on",
        factor_shown=settings.OIDC_SECOND_FACTOR or claims.second_factor,
        hours=settings.OIDC_SESSION_HOURS,
    )


def _refused(request: HttpRequest, reason: str, detail: object = "", account: Account | None = None) -> HttpResponse:
    """A page with the next step for the reader; a forged response learns nothing about itself."""
    audit_failure(f"not_signed_on_{reason}", account)
    # The details are for the operator: an attacker who forges answers must not learn which check failed.
    logger.warning("Sign-in at the provider refused: %s. %s", reason, detail)
    response = render(
        request, "account/sign_in_refused.html", {"reason": reason, "provider": settings.OIDC_NAME},
        status=503 if reason == "away" else 403,
    )  # fmt: skip
    if reason == "away":
        response["Retry-After"] = "30"
    return response
