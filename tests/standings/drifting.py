"""Standings that differ from the facts, although no code of Hundred wrote them."""

from django.db import connection

from apps.campaigns.models import Campaign
from apps.employees.models import Employee


def inject(campaign: Campaign, one: Employee, by: int) -> None:
    """Change one person's verdict by `by`, as a broken disk or a manual UPDATE could."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE standings_standing SET counted = greatest(counted + %s, 0),"
            " target_reached_at = CASE WHEN greatest(counted + %s, 0) >= target"
            " THEN coalesce(target_reached_at, hundred_clock()) END WHERE campaign_id = %s AND employee_id = %s",
            [by, by, campaign.pk, one.pk],
        )
