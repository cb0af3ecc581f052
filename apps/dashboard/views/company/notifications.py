"""`/company/notifications/`: how many notifications wait, were sent or failed, for HR and operators; and a test."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import Role
from apps.core.errors import Refused
from apps.dashboard.labels.notifications import KINDS, REASONS
from apps.dashboard.views.page_context import PageContext, render
from apps.notifications.channels import label_of
from apps.notifications.progress import read_progress, sums_by_sender
from apps.notifications.trial_message import send_own_test, testable_channels


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    if not scope.sees_notifications:
        raise Http404("Only HR and operators see this")
    progress = read_progress(scope.now)
    for row in (*progress.states, *progress.reasons):
        row["label"] = KINDS.get(row["kind"], row["kind"])
        row["by"] = label_of(row["channel"])
    for row in progress.reasons:
        # None: what the mail server or the chat product answered.
        row["reason"] = REASONS.get(row["last_error"])
    # By name: not for operators.
    sums = sums_by_sender(scope.now) if scope.user.has_role("hr") else []
    context = {"progress": progress, "sums": sums, "tests": _tests(scope)}
    return render(scope, "company/notifications.html", context)


def _tests(scope: PageContext) -> list[tuple[str, Any]]:
    """The channels that the reader can test, each with its label: only operators can mend one."""
    if not scope.user.has_role(Role.Kind.OPERATOR):
        return []
    return [(channel, label_of(channel)) for channel in testable_channels()]


@require_POST
def send_test(request: HttpRequest) -> HttpResponse:
    """Send a test to the operator's own address, and show what the service answered."""
    scope = PageContext(request)
    if not scope.user.has_role(Role.Kind.OPERATOR):
        raise Http404("Only operators test channels")
    channel = request.POST.get("channel", "")
    try:
        answer = send_own_test(account=scope.user, channel=channel)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect(scope.url("company-notifications"))
    if answer == "sent":
        text = _("The service accepted the test (%(channel)s).")
        messages.success(request, text % {"channel": label_of(channel)})
    else:
        text = _("The test was not sent (%(channel)s). The service answered: %(answer)s")
        messages.error(request, text % {"channel": label_of(channel), "answer": answer})
    return redirect(scope.url("company-notifications"))
