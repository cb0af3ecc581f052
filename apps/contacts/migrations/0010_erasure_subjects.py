"""Erasures wait for a second person: who is to be erased stands sealed beside the request, and goes with it."""

import django.db.models.deletion
from django.db import migrations, models

FORGET = """
CREATE FUNCTION contacts_forget_erasure_subject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM contacts_erasuresubject WHERE request_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER contacts_erasure_not_approved AFTER UPDATE OF decision ON employees_approvalrequest
    FOR EACH ROW WHEN (NEW.kind = 'erasure' AND NEW.decision <> 'approved')
    EXECUTE FUNCTION contacts_forget_erasure_subject();
"""
KEEP = """
DROP TRIGGER contacts_erasure_not_approved ON employees_approvalrequest;
DROP FUNCTION contacts_forget_erasure_subject();
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0009_sightings"), ("employees", "0016_approvals")]

    operations = [
        migrations.AddField(
            model_name="erasure",
            name="approved_by_label",
            field=models.TextField(blank=True, default="", db_default="", help_text="the second person"),
        ),
        migrations.CreateModel(
            name="ErasureSubject",
            fields=[
                ("request_id", models.UUIDField(primary_key=True, serialize=False)),
                ("sealed", models.TextField()),
                (
                    "erasure",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="contacts.erasure",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(FORGET, KEEP),
    ]
