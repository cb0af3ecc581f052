"""Triggers that log every statement on a table, including psql, COPY and bulk querysets (ADR 41).

Migrations use these functions, so their results must not change; a new migration changes the triggers of a table.
"""

TRANSITION_TABLES = {
    "INSERT": "REFERENCING NEW TABLE AS new_rows",
    "UPDATE": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "REFERENCING OLD TABLE AS old_rows",
    "TRUNCATE": "",
}
# Hundred's own writers hold the facts lock and set this for their transaction (core.locks.lock_facts).
OUTSIDE_FACTS_LOCK = "WHEN (current_setting('hundred.facts', true) IS DISTINCT FROM 'held')"


def audit_trigger_sql(table: str, *, key: str, shown: str = "", when: str = "") -> str:
    """SQL that logs every change of `table` as a RowChange.

    `key` and `shown` are SQL over a row named `one`: its key, and the JSON logged for a few rows before and after. An
    update that leaves `shown` unchanged is not logged. `when` excludes whole statements.
    """
    # Trigger arguments are string literals, so quotes inside them are doubled.
    arguments = ", ".join("'" + text.replace("'", "''") + "'" for text in (key, shown))
    return "".join(
        f"CREATE TRIGGER {table}_noted_{event.lower()} AFTER {event} ON {table} {rows}"
        f" FOR EACH STATEMENT {when} EXECUTE FUNCTION hundred_note_change({arguments});\n"
        for event, rows in TRANSITION_TABLES.items()
    )
