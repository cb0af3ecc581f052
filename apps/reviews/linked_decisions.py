"""HR's decisions for one employee in one campaign that an answer can link to: adjustments and corrections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.campaigns.models import Adjustment, Campaign
from apps.employees.models import Employee
from apps.results.models import CorrectionLine, ResultCorrection
from apps.reviews.models import Review

# How many decisions an answer can choose from, newest first.
# More decisions about one employee are a matter for the pages of adjustments and corrections.
MAX_DECISIONS = 50


@dataclass(frozen=True)
class LinkedDecision:
    id: int
    at: datetime
    text: str


def decisions_for(kind: str, campaign: Campaign, employee: Employee) -> list[LinkedDecision]:
    """The decisions of this kind for this employee, newest first. Empty for an unknown kind."""
    find = FINDERS.get(kind)
    return find(campaign, employee) if find else []


def _adjustments(campaign: Campaign, employee: Employee) -> list[LinkedDecision]:
    """Granted ones only: a pending request is no answer."""
    granted = Adjustment.objects.filter(campaign=campaign, employee=employee, granted_at__isnull=False)
    adjustments = granted.select_related("request").order_by("-granted_at", "-id")[:MAX_DECISIONS]
    return [
        LinkedDecision(adjustment.pk, adjustment.granted_at, _adjusted(adjustment))
        for adjustment in adjustments
        if adjustment.granted_at
    ]


def _adjusted(adjustment: Adjustment) -> str:
    if adjustment.target is not None:
        return _("Target %(target)s: %(reason)s") % {
            "target": f"{adjustment.target:,}",
            "reason": adjustment.request.reason,
        }
    text = _("Exempt: %(reason)s") if adjustment.exempt else _("No longer exempt: %(reason)s")
    return text % {"reason": adjustment.request.reason}


def _corrections(campaign: Campaign, employee: Employee) -> list[LinkedDecision]:
    """Granted ones only. The reason may mention other employees, so only this employee's own line is shown."""
    granted = CorrectionLine.objects.filter(
        employee=employee, correction__campaign=campaign, correction__state=ResultCorrection.State.GRANTED
    )
    lines = granted.select_related("correction").order_by("-correction__decided_at", "-id")[:MAX_DECISIONS]
    return [
        LinkedDecision(line.correction_id, at, _corrected(line)) for line in lines if (at := line.correction.decided_at)
    ]


def _corrected(line: CorrectionLine) -> str:
    text = _("Result %(version)s: %(counted)s of %(target)s, exempt")
    if not line.exempt:
        text = _("Result %(version)s: %(counted)s of %(target)s")
    numbers = {"counted": f"{line.counted:,}", "target": f"{line.target:,}"}
    return text % {"version": line.correction.result_version, **numbers}


FINDERS: dict[str, Callable[[Campaign, Employee], list[LinkedDecision]]] = {
    Review.Kind.ADJUSTMENT: _adjustments,
    Review.Kind.CORRECTION: _corrections,
}
