import uuid

import django.db.models.deletion
from django.db import migrations, models

import apps.core.querysets


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0002_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="RosterImport",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("looking", "Looking"),
                            ("looked", "Looked"),
                            ("received", "Received"),
                            ("requested", "Requested"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                        ]
                    ),
                ),
                ("asked_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("done_at", models.DateTimeField(null=True)),
                ("actor_id", models.BigIntegerField(null=True)),
                ("actor_label", models.TextField()),
                ("file_name", models.TextField(blank=True)),
                (
                    "layout",
                    models.JSONField(default=dict, help_text="how the file is read: format, encoding, header, roles"),
                ),
                ("complete", models.BooleanField(default=False, help_text="who is missing from the file has left")),
                ("based_on", models.BigIntegerField(null=True)),
                ("version", models.BigIntegerField(null=True)),
                ("digest", models.TextField(blank=True)),
                ("report", models.JSONField(default=dict)),
                ("effect", models.JSONField(default=dict)),
                ("done", models.BigIntegerField(default=0, help_text="rows that have been read")),
                ("total", models.BigIntegerField(help_text="rows in the file, once they were counted", null=True)),
                (
                    "advanced_at",
                    models.DateTimeField(
                        db_default=apps.core.querysets.Clock(), help_text="when a process worked on it last"
                    ),
                ),
                ("attempts", models.IntegerField(default=0)),
                ("undone_at", models.DateTimeField(null=True)),
                ("undone_by", models.TextField(blank=True)),
                (
                    "difference",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="core.storedfile"
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="core.storedfile"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RosterImportBefore",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("place", models.TextField(help_text="the table")),
                ("row_id", models.BigIntegerField()),
                ("employee_id", models.BigIntegerField(null=True)),
                ("before", models.JSONField(null=True)),
                ("load", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="roster.rosterimport")),
            ],
        ),
        migrations.AddIndex(
            model_name="rosterimport",
            index=models.Index(
                condition=models.Q(("state__in", ["looking", "received"])),
                fields=["advanced_at"],
                name="roster_load_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="rosterimport",
            index=models.Index(fields=["asked_at"], name="roster_load_asked"),
        ),
        migrations.AddConstraint(
            model_name="rosterimport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("done_at__isnull", False), ("state__in", ["done", "refused"])),
                    models.Q(models.Q(("state__in", ["done", "refused"]), _negated=True), ("done_at__isnull", True)),
                    _connector="OR",
                ),
                name="roster_load_done_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="rosterimport",
            constraint=models.CheckConstraint(
                condition=models.Q(("undone_at__isnull", True), ("state", "done"), _connector="OR"),
                name="roster_load_undone_was_done",
            ),
        ),
        migrations.AddConstraint(
            model_name="rosterimport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("version__isnull", False)), fields=("version",), name="roster_load_one_a_version"
            ),
        ),
    ]
