from typing import Any

from django.db import migrations, models

import apps.core.querysets


def invalidate_sums(apps: Any, schema_editor: Any) -> None:
    """Sums by block are of no use by manager; the next update builds them."""
    using = schema_editor.connection.alias
    apps.get_model("standings", "SummaryCell").objects.using(using).all().delete()
    apps.get_model("standings", "SummaryState").objects.using(using).update(state="void")


class Migration(migrations.Migration):
    dependencies = [("standings", "0002_remove_last_disqualified_at")]

    operations = [
        migrations.RunPython(invalidate_sums, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="summarycell", name="standings_summarycell_once"),
        migrations.RemoveField(model_name="summarycell", name="block"),
        migrations.AddField(
            model_name="summarycell", name="manager", field=models.BigIntegerField(default=0), preserve_default=False
        ),
        migrations.AddConstraint(
            model_name="summarycell",
            constraint=models.UniqueConstraint(
                fields=("campaign", "kind", "manager", "department", "day", "low", "high", "exempt"),
                name="standings_summarycell_once",
            ),
        ),
        migrations.RemoveField(model_name="summarystate", name="built_at"),
        migrations.AddField(
            model_name="summarystate",
            name="as_of",
            field=models.DateTimeField(
                db_default=apps.core.querysets.Clock(), help_text="the sums contain every change before it"
            ),
        ),
        migrations.AlterField(
            model_name="summarystate",
            name="tree",
            field=models.BigIntegerField(help_text="version of the tree whose teams these are", null=True),
        ),
    ]
