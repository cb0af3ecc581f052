from django.db import migrations, models
from django.db.models.expressions import RawSQL

HANDED_IN = """CASE WHEN report ? 'outcomes' THEN jsonb_array_length(report -> 'outcomes')
    ELSE coalesce((report ->> 'read')::integer, (report ->> 'handed_in')::integer, 0) END"""
DUPLICATES = """CASE WHEN report ? 'outcomes'
    THEN jsonb_array_length(jsonb_path_query_array(report, '$.outcomes[*] ? (@.code == "duplicate")'))
    ELSE coalesce((report ->> 'duplicate')::integer, 0) END"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0004_changes_noted"),
    ]

    operations = [
        migrations.AddField(
            model_name="submission",
            name="duplicates",
            field=models.GeneratedField(
                db_persist=True,
                expression=RawSQL(DUPLICATES, ()),  # noqa: S611 # nosec B611 # a text of our own
                output_field=models.IntegerField(help_text="how many of them the employee had recorded already"),
            ),
        ),
        migrations.AddField(
            model_name="submission",
            name="handed_in",
            field=models.GeneratedField(
                db_persist=True,
                expression=RawSQL(HANDED_IN, ()),  # noqa: S611 # nosec B611 # a text of our own
                output_field=models.IntegerField(help_text="people that were handed in, whatever became of them"),
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
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                fields=["received_at"],
                include=("employee", "source", "handed_in", "duplicates"),
                name="contacts_submission_counters",
            ),
        ),
    ]
