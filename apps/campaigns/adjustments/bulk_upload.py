"""Adjusting many by a file, each with their own target or exemption, seen as a list before it is asked for.

Every question here is one statement, however many lines there are.
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

# A refusal is as long as this many line numbers, however many lines name one person.
LINES_NAMED = 5
# A staff number first: an address is asked only for what is nobody's number.
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
    """What a file would ask for, in its order, and the lines that ask for nothing."""

    rejects: list[Rejected] = field(default_factory=list)


class Row(NamedTuple):
    """What a file gives one person: what of it is stored until it is asked for."""

    employee_id: int
    target: int | None
    exempt: bool | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Facts:
    """Who somebody is, whether the campaign covers them now, and whether they have an adjustment of their own."""

    staff_no: str
    name: str
    department: str
    covered: bool
    own: bool


def preview_file(
    file: AdjustmentFile, rule: CampaignRule, at: datetime, *, besides_employee: int | None
) -> BulkPreview:  # fmt: skip
    """What asking for this file would ask for; nobody asks for themself."""
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
    """The stored list against the facts of now: who would be left out of a grant by that employee."""
    asked = asked_for(request, rule).listed
    facts = _facts(rule, at, [one.employee_id for one in asked], besides=request.pk)
    rows = [replace(one, left_out=_changed(one, facts[one.employee_id], rule)) for one in asked]
    return parted(but(one, employee_id) for one in rows)


def check_rows(rows: Iterable[Row], rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets:
    """The rows of a previewed file against the facts of now: who would be on the list of that employee."""
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
    """Whom each text of a list means."""
    texts = {text for line in lines for text in (line.staff_no, line.email) if text}
    found: dict[str, list[int]] = {text: [] for text in texts}
    with connection.cursor() as cursor:
        cursor.execute(NAMED, {"texts": sorted(texts)})
        for text, employee in cursor.fetchall():
            found[text].append(employee)
    return found


def _meant(line: Line, people: dict[str, list[int]]) -> int:
    """The one person whom a line names; by two names, the one whom both mean."""
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
    """What a line gives its person."""
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
    """The sentence for all lines about one person when they disagree; it names the first few. Empty when they agree."""
    if len({line.terms for line in lines}) == 1:
        return ""
    numbers = ", ".join(str(line.number) for line in lines[:LINES_NAMED])
    more = ", …" if len(lines) > LINES_NAMED else ""
    return _("Lines %(lines)s say different things about this person.") % {"lines": numbers + more}


def _refuse_again(line: Line, first: Line, disagreement: str) -> None:
    """Raises LineRefused for a line that says the same again, and for all about one person when they disagree."""
    if disagreement:
        raise LineRefused(_role(line), disagreement)
    if line is not first:
        raise LineRefused(_role(line), _("Line %(line)s says the same already.") % {"line": first.number})


def _role(line: Line) -> str:
    return "staff_no" if line.staff_no else "email"


def _facts(rule: CampaignRule, at: datetime, employees: list[int], *, besides: int = 0) -> dict[int, Facts]:
    """Of a request that is looked at again (`besides`), only what has been granted since is somebody's own."""
    statement = FACTS.format(
        own=has_other_adjustment_sql(rule, at, besides=besides, waiting=not besides),
        people=employee_ids_sql(employees),
        population=population_sql(rule, at, employee_ids_sql(employees)), look=effective_as_of(rule, at),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return {employee: Facts(*row) for employee, *row in cursor.fetchall()}
