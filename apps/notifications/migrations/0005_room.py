import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("employees", "0005_employee_chat_id"),
        ("notifications", "0004_chat"),
    ]

    operations = [
        migrations.CreateModel(
            name="Room",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.TextField()),
                ("every", models.TextField(choices=[("day", "every working day"), ("week", "every week")])),
                ("language", models.TextField()),
                ("posted_on", models.DateField(null=True)),
                ("last_error", models.TextField(blank=True, db_default="", default="")),
                (
                    "manager",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.CASCADE, to="employees.employee"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("manager",), name="notifications_one_room_of_a_team", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("every__in", ["day", "week"])), name="notifications_room_every"
                    ),
                ],
            },
        ),
    ]
