"""The oracle: the correct standings, from one SQL file that shares no code with the program."""

import hashlib
from datetime import datetime
from pathlib import Path

from django.db import connection

from apps.campaigns.models import Campaign
from apps.standings.recount import Difference, compare_all

SQL = Path(__file__).with_name("oracle.sql").read_text(encoding="utf-8")
Verdicts = list[tuple[str, int, int, bool, bool]]


def oracle(campaign: Campaign, at: datetime | None = None) -> Verdicts:
    """(staff_no, counted, target, exempt, red) of all employees, from the facts, just before `at` (the clock)."""
    with connection.cursor() as cursor:
        if at is None:
            cursor.execute("SELECT hundred_clock()")
            at = cursor.fetchone()[0]
        cursor.execute(SQL, {"campaign": campaign.pk, "at": at})
        return list(cursor.fetchall())


def stored(campaign: Campaign) -> Verdicts:
    """The same from the stored standings."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT staff_no, counted, target, exempt, red FROM standings_standing"
            " JOIN employees_employee person ON person.id = employee_id WHERE campaign_id = %s"
            ' ORDER BY staff_no COLLATE "C"',
            [campaign.pk],
        )
        return list(cursor.fetchall())


def digest(verdicts: Verdicts) -> str:
    """SHA-256 over the canonical lines: equal digests mean equal verdicts for all employees."""
    lines = [f"{no},{counted},{target},{exempt},{red}\n" for no, counted, target, exempt, red in verdicts]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def recount(campaign: Campaign) -> list[Difference]:
    """Where the stored standings and their counts by day differ from the facts; pending employees are left out."""
    return compare_all(campaign).differences
