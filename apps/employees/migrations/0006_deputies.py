import uuid
from datetime import timedelta

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
from django.db import migrations, models

import apps.ledger.querysets

# A deputyship is part of the answer to "who could see this then?": it is ended, never changed and never taken away.
GUARD = """
CREATE FUNCTION employees_guard_deputyship() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ending text[] := ARRAY['ended_at', 'ended_by_id', 'ended_by_label'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a deputyship is ended, never deleted' USING ERRCODE = '23H03';
    ELSIF OLD.ended_at IS NOT NULL OR to_jsonb(NEW) - ending <> to_jsonb(OLD) - ending THEN
        RAISE EXCEPTION 'a deputyship is ended once, and never changed' USING ERRCODE = '23H03';
    ELSIF NEW.ended_at > hundred_clock() THEN
        RAISE EXCEPTION 'an end is dated when it is made' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER employees_deputyship_ended_once BEFORE UPDATE OR DELETE ON employees_deputyship
    FOR EACH ROW EXECUTE FUNCTION employees_guard_deputyship();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("employees", "0005_changes_noted"),
    ]

    operations = [
        migrations.CreateModel(
            name="Deputyship",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.UUIDField(default=uuid.uuid4)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("named_at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
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
                "constraints": [
                    models.UniqueConstraint(fields=("named_by_id", "key"), name="employees_deputyship_once"),
                    models.CheckConstraint(
                        condition=models.Q(("manager", models.F("deputy")), _negated=True),
                        name="employees_not_own_deputy",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("starts_at__lt", models.F("ends_at"))), name="employees_deputyship_forward"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("starts_at__gte", models.F("named_at"))),
                        name="employees_deputyship_not_of_the_past",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "ends_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("named_at"), "+", models.Value(timedelta(days=366))
                                ),
                            )
                        ),
                        name="employees_deputyship_a_year_ahead",
                    ),
                    models.CheckConstraint(
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
                        name="employees_deputyship_ended_by_somebody",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
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
                                        django.db.models.functions.comparison.Least(
                                            models.F("ends_at"), models.F("ended_at")
                                        ),
                                    ),
                                    function="tstzrange",
                                    output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                                ),
                                "&&",
                            ),
                        ],
                        name="employees_deputyship_of_a_pair_once",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            sql=GUARD,
            reverse_sql="""
                DROP TRIGGER employees_deputyship_ended_once ON employees_deputyship;
                DROP FUNCTION employees_guard_deputyship();
            """,
        ),
    ]
