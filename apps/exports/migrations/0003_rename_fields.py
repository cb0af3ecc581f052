from django.db import migrations, models
from django.db.models import Q

FORMATS = [("csv", "CSV"), ("csv.gz", "CSV, packed (gzip)"), ("xlsx", "Excel (XLSX)")]


class Migration(migrations.Migration):
    """The columns keep their names."""

    dependencies = [("exports", "0002_functions_and_triggers")]

    operations = [
        migrations.RemoveConstraint(model_name="export", name="exports_export_form"),
        migrations.AlterField("export", "form", models.TextField(choices=FORMATS, default="csv", db_column="form")),
        migrations.RenameField("export", "form", "format"),
        migrations.AlterField("export", "alone", models.BooleanField(default=False, db_column="alone")),
        migrations.RenameField("export", "alone", "single_person"),
        migrations.AlterField(
            "export",
            "live",
            models.BooleanField(
                default=False, db_column="live", help_text="sent with the numbers of a page, not judged anew"
            ),
        ),
        migrations.RenameField("export", "live", "direct_download"),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(
                condition=Q(format__in=["csv", "csv.gz", "xlsx"]), name="exports_export_form"
            ),
        ),
    ]
