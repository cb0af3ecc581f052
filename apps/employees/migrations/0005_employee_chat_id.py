from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("employees", "0004_index_numbers_in_any_case"),
    ]

    operations = [
        migrations.AddField(
            model_name="employee",
            name="chat_id",
            field=models.TextField(
                blank=True, db_default="", default="", help_text="the account in the company's chat product, or empty"
            ),
        ),
    ]
