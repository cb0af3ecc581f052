"""Access ends by a deferrable trigger, so that a roster load locks accounts and sessions last, and a preview never."""

from pathlib import Path

import django.contrib.postgres.fields
from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
ENDS_BINDINGS = "CREATE TRIGGER employees_employment_ends_bindings "


def earlier_functions() -> str:
    """SQL that restores the functions and the trigger that this migration replaces."""
    functions = (
        (SQL / "functions.sql").read_text(encoding="utf-8").replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    )
    triggers = (SQL / "triggers.sql").read_text(encoding="utf-8").splitlines()
    [trigger] = [line for line in triggers if line.startswith(ENDS_BINDINGS)]
    dropped = "DROP FUNCTION accounts_carry_out_ending CASCADE;\nDROP FUNCTION accounts_add_ending;\n"
    return f"{functions}\n{trigger}\n{dropped}"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_account_first_page")]

    operations = [
        migrations.CreateModel(
            name="AccessEnding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("accounts", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("with_factors", models.BooleanField(help_text="whether their second factors end too")),
            ],
        ),
        migrations.RunSQL((SQL / "access_endings.sql").read_text(encoding="utf-8"), earlier_functions()),
    ]
