import django.db.models.deletion
import django.db.models.functions.comparison
from django.db import migrations, models

import apps.core.querysets


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0002_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Employee",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("staff_no", models.TextField(unique=True)),
                ("name", models.TextField()),
                ("email", models.TextField()),
                ("phone", models.TextField(blank=True, help_text="E.164, or empty")),
                ("time_zone", models.TextField(blank=True, help_text="IANA name, or empty for the company's")),
                ("created_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                (
                    "email_unproven",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="one HR user gave this address to a new line alone: nothing has proven whose mailbox it is",
                    ),
                ),
            ],
            options={
                "ordering": ["staff_no"],
            },
        ),
        migrations.CreateModel(
            name="EmployeeIdentity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.TextField()),
                ("value", models.TextField()),
                ("digest", models.BinaryField()),
                ("live", models.BooleanField(default=True)),
                ("started_at", models.DateTimeField(db_default=apps.core.querysets.Clock())),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Employment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "ended_recorded_at",
                    models.DateTimeField(
                        help_text="when the roster said the end that stands; a trigger writes it", null=True
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Placement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("department", models.TextField(blank=True)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="TreeNode",
            fields=[
                (
                    "employee",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="node",
                        serialize=False,
                        to="employees.employee",
                    ),
                ),
                ("manager_id", models.BigIntegerField(null=True)),
                ("department", models.TextField(blank=True)),
                ("depth", models.IntegerField()),
                ("first", models.IntegerField()),
                ("last", models.IntegerField()),
                ("employed", models.BooleanField()),
            ],
        ),
        migrations.AddIndex(
            model_name="employee",
            index=models.Index(
                django.db.models.functions.comparison.Collate("staff_no", "C"), name="employees_by_staff_no"
            ),
        ),
        migrations.AddIndex(
            model_name="employee",
            index=models.Index(
                models.F("name"),
                django.db.models.functions.comparison.Collate("staff_no", "C"),
                name="employees_by_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="employee",
            constraint=models.CheckConstraint(
                condition=models.Q(("staff_no", ""), _negated=True), name="employees_staff_no_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="employee",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="employees_name_not_empty"
            ),
        ),
        migrations.AddField(
            model_name="employeeidentity",
            name="employee",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="employees.employee"),
        ),
        migrations.AddField(
            model_name="employment",
            name="employee",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
            ),
        ),
        migrations.AddField(
            model_name="placement",
            name="employee",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
            ),
        ),
        migrations.AddField(
            model_name="placement",
            name="manager",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="reports", to="employees.employee"
            ),
        ),
        migrations.AddIndex(
            model_name="treenode",
            index=models.Index(fields=["first"], name="employees_node_first"),
        ),
        migrations.AddIndex(
            model_name="treenode",
            index=models.Index(fields=["manager_id"], name="employees_node_manager"),
        ),
        migrations.AddConstraint(
            model_name="treenode",
            constraint=models.CheckConstraint(
                condition=models.Q(("first__lte", models.F("last"))), name="employees_node_interval"
            ),
        ),
        migrations.AddIndex(
            model_name="employeeidentity",
            index=models.Index(fields=["kind", "digest"], name="employees_identity_key"),
        ),
        migrations.AddConstraint(
            model_name="employeeidentity",
            constraint=models.UniqueConstraint(
                condition=models.Q(("live", True)),
                fields=("employee", "kind", "digest"),
                name="employees_identity_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="employeeidentity",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "email"), ("live", True)),
                fields=("kind", "digest"),
                name="employees_email_of_one_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="employeeidentity",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("live", True)),
                    models.Q(("ended_at__isnull", False), ("live", False)),
                    _connector="OR",
                ),
                name="employees_identity_ended_is_not_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="employeeidentity",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["phone", "email"])), name="employees_identity_kind"
            ),
        ),
        migrations.AddIndex(
            model_name="employment",
            index=models.Index(fields=["employee", "starts_at"], name="employees_employment_period"),
        ),
        migrations.AddIndex(
            model_name="employment",
            index=models.Index(fields=["starts_at"], name="employees_employment_start"),
        ),
        migrations.AddIndex(
            model_name="employment",
            index=models.Index(fields=["ends_at"], name="employees_employment_end"),
        ),
        migrations.AddConstraint(
            model_name="employment",
            constraint=models.CheckConstraint(
                condition=models.Q(("starts_at__lt", models.F("ends_at"))), name="employees_employment_forward"
            ),
        ),
        migrations.AddIndex(
            model_name="placement",
            index=models.Index(fields=["employee", "starts_at"], name="employees_placement_period"),
        ),
        migrations.AddIndex(
            model_name="placement",
            index=models.Index(fields=["starts_at"], name="employees_placement_start"),
        ),
        migrations.AddIndex(
            model_name="placement",
            index=models.Index(fields=["ends_at"], name="employees_placement_end"),
        ),
        migrations.AddConstraint(
            model_name="placement",
            constraint=models.CheckConstraint(
                condition=models.Q(("starts_at__lt", models.F("ends_at"))), name="employees_placement_forward"
            ),
        ),
        migrations.AddConstraint(
            model_name="placement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("manager__isnull", True),
                    models.Q(("manager", models.F("employee")), _negated=True),
                    _connector="OR",
                ),
                name="employees_not_own_manager",
            ),
        ),
    ]
