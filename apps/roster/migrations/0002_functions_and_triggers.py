"""Database rules that constraints cannot express: row guards and statement auditing."""

from django.db import migrations

from apps.core.migration_sql import run_file


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_functions_and_triggers"),
        ("roster", "0001_initial"),
    ]

    operations = [
        run_file(
            "roster",
            "functions.sql",
            functions=("roster_take_back",),
        ),
    ]
