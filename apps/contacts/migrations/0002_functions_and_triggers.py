"""Rules that no column constraint can express: triggers that guard rows, and triggers that audit every statement."""

from django.db import migrations
from django.db.migrations import RunSQL

from apps.core.change_triggers import OUTSIDE_FACTS_LOCK, audit_trigger_sql
from apps.core.migration_sql import run_file

# Each audited table, the expression that identifies a row, and the columns kept of it (SQL over the row `one`).
AUDITED: list[tuple[str, str, str]] = [
    ("contacts_contact", "one.id", ""),
    ("contacts_contactidentity", "one.contact_id", ""),
    ("contacts_erasure", "one.id", ""),
    ("contacts_suppressedidentity", "one.id", ""),
    ("contacts_sighting", "one.contact_id", ""),
]
# The services that write these tables hold the facts lock and write the audit records themselves.
WRITTEN_UNDER_LOCK = {"contacts_contact", "contacts_contactidentity", "contacts_sighting"}


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_functions_and_triggers"),
        ("contacts", "0001_initial"),
    ]

    operations = [
        run_file("contacts", "tables.sql"),
        run_file(
            "contacts",
            "functions.sql",
            functions=(
                "contacts_forget_erasure_subject",
                "hundred_tally_contacts",
            ),
        ),
        run_file("contacts", "triggers.sql"),
        *(
            RunSQL(
                audit_trigger_sql(
                    table, key=key, shown=shown, when=OUTSIDE_FACTS_LOCK if table in WRITTEN_UNDER_LOCK else ""
                ),
                RunSQL.noop,
            )
            for table, key, shown in AUDITED
        ),
    ]
