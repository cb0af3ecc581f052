"""Standings that are not what the facts say, although nothing of the house has written them."""

from django.db import connection

from apps.campaigns.models import Campaign
from apps.employees.models import Employee


def inject(campaign: Campaign, one: Employee, by: int) -> None:
    """What a broken disk or a hand in the database does: the verdict of one person is off by one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE standings_standing SET counted = greatest(counted + %s, 0),"
            " target_reached_at = CASE WHEN greatest(counted + %s, 0) >= target"
            " THEN coalesce(target_reached_at, hundred_clock()) END WHERE campaign_id = %s AND employee_id = %s",
            [by, by, campaign.pk, one.pk],
        )
