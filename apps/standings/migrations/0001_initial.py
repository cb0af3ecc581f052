import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
from django.db import migrations, models

import apps.campaigns.querysets
import apps.core.querysets


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0002_initial"),
        ("campaigns", "0001_initial"),
        ("employees", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="MarkRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("work", models.TextField(choices=[("mark", "mark"), ("recount", "recount")])),
                ("cause", models.TextField(help_text="why everybody: opened, rule, asked or night")),
                (
                    "invalidates",
                    models.BooleanField(
                        default=False, help_text="what stands there is not to be believed before its range is done"
                    ),
                ),
                ("asked_by_id", models.BigIntegerField(null=True)),
                ("asked_by_label", models.TextField()),
                ("started_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("finished_at", models.DateTimeField(null=True)),
                ("totals", models.JSONField(default=dict)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="campaigns.campaign"
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
                (
                    "enqueued_at",
                    models.DateTimeField(help_text="when a worker was last asked to process it", null=True),
                ),
                ("claimed_at", models.DateTimeField(help_text="when a worker last began to process it", null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("result", models.JSONField(default=dict)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="ranges", to="standings.markrun"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Standing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("counted", models.IntegerField()),
                ("target", models.IntegerField()),
                ("exempt", models.BooleanField(default=False)),
                (
                    "red",
                    models.GeneratedField(
                        db_persist=True,
                        expression=apps.campaigns.querysets.IsRed("counted", "target", "exempt"),
                        output_field=models.BooleanField(),
                    ),
                ),
                (
                    "remaining",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.comparison.Greatest(
                            django.db.models.expressions.CombinedExpression(
                                models.F("target"), "-", models.F("counted")
                            ),
                            0,
                        ),
                        output_field=models.IntegerField(),
                    ),
                ),
                ("target_reached_at", models.DateTimeField(null=True)),
                ("status_since", models.DateTimeField()),
                ("verdict_changed_at", models.DateTimeField()),
                (
                    "last_counted_on",
                    models.DateField(help_text="local day of the newest contact that counts", null=True),
                ),
                (
                    "last_disqualified_at",
                    models.DateTimeField(help_text="not known of what was judged before this was asked", null=True),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="campaigns.campaign"
                    ),
                ),
                ("employee", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="employees.employee")),
            ],
        ),
        migrations.CreateModel(
            name="StandingChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("red", models.BooleanField()),
                ("counted", models.IntegerField()),
                ("target", models.IntegerField()),
                ("exempt", models.BooleanField()),
                ("cause", models.TextField(choices=[("mark", "mark"), ("repair", "repair")], default="mark")),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="campaigns.campaign"
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SummaryCell",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("block", models.IntegerField()),
                ("department", models.TextField(blank=True)),
                ("day", models.DateField()),
                ("low", models.IntegerField()),
                ("high", models.IntegerField()),
                ("exempt", models.BooleanField()),
                ("n", models.BigIntegerField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SummaryDelta",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("counted", models.IntegerField(null=True)),
                ("target", models.IntegerField(null=True)),
                ("exempt", models.BooleanField(null=True)),
                ("days", django.contrib.postgres.fields.ArrayField(base_field=models.DateField(), size=None)),
                ("counts", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="employees.employee",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SummaryState",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="campaigns.campaign",
                    ),
                ),
                ("state", models.TextField(choices=[("void", "Void"), ("building", "Building"), ("ready", "Ready")])),
                ("tree", models.BigIntegerField(help_text="version of the tree whose blocks these are", null=True)),
                ("built_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["void", "building", "ready"])), name="standings_summary_state"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DailyCount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("count", models.IntegerField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="campaigns.campaign"
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "employee", "day"), name="standings_daily_once"),
                    models.CheckConstraint(condition=models.Q(("count__gt", 0)), name="standings_daily_positive"),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="markrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("work__in", ["mark", "recount"])), name="standings_run_work"
            ),
        ),
        migrations.AddIndex(
            model_name="markrange",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["run"], name="standings_range_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="markrange",
            constraint=models.UniqueConstraint(fields=("run", "first_id"), name="standings_range_once"),
        ),
        migrations.AddConstraint(
            model_name="markrange",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_id__lte", models.F("last_id"))), name="standings_range_forward"
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
                name="standings_range_done_is_finished",
            ),
        ),
        migrations.AddIndex(
            model_name="standing",
            index=models.Index(fields=["campaign", "red", "remaining"], name="standings_standing_need"),
        ),
        migrations.AddConstraint(
            model_name="standing",
            constraint=models.UniqueConstraint(fields=("campaign", "employee"), name="standings_standing_once"),
        ),
        migrations.AddConstraint(
            model_name="standing",
            constraint=models.CheckConstraint(
                condition=models.Q(("counted__gte", 0)), name="standings_standing_counted"
            ),
        ),
        migrations.AddConstraint(
            model_name="standing",
            constraint=models.CheckConstraint(condition=models.Q(("target__gte", 1)), name="standings_standing_target"),
        ),
        migrations.AddConstraint(
            model_name="standing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("counted__lt", models.F("target")), ("target_reached_at__isnull", True)),
                    models.Q(("counted__gte", models.F("target")), ("target_reached_at__isnull", False)),
                    _connector="OR",
                ),
                name="standings_standing_reached",
            ),
        ),
        migrations.AddIndex(
            model_name="standingchange",
            index=models.Index(fields=["campaign", "employee", "at"], name="standings_change_of"),
        ),
        migrations.AddConstraint(
            model_name="summarycell",
            constraint=models.UniqueConstraint(
                fields=("campaign", "kind", "block", "department", "day", "low", "high", "exempt"),
                name="standings_summarycell_once",
            ),
        ),
        migrations.AddIndex(
            model_name="summarydelta",
            index=models.Index(fields=["campaign", "employee"], name="standings_summarydelta_of"),
        ),
    ]
