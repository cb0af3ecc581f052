from django.db import migrations, models

# Without triggers: nothing of a contact changes that a count, a tally or the audit trail holds.
BACKFILL = """
ALTER TABLE contacts_contact DISABLE TRIGGER USER;
UPDATE contacts_contact SET corrected_at = ended_at WHERE end_reason = 'corrected';
ALTER TABLE contacts_contact ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0003_claims_of_identities")]

    operations = [
        migrations.AddField("contact", "corrected_at", models.DateTimeField(null=True)),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
