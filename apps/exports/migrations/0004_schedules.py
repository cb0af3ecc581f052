import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0005_prorate_joiners"),
        ("core", "0007_events"),
        ("employees", "0004_index_numbers_in_any_case"),
        ("exports", "0003_rename_fields"),
    ]

    operations = [
        migrations.AddField(
            model_name="export",
            name="period",
            field=models.DateField(help_text="of a schedule: the local day for which it was made", null=True),
        ),
        migrations.CreateModel(
            name="ExportSchedule",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("key", models.UUIDField()),
                ("owner_id", models.BigIntegerField()),
                ("as_hr", models.BooleanField()),
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
                    "format",
                    models.TextField(
                        choices=[("csv", "CSV"), ("csv.gz", "CSV, packed (gzip)"), ("xlsx", "Excel (XLSX)")]
                    ),
                ),
                ("filters", models.JSONField(default=dict)),
                ("columns", models.JSONField(default=list)),
                ("since", models.DateTimeField(null=True)),
                ("weekday", models.SmallIntegerField(null=True)),
                ("hour", models.SmallIntegerField()),
                (
                    "ends_on",
                    models.DateField(help_text="the last local day; null: until the campaign's deadline", null=True),
                ),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("active", "Active"),
                            ("paused", "Paused"),
                            ("ended", "Ended"),
                            ("deleted", "Deleted"),
                        ],
                        default="active",
                    ),
                ),
                ("end_reason", models.TextField(blank=True, default="")),
                ("problem", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField()),
                ("active_since", models.DateTimeField()),
                ("next_run_at", models.DateTimeField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="campaigns.campaign"
                    ),
                ),
                (
                    "root",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="export",
            name="schedule",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="exports.exportschedule"
            ),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.UniqueConstraint(fields=("schedule", "period"), name="exports_export_once_a_period"),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("period", None), ("schedule", None)),
                    models.Q(("period__isnull", False), ("schedule__isnull", False)),
                    _connector="OR",
                ),
                name="exports_export_schedule",
            ),
        ),
        migrations.AddIndex(
            model_name="exportschedule",
            index=models.Index(
                condition=models.Q(("state", "active")), fields=["next_run_at"], name="exports_schedule_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="exportschedule",
            constraint=models.UniqueConstraint(fields=("owner_id", "key"), name="exports_schedule_once"),
        ),
        migrations.AddConstraint(
            model_name="exportschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("format__in", ["csv", "csv.gz", "xlsx"]),
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
                    ),
                ),
                name="exports_schedule_codes",
            ),
        ),
        migrations.AddConstraint(
            model_name="exportschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("hour__range", (0, 23)), models.Q(("weekday", None), ("weekday__range", (0, 6)), _connector="OR")
                ),
                name="exports_schedule_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="exportschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("end_reason", ""), ("state__in", ["active", "paused"])),
                    ("state", "deleted"),
                    models.Q(("state", "ended"), models.Q(("end_reason", ""), _negated=True)),
                    _connector="OR",
                ),
                name="exports_schedule_state",
            ),
        ),
    ]
