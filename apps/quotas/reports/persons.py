"""What concerns one employee alone: the contacts with their reasons, and the flips."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, Prefetch, QuerySet, TextField, Value, When, Window
from django.db.models.functions import RowNumber

from apps.contacts.models import Contact, ContactIdentity
from apps.employees.models import Employee
from apps.quotas.models import Campaign, CorrectionLine, FrozenResult, ResultCorrection, StandingChange
from apps.quotas.querysets import reason_of, these, with_reason


def contacts_with_reason(campaign: Campaign | None, employee: Employee, at: datetime) -> QuerySet[Any]:
    """An employee's own contacts, each with `reason`: '' when it counts, else one of rules.REASONS.

    Without a campaign only an end is a reason. Show it to nobody but that employee.
    """
    contacts = Contact.objects.of(employee).prefetch_related(
        Prefetch("identities", ContactIdentity.objects.filter(employee=employee))
    )
    if campaign is None:
        ended = Case(When(ended_at=None, then=Value("")), default=Value("ended"), output_field=TextField())
        return contacts.annotate(reason=ended)
    return with_reason(contacts, campaign.rule, at, these([employee.pk]))


def reason_counts(campaign: Campaign | None, employee: Employee, at: datetime) -> dict[str, int]:
    """How many of an employee's contacts have which reason at `at`; '' counts. Numbers alone, so HR may see them."""
    found = contacts_with_reason(campaign, employee, at).order_by().values("reason").annotate(count=Count("id"))
    return {line["reason"]: line["count"] for line in found}


def not_counting(campaign: Campaign | None, employee: Employee, at: datetime, each: int) -> QuerySet[Any]:
    """The live contacts that do not count, the newest `each` of every reason; `of_reason`: how many have it.

    By reason, in no order of reasons. Show it to nobody but that employee.
    """
    newest = Window(RowNumber(), partition_by=[F("reason")], order_by=["-recorded_at", "-id"])
    found = contacts_with_reason(campaign, employee, at).exclude(reason__in=["", "ended"])
    counted = found.annotate(nth=newest, of_reason=Window(Count("id"), partition_by=[F("reason")]))
    return counted.filter(nth__lte=each).order_by("reason", "nth")


@dataclass(frozen=True)
class Moved:
    """How many contacts went from one reason to another; '' counts, None was not recorded yet."""

    before: str | None
    now: str
    contacts: int


def moved_since(campaign: Campaign, employee: Employee, before: datetime, at: datetime) -> list[Moved]:
    """What became of an employee's contacts between two looks, both judged from the facts as they are known now.

    Those that count now less those that counted before are the difference of the two verdicts' `counted`.
    """
    mine = these([employee.pk])
    then = campaign.rule if campaign.rule.in_force_from < before else campaign.rule_at(before)
    earlier = Case(
        When(recorded_at__lt=before, then=reason_of(then, before, mine)), default=None, output_field=TextField()
    )
    found = with_reason(Contact.objects.of(employee), campaign.rule, at, mine).annotate(earlier=earlier)
    lines = found.order_by().values("earlier", "reason").annotate(contacts=Count("id"))
    moved = [Moved(line["earlier"], line["reason"], line["contacts"]) for line in lines]
    return [one for one in moved if one.before != one.now]


def corrections_of(result: FrozenResult, employee: Employee) -> list[CorrectionLine]:
    """The corrections of a frozen result that were granted about this employee up to its version, the newest first.

    Each with its correction, and of how many `people` that is.
    """
    found = CorrectionLine.objects.filter(
        employee=employee,
        correction__campaign=result.campaign_id,
        correction__state=ResultCorrection.State.GRANTED,
        correction__result_version__lte=result.version,
    )
    lines = found.select_related("correction").annotate(people=Count("correction__lines"))
    return list(lines.order_by("-correction__result_version"))


def flips(campaign: Campaign, employee: Employee) -> QuerySet[StandingChange]:
    """When the employee turned red or not red, the newest first.

    One with `cause` repair is no turn: a row that differed from the facts was put right.
    """
    return StandingChange.objects.filter(campaign=campaign, employee=employee).order_by("-at", "-id")
