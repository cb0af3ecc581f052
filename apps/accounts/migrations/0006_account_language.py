from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_end_access_last"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="language",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="language of notifications; empty: unknown, so both languages",
            ),
        ),
    ]
