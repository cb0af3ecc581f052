"""Questions about standings: what was asked never changes, and a question is answered or withdrawn once."""

import django.db.models.deletion
from django.db import migrations, models

import apps.ledger.querysets

GUARDS = """
    CREATE FUNCTION quotas_guard_review() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            RAISE EXCEPTION 'a review is answered or withdrawn, never deleted' USING ERRCODE = '23H03';
        END IF;
        IF (NEW.id, NEW.campaign_id, NEW.employee_id, NEW.key, NEW.asked_at, NEW.due_at, NEW.text, NEW.counted,
            NEW.target, NEW.exempt)
           IS DISTINCT FROM (OLD.id, OLD.campaign_id, OLD.employee_id, OLD.key, OLD.asked_at, OLD.due_at, OLD.text,
            OLD.counted, OLD.target, OLD.exempt) THEN
            RAISE EXCEPTION 'what was asked in review % never changes', OLD.id USING ERRCODE = '23H03';
        END IF;
        -- Of what is closed only the mail that tells of it still moves.
        IF OLD.state <> 'open' AND to_jsonb(NEW) - '{tried_at,told_at}'::text[]
           IS DISTINCT FROM to_jsonb(OLD) - '{tried_at,told_at}'::text[] THEN
            RAISE EXCEPTION 'review % is closed', OLD.id USING ERRCODE = '23H03';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER quotas_review_closes_once BEFORE UPDATE OR DELETE ON quotas_review
        FOR EACH ROW EXECUTE FUNCTION quotas_guard_review();

    CREATE FUNCTION quotas_guard_review_contact() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            RAISE EXCEPTION 'what was ticked stays as it was' USING ERRCODE = '23H03';
        END IF;
        PERFORM 1 FROM quotas_review review
            JOIN contacts_contact contact ON contact.employee_id = review.employee_id
            WHERE review.id = NEW.review_id AND review.employee_id = NEW.employee_id AND contact.id = NEW.contact_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'only own contacts can be ticked' USING ERRCODE = '23H03';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER quotas_reviewcontact_own BEFORE INSERT OR UPDATE OR DELETE ON quotas_reviewcontact
        FOR EACH ROW EXECUTE FUNCTION quotas_guard_review_contact();
"""
UNGUARDED = """
    DROP TRIGGER quotas_reviewcontact_own ON quotas_reviewcontact;
    DROP FUNCTION quotas_guard_review_contact();
    DROP TRIGGER quotas_review_closes_once ON quotas_review;
    DROP FUNCTION quotas_guard_review();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0003_file_imports"),
        ("employees", "0002_period_integrity"),
        ("quotas", "0002_campaign_transitions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.UUIDField(help_text="of the form: sent twice it is one question")),
                ("asked_at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
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
                ("tried_at", models.DateTimeField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
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
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="quotas.campaign"
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
                        to="quotas.review",
                    ),
                ),
            ],
            options={
                "ordering": ["review", "number"],
            },
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(fields=["campaign", "state", "due_at", "id"], name="quotas_review_due"),
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(fields=["employee", "campaign", "asked_at"], name="quotas_review_of"),
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(
                condition=models.Q(("state", "answered"), ("told_at__isnull", True)),
                fields=["closed_at"],
                name="quotas_review_untold",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("campaign", "employee"),
                name="quotas_review_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.UniqueConstraint(fields=("employee", "key"), name="quotas_review_once"),
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
                name="quotas_review_state",
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
                name="quotas_review_answer",
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
                name="quotas_review_not_answered_by_oneself",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="quotas_review_says_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("due_at__gt", models.F("asked_at")),
                    models.Q(("closed_at__isnull", True), ("closed_at__gte", models.F("asked_at")), _connector="OR"),
                ),
                name="quotas_review_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "answered"),
                    models.Q(("told_at__isnull", True), ("tried_at__isnull", True)),
                    _connector="OR",
                ),
                name="quotas_review_told_of_an_answer",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcontact",
            constraint=models.UniqueConstraint(fields=("review", "number"), name="quotas_reviewcontact_number"),
        ),
        migrations.AddConstraint(
            model_name="reviewcontact",
            constraint=models.UniqueConstraint(fields=("review", "contact"), name="quotas_reviewcontact_once"),
        ),
        migrations.AddConstraint(
            model_name="reviewcontact",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="quotas_reviewcontact_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcontact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reason__in", ["", "ended", "outside_period", "not_external", "unconfirmed", "claimed"])
                ),
                name="quotas_reviewcontact_reason",
            ),
        ),
        migrations.RunSQL(sql=GUARDS, reverse_sql=UNGUARDED),
    ]
