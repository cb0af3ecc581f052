"""Whoever changes contacts past the house leaves a note; the house's own are their own history, and too many."""

from django.db import migrations

from apps.ledger.guards import NOT_THE_HOUSE, guard, unguard

TABLES = {
    "contacts_contact": guard("contacts_contact", key="one.id", when=NOT_THE_HOUSE),
    "contacts_contactidentity": guard("contacts_contactidentity", key="one.contact_id", when=NOT_THE_HOUSE),
}


class Migration(migrations.Migration):
    dependencies = [("contacts", "0003_file_imports"), ("ledger", "0005_changes_of_rows")]

    operations = [migrations.RunSQL("".join(TABLES.values()), "".join(map(unguard, TABLES)))]
