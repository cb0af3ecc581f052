import django.db.models.deletion
from django.db import migrations, models

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
            name="Review",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.UUIDField(help_text="of the form: sent twice it is one question")),
                ("asked_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("due_at", models.DateTimeField()),
                ("text", models.TextField()),
                ("counted", models.IntegerField()),
                ("target", models.IntegerField()),
                ("exempt", models.BooleanField()),
                (
                    "state",
                    models.TextField(
                        choices=[("open", "Open"), ("answered", "Answered"), ("withdrawn", "Withdrawn")], default="open"
                    ),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "answer_kind",
                    models.TextField(
                        choices=[("adjustment", "Adjustment"), ("correction", "Correction"), ("reason", "Reason")],
                        null=True,
                    ),
                ),
                ("answer_text", models.TextField(blank=True)),
                ("answer_subject_id", models.BigIntegerField(null=True)),
                ("answered_by_label", models.TextField(blank=True)),
                ("claimed_at", models.DateTimeField(null=True)),
                ("notified_at", models.DateTimeField(null=True)),
                (
                    "answered_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="employees.employee",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="campaigns.campaign"
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="employees.employee",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReviewContact",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.IntegerField()),
                ("recorded_on", models.DateField()),
                (
                    "source",
                    models.TextField(
                        choices=[
                            ("page", "page"),
                            ("paste", "paste"),
                            ("api", "API"),
                            ("csv", "CSV file"),
                            ("vcard", "vCard file"),
                            ("feed", "feed"),
                            ("demo", "demo"),
                        ]
                    ),
                ),
                (
                    "reason",
                    models.TextField(blank=True, help_text="why it did not count when it was asked; empty: it counted"),
                ),
                ("confirmed", models.BooleanField()),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="contacts.contact",
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="employees.employee",
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contacts",
                        to="reviews.review",
                    ),
                ),
            ],
            options={
                "ordering": ["review", "number"],
            },
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(fields=["campaign", "state", "due_at", "id"], name="reviews_review_due"),
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(fields=["employee", "campaign", "asked_at"], name="reviews_review_of"),
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(
                condition=models.Q(("notified_at__isnull", True), ("state", "answered")),
                fields=["closed_at"],
                name="reviews_review_untold",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("campaign", "employee"),
                name="reviews_review_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.UniqueConstraint(fields=("employee", "key"), name="reviews_review_once"),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("answer_kind__isnull", True),
                        ("answered_by__isnull", True),
                        ("closed_at__isnull", True),
                        ("state", "open"),
                    ),
                    models.Q(
                        ("answer_kind__isnull", True),
                        ("answered_by__isnull", True),
                        ("closed_at__isnull", False),
                        ("state", "withdrawn"),
                    ),
                    models.Q(
                        ("answer_kind__isnull", False),
                        ("answered_by__isnull", False),
                        ("closed_at__isnull", False),
                        ("state", "answered"),
                    ),
                    _connector="OR",
                ),
                name="reviews_review_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer_kind__isnull", True), ("answer_subject_id__isnull", True), ("answer_text", "")),
                    models.Q(
                        ("answer_kind", "reason"),
                        ("answer_subject_id__isnull", True),
                        models.Q(("answer_text", ""), _negated=True),
                    ),
                    models.Q(("answer_kind__in", ["adjustment", "correction"]), ("answer_subject_id__isnull", False)),
                    _connector="OR",
                ),
                name="reviews_review_answer",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("answered_by__isnull", True),
                    models.Q(("answered_by", models.F("employee")), _negated=True),
                    _connector="OR",
                ),
                name="reviews_review_not_answered_by_oneself",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="reviews_review_says_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("due_at__gt", models.F("asked_at")),
                    models.Q(("closed_at__isnull", True), ("closed_at__gte", models.F("asked_at")), _connector="OR"),
                ),
                name="reviews_review_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "answered"),
                    models.Q(("claimed_at__isnull", True), ("notified_at__isnull", True)),
                    _connector="OR",
                ),
                name="reviews_review_told_of_an_answer",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcontact",
            constraint=models.UniqueConstraint(fields=("review", "number"), name="reviews_reviewcontact_number"),
        ),
        migrations.AddConstraint(
            model_name="reviewcontact",
            constraint=models.UniqueConstraint(fields=("review", "contact"), name="reviews_reviewcontact_once"),
        ),
        migrations.AddConstraint(
            model_name="reviewcontact",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="reviews_reviewcontact_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcontact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reason__in", ["", "ended", "outside_period", "not_external", "unconfirmed", "claimed"])
                ),
                name="reviews_reviewcontact_reason",
            ),
        ),
    ]
