"""`/tokens/`: the reader's API tokens: created here, shown once, revoked here."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.api_tokens import create_token, revoke_token
from apps.accounts.models import ApiToken
from apps.accounts.second_factors import SESSION_FACTOR_KEY
from apps.dashboard.forms.tokens import TokenForm, scope_choices
from apps.dashboard.views.list_pages import list_page
from apps.dashboard.views.page_context import PageContext, render

PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The reader's tokens, newest first, with a form for one more; only the creating response shows the secret."""
    scope = PageContext(request)
    if request.method != "POST":
        return _page(scope, TokenForm(scope.user))
    form = TokenForm(scope.user, request.POST)
    if form.is_valid():
        with form.showing_refusals():
            token, secret = create_token(
                account=scope.user,
                by=scope.user.actor,
                second_factor=bool(request.session.get(SESSION_FACTOR_KEY)),
                **form.cleaned_data,
            )
            # No redirect: the secret is not stored, so the next page could not show it.
            return _page(scope, TokenForm(scope.user), new_token=token, secret=secret)
    return _page(scope, form, status=422)


def _page(scope: PageContext, form: TokenForm, *, status: int = 200, **new: Any) -> HttpResponse:
    def address(**query: str) -> str:
        return scope.url("tokens", **query) + "#list"

    page = list_page(scope, ApiToken.objects.of(scope.user), "-pk", size=PAGE, address=address)
    context = {
        "form": form,
        "page": page,
        "rows": [_row(scope, token) for token in page.rows],
        **new,
    }
    return render(scope, "account/tokens.html", context, status=status)


def _row(scope: PageContext, token: ApiToken) -> dict[str, Any]:
    labels = dict(scope_choices(scope.user, include_all=True))
    return {
        "token": token,
        "scopes": [labels.get(code, code) for code in token.scopes],
        "usable": token.revoked_at is None and token.expires_at > scope.now,
    }


@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """The token is invalid from the next request on. Idempotent."""
    scope = PageContext(request)
    token = get_object_or_404(ApiToken.objects.of(scope.user).select_related("account"), pk=token_id)
    revoke_token(token=token, by=scope.user.actor)
    messages.success(request, _("“%(name)s” is revoked.") % {"name": token.name})
    return redirect(scope.url("tokens"))
