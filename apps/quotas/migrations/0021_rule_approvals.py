"""A version of a rule names the second person who approved it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quotas", "0020_signed_handovers")]

    operations = [
        migrations.AddField(
            model_name="campaignrule",
            name="approved_by_label",
            field=models.TextField(
                blank=True, default="", db_default="", help_text="the second person, where the change needed one"
            ),
        ),
    ]
