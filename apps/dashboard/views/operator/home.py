"""`/operator/`: the state of the installation, and where to do what is needed. For operators alone."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core.health import current_checks
from apps.core.version import versions
from apps.dashboard import installation_state
from apps.dashboard.labels import installation as labels
from apps.dashboard.operators import operator_page
from apps.dashboard.views.page_context import PageContext, render
from apps.notifications.channels import label_of

# The page that shows why a check fails.
PAGES = {"notifications": "company-notifications", "webhooks": "webhooks"}


@require_safe
@operator_page
def home(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    failures = installation_state.failures(scope.now)
    context = {
        "checks": [_check(scope, code, state) for code, state in current_checks().items()],
        "queues": [_queue(queue) for queue in installation_state.queues(scope.now)],
        "jobs": [_job(job) for job in installation_state.jobs(scope.now)],
        "failures": failures, "channels": [label_of(channel) for channel in failures.failing_channels],
        "job_advice": labels.JOB_ADVICE, "versions": versions(),
    }  # fmt: skip
    return render(scope, "operator/home.html", context)


def _check(scope: PageContext, code: str, state: str) -> dict[str, Any]:
    is_ok = state == "ok"
    return {
        "label": labels.CHECKS.get(code, code), "badge": labels.check_badge(state),
        "advice": "" if is_ok else labels.ADVICE.get(code, ""), "state": "" if is_ok else state,
        "url": scope.url(PAGES[code]) if code in PAGES and not is_ok else "",
    }  # fmt: skip


def _queue(queue: installation_state.Queue) -> dict[str, Any]:
    badge = labels.queue_badge(queue.backlog.count, is_late=queue.is_late)
    advice = labels.queue_advice(queue.work) if queue.is_late else ""
    return {"label": labels.QUEUES[queue.work], "backlog": queue.backlog, "badge": badge, "advice": advice}


def _job(job: installation_state.JobState) -> dict[str, Any]:
    badge = labels.job_badge(has_run=job.done_at is not None, is_late=job.is_late)
    return {"label": labels.JOBS[job.code], "job": job, "badge": badge}
