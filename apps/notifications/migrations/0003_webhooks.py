import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import apps.core.querysets


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0002_reminders_and_help_offers"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("url", models.TextField()),
                ("description", models.TextField(blank=True, default="")),
                ("event_types", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("scheme", models.TextField(choices=[("hmac", "hmac"), ("ed25519", "ed25519")])),
                ("secret", models.TextField()),
                ("previous_secrets", models.JSONField(default=list)),
                ("enabled", models.BooleanField(default=True)),
                ("disabled_reason", models.TextField(blank=True, db_default="", default="")),
                ("created_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("succeeded_at", models.DateTimeField(help_text="the last delivery", null=True)),
                (
                    "failing_since",
                    models.DateTimeField(help_text="the first failure after the last delivery", null=True),
                ),
                (
                    "paused_until",
                    models.DateTimeField(help_text="it does not answer: nothing is sent before", null=True),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("url",), name="notifications_endpoint_once"),
                    models.CheckConstraint(
                        condition=models.Q(("url__regex", "^https?://")), name="notifications_endpoint_url"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("event_types", []), _negated=True), name="notifications_endpoint_types"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("scheme__in", ["hmac", "ed25519"])), name="notifications_endpoint_scheme"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("disabled_reason", ""), ("enabled", True)),
                            models.Q(("enabled", False), models.Q(("disabled_reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="notifications_endpoint_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("message_id", models.TextField()),
                ("event_type", models.TextField()),
                ("subject_key", models.TextField()),
                ("body", models.TextField()),
                (
                    "state",
                    models.TextField(
                        choices=[("due", "Due"), ("delivered", "Delivered"), ("failed", "Failed")], default="due"
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("due_at", models.DateTimeField()),
                (
                    "claimed_at",
                    models.DateTimeField(help_text="when a worker took it; after ten minutes another may", null=True),
                ),
                ("ended_at", models.DateTimeField(help_text="when it was delivered or had failed", null=True)),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                ("status", models.IntegerField(null=True)),
                ("milliseconds", models.IntegerField(null=True)),
                ("error", models.TextField(blank=True, db_default="", default="")),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="notifications.webhookendpoint"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "due")),
                        fields=["endpoint", "due_at"],
                        name="notifications_webhook_due",
                    ),
                    models.Index(fields=["created_at"], name="notifications_webhook_created"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("endpoint", "event_type", "subject_key"), name="notifications_webhook_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "due")),
                            models.Q(("ended_at__isnull", False), ("state__in", ["delivered", "failed"])),
                            _connector="OR",
                        ),
                        name="notifications_webhook_ended",
                    ),
                ],
            },
        ),
    ]
