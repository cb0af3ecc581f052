import uuid

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations import RunSQL

import apps.core.querysets
from apps.core.change_triggers import audit_trigger_sql
from apps.core.migration_sql import run_file

KEY = (
    "(SELECT campaign.slug FROM campaigns_campaign campaign WHERE campaign.id = one.campaign_id) || ':' || one.version"
)
SHOWN = (
    "jsonb_build_object('announcement_version', one.version, 'requested_by_id', one.requested_by_id,"
    " 'shown_from', one.shown_from, 'published_at', one.published_at, 'published_by_id', one.published_by_id,"
    " 'withdrawn_at', one.withdrawn_at,"
    " 'withdrawn_by_id', one.withdrawn_by_id, 'text_mark', left(encode(sha256(convert_to(concat_ws(chr(31),"
    " one.title_en, one.title_zh, one.text_en, one.text_zh, one.speaker, one.speaker_title_en, one.speaker_title_zh),"
    " 'UTF8')), 'hex'), 12))"
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_functions_and_triggers"),
        ("campaigns", "0005_prorate_joiners"),
        ("employees", "0004_index_numbers_in_any_case"),
    ]

    operations = [
        migrations.CreateModel(
            name="Announcement",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                ("key", models.UUIDField(default=uuid.uuid4, unique=True)),
                ("title_en", models.TextField()),
                ("title_zh", models.TextField()),
                ("text_en", models.TextField()),
                ("text_zh", models.TextField()),
                ("speaker", models.TextField()),
                ("speaker_title_en", models.TextField()),
                ("speaker_title_zh", models.TextField()),
                ("shown_from", models.DateTimeField(null=True)),
                ("requested_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("requested_by_id", models.BigIntegerField()),
                ("requested_by_label", models.TextField()),
                ("published_at", models.DateTimeField(null=True)),
                ("published_by_id", models.BigIntegerField(null=True)),
                ("published_by_label", models.TextField(blank=True, db_default="", default="")),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("withdrawn_by_id", models.BigIntegerField(null=True)),
                ("withdrawn_by_label", models.TextField(blank=True, db_default="", default="")),
                ("withdrawal_reason", models.TextField(blank=True, db_default="", default="")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="announcements",
                        to="campaigns.campaign",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AnnouncementRead",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("read_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                (
                    "announcement",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reads",
                        to="campaigns.announcement",
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="employees.employee",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="announcement",
            constraint=models.UniqueConstraint(fields=("campaign", "version"), name="campaigns_announcement_version"),
        ),
        migrations.AddConstraint(
            model_name="announcement",
            constraint=models.UniqueConstraint(
                condition=models.Q(("published_at__isnull", True), ("withdrawn_at__isnull", True)),
                fields=("campaign",),
                name="campaigns_announcement_one_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="announcement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("title_en", ""), _negated=True),
                    models.Q(("title_zh", ""), _negated=True),
                    models.Q(("text_en", ""), _negated=True),
                    models.Q(("text_zh", ""), _negated=True),
                    models.Q(("speaker", ""), _negated=True),
                ),
                name="campaigns_announcement_texts",
            ),
        ),
        migrations.AddConstraint(
            model_name="announcement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("published_at__isnull", True), ("published_by_id__isnull", True)),
                    models.Q(
                        ("published_at__isnull", False),
                        ("published_by_id__isnull", False),
                        ("shown_from__isnull", False),
                        ("shown_from__gte", models.F("published_at")),
                        models.Q(("published_by_id", models.F("requested_by_id")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="campaigns_announcement_published_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="announcement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("withdrawn_at__isnull", True), ("withdrawn_by_id__isnull", True)),
                    models.Q(
                        ("withdrawn_at__isnull", False),
                        ("withdrawn_by_id__isnull", False),
                        models.Q(("withdrawal_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="campaigns_announcement_withdrawn_with_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="announcementread",
            constraint=models.UniqueConstraint(
                fields=("announcement", "employee"), name="campaigns_announcementread_once"
            ),
        ),
        run_file("campaigns", "announcements.sql", functions=("campaigns_guard_announcement",)),
        RunSQL(audit_trigger_sql("campaigns_announcement", key=KEY, shown=SHOWN), RunSQL.noop),
    ]
