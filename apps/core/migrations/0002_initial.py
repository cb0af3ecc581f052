import uuid

import django.db.models.deletion
from django.db import migrations, models

import apps.core.querysets


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_defaults"),
    ]

    operations = [
        migrations.CreateModel(
            name="StoredFile",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("content_type", models.TextField()),
                ("size", models.BigIntegerField()),
                ("sha256", models.BinaryField()),
                ("owner_id", models.BigIntegerField(help_text="account that may fetch it", null=True)),
                ("stored_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="Setting",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("value", models.JSONField()),
            ],
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("actor_id", models.BigIntegerField(null=True)),
                ("actor_label", models.TextField()),
                ("action", models.TextField()),
                ("subject_kind", models.TextField(blank=True)),
                ("subject_id", models.TextField(blank=True)),
                ("subject_label", models.TextField(blank=True)),
                ("detail", models.JSONField(default=dict)),
                (
                    "origin",
                    models.TextField(
                        db_default=apps.core.querysets.SessionUser(),
                        help_text="from where: page, API or command, and the address",
                    ),
                ),
                ("transaction", models.TextField(db_default=apps.core.querysets.ThisTransaction())),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "indexes": [
                    models.Index(fields=["at"], name="core_audit_at"),
                    models.Index(fields=["subject_kind", "subject_id"], name="core_audit_subject"),
                    models.Index(fields=["transaction"], name="core_audit_transaction"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("job", models.TextField()),
                ("period", models.TextField()),
                ("done_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("detail", models.JSONField(default=dict)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("job", "period"), name="core_job_once_a_period")],
            },
        ),
        migrations.CreateModel(
            name="OutboxRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("employee_id", models.BigIntegerField(null=True)),
                ("kind", models.TextField(null=True)),
                ("digest", models.BinaryField(null=True)),
                ("queued_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
            ],
            options={
                "db_table": "core_outbox",
                "indexes": [
                    models.Index(fields=["employee_id"], name="core_outbox_employee"),
                    models.Index(fields=["kind", "digest"], name="core_outbox_identity"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("digest__isnull", True), ("employee_id__isnull", False), ("kind__isnull", True)),
                            models.Q(("digest__isnull", False), ("employee_id__isnull", True), ("kind__isnull", False)),
                            _connector="OR",
                        ),
                        name="core_outbox_employee_or_identity",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Progress",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("owner_id", models.BigIntegerField(help_text="account that asked for it", null=True)),
                ("done", models.BigIntegerField(default=0)),
                ("total", models.BigIntegerField(null=True)),
                ("started_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("updated_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("finished_at", models.DateTimeField(null=True)),
                ("failed", models.BooleanField(default=False)),
                ("result", models.JSONField(default=dict)),
            ],
            options={
                "indexes": [models.Index(fields=["owner_id", "started_at"], name="core_progress_owner")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("done__gte", 0)), name="core_progress_done_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("failed", False), ("finished_at__isnull", False), _connector="OR"),
                        name="core_progress_failed_is_finished",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RowChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("transaction", models.TextField(db_default=apps.core.querysets.ThisTransaction())),
                (
                    "origin",
                    models.TextField(
                        db_default=apps.core.querysets.SessionUser(), help_text="the database's user, and from where"
                    ),
                ),
                ("table_name", models.TextField()),
                ("operation", models.TextField(help_text="insert, update, delete or truncate")),
                ("rows", models.BigIntegerField(help_text="empty: all there were", null=True)),
                ("keys", models.JSONField(default=list, help_text="of the first few rows")),
                ("before", models.JSONField(default=list)),
                ("after", models.JSONField(default=list)),
            ],
            options={
                "indexes": [models.Index(fields=["transaction"], name="core_rowchange_transaction")],
            },
        ),
        migrations.CreateModel(
            name="FilePreview",
            fields=[
                (
                    "file",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="preview",
                        serialize=False,
                        to="core.storedfile",
                    ),
                ),
                ("state", models.TextField(choices=[("waiting", "Waiting"), ("made", "Made")], default="waiting")),
                ("asked", models.JSONField(default=dict)),
                ("version", models.IntegerField(default=1)),
                ("report", models.JSONField(default=dict)),
                ("attachment", models.BinaryField(default=b"", help_text="rejected lines to correct, as CSV")),
                ("asked_at", models.DateTimeField()),
                ("advanced_at", models.DateTimeField(help_text="when a worker began, or it was asked for")),
                ("attempts", models.IntegerField(default=0, help_text="starts since it was asked for")),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")), fields=["advanced_at"], name="core_preview_waiting"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "made"])), name="core_preview_state"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StoredChunk",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("position", models.IntegerField()),
                ("content", models.BinaryField()),
                ("file", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="core.storedfile")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("file", "position"), name="core_chunk_once")],
            },
        ),
    ]
