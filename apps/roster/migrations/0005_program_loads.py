"""Keep what a program sent with a roster: its key, and whether it is applied after the preview."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("roster", "0004_roster_load_source")]

    operations = [
        migrations.AddField(
            model_name="rosterimport",
            name="apply_at_once",
            field=models.BooleanField(default=False, help_text="a program has asked to apply it after its preview"),
        ),
        migrations.AddField(
            model_name="rosterimport",
            name="request_key",
            field=models.TextField(
                blank=True, default="", help_text="of the sender's Idempotency-Key; empty without one"
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="rosterimport",
            name="request_digest",
            field=models.TextField(
                blank=True, default="", help_text="of the content and the options sent with the key"
            ),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="rosterimport",
            constraint=models.UniqueConstraint(
                fields=["actor_id", "request_key"], condition=~Q(request_key=""), name="roster_load_one_a_request"
            ),
        ),
    ]
