from django.db import migrations, models
from django.db.migrations import RunSQL

from apps.core.change_triggers import audit_trigger_sql

TABLE, EVENTS = "campaigns_campaignrule", ("insert", "update", "delete", "truncate")
KEY = "(SELECT campaign.slug FROM campaigns_campaign campaign WHERE campaign.id = one.campaign_id)"
SHOWN = (
    "jsonb_build_object('version', one.version, 'in_force_from', one.in_force_from, 'target', one.target,"
    " 'time_zone', one.time_zone, 'opens_at', one.opens_at, 'cutoff_at', one.cutoff_at,"
    " 'company_domains', one.company_domains, 'exclusive', one.exclusive, 'confirmed_only', one.confirmed_only,"
    " 'scope', one.scope, 'prorate_joiners', one.prorate_joiners)"
)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0004_index_granted_adjustments")]

    operations = [
        migrations.AddField(
            model_name="campaignrule",
            name="prorate_joiners",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="a lower target for who joins after the first day, without a request",
            ),
        ),
        # The trail shows the new column of changes by SQL too.
        RunSQL("".join(f"DROP TRIGGER {TABLE}_noted_{event} ON {TABLE};\n" for event in EVENTS), RunSQL.noop),
        RunSQL(audit_trigger_sql(TABLE, key=KEY, shown=SHOWN), RunSQL.noop),
    ]
