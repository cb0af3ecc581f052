"""Plans that a connection keeps: a statement answers for whom it was asked about, whoever was asked about before."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, Error, connection, transaction

from apps.core import prepared_statements
from apps.core.prepared_statements import execute_prepared_sql, parameters

AT = "'2026-11-03T09:00:00+00:00'::timestamptz"


def asked(statement: str) -> list[tuple[Any, ...]]:
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
        ("SELECT -7::bigint, 7::bigints", "SELECT -$1, 7::bigints", (("7", "bigint"),)),
        ("SELECT '''2026''::timestamptz'", "SELECT '''2026''::timestamptz'", ()),
    ],
)
def test_only_values_that_say_their_type_become_parameters(statement: str, skeleton: str, values: Any) -> None:
    """What stands inside of a text is somebody's words, not a value."""
    assert parameters(statement) == (skeleton, values)


@pytest.mark.django_db
def test_the_next_person_gets_their_own_rows() -> None:
    """One plan for all of them, and more often than PostgreSQL looks at each one's values."""
    for number in range(12):
        statement = f"SELECT {number}::bigint * 2, {number}::numeric / 4, '{number}', {AT} WHERE {number}::bigint <> 3"
        assert asked(statement) == plain(statement)
    assert asked(f"SELECT {AT}") == [(datetime(2026, 11, 3, 9, tzinfo=UTC),)]


@pytest.mark.django_db
def test_a_connection_keeps_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared_statements, "MAX_PREPARED", 3)
    for _round in range(2):
        for width in range(1, 9):
            statement = f"SELECT {', '.join(['1::bigint'] * width)}"
            assert asked(statement) == plain(statement)
    assert plain("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'kept_%'") == [(3,)]


@pytest.mark.django_db(transaction=True)
def test_a_statement_that_fails_fails_each_time_and_leaves_the_connection_well() -> None:
    for _time in range(2):
        with pytest.raises(Error), transaction.atomic():
            asked("SELECT 1::bigint FROM nowhere")
        with pytest.raises(Error), transaction.atomic():
            asked("SELECT 1::bigint / (0::bigint + 0::bigint)")
    assert asked("SELECT 1::bigint") == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_what_was_prepared_in_an_act_that_came_to_nothing_is_still_known() -> None:
    with transaction.atomic():
        assert asked("SELECT 5::bigint + 1") == [(6,)]
        transaction.set_rollback(True)
    assert asked("SELECT 6::bigint + 1") == [(7,)]


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_begins_anew() -> None:
    assert asked("SELECT 5::bigint + 2") == [(7,)]
    connection.close()
    assert asked("SELECT 6::bigint + 2") == [(8,)]
