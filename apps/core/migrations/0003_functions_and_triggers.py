"""What only the database can hold: append-only tables, and the record of every statement."""

from django.db import migrations

from apps.core.migration_sql import run_file


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_initial"),
    ]

    operations = [
        run_file("core", "tables.sql"),
        run_file(
            "core",
            "functions.sql",
            functions=(
                "hundred_analyze",
                "hundred_note_change",
                "hundred_refuse_change",
                "hundred_tell_change",
            ),
        ),
        run_file("core", "triggers.sql"),
    ]
