"""Fills an empty database with the demo, in steps that survive a crash: the next run continues where one ended.

1. one transaction: the demo's mark (a Setting), the company, the accounts; 2. a transaction for each chunk of
employees: their contacts, with a Job row for it; 3. a trial campaign: opened, frozen and corrected, each in its own
transactions (`previous_campaign`); 4. one transaction: the campaign, opened by its service, which queues all employees;
then the usual re-evaluation; one transaction for its adjustments, and their re-evaluation; 5. the mark records that the
demo is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max, Q, Sum

from apps.campaigns.models import Campaign
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.identity_key import verify_identity_key
from apps.core.locks import disable_statement_timeout, lock_facts
from apps.core.models import Setting
from apps.core.statistics import refresh_statistics
from apps.demo.accounts import make_sign_ins
from apps.demo.adjustments import adjust_some
from apps.demo.bulk_writer import Filling, Progress
from apps.demo.calendar import ZONE
from apps.demo.company import LEAST_EMPLOYEES
from apps.demo.contacts import TARGET
from apps.demo.plan import Plan
from apps.demo.previous_campaign import create_trial_campaign
from apps.demo.store import write_company
from apps.employees.models import Employee, TreeNode
from apps.standings.campaign_lifecycle import open_campaign
from apps.standings.effective_dates import PROCESSED_UNTIL
from apps.standings.marking import mark_touched
from apps.standings.models import MarkRun, Standing
from apps.standings.process_runs import finish_run

DEMO = "demo"
DOMAIN = "corp.example"
MAX_EMPLOYEES, MAX_MEAN_CONTACTS = 1_000_000, 1_000
# Opens a progress bar for a unit.
Bar = Callable[[str], AbstractContextManager[Progress]]


def no_bar(unit: str) -> AbstractContextManager[Progress]:
    """Progress that is not shown."""
    return nullcontext(lambda done, total: None)


class NotEmpty(Exception):
    """The database holds employees or campaigns that are not the demo's."""


class AlreadySeeded(Exception):
    """The demo exists and is complete."""


class NoDemo(Exception):
    """This database has no complete demo."""


@dataclass(frozen=True)
class Seeded:
    """The result. `resumed`: an earlier run had begun the demo, with its own numbers."""

    employees: int
    contacts: int
    seed: int
    campaign: str
    depth: int
    counted: int
    red: int
    resumed: bool


def seed_demo(
    *,
    employees: int,
    contacts: int,
    seed: int,
    by: Actor,
    bar: Bar = no_bar,
    workers: int | None = None,
) -> Seeded:
    """Create the demo, or finish the one that an earlier run began.

    `bar(unit)` opens a progress bar. `workers` connections write in parallel; with one, the caller's connection writes.
    Raises NotEmpty, AlreadySeeded, ImproperlyConfigured (another IDENTITY_KEY), ValueError.
    """
    if not LEAST_EMPLOYEES <= employees <= MAX_EMPLOYEES:
        raise ValueError(f"A demo has from {LEAST_EMPLOYEES} to {MAX_EMPLOYEES:,} employees.")
    if not 0 <= contacts <= MAX_MEAN_CONTACTS:
        raise ValueError(f"A demo has from 0 to {MAX_MEAN_CONTACTS:,} contacts for each employee.")
    plan, resumed = _begin(employees, contacts, seed, by)
    with bar("contacts") as recorded:
        total = Filling(plan, recorded).run(workers)
    with without_timeouts():
        create_trial_campaign(plan.company(), plan.calendar(), by)
    _open(plan, by)
    with bar("employees") as marked:
        _mark(plan, marked)
    _adjust(plan, by)
    seeded = _end(plan, total, by, resumed)
    with without_timeouts():
        # Now also the tables of the verdicts, which the reports on the past read next.
        refresh_statistics(written=plan.employees * (1 + plan.contacts))
    return seeded


def sign_ins() -> list[dict[str, str]]:
    """Role, login, password and name of each demo account. Raises NoDemo."""
    mark = Setting.objects.filter(name=DEMO).first()
    if mark is None or not mark.value["complete"]:
        raise NoDemo
    return list(mark.value["sign_ins"])


