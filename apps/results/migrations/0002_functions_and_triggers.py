"""What no column constraint can hold: guards of rows, and the record of every statement."""

from django.db import migrations
from django.db.migrations import RunSQL

from apps.core.change_triggers import audit_trigger_sql
from apps.core.migration_sql import run_file

# Each table whose changes are recorded, with what names a row and what is kept of it (SQL over the row `one`).
AUDITED: list[tuple[str, str, str]] = [
    (
        "results_correctionline",
        "(SELECT person.staff_no FROM employees_employee person WHERE person.id = one.employee_id)",
        """jsonb_build_object('correction_id', one.correction_id, 'counted', one.counted, 'target', one.target, 'exempt', one.exempt)""",
    ),
    (
        "results_frozenorgposition",
        "(SELECT person.staff_no FROM employees_employee person WHERE person.id = one.employee_id)",
        "",
    ),
    ("results_frozenreason", "one.contact_id", ""),
    (
        "results_frozenresult",
        "(SELECT campaign.slug FROM campaigns_campaign campaign WHERE campaign.id = one.campaign_id)",
        "jsonb_build_object('version', one.version, 'rows', one.rows, 'red', one.red, 'digest', one.digest)",
    ),
    ("results_frozenstanding", "one.staff_no", ""),
    (
        "results_resultcorrection",
        "one.id",
        """jsonb_build_object('state', one.state, 'asked_by_id', one.asked_by_id, 'decided_by_id', one.decided_by_id, 'result_version', one.result_version)""",
    ),
]


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_functions_and_triggers"),
        ("results", "0001_initial"),
    ]

    operations = [
        run_file("results", "tables.sql"),
        run_file(
            "results",
            "functions.sql",
            functions=(
                "results_guard_correction",
                "results_guard_correction_line",
                "results_guard_freeze",
                "results_guard_frozen_reasons",
                "results_guard_frozen_rows",
                "results_guard_frozen_tree",
                "results_guard_result",
                "results_refuse_result",
            ),
        ),
        run_file("results", "triggers.sql"),
        *(RunSQL(audit_trigger_sql(table, key=key, shown=shown), RunSQL.noop) for table, key, shown in AUDITED),
    ]
