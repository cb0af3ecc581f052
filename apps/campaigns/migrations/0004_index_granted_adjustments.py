from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_one_waiting_request_per_account"),
        ("employees", "0002_functions_and_triggers"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="adjustment",
            name="campaigns_adjustment_of",
        ),
        migrations.AddIndex(
            model_name="adjustment",
            index=models.Index(
                condition=models.Q(("granted_at__isnull", False)),
                fields=["campaign", "employee", "starts_at"],
                name="campaigns_adjustment_of",
            ),
        ),
    ]
