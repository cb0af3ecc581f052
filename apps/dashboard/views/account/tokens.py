"""`/tokens/`: the reader's API tokens: created here, shown once, revoked here."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.api_tokens import TokenRefused, create_token, revoke_token
from apps.accounts.models import ApiToken
from apps.accounts.second_factors import SHOWN
from apps.dashboard.forms.tokens import TokenForm, offered_to
from apps.dashboard.views.page_context import PageContext, render

PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The reader's tokens, newest first, with a form for one more; only the creating response shows the secret."""
    scope = PageContext(request)
    if request.method != "POST":
        return _page(scope, TokenForm(scope.user))
    form = TokenForm(scope.user, request.POST)
    if not form.is_valid():
        return _page(scope, form, status=422)
    try:
        token, secret = create_token(
            account=scope.user, by=scope.user.actor, shown=bool(request.session.get(SHOWN)), **form.terms()
        )
    except TokenRefused as refused:
        form.refuse(refused.field, refused.message)
        return _page(scope, form, status=422)
    # No redirect: the secret is not stored, so the next page could not show it.
    return _page(scope, TokenForm(scope.user), made=token, secret=secret)


def _page(scope: PageContext, form: TokenForm, *, status: int = 200, **made: Any) -> HttpResponse:
    before = scope.request.GET.get("before", "")
    tokens = ApiToken.objects.of(scope.user).order_by("-pk")
    behind = before.isascii() and before.isdigit() and len(before) < 19
    rows = list((tokens.filter(pk__lt=int(before)) if behind else tokens)[: PAGE + 1])
    context = {
        "form": form,
        "rows": [_row(scope, token) for token in rows[:PAGE]],
        "next": scope.url("tokens", before=rows[PAGE - 1].pk) + "#list" if len(rows) > PAGE else "",
        "first": scope.url("tokens") + "#list" if behind else "",
        **made,
    }
    return render(scope, "account/tokens.html", context, status=status)


def _row(scope: PageContext, token: ApiToken) -> dict[str, Any]:
    labels = dict(offered_to(scope.user, everything=True))
    usable = token.revoked_at is None and token.expires_at > scope.now
    return {
        "token": token,
        "scopes": [labels.get(scope_code, scope_code) for scope_code in token.scopes],
        "usable": usable,
    }


@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """The token is invalid from the next request on. Idempotent."""
    scope = PageContext(request)
    token = ApiToken.objects.of(scope.user).filter(pk=token_id).select_related("account").first()
    if token is None:
        raise Http404("There is no such token")
    revoke_token(token=token, by=scope.user.actor)
    messages.success(request, _("“%(name)s” opens nothing any more.") % {"name": token.name})
    return redirect(scope.url("tokens"))
