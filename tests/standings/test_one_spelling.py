"""Red and "in force" are decided in one place each: SQL functions that cost a statement nothing."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.campaigns import rules
from apps.core import periods
from apps.employees.models import Employee, Employment, Placement

APPS = Path(__file__).resolve().parents[2] / "apps"
TICK = timedelta(microseconds=1)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
NOON_SQL = f"'{NOON.isoformat()}'::timestamptz"

# A name, a placeholder, or a call with its arguments; brackets around it are stripped before two are compared.
VALUE = r"(?:\w+\([^()]*,[^()]*(?:\(\w+\)s)?\)|[\w.{}%()]+)"
COUNTED, TARGET, EXEMPT = (rf"[\w.]*\b{name}\b" for name in ("counted", "target", "exempt"))
BELOW = rf"(?:{COUNTED}\s*<\s*{TARGET}|{TARGET}\s*>\s*{COUNTED}|counted__lt\s*=\s*F\(\"target\"\))"
NOT_EXEMPT = rf"(?:not\s+{EXEMPT}|{EXEMPT}\s*=\s*false|{EXEMPT}\s+is\s+(?:not\s+true|false))"
AND = r"[\s)(\"',&f]*(?:\band\b|&|,)[\s)(\"'Qf]*"
# `starts_at` and `ends_at` of one period compared with one instant, in any order and with the instant on either side.
# Two different instants are another question, such as whether two periods overlap.
COLUMN = r"[\w.{}]*\b"
BEGUN = rf"(?:{COLUMN}starts_at\s*<=?\s*(?P<begun>{VALUE})|(?P<begun_by>{VALUE})\s*>=?\s*{COLUMN}starts_at\b)"
LASTING = (
    rf"(?:{COLUMN}(?:ends_at|until)\s*>=?\s*(?P<lasting>{VALUE})|(?P<lasting_at>{VALUE})\s*<=?\s*{COLUMN}ends_at\b)"
)
CHAINED = r"starts_at\s*<=?\s*[\w.()]+\s*<=?\s*[\w.]*\b(?:ends_at|until)\b"
BEGUN_LOOKUP = r"starts_at__lte?\s*=\s*(?P<begun>[\w.]+(?:\([^()]*\))?)"
LASTING_LOOKUP = r"ends_at__gte?\s*=\s*(?P<lasting>[\w.]+(?:\([^()]*\))?)"
SPELLINGS = {
    "red": [rf"{BELOW}{AND}{NOT_EXEMPT}", rf"{NOT_EXEMPT}{AND}{BELOW}"],
    "in force": [
        rf"{BEGUN}\s+and\s+{LASTING}",
        rf"{LASTING}\s+and\s+{BEGUN}",
        CHAINED,
        rf"{BEGUN_LOOKUP}\s*,\s*\w*{LASTING_LOOKUP}",
        rf"{LASTING_LOOKUP}\s*,\s*\w*{BEGUN_LOOKUP}",
    ],
}
ALLOWED = {
    ("red", "campaigns/sql/is_red.sql"): "the function",
    ("red", "campaigns/rules.py"): "people whom a report has counted together in Python; held equal below",
    ("in force", "core/sql/periods.sql"): "the functions",
    ("in force", "core/periods.py"): "querysets that compare with the clock; held equal below",
    ("in force", "reports/targets.py"): "one person's adjustments, in memory, for the steps of the target",
}


def spellings(text: str) -> Iterator[str]:
    """The kinds of condition that a text writes out."""
    for kind, patterns in SPELLINGS.items():
        for match in (match for pattern in patterns for match in re.finditer(pattern, text, re.IGNORECASE)):
            instants = {instant.strip("(){}") for instant in match.groupdict().values() if instant}
            if len(instants) <= 1:
                yield kind


def test_nothing_writes_out_what_is_red_or_in_force_a_second_time() -> None:
    found = {
        (kind, path.relative_to(APPS).as_posix())
        for path in sorted(APPS.rglob("*"))
        if path.suffix in {".py", ".sql"}
        for kind in spellings(path.read_text(encoding="utf-8"))
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "text",
    [
        "counted < target AND NOT exempt", "verdict.counted < verdict.target AND NOT verdict.exempt",
        "NOT one.exempt AND one.target > one.counted", "self.counted < self.target and not self.exempt",
        'Q(counted__lt=F("target")) & Q(exempt=False)', 'filter(counted__lt=F("target"), exempt=False)',
        "(counted < target) AND exempt IS NOT TRUE", "counted < target\n            AND NOT exempt",
        "starts_at < {look} AND ends_at >= {look}", "place.starts_at <= %(now)s AND place.ends_at > %(now)s",
        "starts_at <= %(at)s AND %(at)s < ends_at", "work.starts_at <= at AND at < work.ends_at",
        "starts_at <= hundred_clock()\n  AND ends_at > hundred_clock()", "at >= starts_at AND at < ends_at",
        "place.starts_at <= coalesce(row.a, %(now)s) AND coalesce(row.a, %(now)s) < place.ends_at",
        "one.starts_at <= at < one.until", "work.ends_at > now AND work.starts_at <= now",
        "filter(ends_at__gt=now, starts_at__lte=now)", "filter(starts_at__lt=at, ends_at__gte=at)",
        "employment__starts_at__lte=Clock(), employment__ends_at__gt=Clock()",
    ],
)  # fmt: skip
def test_the_search_finds_each_way_to_write_it(text: str) -> None:
    assert list(spellings(text))


@pytest.mark.parametrize(
    "text",
    [
        "counted < target", "is_red(counted, target, exempt)", "in_force(starts_at, ends_at, {look})",
        "starts_at < changed.ends_at AND other.ends_at > changed.starts_at",
        "starts_at < {at} AND ends_at > {opens_at}", "starts_at__lte=now, ends_at__gt=begin",
        "row.starts_at < row.ends_at",
    ],
)  # fmt: skip
def test_the_search_leaves_other_questions_alone(text: str) -> None:
    assert not list(spellings(text))


@pytest.mark.django_db
def test_red_in_sql_is_red_in_python() -> None:
    cases = list(product((0, 1, 99, 100, 101, 1_000_000), (1, 99, 100, 101, 1_000_000), (False, True)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT is_red(counted, target, exempt) FROM unnest(%s::int[], %s::int[], %s::bool[])"
            " WITH ORDINALITY AS one(counted, target, exempt, n) ORDER BY n",
            [list(column) for column in zip(*cases, strict=True)],
        )
        in_sql = [red for (red,) in cursor.fetchall()]
    assert in_sql == [rules.is_red(*case) for case in cases]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "condition", "holds"),
    [
        ("in_force", periods.in_force, [False, False, True, True, False]),
        ("in_force_from", periods.in_force_from, [False, True, True, False, False]),
    ],
)
def test_a_queryset_and_a_statement_agree_on_the_first_and_last_instant(
    name: str, condition: Any, holds: list[bool]
) -> None:
    starts_at, ends_at = NOON, NOON + 2 * TICK
    employee = Employee.objects.create(staff_no="A1", name="A", email="a@corp.example.com")
    Employment.objects.create(employee=employee, starts_at=starts_at, ends_at=ends_at)
    instants = [NOON + n * TICK for n in range(-1, 4)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {name}(%s, %s, at) FROM unnest(%s::timestamptz[]) at ORDER BY at", [starts_at, ends_at, instants]
        )
        in_sql = [found for (found,) in cursor.fetchall()]
    assert in_sql == holds
    assert [Employment.objects.filter(condition(at)).exists() for at in instants] == holds
    related = [Employee.objects.filter(condition(at, of="employment")).exists() for at in instants]
    assert related == holds


def plan(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (VERBOSE) {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())


PLANS = {
    "red": (
        "SELECT employee_id FROM standings_standing WHERE campaign_id = 1 AND {condition}",
        "is_red(counted, target, exempt)",
        "counted < target AND NOT exempt",
    ),
    "in force": (
        "SELECT employee_id FROM employees_placement WHERE {condition}",
        f"in_force(starts_at, ends_at, {NOON_SQL})",
        f"starts_at < {NOON_SQL} AND ends_at >= {NOON_SQL}",
    ),
    "in force of each": (
        """SELECT FROM employees_employee person
           JOIN employees_placement place ON place.employee_id = person.id AND {condition}""",
        f"in_force_from(place.starts_at, place.ends_at, coalesce(person.created_at, {NOON_SQL}))",
        f"""place.starts_at <= coalesce(person.created_at, {NOON_SQL})
            AND place.ends_at > coalesce(person.created_at, {NOON_SQL})""",
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("case", PLANS)
@pytest.mark.parametrize("seqscan", ["on", "off"])
def test_a_function_has_the_plan_and_the_indexes_of_the_condition(case: str, seqscan: str) -> None:
    statement, function, condition = PLANS[case]
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_seqscan = {seqscan}")
    found = plan(statement.format(condition=function))
    assert found == plan(statement.format(condition=condition))
    assert "is_red" not in found
    assert "in_force" not in found


@pytest.mark.django_db
def test_a_function_lets_an_index_find_the_periods() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    found = plan(f"SELECT FROM employees_placement WHERE in_force(starts_at, ends_at, {NOON_SQL})")
    assert re.search(r"Index Cond: .*(starts_at <|ends_at >=)", found)
    assert Placement._meta.db_table in found


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["standings_standing", "results_frozenstanding"])
def test_the_column_red_is_the_function(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute
               ON attrelid = adrelid AND attnum = adnum WHERE adrelid = %s::regclass AND attname = 'red'""",
            [table],
        )
        assert cursor.fetchone() == ("is_red(counted, target, exempt)",)
