"""Who an account is at the company's OpenID provider, and which roles came from its groups."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.ledger.querysets


class Migration(migrations.Migration):
    dependencies = [("employees", "0008_orders_of_lists")]

    operations = [
        migrations.AddField(
            model_name="role",
            name="issuer",
            field=models.TextField(
                blank=True, db_default="", default="", help_text="the provider whose groups gave it; empty: given here"
            ),
        ),
        migrations.CreateModel(
            name="ProviderSubject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("issuer", models.TextField()),
                ("subject", models.TextField()),
                ("bound_at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["issuer", "subject"], name="employees_subject_of_one_account"),
                    models.UniqueConstraint(fields=["account", "issuer"], name="employees_one_subject_of_an_account"),
                    models.CheckConstraint(
                        condition=~models.Q(issuer="") & ~models.Q(subject=""), name="employees_subject_not_empty"
                    ),
                ],
            },
        ),
    ]
