"""Prepared statements: each query returns the rows of its own employee, whichever employee came before."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, Error, connection, transaction

from apps.core import prepared_statements
from apps.core.prepared_statements import execute_prepared_sql, extract_parameters

AT = "'2026-11-03T09:00:00+00:00'::timestamptz"


def rows_of(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(execute_prepared_sql(statement, DEFAULT_DB_ALIAS))
        return list(cursor.fetchall())


def plain(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


@pytest.mark.parametrize(
    ("statement", "skeleton", "values"),
    [
        ("SELECT 7::bigint, 7::bigint, 8::bigint", "SELECT $1, $1, $2", (("7", "bigint"), ("8", "bigint"))),
        (f"SELECT {AT}", "SELECT $1", (("'2026-11-03T09:00:00+00:00'", "timestamptz"),)),
        ("SELECT 7, 'a', '2026-11-03'::date, 1.5", "SELECT 7, 'a', '2026-11-03'::date, 1.5", ()),
        ("SELECT '7::bigint', 'it''s 7::bigint'", "SELECT '7::bigint', 'it''s 7::bigint'", ()),
        (r"SELECT E'\\', 7::numeric", r"SELECT E'\\', $1", (("7", "numeric"),)),
        ("SELECT 1::bigint", "SELECT $1", (("1", "bigint"),)),
        ("SELECT x7::bigint, a.7::bigint", "SELECT x7::bigint, a.7::bigint", ()),
        ("-- a person's 7::bigint\nSELECT 7::bigint", "-- a person's 7::bigint\nSELECT $1", (("7", "bigint"),)),
        ("SELECT -7::bigint, 7::bigints", "SELECT -$1, 7::bigints", (("7", "bigint"),)),
        ("SELECT '''2026''::timestamptz'", "SELECT '''2026''::timestamptz'", ()),
    ],
)
def test_only_typed_values_become_parameters(statement: str, skeleton: str, values: Any) -> None:
    """Text inside quotes is user content, not a value."""
    assert extract_parameters(statement) == (skeleton, values)


@pytest.mark.django_db
def test_a_shared_plan_returns_the_rows_of_each_employee() -> None:
    """One plan serves all of them, more often than PostgreSQL checks the values of each."""
    for number in range(12):
        statement = f"SELECT {number}::bigint * 2, {number}::numeric / 4, '{number}', {AT} WHERE {number}::bigint <> 3"
        assert rows_of(statement) == plain(statement)
    assert rows_of(f"SELECT {AT}") == [(datetime(2026, 11, 3, 9, tzinfo=UTC),)]


@pytest.mark.django_db
def test_a_connection_keeps_a_limited_number_of_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared_statements, "MAX_PREPARED", 3)
    for _round in range(2):
        for width in range(1, 9):
            statement = f"SELECT {', '.join(['1::bigint'] * width)}"
            assert rows_of(statement) == plain(statement)
    assert plain("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'hundred_%'") == [(3,)]


@pytest.mark.django_db(transaction=True)
def test_a_failing_statement_leaves_the_connection_usable() -> None:
    for _time in range(2):
        with pytest.raises(Error), transaction.atomic():
            rows_of("SELECT 1::bigint FROM nowhere")
        with pytest.raises(Error), transaction.atomic():
            rows_of("SELECT 1::bigint / (0::bigint + 0::bigint)")
    assert rows_of("SELECT 1::bigint") == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_a_statement_prepared_in_a_rolled_back_transaction_stays_usable() -> None:
    with transaction.atomic():
        assert rows_of("SELECT 5::bigint + 1") == [(6,)]
        transaction.set_rollback(True)
    assert rows_of("SELECT 6::bigint + 1") == [(7,)]


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_starts_without_prepared_statements() -> None:
    assert rows_of("SELECT 5::bigint + 2") == [(7,)]
    connection.close()
    assert rows_of("SELECT 6::bigint + 2") == [(8,)]
