"""Queries on adjustments: what applies to an employee, and what HR requested, decided and ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from apps.accounts.models import Account
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign
from apps.campaigns.models.adjustment import AdjustmentQuerySet
from apps.campaigns.rules import effective_as_of
from apps.core.periods import in_force
from apps.core.text import clean_text

# The filters of HR's list.
FILTERS = ("mine", "waiting", "in_force", "all")


def adjustments_by_employee(
    campaign: Campaign, employees: Iterable[int], as_of: datetime
) -> dict[int, list[Adjustment]]:
    """The granted adjustments of these employees that are not over just before `as_of`, by employee, deciding one
    first.

    An adjustment may begin later than `as_of`: compare `starts_at`. One query for any number of employees.
    """
    by_employee: dict[int, list[Adjustment]] = {}
    at = effective_as_of(as_of, campaign.rule.cutoff_at)
    # One array: Django takes longer to render a hundred parameters than to read the whole page.
    ids = RawSQL("SELECT unnest(%s::bigint[])", [list(employees)])  # nosec B611 # ours
    rows = Adjustment.objects.not_over(at).filter(campaign=campaign, employee__in=ids)
    for adjustment in rows.select_related("request").order_by("employee_id", "-starts_at", "-id"):
        by_employee.setdefault(adjustment.employee_id, []).append(adjustment)
    return by_employee


def waiting_for(campaign: Campaign, account: Account) -> QuerySet[AdjustmentRequest]:
    """The requests that this HR account may decide: another account made them, and they concern another employee."""
    waiting = AdjustmentRequest.objects.filter(campaign=campaign, decision=None).exclude(asked_by_id=account.pk)
    # An HR user decides neither the own requests nor about the own target.
    return waiting.exclude(employee_id=account.employee_id) if account.employee_id else waiting


def requests_of(
    campaign: Campaign, account: Account, *, shown: str, q: str = "", now: datetime
) -> QuerySet[AdjustmentRequest]:
    """HR's requests in a campaign, with their people.

    `shown`: one of FILTERS; `q`: part of a name, staff number or e-mail address.
    """
    requests = AdjustmentRequest.objects.filter(campaign=campaign)
    if shown == "mine":
        requests = waiting_for(campaign, account)
    elif shown == "waiting":
        requests = requests.filter(decision=None)
    elif shown == "in_force":
        requests = requests.filter(Exists(_in_force(now)))
    if text := clean_text(q):
        rows = Adjustment.objects.filter(request=OuterRef("pk"))
        named = Q(employee__name__icontains=text) | Q(employee__staff_no__icontains=text)
        named |= Q(employee__email__icontains=text)
        requests = requests.filter(named | Exists(rows.filter(named)))
    return _with_people(requests, now)


def one_request(request_id: int, now: datetime) -> AdjustmentRequest:
    """A request with its counts of people. Raises DoesNotExist."""
    return _with_people(AdjustmentRequest.objects.all(), now).get(pk=request_id)


def revocations_of(request: AdjustmentRequest, now: datetime) -> list[AdjustmentRequest]:
    return list(_with_people(AdjustmentRequest.objects.filter(ends=request), now).order_by("pk"))


def _in_force(now: datetime) -> AdjustmentQuerySet:
    return Adjustment.objects.in_force(now).filter(request=OuterRef("pk"))


def _with_people(requests: QuerySet[AdjustmentRequest], now: datetime) -> QuerySet[AdjustmentRequest]:
    """Annotates `people` (employees requested), `holding` (adjustments in force now) and `lasting` (not over)."""
    # A granted adjustment may end before its last day, when a second request revokes it.
    kept = Q(adjustment__granted_at__isnull=False) & (Q(adjustment__ended_at=None) | Q(adjustment__ended_at__gte=now))
    return requests.select_related("employee", "campaign", "ends", "ends__employee").annotate(
        people=Count("adjustment"),
        holding=Count("adjustment", filter=kept & in_force(now, of="adjustment")),
        lasting=Count("adjustment", filter=kept & Q(adjustment__ends_at__gte=now)),
    )
