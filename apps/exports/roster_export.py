"""The roster as it is now, with the columns in which HR loads it."""

from __future__ import annotations

from datetime import datetime

from apps.core.sql import sql_literal, statement
from apps.core.time_zones import company_zone
from apps.exports.csv_columns import Column, Table, day, text

ROSTER = statement("exports", "roster", "roster")


def roster_table(now: datetime) -> Table:
    """All who are employed at `now`, and those who join later; loaded again, the file changes nothing.

    A first day that the roster never had is empty.
    """
    columns = {
        **{name: text(f"employee.{name}") for name in ("staff_no", "name", "email", "phone")},
        "department": text("placement.department"),
        "manager_staff_no": text("manager.staff_no"),
        "time_zone": text("employee.time_zone"),
        "started_on": _midnight_day("employment.starts_at"),
        "left_on": day("employment.ends_at - interval '1 microsecond'"),
        "chat_id": text("employee.chat_id"),
    }
    # The table's zone is that of the session, in which the roster's days became instants.
    return Table(columns, ROSTER.format(now=sql_literal(now)), company_zone())


def _midnight_day(instant: str) -> Column:
    # Another instant is that of a load, whose file had no first day.
    whole_day = day(instant)
    return Column(f"CASE WHEN {instant}::time = '00:00' THEN {whole_day.sql} END", whole_day.kind)
