"""Owners of accounts are mailed about changes of their password, factors, tokens, roles and address."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.ledger.querysets


class Migration(migrations.Migration):
    dependencies = [
        ("employees", "0017_email_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="SecurityEvent",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("address", models.TextField(help_text="where the mail goes")),
                ("origin", models.TextField(help_text="from where it was done, as in the audit trail")),
                ("browser", models.TextField(blank=True, help_text="what the browser said it is")),
                ("at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
                ("tried_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("address", ""), _negated=True), name="employees_security_event_address"
                    )
                ],
            },
        ),
    ]
