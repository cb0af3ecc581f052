from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0004_large_file_turns")]

    operations = [
        migrations.AddField(
            model_name="storedfile",
            name="unpacked_size",
            field=models.BigIntegerField(db_default=0, default=0, help_text="of a small archive, as a workbook is"),
        ),
    ]
