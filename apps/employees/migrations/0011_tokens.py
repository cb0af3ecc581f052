"""The tokens' model comes from the api; its table is there already."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.ledger.querysets

TOKENS = migrations.CreateModel(
    name="ApiToken",
    fields=[
        (
            "id",
            models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
        ),
        ("name", models.TextField()),
        ("digest", models.BinaryField()),
        (
            "scopes",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(
                    choices=[
                        ("own", "the own standing and the own contacts"),
                        ("reports:read", "campaigns, and the standings its owner may see"),
                        ("feed:write", "the feed of the messaging product; for operators"),
                    ]
                ),
                size=None,
            ),
        ),
        ("created_at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
        ("expires_at", models.DateTimeField()),
        (
            "last_used_at",
            models.DateTimeField(help_text="exact to the hour, so that reading writes nothing", null=True),
        ),
        ("revoked_at", models.DateTimeField(null=True)),
        (
            "account",
            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
        ),
    ],
    options={
        "db_table": "api_apitoken",
        "constraints": [
            models.UniqueConstraint(fields=("digest",), name="api_token_digest"),
            models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="api_token_name"),
            models.CheckConstraint(
                condition=models.Q(
                    ("scopes__contained_by", ["own", "reports:read", "feed:write"]),
                    models.Q(("scopes", []), _negated=True),
                ),
                name="api_token_scopes",
            ),
            models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("created_at"))), name="api_token_expires"
            ),
        ],
    },
)


class Migration(migrations.Migration):
    dependencies = [("api", "0001_initial"), ("employees", "0010_subjects_noted")]
    operations = [migrations.SeparateDatabaseAndState(state_operations=[TOKENS])]
