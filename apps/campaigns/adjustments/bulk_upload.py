"""Adjust many employees by a file, each with their own target or exemption, previewed as a list before the request.

Each query here is one statement, however many lines the file has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.utils.translation import gettext as _
from psycopg2.sql import SQL

from apps.campaigns.adjustments.bulk_file import AdjustmentFile, AdjustmentLine
from apps.campaigns.adjustments.bulk_targets import (
    BulkTarget,
    BulkTargets,
    SkipReason,
    has_other_adjustment_sql,
    requested_targets,
    skip_self,
    split_skipped,
)
from apps.campaigns.adjustments.requests import adjustment_period, validate_period
from apps.campaigns.models import AdjustmentRequest, CampaignRule
from apps.campaigns.population import effective_as_of, employee_ids_sql, population_sql
from apps.core.errors import Refused
from apps.core.sql import compose, statement
from apps.roster.people_file import InvalidLine, RejectedLine

# At most this many line numbers are listed in a refusal, however many lines name the same person.
LINES_NAMED = 5
FIND_EMPLOYEES = statement("campaigns", "adjustments", "find_employees")
EMPLOYEE_FACTS = statement("campaigns", "adjustments", "employee_facts")


@dataclass(frozen=True)
class BulkPreview(BulkTargets):
    """The request a file would make, in the file's order, and its rejected lines."""

    rejects: list[RejectedLine] = field(default_factory=list)


class Row(NamedTuple):
    """The terms a file gives one employee, stored until the request is made."""

    employee_id: int
    target: int | None
    exempt: bool | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class EmployeeFacts:
    """An employee, whether the campaign covers them now, and whether they have another adjustment."""

    staff_no: str
    name: str
    department: str
    covered: bool
    has_other: bool


def preview_file(
    file: AdjustmentFile, rule: CampaignRule, at: datetime, *, acting_employee_id: int | None
) -> BulkPreview:  # fmt: skip
    """Return the request this file would make. HR users do not adjust themselves: `acting_employee_id` is skipped."""
    rejects, people = list(file.rejects), _people(file.lines)
    named: dict[int, list[AdjustmentLine]] = {}

    def reject(line: AdjustmentLine, refused: InvalidLine) -> None:
        rejects.append(file.rejected(line.number, line.cells, refused.role, refused.reason))

    for line in file.lines:
        try:
            employee = _named_employee(line, people)
        except InvalidLine as refused:
            reject(line, refused)
        else:
            named.setdefault(employee, []).append(line)
    facts, targets = _facts(rule, at, list(named)), []
    # Only now, because a later line may contradict the first one, and then all of them are rejected.
    for employee, lines in named.items():
        disagreement = _disagreement(lines)
        for line in lines:
            try:
                _refuse_again(line, lines[0], disagreement)
                targets.append(skip_self(_candidate(employee, line, facts[employee], rule), acting_employee_id))
            except InvalidLine as refused:
                reject(line, refused)
    split = split_skipped(targets)
    # By line, as HR reads the file: rejects of both passes are mixed.
    return BulkPreview(split.listed, split.skipped, [], sorted(rejects, key=lambda rejected: rejected.line))


