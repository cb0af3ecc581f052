"""Let a token have the scope of the company's directory."""

import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models import Q

SCOPES = {
    "own": "your own standing and contacts",
    "reports:read": "campaigns, and the standings its owner may see",
    "roster:write": "the roster, loaded by a program; for HR users",
    "scim": "the roster, by the company's directory; for HR users",
    "feed:write": "the feed of the messaging product; for operators",
}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_account_approvals")]

    operations = [
        migrations.RemoveConstraint(model_name="apitoken", name="accounts_token_scopes"),
        migrations.AlterField(
            model_name="apitoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(choices=list(SCOPES.items())), size=None
            ),
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=Q(scopes__contained_by=list(SCOPES)) & ~Q(scopes=[]), name="accounts_token_scopes"
            ),
        ),
    ]
