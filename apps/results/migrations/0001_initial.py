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
        ("contacts", "0001_initial"),
        ("employees", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ResultCorrection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.TextField(
                        choices=[("asked", "requested"), ("granted", "approved"), ("refused", "refused")],
                        default="asked",
                    ),
                ),
                ("reason", models.TextField()),
                ("evidence", models.TextField()),
                (
                    "asked_of",
                    models.IntegerField(help_text="the version of the result that it was made against", null=True),
                ),
                ("asked_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("asked_by_id", models.BigIntegerField()),
                ("asked_by_label", models.TextField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by_id", models.BigIntegerField(null=True)),
                ("decided_by_label", models.TextField(blank=True)),
                ("answer", models.TextField(blank=True)),
                ("result_version", models.IntegerField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="corrections", to="campaigns.campaign"
                    ),
                ),
            ],
            options={
                "ordering": ["-asked_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="CorrectionLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("counted", models.IntegerField()),
                ("target", models.IntegerField()),
                ("exempt", models.BooleanField()),
                ("employee", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="employees.employee")),
                (
                    "correction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="results.resultcorrection"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FrozenOrgPosition",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("manager_id", models.BigIntegerField(null=True)),
                ("first", models.IntegerField()),
                ("last", models.IntegerField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="employees.employee",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["campaign", "manager_id"], name="results_frozen_reports")],
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "employee"), name="results_frozen_place"),
                    models.UniqueConstraint(fields=("campaign", "first"), name="results_frozen_order"),
                ],
            },
        ),
        migrations.CreateModel(
            name="FrozenReason",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("reason", models.TextField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="contacts.contact",
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="employees.employee",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("campaign", "employee", "contact"), name="results_frozen_reason_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason__in", ["ended", "not_external", "unconfirmed", "claimed"])),
                        name="results_frozen_reason_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FrozenResult",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.IntegerField()),
                ("frozen_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("rule_version", models.IntegerField()),
                ("cutoff_at", models.DateTimeField()),
                ("snapshot_at", models.DateTimeField()),
                ("rows", models.IntegerField()),
                ("red", models.IntegerField()),
                (
                    "canonical_form",
                    models.IntegerField(db_default=1, default=1, help_text="which columns the signature covers"),
                ),
                ("digest", models.TextField()),
                ("signature", models.TextField(help_text="Ed25519, base64")),
                ("public_key", models.TextField(help_text="PEM")),
                ("created_by_label", models.TextField()),
                (
                    "reasons_kept",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="whether FrozenReason has why contacts did not count in it",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="results",
                        to="campaigns.campaign",
                    ),
                ),
            ],
            options={
                "ordering": ["campaign", "version"],
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "version"), name="results_result_version"),
                    models.CheckConstraint(condition=models.Q(("version__gte", 1)), name="results_result_from_one"),
                    models.CheckConstraint(
                        condition=models.Q(("snapshot_at__gte", models.F("cutoff_at"))),
                        name="results_result_after_cutoff",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FrozenStanding",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                ("staff_no", models.TextField()),
                ("name", models.TextField()),
                ("email", models.TextField()),
                ("department", models.TextField(blank=True)),
                ("manager_staff_no", models.TextField(blank=True)),
                ("counted", models.IntegerField()),
                ("target", models.IntegerField()),
                ("exempt", models.BooleanField()),
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
                ("pace", models.TextField()),
                ("target_reached_at", models.DateTimeField(null=True)),
                (
                    "days",
                    django.contrib.postgres.fields.ArrayField(base_field=models.DateField(), default=list, size=None),
                ),
                (
                    "counts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), default=list, size=None
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="employees.employee",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "version", "employee"), name="results_frozen_once"),
                    models.CheckConstraint(condition=models.Q(("counted__gte", 0)), name="results_frozen_counted"),
                    models.CheckConstraint(condition=models.Q(("target__gte", 1)), name="results_frozen_target"),
                    models.CheckConstraint(
                        condition=models.Q(("pace__in", ["done", "ahead", "on_pace", "behind"])),
                        name="results_frozen_pace",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="resultcorrection",
            constraint=models.UniqueConstraint(
                fields=("campaign", "result_version"), name="results_correction_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="resultcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("reason", ""), _negated=True), models.Q(("evidence", ""), _negated=True)),
                name="results_correction_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="resultcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("decided_by_id", models.F("asked_by_id")), _negated=True),
                name="results_correction_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="resultcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("decided_at", None), ("decided_by_id", None), ("result_version", None), ("state", "asked")
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by_id__isnull", False),
                        ("result_version__gt", 1),
                        ("state", "granted"),
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by_id__isnull", False),
                        ("result_version", None),
                        ("state", "refused"),
                    ),
                    _connector="OR",
                ),
                name="results_correction_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="correctionline",
            constraint=models.UniqueConstraint(fields=("correction", "employee"), name="results_correction_line_once"),
        ),
        migrations.AddConstraint(
            model_name="correctionline",
            constraint=models.CheckConstraint(
                condition=models.Q(("counted__gte", 0)), name="results_correction_counted"
            ),
        ),
        migrations.AddConstraint(
            model_name="correctionline",
            constraint=models.CheckConstraint(condition=models.Q(("target__gte", 1)), name="results_correction_target"),
        ),
    ]
