from django.db import migrations, models

import apps.core.querysets


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0006_unpacked_size"),
    ]

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("subject", models.TextField(help_text="a recipient is notified once of a kind and subject")),
                ("campaign_id", models.BigIntegerField(null=True)),
                ("employee_id", models.BigIntegerField(null=True)),
                ("account_id", models.BigIntegerField(null=True)),
                ("actor_id", models.BigIntegerField(help_text="account that caused it", null=True)),
                ("data", models.JSONField(default=dict)),
                ("at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
            ],
        ),
    ]
