"""What no column constraint can hold: guards of rows, and the record of every statement."""

from django.db import migrations

from apps.core.migration_sql import run_file


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_functions_and_triggers"),
        ("exports", "0001_initial"),
    ]

    operations = [
        run_file(
            "exports",
            "functions.sql",
            functions=("exports_guard_export",),
        ),
        run_file("exports", "triggers.sql"),
    ]
