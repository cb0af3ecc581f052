from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_webhooks")]

    operations = [
        migrations.AddField(
            model_name="room",
            name="employment_id",
            field=models.BigIntegerField(
                null=True, help_text="the manager's employment at the set-up: a return revives no room"
            ),
        ),
        migrations.RunSQL(
            "UPDATE notifications_room SET employment_id = (SELECT employment.id FROM employees_employment employment"
            " WHERE employment.employee_id = notifications_room.manager_id"
            " AND in_force_from(employment.starts_at, employment.ends_at, now()))",
            migrations.RunSQL.noop,
        ),
    ]
