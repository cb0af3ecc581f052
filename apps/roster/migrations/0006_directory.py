import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import apps.core.querysets
from apps.core.migration_sql import run_file


class Migration(migrations.Migration):
    dependencies = [
        ("roster", "0005_program_loads"),
    ]

    operations = [
        migrations.CreateModel(
            name="DirectoryGroup",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("document", models.JSONField(help_text="the attributes as SCIM names them, without id and meta")),
                ("external_id", models.TextField(blank=True)),
                ("version", models.BigIntegerField(default=1)),
                ("created_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("changed_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("display_name", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="DirectoryUser",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("document", models.JSONField(help_text="the attributes as SCIM names them, without id and meta")),
                ("external_id", models.TextField(blank=True)),
                ("version", models.BigIntegerField(default=1)),
                ("created_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("changed_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("user_name", models.TextField()),
                ("staff_no", models.TextField(blank=True)),
                ("email", models.TextField(blank=True, help_text="the work address in lower case")),
                (
                    "manager",
                    models.TextField(blank=True, help_text="as sent: a SCIM id, a staff number or a user name"),
                ),
                ("active", models.BooleanField()),
                ("inactive_on", models.DateField(help_text="the last day, in the company's time zone", null=True)),
                (
                    "sent",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        default=list,
                        help_text="optional attributes that the directory has sent",
                        size=None,
                    ),
                ),
                ("deleted_at", models.DateTimeField(null=True)),
                ("actor_id", models.BigIntegerField(help_text="account of the token that sent it last")),
                ("actor_label", models.TextField()),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("applied", "Applied"),
                            ("held", "Held"),
                            ("refused", "Refused"),
                        ],
                        default="waiting",
                    ),
                ),
                ("problem", models.TextField(blank=True)),
                ("reason", models.TextField(blank=True)),
                (
                    "load",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="roster.rosterimport",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DirectoryMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("group", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="roster.directorygroup")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="roster.directoryuser")),
            ],
        ),
        migrations.AddField(
            model_name="directorygroup",
            name="members",
            field=models.ManyToManyField(
                related_name="directory_groups", through="roster.DirectoryMember", to="roster.directoryuser"
            ),
        ),
        migrations.AddIndex(
            model_name="directoryuser",
            index=models.Index(fields=["created_at", "id"], name="roster_directory_user_order"),
        ),
        migrations.AddIndex(
            model_name="directoryuser",
            index=models.Index(fields=["external_id"], name="roster_directory_user_external"),
        ),
        migrations.AddIndex(
            model_name="directoryuser",
            index=models.Index(
                condition=models.Q(
                    models.Q(("state", "applied"), _negated=True),
                    models.Q(("problem", ""), _negated=True),
                    _connector="OR",
                ),
                fields=["changed_at"],
                name="roster_directory_user_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="directoryuser",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("user_name"),
                condition=models.Q(("deleted_at", None)),
                name="roster_directory_user_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="directoryuser",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("staff_no"),
                condition=models.Q(("deleted_at", None), models.Q(("staff_no", ""), _negated=True)),
                name="roster_directory_staff_no",
            ),
        ),
        migrations.AddConstraint(
            model_name="directoryuser",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at", None), ("active", True), models.Q(("email", ""), _negated=True)),
                fields=("email",),
                name="roster_directory_email",
            ),
        ),
        migrations.AddConstraint(
            model_name="directoryuser",
            constraint=models.CheckConstraint(
                condition=models.Q(("deleted_at", None), ("active", False), _connector="OR"),
                name="roster_directory_deleted_is_inactive",
            ),
        ),
        migrations.AddConstraint(
            model_name="directoryuser",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("active", True), ("inactive_on", None)),
                    models.Q(("active", False), ("inactive_on__isnull", False)),
                    _connector="OR",
                ),
                name="roster_directory_inactive_has_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="directorymember",
            constraint=models.UniqueConstraint(fields=("group", "user"), name="roster_directory_member_once"),
        ),
        migrations.AddIndex(
            model_name="directorygroup",
            index=models.Index(fields=["created_at", "id"], name="roster_directory_group_order"),
        ),
        migrations.AddConstraint(
            model_name="directorygroup",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("display_name"), name="roster_directory_group_name"
            ),
        ),
        run_file("roster", "directory.sql", functions=("roster_directory_manager",)),
    ]
