"""A request for many may have a file instead of a rule; of the file only its name is kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quotas", "0012_changes_noted")]

    operations = [
        migrations.RemoveConstraint(
            model_name="adjustmentrequest",
            name="quotas_request_about_one_or_many",
        ),
        migrations.AddField(
            model_name="adjustmentrequest",
            name="file_name",
            field=models.TextField(blank=True),
        ),
        migrations.AlterField(
            model_name="adjustment",
            name="left_out",
            field=models.TextField(
                blank=True,
                choices=[
                    ("own", "has an adjustment of their own"),
                    ("gone", "no longer one of those who were meant: left, moved, or began earlier"),
                    ("changed", "the first day, the campaign's target or its days have changed"),
                    ("self", "is who acts here: nobody decides about themself"),
                ],
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
                name="quotas_request_about_one_or_many",
            ),
        ),
    ]
