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

from apps.campaigns.adjustments.bulk_file import AdjustmentFile, Line, LineRefused, Rejected
from apps.campaigns.adjustments.bulk_targets import (
    BulkTarget,
    BulkTargets,
    SkipReason,
    asked_for,
    but,
    has_other_adjustment_sql,
    parted,
)
from apps.campaigns.adjustments.requests import AdjustmentRefused, adjustment_period, validate_period
from apps.campaigns.models import AdjustmentRequest, CampaignRule
from apps.campaigns.population import effective_as_of, employee_ids_sql, population_sql

# At most this many line numbers are listed in a refusal, however many lines name the same person.
LINES_NAMED = 5
# Staff numbers first: a text is matched as an e-mail address only when no employee has it as staff number.
NAMED = """
SELECT asked.text, person.id FROM unnest(%(texts)s::text[]) AS asked(text)
JOIN employees_employee person ON person.staff_no = asked.text
UNION ALL
SELECT asked.text, person.id FROM unnest(%(texts)s::text[]) AS asked(text)
JOIN employees_employee person ON lower(person.email) = lower(asked.text)
WHERE NOT EXISTS (SELECT 1 FROM employees_employee numbered WHERE numbered.staff_no = asked.text)
"""
FACTS = """
SELECT person.id, person.staff_no, person.name, coalesce(place.department, ''),
    population.employee_id IS NOT NULL, {own}
FROM ({people}) asked JOIN employees_employee person ON person.id = asked.id
LEFT JOIN ({population}) population ON population.employee_id = person.id
LEFT JOIN employees_placement place ON place.employee_id = person.id
    AND in_force(place.starts_at, place.ends_at, {look})
"""


@dataclass(frozen=True)
class BulkPreview(BulkTargets):
    """The request a file would make, in the file's order, and its rejected lines."""

    rejects: list[Rejected] = field(default_factory=list)


class Row(NamedTuple):
    """The terms a file gives one employee, stored until the request is made."""

    employee_id: int
    target: int | None
    exempt: bool | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Facts:
    """An employee, whether the campaign covers them now, and whether they have another adjustment."""

    staff_no: str
    name: str
    department: str
    covered: bool
    own: bool


def preview_file(
    file: AdjustmentFile, rule: CampaignRule, at: datetime, *, besides_employee: int | None
) -> BulkPreview:  # fmt: skip
    """Return the request this file would make. HR users cannot adjust themselves, so `besides_employee` is left out."""
    rejects, people = list(file.rejects), _people(file.lines)
    named: dict[int, list[Line]] = {}

    def reject(line: Line, refused: LineRefused) -> None:
        rejects.append(file.rejected(line.number, line.cells, refused.role, refused.reason))

    for line in file.lines:
        try:
            meant = _meant(line, people)
        except LineRefused as refused:
            reject(line, refused)
        else:
            named.setdefault(meant, []).append(line)
    facts, found = _facts(rule, at, list(named)), []
    for employee, lines in named.items():
        disagreement = _disagreement(lines)
        for line in lines:
            try:
                _refuse_again(line, lines[0], disagreement)
                found.append(but(_candidate(employee, line, facts[employee], rule), besides_employee))
            except LineRefused as refused:
                reject(line, refused)
    both = parted(found)
    return BulkPreview(both.listed, both.left_out, [], sorted(rejects, key=lambda one: one.line))


