"""A correction says against which version of the result it was asked for: it is granted on that one alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("quotas", "0021_rule_approvals")]

    operations = [
        migrations.AddField(
            model_name="resultcorrection",
            name="asked_of",
            field=models.IntegerField(help_text="the version of the result that it was made against", null=True),
        ),
    ]
