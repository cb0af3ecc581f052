from django.db import migrations, models

from apps.core.migration_sql import run_file


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0007_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditOutboxRow",
            fields=[
                ("entry_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("sequence", models.BigIntegerField(null=True, unique=True)),
            ],
            options={"db_table": "core_auditoutbox"},
        ),
        run_file("core", "audit_outbox.sql", functions=("hundred_queue_audit",)),
    ]
