"""Erasures on request, and the objections they leave. Both are appended, and changes past the house are noted."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import apps.ledger.querysets
from apps.ledger.guards import guard, unguard

TABLES = ("contacts_erasure", "contacts_objection")
APPENDED = """
CREATE TRIGGER {0}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {0}
    FOR EACH STATEMENT EXECUTE FUNCTION hundred_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0007_tally"), ("ledger", "0005_changes_of_rows")]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("erased_at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
                ("actor_id", models.BigIntegerField(null=True)),
                ("actor_label", models.TextField()),
                ("reason", models.TextField(help_text="how the request came and was checked; never who it is about")),
            ],
            options={
                "ordering": ["-erased_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="contacts_erasure_has_reason"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Objection",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("digest", models.BinaryField()),
                (
                    "erasure",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="objections", to="contacts.erasure"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "digest"), name="contacts_objection_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["phone", "email", "handle"])), name="contacts_objection_kind"
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            "".join(guard(table, key="one.id") for table in TABLES) + "".join(map(APPENDED.format, TABLES)),
            "".join(f"DROP TRIGGER {table}_append_only ON {table}; {unguard(table)}" for table in TABLES),
        ),
    ]
