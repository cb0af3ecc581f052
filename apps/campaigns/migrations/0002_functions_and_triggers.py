"""Rules that no column constraint can express: triggers that guard rows, and triggers that audit every statement."""

from django.db import migrations
from django.db.migrations import RunSQL

from apps.core.change_triggers import audit_trigger_sql
from apps.core.migration_sql import run_file

# Each audited table, the expression that identifies a row, and the columns kept of it (SQL over the row `one`).
AUDITED: list[tuple[str, str, str]] = [
    (
        "campaigns_adjustment",
        "(SELECT person.staff_no FROM employees_employee person WHERE person.id = one.employee_id)",
        """jsonb_build_object('request_id', one.request_id, 'target', one.target, 'exempt', one.exempt, 'starts_at', one.starts_at, 'ends_at', one.ends_at, 'granted_at', one.granted_at, 'ended_at', one.ended_at, 'left_out', one.left_out)""",
    ),
    (
        "campaigns_adjustmentrequest",
        "one.id",
        """jsonb_build_object('kind', one.kind, 'ends_id', one.ends_id, 'asked_by_id', one.asked_by_id, 'decision', one.decision, 'decided_by_id', one.decided_by_id)""",
    ),
    (
        "campaigns_campaign",
        "one.slug",
        """jsonb_build_object('state', one.state, 'name', one.name, 'backdated', one.backdated, 'closing_at', one.closing_at, 'snapshot_at', one.snapshot_at, 'feed_until', one.feed_until)""",
    ),
    (
        "campaigns_campaignrule",
        "(SELECT campaign.slug FROM campaigns_campaign campaign WHERE campaign.id = one.campaign_id)",
        """jsonb_build_object('version', one.version, 'in_force_from', one.in_force_from, 'target', one.target, 'time_zone', one.time_zone, 'opens_at', one.opens_at, 'cutoff_at', one.cutoff_at, 'company_domains', one.company_domains, 'exclusive', one.exclusive, 'confirmed_only', one.confirmed_only, 'scope', one.scope)""",
    ),
]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_functions_and_triggers"),
        ("campaigns", "0001_initial"),
    ]

    operations = [
        run_file(
            "campaigns",
            "functions.sql",
            functions=(
                "campaigns_demand_open",
                "campaigns_guard_adjustment",
                "campaigns_guard_campaign",
                "campaigns_guard_request",
                "campaigns_guard_rule",
            ),
        ),
        run_file("campaigns", "triggers.sql"),
        *(RunSQL(audit_trigger_sql(table, key=key, shown=shown), RunSQL.noop) for table, key, shown in AUDITED),
    ]
