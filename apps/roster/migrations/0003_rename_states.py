"""Name the states of a roster import for what they are: previewing, previewed and confirmed."""

from django.db import migrations, models
from django.db.models import Q

RENAMED = {"looking": "previewing", "looked": "previewed", "received": "confirmed"}


def rename(names: dict[str, str]) -> migrations.RunSQL:
    return migrations.RunSQL(
        [("UPDATE roster_rosterimport SET state = %s WHERE state = %s", [new, old]) for old, new in names.items()]
    )


class Migration(migrations.Migration):
    dependencies = [("roster", "0002_functions_and_triggers")]

    operations = [
        # Before the index of waiting imports is created again for the new names.
        migrations.RemoveIndex(model_name="rosterimport", name="roster_load_waiting"),
        rename(RENAMED),
        migrations.AlterField(
            model_name="rosterimport",
            name="state",
            field=models.TextField(
                choices=[
                    ("previewing", "Previewing"),
                    ("previewed", "Previewed"),
                    ("confirmed", "Confirmed"),
                    ("requested", "Requested"),
                    ("done", "Done"),
                    ("refused", "Refused"),
                ]
            ),
        ),
        migrations.AddIndex(
            model_name="rosterimport",
            index=models.Index(
                fields=["advanced_at"],
                condition=Q(state__in=["previewing", "confirmed"]),
                name="roster_load_waiting",
            ),
        ),
    ]
