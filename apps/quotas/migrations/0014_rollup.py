"""Sums over everybody, by block of the tree and by department, and what marks have changed since."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import apps.ledger.querysets


class Migration(migrations.Migration):
    dependencies = [
        ("employees", "0007_deputies_noted"),
        ("quotas", "0013_adjustments_by_file"),
    ]

    operations = [
        migrations.CreateModel(
            name="Rollup",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="quotas.campaign",
                    ),
                ),
                ("state", models.TextField(choices=[("void", "Void"), ("building", "Building"), ("ready", "Ready")])),
                ("tree", models.BigIntegerField(help_text="version of the tree whose blocks these are", null=True)),
                ("built_at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["void", "building", "ready"])), name="quotas_rollup_state"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RollupChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("counted", models.IntegerField(null=True)),
                ("target", models.IntegerField(null=True)),
                ("exempt", models.BooleanField(null=True)),
                ("days", django.contrib.postgres.fields.ArrayField(base_field=models.DateField(), size=None)),
                ("deltas", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="quotas.campaign",
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
            options={
                "indexes": [models.Index(fields=["campaign", "employee"], name="quotas_rollupchange_of")],
            },
        ),
        migrations.CreateModel(
            name="RollupSum",
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
                        to="quotas.campaign",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("campaign", "kind", "block", "department", "day", "low", "high", "exempt"),
                        name="quotas_rollupsum_once",
                    )
                ],
            },
        ),
    ]
