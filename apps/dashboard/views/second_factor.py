"""Second factors: the question at the sign-in, and one's own page to add, see and remove them."""

from __future__ import annotations

import base64
import time
from typing import Any

from allauth.mfa.totp.internal.auth import clear_totp_secret
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.shortcuts import render as render_template
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.dashboard.entering import PROVEN_AT, enter, waiting
from apps.dashboard.second_factor_forms import AddForm, CodeForm
from apps.dashboard.views.scope import Scope
from apps.employees.models import Account
from apps.employees.second_factors import (
    SHOWN,
    Secrets,
    add_factor,
    audit_wrong_code,
    has_factor,
    lacks_factor,
    paper_codes,
    remove_factors,
)

# How long ago somebody may have signed in who adds a factor without a password: seconds.
FRESH = 600


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def asked(request: HttpRequest) -> HttpResponse:
    """Between the password and the session; nobody else has anything here."""
    found = waiting(request)
    if found is None:
        return redirect("login")
    account, left = found
    form = CodeForm(user=account, data=request.POST or None)
    if request.method == "POST":
        if form.is_valid():
            form.save()
            return enter(request, account, left["wanted"], event=left["event"], shown=True, hours=left["hours"])
        audit_wrong_code(account)
    return render_template(request, "registration/second_factor_asked.html", {"form": form})


@never_cache
@require_http_methods(["GET", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """One's own second factor: the page to add it, or what there is of it."""
    scope = Scope(request)
    account = scope.user
    if has_factor(account):
        if lacks_factor(account, request.session):
            # Added in another browser since this one was signed in.
            return _page(request, scope, "registration/second_factor_stale.html")
        return _page(request, scope, "registration/second_factor.html", remove=CodeForm(user=account))
    fresh = time.time() - request.session.get(PROVEN_AT, 0) < FRESH
    if not fresh and not account.has_usable_password():
        return _page(request, scope, "registration/second_factor_stale.html")
    form = AddForm(user=account, fresh=fresh, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        add_factor(account=account, secret=form.secret)
        clear_totp_secret(request)
        request.session[SHOWN] = True
        request.session.cycle_key()
        messages.success(request, _("Your second factor is added. Keep these codes on paper."))
        return _page(
            request, scope, "registration/second_factor.html", codes=paper_codes(account), remove=CodeForm(user=account)
        )
    return _page(
        request, scope, "registration/second_factor_add.html", form=form, picture=_picture(account, form.secret),
        secret=form.secret, needed=lacks_factor(account, request.session),
    )  # fmt: skip


@never_cache
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """With a code: whoever finds an open browser takes nothing away."""
    scope = Scope(request)
    if not has_factor(scope.user):
        raise Http404
    form = CodeForm(user=scope.user, data=request.POST)
    if not form.is_valid():
        audit_wrong_code(scope.user)
        return _page(request, scope, "registration/second_factor.html", remove=form, status=422)
    remove_factors(account=scope.user, by=scope.user.actor)
    request.session[SHOWN] = False
    messages.success(request, _("Your second factor is removed."))
    return HttpResponseRedirect(settings.LOGIN_REDIRECT_URL)


def _page(request: HttpRequest, scope: Scope, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    around = {"scope": scope, "frame": scope.frame(), "now": scope.now}
    return render_template(request, template, {**around, **context}, status=status)


def _picture(account: Account, secret: str) -> str:
    """The secret as a QR code that an app reads, as an address that holds the picture itself."""
    adapter = Secrets()
    drawn = adapter.build_totp_svg(adapter.build_totp_url(account, secret))
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.encode()).decode()
