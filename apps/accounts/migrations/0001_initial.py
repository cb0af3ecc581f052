import datetime
import uuid

import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import apps.core.querysets


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0002_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("employees", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("login", models.CharField(max_length=150, unique=True, verbose_name="staff number")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                ("display_name", models.CharField(blank=True, max_length=200, verbose_name="name")),
                ("is_active", models.BooleanField(default=True)),
                ("is_staff", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                (
                    "security_changed_at",
                    models.DateTimeField(
                        help_text="when its address, second factors, roles or employment changed last; triggers write it",
                        null=True,
                    ),
                ),
                (
                    "used_at",
                    models.DateTimeField(
                        help_text="when it first had a password, a provider's subject or a sign-in; a trigger writes it",
                        null=True,
                    ),
                ),
                (
                    "proven_email",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="the address whose mailed link set a password last",
                    ),
                ),
                (
                    "employee",
                    models.OneToOneField(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                ("digest", models.BinaryField()),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(
                            choices=[
                                ("own", "your own standing and contacts"),
                                ("reports:read", "campaigns, and the standings its owner may see"),
                                ("feed:write", "the feed of the messaging product; for operators"),
                            ]
                        ),
                        size=None,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("expires_at", models.DateTimeField()),
                (
                    "second_factor",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="made with a second factor shown: roles that need one reach through it",
                    ),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(help_text="exact to the hour, so that reading writes nothing", null=True),
                ),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ApprovalRequest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("email_change", "new e-mail addresses"),
                            ("roster_load", "a roster load"),
                            ("roster_undo", "undoing a roster load"),
                            ("rule_change", "a change of a campaign's rule"),
                            ("campaign_opening", "opening a campaign"),
                            ("campaign_cancellation", "cancelling a campaign"),
                            ("campaign_closing", "closing a campaign"),
                            ("erasure", "an erasure"),
                        ]
                    ),
                ),
                ("subject", models.TextField()),
                ("label", models.TextField(help_text="what it changes, as people call it")),
                ("payload", models.JSONField(default=dict)),
                ("effect", models.JSONField(default=dict)),
                ("reason", models.TextField(blank=True)),
                ("requested_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("requested_by_id", models.BigIntegerField(null=True)),
                ("requested_by_label", models.TextField()),
                ("expires_at", models.DateTimeField()),
                (
                    "decision",
                    models.TextField(
                        choices=[
                            ("approved", "approved"),
                            ("refused", "refused"),
                            ("withdrawn", "withdrawn"),
                            ("superseded", "superseded by a later request"),
                        ],
                        null=True,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by_id", models.BigIntegerField(null=True)),
                ("decided_by_label", models.TextField(blank=True)),
                ("by_operator", models.BooleanField(default=False)),
                ("decided_effect", models.JSONField(null=True)),
                ("note", models.TextField(blank=True, help_text="why it was refused")),
            ],
            options={
                "indexes": [models.Index(fields=["-requested_at"], name="accounts_approval_recent")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("decision__isnull", True)),
                        fields=("kind", "subject"),
                        name="accounts_approval_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", True),
                                ("decided_by_id__isnull", True),
                                ("decision__isnull", True),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decision__isnull", False),
                                models.Q(
                                    models.Q(
                                        ("by_operator", True),
                                        ("decided_by_id__isnull", True),
                                        ("decision__in", ["approved", "refused"]),
                                    ),
                                    models.Q(
                                        ("by_operator", False),
                                        ("decided_by_id__isnull", False),
                                        ("decision__in", ["approved", "refused"]),
                                        models.Q(
                                            ("requested_by_id__isnull", True),
                                            models.Q(("decided_by_id", models.F("requested_by_id")), _negated=True),
                                            _connector="OR",
                                        ),
                                    ),
                                    models.Q(
                                        ("decided_by_id", models.F("requested_by_id")),
                                        ("decided_by_id__isnull", False),
                                        ("decision", "withdrawn"),
                                    ),
                                    models.Q(("decided_by_id__isnull", True), ("decision", "superseded")),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="accounts_approval_decided_by_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decision", "refused"), _negated=True),
                            models.Q(("note", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="accounts_approval_refused_with_note",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("requested_at"))),
                        name="accounts_approval_expires_later",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BrowserSession",
            fields=[
                (
                    "session_key",
                    models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="session key"),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("seen_at", models.DateTimeField(help_text="exact to a few minutes, so that looking writes little")),
                (
                    "account",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "db_table": "accounts_session",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Deputyship",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.UUIDField(default=uuid.uuid4)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("named_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("named_by_id", models.BigIntegerField()),
                ("named_by_label", models.TextField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by_id", models.BigIntegerField(null=True)),
                ("ended_by_label", models.TextField(blank=True)),
                (
                    "deputy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stands_in_for",
                        to="employees.employee",
                    ),
                ),
                (
                    "manager",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="deputies", to="employees.employee"
                    ),
                ),
            ],
            options={
                "ordering": ["ends_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="EmailChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("old_email", models.TextField()),
                ("new_email", models.TextField()),
                ("waiting", models.BooleanField(default=True)),
                ("applied_at", models.DateTimeField(null=True)),
                ("requested_mail_at", models.DateTimeField(null=True)),
                ("applied_mail_at", models.DateTimeField(null=True)),
                (
                    "employee",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="accounts.approvalrequest"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ProviderSubject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("issuer", models.TextField()),
                ("subject", models.TextField()),
                ("bound_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Role",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("role", models.TextField(choices=[("hr", "HR"), ("operator", "operator"), ("auditor", "auditor")])),
                ("granted_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("granted_by_id", models.BigIntegerField(null=True)),
                ("granted_by_label", models.TextField()),
                (
                    "issuer",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="the provider whose groups gave it; empty: given here",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SecurityEvent",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("address", models.TextField(help_text="where the mail goes")),
                ("origin", models.TextField(help_text="from where it was done, as in the audit trail")),
                ("browser", models.TextField(blank=True, help_text="what the browser said it is")),
                ("at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("claimed_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.CreateModel(
            name="EnrolmentCode",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("digest", models.BinaryField()),
                ("made_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("made_at"))),
                        name="accounts_enrolment_code_expires",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("login", django.db.models.functions.text.Lower("login"))),
                name="accounts_login_lower_case",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("login", ""), _negated=True), name="accounts_login_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.UniqueConstraint(fields=("digest",), name="accounts_token_digest"),
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="accounts_token_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("scopes__contained_by", ["own", "reports:read", "feed:write"]),
                    models.Q(("scopes", []), _negated=True),
                ),
                name="accounts_token_scopes",
            ),
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("created_at"))), name="accounts_token_expires"
            ),
        ),
        migrations.AddConstraint(
            model_name="deputyship",
            constraint=models.UniqueConstraint(fields=("named_by_id", "key"), name="accounts_deputyship_once"),
        ),
        migrations.AddConstraint(
            model_name="deputyship",
            constraint=models.CheckConstraint(
                condition=models.Q(("manager", models.F("deputy")), _negated=True), name="accounts_not_own_deputy"
            ),
        ),
        migrations.AddConstraint(
            model_name="deputyship",
            constraint=models.CheckConstraint(
                condition=models.Q(("starts_at__lt", models.F("ends_at"))), name="accounts_deputyship_forward"
            ),
        ),
        migrations.AddConstraint(
            model_name="deputyship",
            constraint=models.CheckConstraint(
                condition=models.Q(("starts_at__gte", models.F("named_at"))), name="accounts_deputyship_not_of_the_past"
            ),
        ),
        migrations.AddConstraint(
            model_name="deputyship",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "ends_at__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("named_at"), "+", models.Value(datetime.timedelta(days=366))
                        ),
                    )
                ),
                name="accounts_deputyship_a_year_ahead",
            ),
        ),
        migrations.AddConstraint(
            model_name="deputyship",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("ended_by_id", None), ("ended_by_label", "")),
                    models.Q(
                        ("ended_at__gte", models.F("named_at")),
                        ("ended_at__isnull", False),
                        ("ended_by_id__isnull", False),
                        models.Q(("ended_by_label", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="accounts_deputyship_ended_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="deputyship",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    (
                        models.Func(
                            models.F("manager"),
                            models.F("manager"),
                            models.Value("[]"),
                            function="int8range",
                            output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField(),
                        ),
                        "&&",
                    ),
                    (
                        models.Func(
                            models.F("deputy"),
                            models.F("deputy"),
                            models.Value("[]"),
                            function="int8range",
                            output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField(),
                        ),
                        "&&",
                    ),
                    (
                        models.Func(
                            models.F("starts_at"),
                            django.db.models.functions.comparison.Greatest(
                                models.F("starts_at"),
                                django.db.models.functions.comparison.Least(models.F("ends_at"), models.F("ended_at")),
                            ),
                            function="tstzrange",
                            output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="accounts_deputyship_of_a_pair_once",
            ),
        ),
        migrations.AddIndex(
            model_name="emailchange",
            index=models.Index(
                condition=models.Q(
                    ("requested_mail_at__isnull", True),
                    models.Q(("applied_at__isnull", False), ("applied_mail_at__isnull", True)),
                    _connector="OR",
                ),
                fields=["id"],
                name="accounts_emailchange_unmailed",
            ),
        ),
        migrations.AddConstraint(
            model_name="emailchange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("waiting", True)), fields=("employee",), name="accounts_emailchange_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="emailchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("old_email", models.F("new_email")), _negated=True),
                    models.Q(("new_email", ""), _negated=True),
                ),
                name="accounts_emailchange_changes",
            ),
        ),
        migrations.AddConstraint(
            model_name="providersubject",
            constraint=models.UniqueConstraint(fields=("issuer", "subject"), name="accounts_subject_of_one_account"),
        ),
        migrations.AddConstraint(
            model_name="providersubject",
            constraint=models.UniqueConstraint(fields=("account", "issuer"), name="accounts_one_subject_of_an_account"),
        ),
        migrations.AddConstraint(
            model_name="providersubject",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("issuer", ""), _negated=True), models.Q(("subject", ""), _negated=True)),
                name="accounts_subject_not_empty",
            ),
        ),
        migrations.AddConstraint(
            model_name="role",
            constraint=models.UniqueConstraint(fields=("account", "role"), name="accounts_role_once"),
        ),
        migrations.AddConstraint(
            model_name="role",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["hr", "operator", "auditor"])), name="accounts_role_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="securityevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("address", ""), _negated=True), name="accounts_security_event_address"
            ),
        ),
    ]
