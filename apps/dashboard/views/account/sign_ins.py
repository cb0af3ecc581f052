"""`/sign-ins/`: the browsers in which the reader is signed in; each can be signed out from here."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.sessions import end_access, end_session, idle_limit, signed_in_browsers
from apps.accounts.user_agents import browser_name
from apps.dashboard.views.page_context import PageContext, render


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """This browser first, then the others, most recently used first."""
    scope = PageContext(request)
    rows = [
        {"session": session, "browser": browser_name(session.agent)}
        for session in signed_in_browsers(scope.user, request.session.session_key)
    ]
    context = {"rows": rows, "has_others": len(rows) > 1, "idle_limit": _duration_text(idle_limit(scope.user))}
    context["address"] = scope.user.roster_address if settings.PASSWORD_SIGN_IN else ""
    return render(scope, "account/sign_ins.html", context)


def _duration_text(limit: timedelta) -> str:
    """In the largest unit that divides it exactly."""
    hours, rest = divmod(int(limit.total_seconds()) // 60, 60)
    if hours and not rest and hours % 24 == 0:
        return ngettext("%(count)s day", "%(count)s days", hours // 24) % {"count": hours // 24}
    if hours and not rest:
        return ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": hours}
    minutes = hours * 60 + rest
    return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}


@require_POST
def end(request: HttpRequest, name: str) -> HttpResponse:
    """The session ends with the next request. Idempotent."""
    scope = PageContext(request)
    # This browser is signed out with its own button, which also clears its data.
    if not end_session(account=scope.user, name=name, but=request.session.session_key):
        raise Http404("There is no such session")
    messages.success(request, _("That browser is signed out."))
    return redirect(scope.url("sign-ins"))


@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    gone = end_access(account=scope.user, by=scope.user.actor, but=request.session.session_key)
    message = ngettext("%(count)s other browser is signed out.", "%(count)s other browsers are signed out.", gone)
    messages.success(request, message % {"count": gone})
    return redirect(scope.url("sign-ins"))
