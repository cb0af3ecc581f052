"""`/notifications/`: the reader's notifications, which kinds arrive by which channel, and unsubscribe links."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.shortcuts import render as render_template
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.dashboard.forms.notifications import NotificationSettingsForm
from apps.dashboard.labels.notifications import KINDS
from apps.dashboard.views.list_pages import list_page
from apps.dashboard.views.page_context import PageContext, render
from apps.notifications.inbox import entries_of, mark_read
from apps.notifications.models import Notification
from apps.notifications.rooms.services import may_set_up
from apps.notifications.unsubscribe import InvalidUnsubscribeToken, read_token

PAGE = 30


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The reader's notifications, newest first; opening the list marks none as read."""
    scope = PageContext(request)
    own = Notification.objects.visible_to(scope.user)
    page = list_page(scope, own, "-created_at", "-pk", size=PAGE, address=partial(scope.url, "notifications"))
    newest = max((row.pk for row in page.rows), default=0)
    context = {"page": page, "entries": entries_of(page.rows, scope.now), "newest": newest}
    return render(scope, "account/notifications.html", context)


@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark one notification as read, or all that the page showed and older ones."""
    scope = PageContext(request)
    only, until = request.POST.get("only", ""), request.POST.get("until", "")
    mark_read(scope.user, scope.now, only=_number(only), until=_number(until))
    return redirect(scope.url("notifications"))


def _number(text: str) -> int:
    """A row's number; 0, which no row has, for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    form = NotificationSettingsForm(request.POST if request.method == "POST" else None, account=scope.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your notification settings are saved."))
        return redirect(scope.url("notification-settings"))
    status = 422 if form.errors else 200
    has_room = scope.employee is not None and may_set_up(scope.employee, scope.user)
    return render(scope, "account/notification_settings.html", {"form": form, "has_room": has_room}, status=status)


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Switch off one kind for the recipient of a mail. Only a POST changes something: mail scanners open links.

    A mail program sends the POST without cookies (RFC 8058), so neither a sign-in nor a CSRF token is required; the
    signature of the token allows this one change.
    """
    try:
        subscription = read_token(token)
    except InvalidUnsubscribeToken as error:
        raise Http404("There is no such subscription") from error
    if request.method == "POST":
        subscription.switch_off()
    context = {"label": KINDS[subscription.kind.code], "is_off": request.method == "POST"}
    response = render_template(request, "account/unsubscribe.html", context)
    add_never_cache_headers(response)
    return response
