import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
from django.db import migrations, models

import apps.core.querysets


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0002_initial"),
        ("employees", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("erased_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("actor_id", models.BigIntegerField(null=True)),
                ("actor_label", models.TextField()),
                (
                    "approved_by_label",
                    models.TextField(blank=True, db_default="", default="", help_text="the second person"),
                ),
                ("reason", models.TextField(help_text="how the request came and was checked; never who it is about")),
            ],
            options={
                "ordering": ["-erased_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="contacts_erasure_has_reason"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ErasureSubject",
            fields=[
                ("request_id", models.UUIDField(primary_key=True, serialize=False)),
                ("sealed", models.TextField()),
                (
                    "erasure",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="contacts.erasure"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="IntakeCount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("quarter", models.DateTimeField(help_text="its first instant")),
                ("source", models.TextField()),
                ("n", models.BigIntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["quarter"], name="contacts_tally_quarter")],
            },
        ),
        migrations.CreateModel(
            name="Submission",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "key",
                    models.TextField(
                        help_text="the sender's own key: the same key again is the same submission", null=True
                    ),
                ),
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
                    "state",
                    models.TextField(
                        choices=[("received", "Received"), ("done", "Done"), ("refused", "Refused")], default="received"
                    ),
                ),
                ("received_at", models.DateTimeField()),
                ("done_at", models.DateTimeField(null=True)),
                ("actor_id", models.BigIntegerField(null=True)),
                ("actor_label", models.TextField()),
                ("payload", models.JSONField(help_text="the drafts until they are recorded; emptied then", null=True)),
                ("report", models.JSONField(default=dict)),
                (
                    "handed_in",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.expressions.RawSQL(
                            "CASE WHEN report ? 'outcomes' THEN jsonb_array_length(report -> 'outcomes')\n    ELSE coalesce((report ->> 'read')::integer, (report ->> 'handed_in')::integer, 0) END",
                            (),
                        ),
                        output_field=models.IntegerField(
                            help_text="people who were submitted, whatever became of them"
                        ),
                    ),
                ),
                (
                    "duplicates",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.expressions.RawSQL(
                            "CASE WHEN report ? 'outcomes'\n    THEN jsonb_array_length(jsonb_path_query_array(report, '$.outcomes[*] ? (@.code == \"duplicate\")'))\n    ELSE coalesce((report ->> 'duplicate')::integer, 0) END",
                            (),
                        ),
                        output_field=models.IntegerField(
                            help_text="how many of them the employee had recorded already"
                        ),
                    ),
                ),
                ("file_name", models.TextField(blank=True)),
                ("sha256", models.BinaryField(help_text="of the file's bytes", null=True)),
                (
                    "layout",
                    models.JSONField(
                        default=dict, help_text="how the file is read: format, encoding, roles of the columns"
                    ),
                ),
                (
                    "total",
                    models.BigIntegerField(help_text="records in the file, where they were counted before", null=True),
                ),
                (
                    "done",
                    models.BigIntegerField(
                        default=0, help_text="records of the file that are dealt with: its checkpoint"
                    ),
                ),
                ("advanced_at", models.DateTimeField(help_text="when the checkpoint moved last", null=True)),
                ("attempts", models.IntegerField(default=0, help_text="starts since the checkpoint moved last")),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "employee",
                    models.ForeignKey(
                        help_text="empty: a file for many",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="employees.employee",
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="core.storedfile"
                    ),
                ),
                (
                    "rejects",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="core.storedfile"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.TextField(null=True)),
                ("recorded_at", models.DateTimeField()),
                ("stored_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "end_reason",
                    models.TextField(
                        choices=[
                            ("removed", "removed"),
                            ("corrected", "corrected"),
                            ("withdrawn", "withdrawn by the contact"),
                            ("rejected", "rejected by a reviewer"),
                            ("undone", "undone with its file"),
                            ("merged", "the same person as another contact"),
                        ],
                        null=True,
                    ),
                ),
                (
                    "live",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(models.When(ended_at=None, then=True), default=False),
                        output_field=models.BooleanField(),
                    ),
                ),
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
                ("was_external", models.BooleanField(null=True)),
                (
                    "employee",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="contacts.contact"
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="contacts.submission"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SuppressedIdentity",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("digest", models.BinaryField()),
                (
                    "erasure",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="objections", to="contacts.erasure"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ColumnMapping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("header", models.BinaryField(help_text="SHA-256 of the header's cells")),
                ("roles", models.JSONField(help_text="one role a column, in order")),
                ("employee", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="employees.employee")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("employee", "header"), name="contacts_columns_once_a_header")
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactIdentity",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("value", models.TextField(null=True)),
                ("domain", models.TextField(null=True)),
                ("digest", models.BinaryField()),
                ("live", models.BooleanField(default=True)),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="identities",
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
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["employee", "contact"],
                        include=("kind", "digest", "domain"),
                        name="contacts_identity_contact",
                    ),
                    models.Index(fields=["kind", "digest"], name="contacts_identity_key"),
                    models.Index(
                        django.db.models.functions.comparison.Collate(
                            models.Func(
                                "domain", output_field=models.TextField(), template="reverse('.' || %(expressions)s)"
                            ),
                            "C",
                        ),
                        condition=models.Q(("domain__isnull", False)),
                        name="contacts_identity_domain",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("live", True)),
                        fields=("employee", "kind", "digest"),
                        name="contacts_identity_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["phone", "email", "handle"])), name="contacts_identity_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("domain__isnull", True), ("kind", "email"), _connector="OR"),
                        name="contacts_identity_domain_of_email",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Sighting",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "keys",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        help_text="kind:digest of every identity that was named",
                        size=None,
                    ),
                ),
                ("seen_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sightings",
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
            ],
            options={
                "indexes": [models.Index(fields=["contact"], name="contacts_sighting_contact")],
            },
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("state", "received")), fields=["received_at"], name="contacts_submission_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("state", "received")), fields=["sha256"], name="contacts_submission_unfinished"
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["employee", "received_at"], name="contacts_submission_employee"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                fields=["received_at"],
                include=("employee", "source", "handed_in", "duplicates"),
                name="contacts_submission_counters",
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.UniqueConstraint(
                condition=models.Q(("key__isnull", False)), fields=("employee", "key"), name="contacts_submission_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("done_at__isnull", True), ("state", "received")),
                    models.Q(models.Q(("state", "received"), _negated=True), ("done_at__isnull", False)),
                    _connector="OR",
                ),
                name="contacts_submission_done_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "received"), ("payload__isnull", True), _connector="OR"),
                name="contacts_submission_payload_emptied",
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ["page", "paste", "api", "csv", "vcard", "feed", "demo"])),
                name="contacts_submission_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(("done__gte", 0)), name="contacts_submission_done_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("undone_at__isnull", True), models.Q(("state", "received"), _negated=True), _connector="OR"
                ),
                name="contacts_submission_undone_is_over",
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                fields=["employee", "recorded_at", "id"],
                include=("ended_at", "stored_at", "confirmed_at", "was_external"),
                name="contacts_by_employee",
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("submission__isnull", False)), fields=["submission"], name="contacts_by_submission"
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("replaces__isnull", False)), fields=["replaces"], name="contacts_by_replaced"
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["recorded_at"], name="contacts_by_time"),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["ended_at"],
                include=("employee", "id", "recorded_at", "stored_at"),
                name="contacts_by_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.UniqueConstraint(fields=("employee", "id", "live"), name="contacts_contact_live"),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(("recorded_at__lte", models.F("stored_at"))), name="contacts_recorded_before_stored"
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("end_reason__isnull", True), ("ended_at__isnull", True)),
                    models.Q(("end_reason__isnull", False), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="contacts_end_has_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True), ("ended_at__gte", models.F("recorded_at")), _connector="OR"
                ),
                name="contacts_end_after_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("end_reason__isnull", True),
                    ("end_reason__in", ["removed", "corrected", "withdrawn", "rejected", "undone", "merged"]),
                    _connector="OR",
                ),
                name="contacts_end_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ["page", "paste", "api", "csv", "vcard", "feed", "demo"])),
                name="contacts_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="suppressedidentity",
            constraint=models.UniqueConstraint(fields=("kind", "digest"), name="contacts_suppressed_once"),
        ),
        migrations.AddConstraint(
            model_name="suppressedidentity",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["phone", "email", "handle"])), name="contacts_suppressed_kind"
            ),
        ),
    ]
