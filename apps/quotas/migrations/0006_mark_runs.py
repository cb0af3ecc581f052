"""Runs over everybody, cut into ranges that any worker takes, repeats and finishes in any order."""

import django.db.models.deletion
from django.db import migrations, models

import apps.ledger.querysets


class Migration(migrations.Migration):
    dependencies = [
        ("quotas", "0005_result_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="MarkRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("work", models.TextField(choices=[("mark", "mark"), ("recount", "recount")])),
                ("cause", models.TextField(help_text="why everybody: opened, rule, asked or night")),
                (
                    "makes_stale",
                    models.BooleanField(
                        default=False, help_text="what stands there is not to be believed before its range is done"
                    ),
                ),
                ("asked_by_id", models.BigIntegerField(null=True)),
                ("asked_by_label", models.TextField()),
                ("started_at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
                ("finished_at", models.DateTimeField(null=True)),
                ("totals", models.JSONField(default=dict)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="quotas.campaign"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MarkRange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("first_id", models.BigIntegerField()),
                ("last_id", models.BigIntegerField()),
                ("state", models.TextField(choices=[("waiting", "waiting"), ("done", "done")], default="waiting")),
                ("attempts", models.IntegerField(default=0)),
                ("rung_at", models.DateTimeField(help_text="when somebody was last asked to take it", null=True)),
                ("claimed_at", models.DateTimeField(help_text="when somebody last began with it", null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("result", models.JSONField(default=dict)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="ranges", to="quotas.markrun"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="markrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("work__in", ["mark", "recount"])), name="quotas_run_work"
            ),
        ),
        migrations.AddIndex(
            model_name="markrange",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["run"], name="quotas_range_waiting"),
        ),
        migrations.AddConstraint(
            model_name="markrange",
            constraint=models.UniqueConstraint(fields=("run", "first_id"), name="quotas_range_once"),
        ),
        migrations.AddConstraint(
            model_name="markrange",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_id__lte", models.F("last_id"))), name="quotas_range_forward"
            ),
        ),
        migrations.AddConstraint(
            model_name="markrange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", True), ("state", "waiting")),
                    models.Q(("finished_at__isnull", False), ("state", "done")),
                    _connector="OR",
                ),
                name="quotas_range_done_is_finished",
            ),
        ),
    ]
