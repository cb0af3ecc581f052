import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("campaigns", "0001_initial"),
        ("core", "0002_initial"),
        ("employees", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Export",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("key", models.UUIDField(default=uuid.uuid4)),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("standings", "Standings"),
                            ("days", "Counts by day"),
                            ("teams", "Team reports"),
                            ("flips", "Status changes"),
                            ("adjustments", "Adjustments"),
                            ("reviews", "Reviews"),
                            ("leavers", "Leavers"),
                            ("roster_changes", "Roster changes"),
                            ("handover", "Hand-over"),
                        ]
                    ),
                ),
                (
                    "form",
                    models.TextField(
                        choices=[("csv", "CSV"), ("csv.gz", "CSV, packed (gzip)"), ("xlsx", "Excel (XLSX)")],
                        default="csv",
                    ),
                ),
                ("alone", models.BooleanField(default=False)),
                (
                    "live",
                    models.BooleanField(default=False, help_text="sent with the numbers of a page, not judged anew"),
                ),
                (
                    "filters",
                    models.JSONField(
                        default=dict, help_text="status, q, department and sort, as the address of a page"
                    ),
                ),
                ("columns", models.JSONField(default=list, help_text="names, in order; empty: all")),
                ("as_of", models.DateTimeField()),
                ("since", models.DateTimeField(help_text="where a file tells what changed: from when on", null=True)),
                ("result_version", models.IntegerField(null=True)),
                ("rule_version", models.IntegerField()),
                ("asked_at", models.DateTimeField()),
                ("asked_by_id", models.BigIntegerField()),
                ("asked_by_label", models.TextField()),
                (
                    "state",
                    models.TextField(
                        choices=[("waiting", "Waiting"), ("done", "Done"), ("failed", "Failed")], default="waiting"
                    ),
                ),
                ("attempts", models.IntegerField(default=0)),
                ("made_at", models.DateTimeField(null=True)),
                ("rows", models.BigIntegerField(null=True)),
                ("size", models.BigIntegerField(null=True)),
                ("sha256", models.BinaryField(help_text="of the file's bytes", null=True)),
                ("error", models.TextField(blank=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="campaigns.campaign"
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="core.storedfile"
                    ),
                ),
                (
                    "rerun_of",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="exports.export"
                    ),
                ),
                (
                    "root",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
                    ),
                ),
                (
                    "signature",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="core.storedfile",
                    ),
                ),
            ],
            options={
                "ordering": ["-asked_at", "-pk"],
                "indexes": [
                    models.Index(fields=["asked_at"], name="exports_export_asked"),
                    models.Index(fields=["asked_by_id", "asked_at"], name="exports_export_of"),
                    models.Index(
                        condition=models.Q(("state", "waiting")), fields=["asked_at"], name="exports_export_waiting"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("asked_by_id", "key"), name="exports_export_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "standings",
                                    "days",
                                    "teams",
                                    "flips",
                                    "adjustments",
                                    "reviews",
                                    "leavers",
                                    "roster_changes",
                                    "handover",
                                ],
                            )
                        ),
                        name="exports_export_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("form__in", ["csv", "csv.gz", "xlsx"])), name="exports_export_form"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("as_of__lte", models.F("asked_at"))), name="exports_export_as_of"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("error", ""),
                                ("made_at", None),
                                ("rows", None),
                                ("sha256", None),
                                ("size", None),
                                ("state", "waiting"),
                            ),
                            models.Q(
                                ("error", ""),
                                ("made_at__isnull", False),
                                ("rows__gte", 0),
                                ("sha256__isnull", False),
                                ("size__gte", 0),
                                ("state", "done"),
                            ),
                            models.Q(
                                ("file", None),
                                ("made_at__isnull", False),
                                ("rows", None),
                                ("sha256", None),
                                ("state", "failed"),
                                models.Q(("error", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="exports_export_state",
                    ),
                ],
            },
        ),
    ]
