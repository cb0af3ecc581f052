from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("results", "0002_functions_and_triggers")]

    operations = [
        migrations.AddField(
            "resultcorrection",
            "key",
            models.UUIDField(
                help_text="of the file that it was requested with: one request a file", null=True, unique=True
            ),
        )
    ]
