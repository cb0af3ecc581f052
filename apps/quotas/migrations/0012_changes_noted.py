"""Whoever changes a campaign, its rule, an adjustment or a result, by any statement, leaves a note."""

from django.db import migrations

from apps.ledger.guards import guard, unguard

PERSON = "(SELECT person.staff_no FROM employees_employee person WHERE person.id = one.employee_id)"
CAMPAIGN = "(SELECT campaign.slug FROM quotas_campaign campaign WHERE campaign.id = one.campaign_id)"


def shown(*columns: str) -> str:
    pairs = ", ".join(f"'{name}', one.{name}" for name in columns)
    return f"jsonb_build_object({pairs})"


GUARDED = {
    "quotas_campaign": ("one.slug", shown("state", "name", "backdated", "closing_at", "kept_until", "feed_until")),
    "quotas_campaignrule": (
        CAMPAIGN,
        shown("version", "in_force_from", "target", "time_zone", "opens_at", "cutoff_at", "company_domains",
              "exclusive", "confirmed_only", "scope"),
    ),
    "quotas_adjustment": (
        PERSON,
        shown("request_id", "target", "exempt", "starts_at", "ends_at", "granted_at", "ended_at", "left_out"),
    ),
    "quotas_adjustmentrequest": ("one.id", shown("kind", "ends_id", "asked_by_id", "decision", "decided_by_id")),
    "quotas_frozenresult": (CAMPAIGN, shown("version", "rows", "red", "digest")),
    "quotas_frozenstanding": ("one.staff_no", ""),
    "quotas_frozennode": (PERSON, ""),
    "quotas_frozenreason": ("one.contact_id", ""),
    "quotas_resultcorrection": ("one.id", shown("state", "asked_by_id", "decided_by_id", "result_version")),
    "quotas_correctionline": (PERSON, shown("correction_id", "counted", "target", "exempt")),
}  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("quotas", "0011_exports"),
        ("employees", "0005_changes_noted"),
        ("ledger", "0005_changes_of_rows"),
    ]

    operations = [
        migrations.RunSQL(
            "".join(guard(table, key=key, shown=kept) for table, (key, kept) in GUARDED.items()),
            "".join(map(unguard, GUARDED)),
        )
    ]
