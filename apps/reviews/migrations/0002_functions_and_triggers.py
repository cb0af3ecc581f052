"""What no column constraint can hold: guards of rows, and the record of every statement."""

from django.db import migrations

from apps.core.migration_sql import run_file


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_functions_and_triggers"),
        ("contacts", "0002_functions_and_triggers"),
        ("reviews", "0001_initial"),
    ]

    operations = [
        run_file(
            "reviews",
            "functions.sql",
            functions=(
                "reviews_guard_review",
                "reviews_guard_review_contact",
            ),
        ),
        run_file("reviews", "triggers.sql"),
    ]
