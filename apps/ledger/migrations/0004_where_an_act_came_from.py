"""From where an act came; of those of before it is not known."""

from django.db import migrations, models
from django.db.models import Value

from apps.ledger.querysets import SessionUser

HELP = "from where: page, API or command, and the address"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_append_only_audit")]

    operations = [
        migrations.AddField("auditentry", "origin", models.TextField(db_default=Value(""), help_text=HELP)),
        migrations.AlterField("auditentry", "origin", models.TextField(db_default=SessionUser(), help_text=HELP)),
    ]
