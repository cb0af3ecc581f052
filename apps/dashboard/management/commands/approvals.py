from typing import Any

from apps.accounts.models import ApprovalRequest
from apps.core.clock import db_now
from apps.core.management.base import AppCommand
from apps.dashboard.labels import approvals


class Command(AppCommand):
    help = "Lists the changes that are waiting for a second person, with the effect counted at the request."

    def handle(self, *args: Any, **options: Any) -> None:
        waiting = list(ApprovalRequest.objects.open(db_now()).order_by("requested_at", "pk"))
        lines = [
            f"{request.pk}  {approvals.kind_of(request).title}: {request.label} · {request.requested_by_label} · "
            f"{request.requested_at:%Y-%m-%d %H:%M} UTC · {'; '.join(approvals.effect_lines(request.effect)) or '–'}"
            for request in waiting
        ]
        self.print_result(
            options, {"waiting": [_json(request) for request in waiting]}, "\n".join(lines) or "Nothing is waiting."
        )


def _json(request: ApprovalRequest) -> dict[str, Any]:
    return {
        "id": request.pk, "kind": request.kind, "label": request.label, "effect": request.effect,
        "reason": request.reason, "requested_by": request.requested_by_label,
        "requested_at": request.requested_at.isoformat(), "expires_at": request.expires_at.isoformat(),
    }  # fmt: skip
