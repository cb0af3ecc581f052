import datetime

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import apps.core.querysets


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0005_prorate_joiners"),
        ("employees", "0004_index_numbers_in_any_case"),
        ("notifications", "0005_room"),
    ]

    operations = [
        migrations.CreateModel(
            name="LastReminder",
            fields=[
                (
                    "employee",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="employees.employee",
                    ),
                ),
                ("last_at", models.DateTimeField()),
                ("previous_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("previous_at__isnull", True),
                            (
                                "previous_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("last_at"), "-", models.Value(datetime.timedelta(days=1))
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="notifications_reminders_a_day_apart",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReminderText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.IntegerField(default=1)),
                ("title", models.TextField(help_text="for senders; recipients do not see it")),
                ("text_en", models.TextField()),
                ("text_zh", models.TextField()),
                ("made_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("made_by_id", models.BigIntegerField(null=True)),
                ("made_by_label", models.TextField()),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("withdrawn_by_label", models.TextField(blank=True, db_default="", default="")),
                (
                    "replaces",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="notifications.remindertext",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Reminder",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("sender_id", models.BigIntegerField()),
                ("sender_label", models.TextField()),
                ("sender_role", models.TextField(choices=[("hr", "HR"), ("manager", "manager")])),
                ("key", models.UUIDField()),
                ("text_en", models.TextField()),
                ("text_zh", models.TextField()),
                ("people", models.IntegerField(default=0)),
                ("sent_at", models.DateTimeField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="campaigns.campaign"
                    ),
                ),
                (
                    "text",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="notifications.remindertext",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="HelpOffer",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("offered_by_id", models.BigIntegerField()),
                ("offered_by_label", models.TextField()),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("talk", "a talk"),
                            ("training", "training"),
                            ("target", "asking HR together for another target"),
                        ]
                    ),
                ),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("open", "waiting for an answer"),
                            ("accepted", "accepted"),
                            ("not_needed", "not needed"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="open",
                    ),
                ),
                ("offered_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="campaigns.campaign"
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="employees.employee"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["employee", "offered_at"], name="notifications_help_of"),
                    models.Index(fields=["offered_at"], name="notifications_help_offered"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")),
                        fields=("campaign", "employee", "offered_by_id"),
                        name="notifications_help_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["talk", "training", "target"])), name="notifications_help_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("state", "open")),
                            models.Q(
                                ("closed_at__isnull", False), ("state__in", ["accepted", "not_needed", "withdrawn"])
                            ),
                            _connector="OR",
                        ),
                        name="notifications_help_state",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="remindertext",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at__isnull", True)),
                fields=("title",),
                name="notifications_text_title_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="remindertext",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("title", ""), _negated=True),
                    models.Q(("text_en", ""), _negated=True),
                    models.Q(("text_zh", ""), _negated=True),
                ),
                name="notifications_text_not_empty",
            ),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(fields=["sent_at"], name="notifications_reminder_sent"),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.UniqueConstraint(fields=("sender_id", "key"), name="notifications_reminder_once"),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.CheckConstraint(
                condition=models.Q(("sender_role__in", ["hr", "manager"])), name="notifications_reminder_role"
            ),
        ),
    ]
