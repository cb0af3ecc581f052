"""Roster previews take no lock that other changes of the roster wait for."""

from pathlib import Path

from django.db import migrations

FUNCTION = Path(__file__).resolve().parent.parent / "sql" / "trials.sql"
LOCK, TRIAL = "pg_advisory_xact_lock(8101002)", "employees_lock_tree()"


def replace_in_triggers(old: str, new: str) -> str:
    """Replace a call in the trigger functions of the tree."""
    return "".join(
        f"DO $$ BEGIN EXECUTE replace(pg_get_functiondef('{function}'::regproc), '{old}', '{new}'); END $$;\n"
        for function in ("employees_refuse_cycle", "employees_refuse_overlap")
    )


class Migration(migrations.Migration):
    dependencies = [("employees", "0002_functions_and_triggers")]

    operations = [
        migrations.RunSQL(FUNCTION.read_text(encoding="utf-8"), f"DROP FUNCTION {TRIAL};"),
        migrations.RunSQL(replace_in_triggers(LOCK, TRIAL), replace_in_triggers(TRIAL, LOCK)),
    ]
