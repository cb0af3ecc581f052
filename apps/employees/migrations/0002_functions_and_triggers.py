"""Database rules that constraints cannot express: row guards and statement auditing."""

from django.db import migrations
from django.db.migrations import RunSQL

from apps.core.change_triggers import audit_trigger_sql
from apps.core.migration_sql import run_file

# Audited tables: the row's name, and the kept fields (SQL over the row `one`).
AUDITED: list[tuple[str, str, str]] = [
    ("employees_employee", "one.staff_no", ""),
    (
        "employees_employeeidentity",
        "(SELECT person.staff_no FROM employees_employee person WHERE person.id = one.employee_id)",
        "",
    ),
    (
        "employees_employment",
        "(SELECT person.staff_no FROM employees_employee person WHERE person.id = one.employee_id)",
        "",
    ),
    (
        "employees_placement",
        "(SELECT person.staff_no FROM employees_employee person WHERE person.id = one.employee_id)",
        "",
    ),
]


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_functions_and_triggers"),
        ("employees", "0001_initial"),
    ]

    operations = [
        run_file(
            "employees",
            "functions.sql",
            functions=(
                "employees_refuse_cycle",
                "employees_refuse_overlap",
            ),
        ),
        run_file("employees", "triggers.sql"),
        *(RunSQL(audit_trigger_sql(table, key=key, shown=shown), RunSQL.noop) for table, key, shown in AUDITED),
    ]