def check_file(request: AdjustmentRequest, rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets:
    """Compare the stored list with the current facts; return who would be left out of a grant by that employee."""
    asked = requested_targets(request, rule).listed
    facts = _facts(rule, at, [target.employee_id for target in asked], request.pk)
    rows = [replace(target, skip_reason=_skip_reason(target, facts[target.employee_id], rule)) for target in asked]
    return split_skipped(skip_self(target, employee_id) for target in rows)


def check_rows(rows: Iterable[Row], rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets:
    """Compare a previewed file's rows with the current facts; return the list that employee would request."""
    rows = list(rows)
    facts, targets = _facts(rule, at, [row.employee_id for row in rows]), []
    for row in rows:
        employee = facts[row.employee_id]
        target = BulkTarget(
            row.employee_id, employee.staff_no, employee.name, employee.department, None, rule.target, row.target,
            row.exempt, row.starts_at, row.ends_at,
        )  # fmt: skip
        targets.append(skip_self(replace(target, skip_reason=_skip_reason(target, employee, rule)), employee_id))
    return split_skipped(targets)


def _skip_reason(target: BulkTarget, facts: EmployeeFacts, rule: CampaignRule) -> str:
    if not facts.covered:
        # In this order: an employee who has left is named as such, whatever else is true.
        return SkipReason.GONE.value
    if facts.has_other:
        return SkipReason.OWN.value
    try:
        # The rule may have another period since the request was made.
        validate_period(rule, target.starts_at, target.ends_at)
    except Refused:
        return SkipReason.CHANGED.value
    return ""


def _people(lines: Iterable[AdjustmentLine]) -> dict[str, list[int]]:
    """Return the ids of the employees that each text in the lines matches."""
    texts = {text for line in lines for text in (line.staff_no, line.email) if text}
    ids_by_text: dict[str, list[int]] = {text: [] for text in texts}
    with connection.cursor() as cursor:
        cursor.execute(FIND_EMPLOYEES, {"texts": sorted(texts)})
        for text, employee in cursor.fetchall():
            ids_by_text[text].append(employee)
    return ids_by_text


def _named_employee(line: AdjustmentLine, people: dict[str, list[int]]) -> int:
    """Return the one employee a line names; a staff number and an e-mail address must match the same one."""
    named = {role: text for role, text in (("staff_no", line.staff_no), ("email", line.email)) if text}
    ids = set()
    for role, text in named.items():
        if not people[text]:
            raise InvalidLine(role, _("No employee on the roster has this staff number or e-mail address."))
        if len(people[text]) > 1:
            raise InvalidLine(role, _("More than one person has this e-mail address. Use the staff number."))
        ids.update(people[text])
    if len(ids) > 1:
        raise InvalidLine("email", _("This e-mail address and this staff number belong to different people."))
    return ids.pop()


def _candidate(employee: int, line: AdjustmentLine, facts: EmployeeFacts, rule: CampaignRule) -> BulkTarget:
    if not facts.covered:
        why = _("This person is not in the campaign now: not employed, or in another department.")
        raise InvalidLine(_role(line), why)
    try:
        starts_at, ends_at = adjustment_period(rule, line.starts_on, line.ends_on)
        validate_period(rule, starts_at, ends_at)
    except Refused as refused:
        raise InvalidLine(refused.field, refused.message) from refused
    return BulkTarget(
        employee, facts.staff_no, facts.name, facts.department, None, rule.target, line.target, line.exempt, starts_at,
        ends_at, skip_reason=SkipReason.OWN.value if facts.has_other else "",
    )  # fmt: skip


def _disagreement(lines: list[AdjustmentLine]) -> str:
    """Return the message for the lines of one person when they disagree, else an empty string.

    The message names the first few line numbers.
    """
    if len({line.terms for line in lines}) == 1:
        return ""
    numbers = ", ".join(str(line.number) for line in lines[:LINES_NAMED])
    more = ", …" if len(lines) > LINES_NAMED else ""
    return _("Lines %(lines)s have different adjustments for this person.") % {"lines": numbers + more}


def _refuse_again(line: AdjustmentLine, first: AdjustmentLine, disagreement: str) -> None:
    """Raise InvalidLine for a repeated line, and for all lines of one person when they disagree."""
    if disagreement:
        raise InvalidLine(_role(line), disagreement)
    if line is not first:
        raise InvalidLine(_role(line), _("Line %(line)s already has the same adjustment.") % {"line": first.number})


def _role(line: AdjustmentLine) -> str:
    return "staff_no" if line.staff_no else "email"


def _facts(
    rule: CampaignRule, at: datetime, employees: list[int], rechecked_request_id: int = 0
) -> dict[int, EmployeeFacts]:
    has_other = has_other_adjustment_sql(rule, at, rechecked_request_id)
    facts = compose(
        EMPLOYEE_FACTS, as_of=SQL(effective_as_of(rule, at)), employees=SQL(employee_ids_sql(employees)),
        has_other_adjustment=SQL(has_other), population=SQL(population_sql(rule, at, employee_ids_sql(employees))),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(facts)
        return {employee: EmployeeFacts(*row) for employee, *row in cursor.fetchall()}
