from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("standings", "0001_initial")]

    operations = [migrations.RemoveField(model_name="standing", name="last_disqualified_at")]
