from django.db import migrations, models

CHANNELS = [("app", "in Hundred"), ("email", "e-mail"), ("chat", "chat")]


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="channel",
            field=models.TextField(choices=CHANNELS),
        ),
        migrations.AlterField(
            model_name="preference",
            name="channel",
            field=models.TextField(choices=CHANNELS),
        ),
    ]
