from django.db import migrations, models

# Indexes that hold all that a verdict asks serve only rows on pages known to be visible to all: vacuum says which.
# By default it comes after a fifth of a table is new, which is a month's contacts; here after a fiftieth.
OFTEN = "SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)"
SELDOM = "RESET (autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor)"
TABLES = ("contacts_contact", "contacts_contactidentity")


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0005_honest_counters"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="contact", name="contacts_by_employee"),
        migrations.RemoveIndex(model_name="contactidentity", name="contacts_identity_contact"),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                fields=["employee", "recorded_at", "id"],
                include=["ended_at", "stored_at", "confirmed_at", "was_external"],
                name="contacts_by_employee",
            ),
        ),
        migrations.AddIndex(
            model_name="contactidentity",
            index=models.Index(
                fields=["employee", "contact"], include=["kind", "digest", "domain"], name="contacts_identity_contact"
            ),
        ),
        *(migrations.RunSQL(f"ALTER TABLE {table} {OFTEN}", f"ALTER TABLE {table} {SELDOM}") for table in TABLES),
    ]
