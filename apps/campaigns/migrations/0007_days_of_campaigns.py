"""Keep the days of campaigns within the years 2000 to 2999, because later arithmetic on them overflows."""

import datetime

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0006_announcements"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="campaignrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("deadline__lte", datetime.date(2999, 12, 31)), ("opens_on__gte", datetime.date(2000, 1, 1))
                ),
                name="campaigns_rule_years",
            ),
        ),
    ]
