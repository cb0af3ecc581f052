"""The day of everybody's newest counted contact, beside their standing: lists looked it up for each person."""

from django.db import migrations, models

KNOWN = """
UPDATE quotas_standing standing SET newest_day = counted.newest_day
FROM (SELECT campaign_id, employee_id, max(day) AS newest_day FROM quotas_dailycount GROUP BY 1, 2) counted
WHERE counted.campaign_id = standing.campaign_id AND counted.employee_id = standing.employee_id
"""


class Migration(migrations.Migration):
    dependencies = [("quotas", "0018_reviews_can_forget")]

    operations = [
        migrations.AddField(
            model_name="standing",
            name="newest_day",
            field=models.DateField(help_text="local day of the newest contact that counts", null=True),
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
