"""Record which source a roster load came from, because only one source maintains the roster."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("roster", "0003_rename_states")]

    operations = [
        migrations.AddField(
            model_name="rosterimport",
            name="source",
            field=models.TextField(choices=[("file", "File"), ("api", "Api"), ("scim", "Scim")], default="file"),
        ),
    ]
