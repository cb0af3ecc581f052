"""The details of one employee: contacts with their reasons, and when the status changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, Prefetch, QuerySet, TextField, Value, When

from apps.campaigns.models import Campaign
from apps.campaigns.population import employee_ids_sql
from apps.contacts.models import Contact, ContactIdentity
from apps.employees.models import Employee
from apps.results.models import CorrectionLine, FrozenResult, ResultCorrection
from apps.standings.evaluation import with_exclusion_reason
from apps.standings.models import StandingChange


def contacts_with_reason(campaign: Campaign | None, employee: Employee, at: datetime) -> QuerySet[Any]:
    """The employee's own contacts, each with `reason`: '' when it counts, else one of rules.REASONS.

    Without a campaign only an end is a reason. Show the result to that employee alone.
    """
    contacts = Contact.objects.of(employee).prefetch_related(
        Prefetch("identities", ContactIdentity.objects.filter(employee=employee))
    )
    if campaign is None:
        ended = Case(When(ended_at=None, then=Value("")), default=Value("ended"), output_field=TextField())
        return contacts.annotate(reason=ended)
    return with_exclusion_reason(contacts, campaign.rule, at, employee_ids_sql([employee.pk]))


def reason_counts(campaign: Campaign | None, employee: Employee, at: datetime) -> dict[str, int]:
    """The number of the employee's contacts by reason at `at`; '' counts. HR may see these numbers."""
    # Without an order, which would become part of GROUP BY.
    contacts = contacts_with_reason(campaign, employee, at).order_by().values("reason").annotate(count=Count("id"))
    return {line["reason"]: line["count"] for line in contacts}


@dataclass(frozen=True)
class ReasonChange:
    """How many contacts changed from one reason to another; '' counts, None means not recorded yet."""

    before: str | None
    now: str
    contacts: int


def corrections_of(result: FrozenResult, employee: Employee) -> list[CorrectionLine]:
    """The granted corrections of this employee up to the result's version, newest first.

    Each with its correction and how many `people` that correction covers.
    """
    lines = CorrectionLine.objects.filter(
        employee=employee,
        correction__campaign=result.campaign_id,
        correction__state=ResultCorrection.State.GRANTED,
        correction__result_version__lte=result.version,
    )
    lines = lines.select_related("correction").annotate(people=Count("correction__lines"))
    return list(lines.order_by("-correction__result_version"))


def status_changes(campaign: Campaign, employee: Employee) -> QuerySet[StandingChange]:
    """When the employee turned red or not red, newest first.

    A change with `cause` repair is no real change: it repaired a row that differed from the facts.
    """
    return StandingChange.objects.filter(campaign=campaign, employee=employee).order_by("-at", "-id")
