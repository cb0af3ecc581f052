"""Triggers that note every statement on a table, by psql, COPY or a bulk queryset too (ADR 41).

Migrations use these, so what they return stays as it is; a table is guarded otherwise by a new migration.
"""

from __future__ import annotations

EVENTS = {
    "INSERT": "REFERENCING NEW TABLE AS new_rows",
    "UPDATE": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "REFERENCING OLD TABLE AS old_rows",
    "TRUNCATE": "",
}
# Writers of the house hold the facts lock, and say so to their transaction (core.locks.lock_facts).
OUTSIDE_FACTS_LOCK = "WHEN (current_setting('hundred.facts', true) IS DISTINCT FROM 'held')"


def audit_trigger_sql(table: str, *, key: str, shown: str = "", when: str = "") -> str:
    """SQL that notes every change of `table` as a RowChange.

    `key` and `shown` are SQL over a row named `one`: what names it, and the JSON that is kept of a few rows before and
    after; an update that leaves `shown` as it was is none. `when` spares statements altogether.
    """
    arguments = ", ".join("'" + text.replace("'", "''") + "'" for text in (key, shown))
    return "".join(
        f"CREATE TRIGGER {table}_noted_{event.lower()} AFTER {event} ON {table} {rows}"
        f" FOR EACH STATEMENT {when} EXECUTE FUNCTION hundred_note_change({arguments});\n"
        for event, rows in EVENTS.items()
    )


def unguard(table: str) -> str:
    """SQL that takes the triggers of `guard` away."""
    return "".join(f"DROP TRIGGER {table}_noted_{event.lower()} ON {table};\n" for event in EVENTS)