def check_file(request: AdjustmentRequest, rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets:
    """Compare the stored list with the current facts; return who would be left out of a grant by that employee."""
    asked = asked_for(request, rule).listed
    facts = _facts(rule, at, [one.employee_id for one in asked], besides=request.pk)
    rows = [replace(one, left_out=_changed(one, facts[one.employee_id], rule)) for one in asked]
    return parted(but(one, employee_id) for one in rows)


def check_rows(rows: Iterable[Row], rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets:
    """Compare a previewed file's rows with the current facts; return the list that employee would request."""
    rows = list(rows)
    facts, found = _facts(rule, at, [row.employee_id for row in rows]), []
    for row in rows:
        person = facts[row.employee_id]
        one = BulkTarget(
            row.employee_id, person.staff_no, person.name, person.department, None, rule.target, row.target,
            row.exempt, row.starts_at, row.ends_at,
        )  # fmt: skip
        found.append(but(replace(one, left_out=_changed(one, person, rule)), employee_id))
    return parted(found)


def _changed(one: BulkTarget, facts: Facts, rule: CampaignRule) -> str:
    if not facts.covered:
        return SkipReason.GONE.value
    if facts.own:
        return SkipReason.OWN.value
    try:
        validate_period(rule, one.starts_at, one.ends_at)
    except AdjustmentRefused:
        return SkipReason.CHANGED.value
    return ""


def _people(lines: Iterable[Line]) -> dict[str, list[int]]:
    """Return the ids of the employees that each text in the lines matches."""
    texts = {text for line in lines for text in (line.staff_no, line.email) if text}
    found: dict[str, list[int]] = {text: [] for text in texts}
    with connection.cursor() as cursor:
        cursor.execute(NAMED, {"texts": sorted(texts)})
        for text, employee in cursor.fetchall():
            found[text].append(employee)
    return found


def _meant(line: Line, people: dict[str, list[int]]) -> int:
    """Return the one employee a line names; a staff number and an e-mail address must match the same one."""
    named = {role: text for role, text in (("staff_no", line.staff_no), ("email", line.email)) if text}
    meant = set()
    for role, text in named.items():
        if not people[text]:
            raise LineRefused(role, _("Nobody on the roster has this staff number or e-mail address."))
        if len(people[text]) > 1:
            raise LineRefused(role, _("More than one person has this e-mail address: use the staff number."))
        meant.update(people[text])
    if len(meant) > 1:
        raise LineRefused("email", _("This is another person's e-mail address than the staff number's."))
    return meant.pop()


def _candidate(employee: int, line: Line, one: Facts, rule: CampaignRule) -> BulkTarget:
    """Return the adjustment a line requests for its employee."""
    if not one.covered:
        why = _("This person is not in the campaign now: not employed, or in another department.")
        raise LineRefused(_role(line), why)
    try:
        starts_at, ends_at = adjustment_period(rule, line.starts_on, line.ends_on)
        validate_period(rule, starts_at, ends_at)
    except AdjustmentRefused as refused:
        raise LineRefused(refused.field, refused.message) from refused
    return BulkTarget(
        employee, one.staff_no, one.name, one.department, None, rule.target, line.target, line.exempt, starts_at,
        ends_at, left_out=SkipReason.OWN.value if one.own else "",
    )  # fmt: skip


def _disagreement(lines: list[Line]) -> str:
    """Return the message for the lines of one person when they disagree, else an empty string.

    The message names the first few line numbers.
    """
    if len({line.terms for line in lines}) == 1:
        return ""
    numbers = ", ".join(str(line.number) for line in lines[:LINES_NAMED])
    more = ", …" if len(lines) > LINES_NAMED else ""
    return _("Lines %(lines)s say different things about this person.") % {"lines": numbers + more}


def _refuse_again(line: Line, first: Line, disagreement: str) -> None:
    """Raise LineRefused for a repeated line, and for all lines of one person when they disagree."""
    if disagreement:
        raise LineRefused(_role(line), disagreement)
    if line is not first:
        raise LineRefused(_role(line), _("Line %(line)s says the same already.") % {"line": first.number})


def _role(line: Line) -> str:
    return "staff_no" if line.staff_no else "email"


def _facts(rule: CampaignRule, at: datetime, employees: list[int], *, besides: int = 0) -> dict[int, Facts]:
    """Return the facts of these employees, by id.

    When a request is checked again (`besides`), only adjustments granted since count as another adjustment.
    """
    statement = FACTS.format(
        own=has_other_adjustment_sql(rule, at, besides=besides, waiting=not besides),
        people=employee_ids_sql(employees),
        population=population_sql(rule, at, employee_ids_sql(employees)), look=effective_as_of(rule, at),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return {employee: Facts(*row) for employee, *row in cursor.fetchall()}
