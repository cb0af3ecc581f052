"""`/company/notifications/`: how many notifications wait, were sent or failed, for HR and operators."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.dashboard.labels.notifications import KINDS, reason_label
from apps.dashboard.views.page_context import PageContext, render
from apps.notifications.channels import label_of
from apps.notifications.progress import read_progress, sums_by_sender


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
        row["reason"] = reason_label(row["last_error"])
    # By name: not for operators.
    sums = sums_by_sender(scope.now) if scope.user.has_role("hr") else []
    return render(scope, "company/notifications.html", {"progress": progress, "sums": sums})
