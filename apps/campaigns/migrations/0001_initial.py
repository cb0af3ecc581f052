import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import apps.core.querysets
from apps.core.migration_sql import run_file


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0002_initial"),
        ("employees", "0001_initial"),
    ]

    operations = [
        # Before the tables of standings and results: their column `red` calls it.
        run_file("campaigns", "is_red.sql", functions=("is_red",)),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=80, unique=True)),
                ("name", models.TextField(unique=True)),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("draft", "draft"),
                            ("open", "open"),
                            ("closing", "closing"),
                            ("frozen", "frozen"),
                            ("cancelled", "cancelled"),
                        ],
                        default="draft",
                    ),
                ),
                (
                    "backdated",
                    models.BooleanField(
                        default=False, help_text="opened after its cut-off: only the command freezes it"
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("created_by_label", models.TextField()),
                ("closing_at", models.DateTimeField(null=True)),
                ("feed_until", models.DateTimeField(null=True)),
                ("snapshot_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["slug"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["draft", "open", "closing", "frozen", "cancelled"])),
                        name="campaigns_campaign_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("snapshot_at__isnull", True), ("state__in", ["draft", "open", "closing", "cancelled"])
                            ),
                            models.Q(("snapshot_at__isnull", False), ("state__in", ["closing", "frozen"])),
                            _connector="OR",
                        ),
                        name="campaigns_campaign_kept_when_closing",
                    ),
                ],
            },
        ),
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
                            ("other", "other"),
                        ]
                    ),
                ),
                ("kind_text", models.TextField(blank=True)),
                ("reason", models.TextField()),
                ("joined_after", models.DateField(null=True)),
                ("department", models.TextField(blank=True)),
                ("file_name", models.TextField(blank=True)),
                ("asked_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("asked_by_id", models.BigIntegerField()),
                ("asked_by_label", models.TextField()),
                (
                    "decision",
                    models.TextField(
                        choices=[("granted", "approved"), ("refused", "refused"), ("withdrawn", "withdrawn")], null=True
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by_id", models.BigIntegerField(null=True)),
                ("decided_by_label", models.TextField(blank=True)),
                ("note", models.TextField(blank=True, help_text="why it was refused")),
                (
                    "employee",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"),
                ),
                (
                    "ends",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="endings",
                        to="campaigns.adjustmentrequest",
                    ),
                ),
                ("campaign", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="campaigns.campaign")),
            ],
        ),
        migrations.CreateModel(
            name="Adjustment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("target", models.IntegerField(null=True)),
                ("exempt", models.BooleanField(null=True)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("granted_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "left_out",
                    models.TextField(
                        blank=True,
                        choices=[
                            ("own", "has an adjustment of their own"),
                            ("gone", "no longer matches: left, moved, or joined earlier"),
                            ("changed", "the first day, the campaign's target or its days have changed"),
                            ("self", "is the HR user who decides; another HR user has to decide"),
                        ],
                    ),
                ),
                ("employee", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="employees.employee")),
                (
                    "request",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="campaigns.adjustmentrequest"),
                ),
                ("campaign", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="campaigns.campaign")),
            ],
        ),
        migrations.CreateModel(
            name="CampaignRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.IntegerField()),
                ("in_force_from", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("target", models.IntegerField()),
                ("time_zone", models.TextField()),
                ("opens_on", models.DateField()),
                ("deadline", models.DateField(help_text="last day, inclusive, in the campaign's time zone")),
                ("opens_at", models.DateTimeField()),
                ("cutoff_at", models.DateTimeField(help_text="the first instant that no longer counts")),
                (
                    "company_domains",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
                ),
                ("exclusive", models.BooleanField(default=False)),
                ("confirmed_only", models.BooleanField(default=False)),
                (
                    "scope",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        default=list,
                        help_text="departments; empty: the whole company",
                        size=None,
                    ),
                ),
                (
                    "reason",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="why it was changed; required after the opening",
                    ),
                ),
                ("changed_by_label", models.TextField(blank=True, db_default="", default="")),
                (
                    "approved_by_label",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="the second person, where the change needed one",
                    ),
                ),
                ("key", models.UUIDField(null=True, unique=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rules", to="campaigns.campaign"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="adjustmentrequest",
            index=models.Index(fields=["campaign", "decision"], name="campaigns_request_decision"),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["leave", "joined_late", "part_time"]), ("kind_text", "")),
                    models.Q(("kind", "other"), models.Q(("kind_text", ""), _negated=True)),
                    _connector="OR",
                ),
                name="campaigns_request_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="campaigns_request_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("department", ""), ("ends__isnull", False), ("file_name", ""), ("joined_after__isnull", True)
                    ),
                    models.Q(
                        ("department", ""),
                        ("employee__isnull", False),
                        ("ends__isnull", True),
                        ("file_name", ""),
                        ("joined_after__isnull", True),
                    ),
                    models.Q(
                        ("employee__isnull", True),
                        ("ends__isnull", True),
                        models.Q(
                            models.Q(("file_name", ""), ("joined_after__isnull", False)),
                            models.Q(
                                ("department", ""),
                                ("joined_after__isnull", True),
                                models.Q(("file_name", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="campaigns_request_about_one_or_many",
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
                name="campaigns_request_decided_by_another",
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
                name="campaigns_request_refused_with_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decision__isnull", True), ("employee__isnull", False), ("ends__isnull", True)),
                fields=("campaign", "employee"),
                name="campaigns_request_one_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decision__isnull", True), ("ends__isnull", False)),
                fields=("ends", "employee"),
                name="campaigns_request_one_ending_waiting",
                nulls_distinct=False,
            ),
        ),
        migrations.AddIndex(
            model_name="adjustment",
            index=models.Index(fields=["campaign", "employee", "starts_at"], name="campaigns_adjustment_of"),
        ),
        migrations.AddIndex(
            model_name="adjustment",
            index=models.Index(fields=["campaign", "ends_at"], name="campaigns_adjustment_end"),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.UniqueConstraint(fields=("request", "employee"), name="campaigns_adjustment_once"),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.CheckConstraint(
                condition=models.Q(("target__isnull", True), ("target__gte", 1), _connector="OR"),
                name="campaigns_adjustment_target",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("exempt__isnull", True), ("target__isnull", False)),
                    models.Q(("exempt__isnull", False), ("target__isnull", True)),
                    _connector="OR",
                ),
                name="campaigns_adjustment_says_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.CheckConstraint(
                condition=models.Q(("starts_at__lt", models.F("ends_at"))), name="campaigns_adjustment_forward"
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("left_out", ""),
                    models.Q(("granted_at__isnull", True), ("left_out__in", ["own", "gone", "changed", "self"])),
                    _connector="OR",
                ),
                name="campaigns_adjustment_granted_or_left_out",
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
                name="campaigns_adjustment_ended_after_its_grant",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignrule",
            constraint=models.UniqueConstraint(fields=("campaign", "version"), name="campaigns_rule_version"),
        ),
        migrations.AddConstraint(
            model_name="campaignrule",
            constraint=models.CheckConstraint(condition=models.Q(("target__gte", 1)), name="campaigns_rule_target"),
        ),
        migrations.AddConstraint(
            model_name="campaignrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("opens_at__lt", models.F("cutoff_at"))), name="campaigns_rule_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("opens_on__lte", models.F("deadline"))), name="campaigns_rule_days"
            ),
        ),
    ]
