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
MOST = 50


@dataclass(frozen=True)
class LinkedDecision:
    """One decision: the id of its row, its time, and its text."""

    id: int
    at: datetime
    says: str


def decisions_for(kind: str, campaign: Campaign, employee: Employee) -> list[LinkedDecision]:
    """The decisions of this kind for this employee, newest first. Empty for an unknown kind."""
    find = ACTS.get(kind)
    return find(campaign, employee) if find else []


def _adjustments(campaign: Campaign, employee: Employee) -> list[LinkedDecision]:
    """Granted ones only: a pending request is no answer."""
    granted = Adjustment.objects.filter(campaign=campaign, employee=employee, granted_at__isnull=False)
    found = granted.select_related("request").order_by("-granted_at", "-id")[:MOST]
    return [LinkedDecision(one.pk, one.granted_at, _adjusted(one)) for one in found if one.granted_at]


def _adjusted(one: Adjustment) -> str:
    if one.target is not None:
        return _("Target %(target)s: %(reason)s") % {"target": f"{one.target:,}", "reason": one.request.reason}
    text = _("Exempt: %(reason)s") if one.exempt else _("No longer exempt: %(reason)s")
    return text % {"reason": one.request.reason}


def _corrections(campaign: Campaign, employee: Employee) -> list[LinkedDecision]:
    """Granted ones only. The reason may mention other employees, so only this employee's own line is shown."""
    granted = CorrectionLine.objects.filter(
        employee=employee, correction__campaign=campaign, correction__state=ResultCorrection.State.GRANTED
    )
    found = granted.select_related("correction").order_by("-correction__decided_at", "-id")[:MOST]
    return [
        LinkedDecision(one.correction_id, at, _corrected(one)) for one in found if (at := one.correction.decided_at)
    ]


def _corrected(one: CorrectionLine) -> str:
    text = _("Result %(version)s: %(counted)s of %(target)s, exempt")
    if not one.exempt:
        text = _("Result %(version)s: %(counted)s of %(target)s")
    numbers = {"counted": f"{one.counted:,}", "target": f"{one.target:,}"}
    return text % {"version": one.correction.result_version, **numbers}


ACTS: dict[str, Callable[[Campaign, Employee], list[LinkedDecision]]] = {
    Review.Kind.ADJUSTMENT: _adjustments,
    Review.Kind.CORRECTION: _corrections,
}
