from django.db import migrations, models
from django.db.models import Q

# An erasure no longer searches outcomes, so no text may be in one.
DELETE_OUTCOMES = """
UPDATE contacts_submission
SET report = report - 'outcomes' || jsonb_build_object('handed_in', handed_in, 'duplicate', duplicates), key = NULL
WHERE report ? 'outcomes';
"""
HAS_OUTCOMES = Q(report__has_key="outcomes") | Q(source="feed", report__has_key="rejects")


class Migration(migrations.Migration):
    dependencies = [("contacts", "0004_when_a_contact_was_corrected")]

    operations = [
        migrations.RunSQL(DELETE_OUTCOMES, migrations.RunSQL.noop),
        migrations.AddIndex(
            "submission",
            models.Index(fields=["done_at"], condition=HAS_OUTCOMES, name="contacts_submission_outcomes"),
        ),
    ]