def _begin(employees: int, contacts: int, seed: int, by: Actor) -> tuple[Plan, bool]:
    """Mark the database as the demo's and write the company; or return the plan of an unfinished run."""
    with transaction.atomic():
        disable_statement_timeout()
        lock_facts()
        verify_identity_key()
        mark, created = Setting.objects.get_or_create(name=DEMO, defaults={"value": {}})
        if not created:
            if mark.value["complete"]:
                raise AlreadySeeded
            return Plan(**mark.value["plan"]), True
        if Employee.objects.exists() or Campaign.objects.exists():
            raise NotEmpty
        at = db_now()
        own = [domain.lower() for domain in settings.COMPANY_EMAIL_DOMAINS]
        domain = own[0] if own else DOMAIN
        plan = Plan(employees, contacts, seed, at.isoformat(), domain, bool(own), settings.TIME_ZONE)
        company = plan.company()
        write_company(company, at)
        mark.value = {"complete": False, "plan": vars(plan), "sign_ins": make_sign_ins(company, by)}
        mark.save(update_fields=["value"])
    return plan, False


def _open(plan: Plan, by: Actor) -> None:
    """Open the campaign, unless an earlier run did. Opening queues all employees, so older facts need no other rows."""
    days = plan.calendar()
    with transaction.atomic():
        lock_facts()
        mark = Setting.objects.select_for_update().get(name=DEMO)
        if "campaign" in mark.value:
            return
        Setting.objects.update_or_create(name=PROCESSED_UNTIL, defaults={"value": plan.at})
        campaign = open_campaign(
            name=days.name, target=TARGET, opens_on=days.opens_on, deadline=days.deadline, time_zone=ZONE, by=by
        )
        mark.value["campaign"] = campaign.slug
        mark.save(update_fields=["value"])


def _adjust(plan: Plan, by: Actor) -> None:
    """Adjust a few employees, unless an earlier run did, and re-evaluate them."""
    with transaction.atomic():
        lock_facts()
        mark = Setting.objects.select_for_update().get(name=DEMO)
        if not mark.value.get("adjusted"):
            campaign = Campaign.objects.get(slug=mark.value["campaign"])
            adjust_some(campaign, plan.company())
            audit("demo.adjusted", by=by, kind="campaign", id=campaign.slug, label=campaign.name)
            mark.value["adjusted"] = True
            mark.save(update_fields=["value"])
    with without_timeouts():
        while mark_touched():
            pass


def _mark(plan: Plan, marked: Progress) -> None:
    """Evaluate all employees with the service that every later change uses."""
    with without_timeouts():
        # New tables have no statistics yet.
        refresh_statistics(written=plan.employees * (1 + plan.contacts))
        for run in MarkRun.objects.filter(finished_at=None).order_by("pk"):
            finish_run(run, marked)
        while mark_touched():
            pass


@contextmanager
def without_timeouts() -> Iterator[None]:
    """Within the block, transactions of this connection have no statement timeout."""
    if connection.in_atomic_block:
        disable_statement_timeout()
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")


def _end(plan: Plan, total: int, by: Actor, resumed: bool) -> Seeded:
    """Record that the demo is complete, with its totals."""
    with transaction.atomic():
        mark = Setting.objects.select_for_update().get(name=DEMO)
        slug = mark.value["campaign"]
        standings = Standing.objects.filter(campaign__slug=slug).aggregate(
            counted=Sum("counted", default=0), red=Count("pk", filter=Q(red=True))
        )
        depth = TreeNode.objects.aggregate(depth=Max("depth"))["depth"]
        seeded = Seeded(plan.employees, total, plan.seed, slug, depth, **standings, resumed=resumed)
        if not mark.value["complete"]:
            mark.value["complete"] = True
            mark.save(update_fields=["value"])
            detail: dict[str, Any] = {"employees": seeded.employees, "contacts": seeded.contacts, "seed": seeded.seed}
            audit("demo.seeded", by=by, kind="campaign", id=slug, label=plan.calendar().name, detail=detail)
    return seeded
