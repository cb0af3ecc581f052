from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_functions_and_triggers")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="first_page",
            field=models.TextField(
                blank=True,
                choices=[("me", "My standing"), ("team-home", "Team"), ("company", "Company")],
                db_default="",
                default="",
                help_text="where a sign-in leads; empty: by role",
            ),
        ),
    ]
