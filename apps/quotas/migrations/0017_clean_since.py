from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quotas", "0016_smaller_blocks")]

    operations = [
        migrations.AddField(
            model_name="standing",
            name="clean_since",
            field=models.DateTimeField(null=True, help_text="not known of what was judged before this was asked"),
        )
    ]
