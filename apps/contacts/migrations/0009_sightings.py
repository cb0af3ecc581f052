"""What a trusted feed has said of a contact more than once, and the campaigns whose past is closed to a feed."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from apps.ledger.guards import NOT_THE_HOUSE, guard, unguard

END_REASONS = ["removed", "corrected", "withdrawn", "rejected", "undone", "merged"]
REASONS = [
    ("removed", "removed"),
    ("corrected", "corrected"),
    ("withdrawn", "withdrawn by the contact"),
    ("rejected", "rejected by a reviewer"),
    ("undone", "undone with its file"),
    ("merged", "the same person as another contact"),
]
# What quotas writes when a campaign begins to close (ledger.services.close_past), for those that have already.
CLOSED = """
INSERT INTO ledger_setting (name, value)
SELECT 'past_closed:' || campaign.slug, jsonb_build_array(newest.opens_at, newest.cutoff_at)
FROM quotas_campaign campaign CROSS JOIN LATERAL (
    SELECT opens_at, cutoff_at FROM quotas_campaignrule
    WHERE campaign_id = campaign.id ORDER BY version DESC LIMIT 1) newest
WHERE campaign.state IN ('closing', 'frozen')
ON CONFLICT (name) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0008_erasures"), ("quotas", "0019_newest_day")]

    operations = [
        migrations.CreateModel(
            name="Sighting",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "employee",
                    models.ForeignKey(
                        db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING,
                        to="employees.employee",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="sightings",
                        to="contacts.contact",
                    ),
                ),
                ("keys", django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), help_text="kind:digest of every identity that was named", size=None,
                )),
                ("seen_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={"indexes": [models.Index(fields=["contact"], name="contacts_sighting_contact")]},
        ),
        migrations.RunSQL(
            guard("contacts_sighting", key="one.contact_id", when=NOT_THE_HOUSE), unguard("contacts_sighting")
        ),
        migrations.AlterField(
            model_name="contact", name="end_reason", field=models.TextField(choices=REASONS, null=True)
        ),
        migrations.RemoveConstraint(model_name="contact", name="contacts_end_reason"),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(end_reason__isnull=True) | models.Q(end_reason__in=END_REASONS),
                name="contacts_end_reason",
            ),
        ),
        migrations.RunSQL(CLOSED, migrations.RunSQL.noop),
    ]  # fmt: skip
