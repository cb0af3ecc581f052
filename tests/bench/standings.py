"""Standings files that `exports` measures: a company with its verdicts, and the functions that write them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from django.core.management import call_command
from django.db import connection, transaction

from apps.accounts.models import Account, Role
from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import RuleDraft
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.locks import disable_statement_timeout
from apps.employees.models import Employee
from apps.employees.org_tree import rebuild_tree
from apps.exports import build_export, export_requests
from apps.exports.standings_export import write_standings
from apps.reports.standings_columns import SELECT_LIST
from apps.reports.standings_report import Standings
from apps.standings.campaign_lifecycle import open_campaign
from apps.standings.report_people import WholeCompany
from tests.bench.database import OWN_CAMPAIGN
from tests.bench.plain_marks import JUDGED, terms

BENCH = Actor(None, "bench")
# The stored columns of a page's CSV, in its order, neither escaped nor evaluated.
PLAIN = """
COPY (SELECT person.staff_no, person.name, person.email, place.department, boss.staff_no AS manager_staff_no,
        standing.counted, standing.target, standing.remaining, standing.red, standing.exempt, hundred_clock() AS as_of
    FROM standings_standing standing JOIN employees_employee person ON person.id = standing.employee_id
    JOIN employees_treenode place ON place.employee_id = person.id
    LEFT JOIN employees_employee boss ON boss.id = place.manager_id
    WHERE standing.campaign_id = {campaign} ORDER BY person.staff_no COLLATE "C") TO STDOUT WITH (FORMAT csv, HEADER)
"""


# The same people in the state of a past moment, from the facts.
PLAIN_PAST = f"""
COPY ({JUDGED} SELECT person.staff_no, person.name, person.email, place.department,
        boss.staff_no AS manager_staff_no, counted, %(target)s AS target,
        greatest(%(target)s - counted, 0) AS remaining, counted < %(target)s AS red, target_reached_at, %(now)s AS as_of
    FROM evaluated JOIN employees_employee person ON person.id = evaluated.employee_id
    JOIN employees_placement place ON place.employee_id = person.id AND place.starts_at < %(now)s
        AND place.ends_at >= %(now)s
    LEFT JOIN employees_employee boss ON boss.id = place.manager_id
    ORDER BY person.staff_no COLLATE "C") TO STDOUT WITH (FORMAT csv, HEADER)
"""
# How far back a report on the past goes.
BACK = timedelta(days=5)


def make_company(target: int = 100) -> int:
    """Create tree, campaign and verdicts; returns the number of evaluated employees."""
    with transaction.atomic():
        rebuild_tree(db_now())
    today = db_now().date()
    draft = RuleDraft(target, today - timedelta(days=20), today + timedelta(days=10), "UTC")
    open_campaign(name="Bench", slug=OWN_CAMPAIGN, draft=draft, by=BENCH)
    call_command("mark_standings", "--json", stdout=_Nowhere())
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM standings_standing")
        return int(cursor.fetchone()[0])


def open_over() -> None:
    """Tree, and a campaign that waits to be frozen."""
    with transaction.atomic():
        rebuild_tree(db_now())
    yesterday = db_now().date() - timedelta(days=1)
    draft = RuleDraft(100, yesterday - timedelta(days=20), yesterday, "UTC")
    open_campaign(name="Bench", slug=OWN_CAMPAIGN, draft=draft, by=BENCH)


def page_csv(path: Path) -> dict[str, Any]:
    """All standings as a page sends them."""
    return _written(path, lambda file: write_standings(_everybody(), file.write))


def past_csv(path: Path) -> dict[str, Any]:
    """The same as of a past moment."""
    return _written(path, lambda file: write_standings(_everybody(db_now() - BACK), file.write))


def same_csv(path: Path) -> dict[str, Any]:
    """The rows of the page's query, none of its cells guarded or put into words, by COPY alone."""
    rows = f"{_everybody().sources} SELECT {SELECT_LIST} FROM listed ORDER BY staff_no"
    return _written(path, _copied(f"COPY ({rows}) TO STDOUT WITH (FORMAT csv, HEADER)"))


def plain_csv(path: Path) -> dict[str, Any]:
    """The stored standings by COPY alone."""
    return _written(path, _copied(PLAIN.format(campaign=Campaign.objects.get(slug=OWN_CAMPAIGN).pk)))


def plain_past_csv(path: Path) -> dict[str, Any]:
    """All verdicts as of a past instant by one plain statement, by COPY alone."""
    asked = terms(Campaign.objects.get(slug=OWN_CAMPAIGN)) | {"now": db_now() - BACK}
    with connection.cursor() as cursor:
        statement = cursor.mogrify(PLAIN_PAST, asked).decode()
    return _written(path, _copied(statement))


def _everybody(as_of: datetime | None = None) -> Standings:
    return Standings(Campaign.objects.get(slug=OWN_CAMPAIGN), WholeCompany(), as_of)


def _copied(statement: str) -> Callable[[IO[bytes]], None]:
    def write(file: IO[bytes]) -> None:
        with connection.cursor() as cursor:
            cursor.copy_expert(statement, file)

    return write


def _written(path: Path, write: Callable[[IO[bytes]], None]) -> dict[str, Any]:
    began = time.perf_counter()
    with path.open("wb") as file, transaction.atomic():
        disable_statement_timeout()
        write(file)
    return {"seconds": time.perf_counter() - began, "rows": _rows(path)}


def reader() -> Account:
    """An account of HR's."""
    # The users of the company's pages may already have accounts.
    first = Employee.objects.order_by("pk").first()
    account, _new = Account.objects.get_or_create(employee=first, defaults={"login": "bench-hr"})
    Role.objects.get_or_create(account=account, role=Role.Kind.HR, defaults={"granted_by_label": "bench"})
    return account


def export(path: Path, department: str = "") -> dict[str, Any]:
    """A file of all employees or one department, created like a worker does; the path's ending is its format."""
    campaign = Campaign.objects.get(slug=OWN_CAMPAIGN)
    form = path.name.partition(".")[2]
    wish = export_requests.ExportRequest("standings", format=form, filters={"department": department})
    asked = export_requests.request_export(campaign=campaign, request=wish, key=uuid.uuid4(), by=reader().actor)
    began = time.perf_counter()
    made = build_export.make_export(asked.pk)
    if made is None or made.rows is None:
        raise RuntimeError(f"the export is {made and made.state}: {made and made.error}")
    return {"seconds": time.perf_counter() - began, "rows": made.rows}


def _rows(path: Path) -> int:
    """Lines behind the header; read in pieces, for the peak of memory is measured too."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b"")) - 1


class _Nowhere:
    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """There is no buffer."""
