"""An adjustment is asked for by one person of HR and granted by another."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import apps.ledger.querysets

# Nothing could ask for adjustments before. A row without a second person has no place here and is not made up.
NONE_YET = """
DO $$ BEGIN
    IF EXISTS (SELECT 1 FROM quotas_adjustment) THEN
        RAISE EXCEPTION 'quotas_adjustment holds rows that nobody granted: note and remove them, then migrate again';
    END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("employees", "0002_period_integrity"),
        ("quotas", "0006_mark_runs"),
    ]

    operations = [
        migrations.RunSQL(NONE_YET, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="AdjustmentRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.UUIDField(
                        default=uuid.uuid4, help_text="of the form: sent twice, it has one effect", unique=True
                    ),
                ),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("leave", "leave"),
                            ("joined_late", "joined late"),
                            ("part_time", "part time"),
                            ("other", "something else"),
                        ]
                    ),
                ),
                ("kind_text", models.TextField(blank=True)),
                ("reason", models.TextField()),
                ("joined_after", models.DateField(null=True)),
                ("department", models.TextField(blank=True)),
                ("asked_at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
                ("asked_by_id", models.BigIntegerField()),
                ("asked_by_label", models.TextField()),
                (
                    "decision",
                    models.TextField(
                        choices=[("granted", "granted"), ("refused", "refused"), ("withdrawn", "withdrawn")], null=True
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by_id", models.BigIntegerField(null=True)),
                ("decided_by_label", models.TextField(blank=True)),
                ("note", models.TextField(blank=True, help_text="why it was refused")),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="adjustment",
            name="quotas_adjustment_reason",
        ),
        migrations.RemoveField(
            model_name="adjustment",
            name="created_at",
        ),
        migrations.RemoveField(
            model_name="adjustment",
            name="created_by_id",
        ),
        migrations.RemoveField(
            model_name="adjustment",
            name="created_by_label",
        ),
        migrations.RemoveField(
            model_name="adjustment",
            name="reason",
        ),
        migrations.AddField(
            model_name="adjustment",
            name="ended_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="adjustment",
            name="granted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="adjustment",
            name="left_out",
            field=models.TextField(
                blank=True,
                choices=[
                    ("own", "has an adjustment of their own"),
                    ("gone", "no longer one of those the rule means: left, moved, or began earlier"),
                    ("changed", "the first day or the campaign's target has changed"),
                    ("self", "is who acts here: nobody decides about themself"),
                ],
            ),
        ),
        migrations.AddField(
            model_name="adjustmentrequest",
            name="campaign",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="quotas.campaign"),
        ),
        migrations.AddField(
            model_name="adjustmentrequest",
            name="employee",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"),
        ),
        migrations.AddField(
            model_name="adjustmentrequest",
            name="ends",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="endings",
                to="quotas.adjustmentrequest",
            ),
        ),
        migrations.AddField(
            model_name="adjustment",
            name="request",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="quotas.adjustmentrequest"),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.UniqueConstraint(fields=("request", "employee"), name="quotas_adjustment_once"),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("left_out", ""),
                    models.Q(("granted_at__isnull", True), ("left_out__in", ["own", "gone", "changed", "self"])),
                    _connector="OR",
                ),
                name="quotas_adjustment_granted_or_left_out",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True),
                    models.Q(("ended_at__gte", models.F("granted_at")), ("granted_at__isnull", False)),
                    _connector="OR",
                ),
                name="quotas_adjustment_ended_after_its_grant",
            ),
        ),
        migrations.AddIndex(
            model_name="adjustmentrequest",
            index=models.Index(fields=["campaign", "decision"], name="quotas_request_decision"),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["leave", "joined_late", "part_time"]), ("kind_text", "")),
                    models.Q(("kind", "other"), models.Q(("kind_text", ""), _negated=True)),
                    _connector="OR",
                ),
                name="quotas_request_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="quotas_request_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("department", ""), ("ends__isnull", False), ("joined_after__isnull", True)),
                    models.Q(
                        ("department", ""),
                        ("employee__isnull", False),
                        ("ends__isnull", True),
                        ("joined_after__isnull", True),
                    ),
                    models.Q(("employee__isnull", True), ("ends__isnull", True), ("joined_after__isnull", False)),
                    _connector="OR",
                ),
                name="quotas_request_about_one_or_many",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("decided_by_id__isnull", True), ("decision__isnull", True)),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by_id__isnull", False),
                        ("decision__isnull", False),
                        models.Q(
                            models.Q(
                                ("decision__in", ["granted", "refused"]),
                                models.Q(("decided_by_id", models.F("asked_by_id")), _negated=True),
                            ),
                            models.Q(("decided_by_id", models.F("asked_by_id")), ("decision", "withdrawn")),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="quotas_request_decided_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decision", "refused"), _negated=True),
                    models.Q(("note", ""), _negated=True),
                    _connector="OR",
                ),
                name="quotas_request_refused_with_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decision__isnull", True), ("employee__isnull", False), ("ends__isnull", True)),
                fields=("campaign", "employee"),
                name="quotas_request_one_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decision__isnull", True), ("ends__isnull", False)),
                fields=("ends", "employee"),
                name="quotas_request_one_ending_waiting",
                nulls_distinct=False,
            ),
        ),
    ]
