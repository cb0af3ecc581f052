import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.core.querysets


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("campaigns", "0005_prorate_joiners"),
        ("employees", "0004_index_numbers_in_any_case"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("subject_key", models.TextField()),
                ("channel", models.TextField(choices=[("app", "in Hundred"), ("email", "e-mail")])),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("due", "Due"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("dropped", "Dropped"),
                        ],
                        default="due",
                    ),
                ),
                ("data", models.JSONField(default=dict, help_text="numbers, days and codes for the text")),
                ("created_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("due_at", models.DateTimeField()),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                ("last_error", models.TextField(blank=True, db_default="", default="")),
                (
                    "claimed_at",
                    models.DateTimeField(help_text="when a worker took it; after ten minutes another may", null=True),
                ),
                ("sent_at", models.DateTimeField(null=True)),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, to="campaigns.campaign"
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, to="employees.employee"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "due")), fields=["channel", "due_at"], name="notifications_due"
                    ),
                    models.Index(
                        condition=models.Q(("state", "sending")), fields=["claimed_at"], name="notifications_sending"
                    ),
                    models.Index(
                        condition=models.Q(("channel", "app"), ("read_at__isnull", True), ("state", "sent")),
                        fields=["employee"],
                        name="notifications_unread",
                    ),
                    models.Index(
                        condition=models.Q(("channel", "app"), ("read_at__isnull", True), ("state", "sent")),
                        fields=["account"],
                        name="notifications_unread_account",
                    ),
                    models.Index(fields=["created_at"], name="notifications_created"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("account__isnull", True), ("employee__isnull", False)),
                            models.Q(("account__isnull", False), ("employee__isnull", True)),
                            _connector="OR",
                        ),
                        name="notifications_one_recipient",
                    ),
                    models.UniqueConstraint(
                        fields=("employee", "account", "kind", "subject_key", "channel"),
                        name="notifications_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["due", "sending", "sent", "failed", "dropped"])),
                        name="notifications_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sent_at__isnull", False), ("state", "sent")),
                            models.Q(models.Q(("state", "sent"), _negated=True), ("sent_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="notifications_sent_has_instant",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Preference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.TextField()),
                ("channel", models.TextField(choices=[("app", "in Hundred"), ("email", "e-mail")])),
                ("enabled", models.BooleanField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, to="employees.employee"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("account__isnull", True), ("employee__isnull", False)),
                            models.Q(("account__isnull", False), ("employee__isnull", True)),
                            _connector="OR",
                        ),
                        name="notifications_preference_recipient",
                    ),
                    models.UniqueConstraint(
                        fields=("employee", "account", "kind", "channel"),
                        name="notifications_preference_once",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
    ]
