"""Fills an empty database with the demo, in steps that survive a crash: the next run continues where one ended.

Each step commits together with its result in the demo's mark, a Setting. Freezing and marking commit on their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max, Q, Sum

from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import RuleDraft
from apps.contacts.models import Contact
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.identity_key import verify_identity_key
from apps.core.locks import disable_statement_timeout, lock_facts
from apps.core.models import Setting
from apps.core.statistics import refresh_statistics
from apps.demo import messages
from apps.demo.accounts import make_sign_ins
from apps.demo.adjustments import adjust_some
from apps.demo.calendar import ZONE, Calendar, calendar
from apps.demo.company import MIN_EMPLOYEES, Company, plan_company
from apps.demo.contacts import TARGET, Recorder
from apps.demo.previous_campaign import correct_trial, open_trial
from apps.demo.store import Progress, write_company, write_contacts
from apps.employees.models import Employee, TreeNode
from apps.forecasts.making import make_forecasts
from apps.notifications.delivery import sender_lock
from apps.notifications.models import Channel, Notification
from apps.notifications.planning import plan_notifications
from apps.results.freeze import freeze
from apps.results.result_versions import ensure_version, pending_versions
from apps.standings.campaign_lifecycle import open_campaign
from apps.standings.effective_dates import PROCESSED_UNTIL
from apps.standings.marking import mark_outbox
from apps.standings.models import MarkRun, Standing
from apps.standings.process_runs import finish_run

DEMO = "demo"
DOMAIN = "corp.example"
MAX_EMPLOYEES, MAX_MEAN_CONTACTS = 1_000_000, 1_000
# Opens a progress bar for a unit.
Bar = Callable[[str], AbstractContextManager[Progress]]


class NotEmpty(Exception):
    """The database holds a complete demo, or facts that are not the demo's. The text is a sentence for the user."""


class NoDemo(Exception):
    """This database has no complete demo."""


class Plan(NamedTuple):
    """The parameters of one demo; equal plans make equal demos. Stored in the demo's mark, for a resumed run.

    `domain` is that of the employees' addresses. Some contacts have one too, but only if the campaign treats its
    addresses as internal (`domain_is_internal`).
    """

    employees: int
    contacts: int
    seed: int
    at: str
    domain: str
    domain_is_internal: bool

    def calendar(self) -> Calendar:
        return calendar(datetime.fromisoformat(self.at))

    def company(self) -> Company:
        return plan_company(self.employees, self.seed, self.calendar(), self.domain)

    def recorder(self, company: Company) -> Recorder:
        domain = self.domain if self.domain_is_internal else ""
        return Recorder(company, self.calendar(), self.seed, self.contacts, domain)


def seed_demo(
    *, employees: int, contacts: int, seed: int, by: Actor,
    bar: Bar = lambda unit: nullcontext(lambda done, total: None),
) -> dict[str, Any]:  # fmt: skip
    """Create the demo and return its figures, or finish the demo that an earlier run began (`resumed`).

    `bar(unit)` opens a progress bar. Raises NotEmpty, ImproperlyConfigured (another IDENTITY_KEY), ValueError.
    """
    if not MIN_EMPLOYEES <= employees <= MAX_EMPLOYEES:
        raise ValueError(f"A demo has from {MIN_EMPLOYEES} to {MAX_EMPLOYEES:,} employees.")
    if not 0 <= contacts <= MAX_MEAN_CONTACTS:
        raise ValueError(f"A demo has from 0 to {MAX_MEAN_CONTACTS:,} contacts for each employee.")
    # A worker that runs beside it must not mail the made-up company.
    with without_timeouts(), sender_lock(Channel.EMAIL, wait=60):
        plan, resumed = _begin(employees, contacts, seed, by)
        company, days = plan.company(), plan.calendar()
        with bar("contacts") as progress:
            _once("contacts", lambda: write_contacts(plan.recorder(company), progress))
        # No campaign is open yet: this only empties the queue, so that the marking does not visit employees twice.
        _mark_queued()
        _create_trial(company, days, by)
        # The mark names it by its slug, because a resumed run has no object of the first.
        campaign = Campaign.objects.get(slug=_once("campaign", lambda: _open(plan, by)))
        # New tables have no statistics yet.
        refresh_statistics(written=plan.employees * (1 + plan.contacts))
        with bar("employees") as progress:
            for run in MarkRun.objects.filter(finished_at=None).order_by("pk"):
                finish_run(run, progress)
        _mark_queued()
        _once("adjusted", lambda: adjust_some(campaign, company))
        _once("reminder_text", lambda: messages.approve_text(by))
        _once("announcement", lambda: messages.publish(campaign, company))
        _mark_queued()
        make_forecasts(db_now())
        figures = _end(plan, campaign, by)
        _plan_notifications()
        # Now also the tables of the verdicts, which the reports on the past read next.
        refresh_statistics(written=plan.employees * (1 + plan.contacts))
    return figures | {"resumed": resumed}


def _plan_notifications() -> None:
    """Fill the lists in the application; the employees of a made-up company read no mails."""
    while plan_notifications(db_now()).events:
        pass
    Notification.objects.exclude(channel=Channel.APP).delete()


def sign_ins() -> list[dict[str, str]]:
    """Role, login, password and name of each demo account. Raises NoDemo."""
    mark = Setting.objects.filter(name=DEMO).first()
    if mark is None or not mark.value["complete"]:
        raise NoDemo
    return list(mark.value["sign_ins"])


def _begin(employees: int, contacts: int, seed: int, by: Actor) -> tuple[Plan, bool]:
    """Mark the database as the demo's and write the company; or return the plan of an unfinished run."""
    with transaction.atomic():
        lock_facts()
        verify_identity_key()
        mark, created = Setting.objects.get_or_create(name=DEMO, defaults={"value": {}})
        # The row is locked by its insertion: a second seed_demo waits here until this transaction ends.
        if not created:
            if mark.value["complete"]:
                raise NotEmpty("The demo company already exists; nothing was changed.")
            return Plan(*mark.value["plan"]), True
        if Employee.objects.exists() or Campaign.objects.exists():
            raise NotEmpty(
                "This database holds employees or campaigns that are not the demo's; nothing was changed. "
                "The demo needs an empty database."
            )
        own = [domain.lower() for domain in settings.COMPANY_EMAIL_DOMAINS]
        plan = Plan(employees, contacts, seed, db_now().isoformat(), own[0] if own else DOMAIN, bool(own))
        company = plan.company()
        write_company(company, by)
        mark.value = {"complete": False, "plan": plan, "sign_ins": make_sign_ins(company, by)}
        mark.save(update_fields=["value"])
    return plan, False


def _once(step: str, work: Callable[[], Any]) -> Any:
    """Do a step in one transaction with its result in the demo's mark, unless an earlier run did it; that result."""
    with transaction.atomic():
        lock_facts()
        mark = Setting.objects.select_for_update().get(name=DEMO)
        if step not in mark.value:
            mark.value[step] = work()
            mark.save(update_fields=["value"])
        return mark.value[step]


def _create_trial(company: Company, days: Calendar, by: Actor) -> None:
    """Open the trial, freeze it after its deadline, and have its result reviewed and corrected."""
    trial = Campaign.objects.get(slug=_once("trial", lambda: open_trial(company, days, by)))
    freeze(campaign=trial, by=by, wait=True)
    trial.refresh_from_db()
    _once("trial_corrected", lambda: correct_trial(trial, company))
    # In a large company the correction waits for a worker, and none may be running.
    for correction in pending_versions().filter(campaign=trial):
        ensure_version(correction.pk)


def _open(plan: Plan, by: Actor) -> str:
    """Open the campaign. This queues all employees, so older facts need no other rows."""
    Setting.objects.update_or_create(name=PROCESSED_UNTIL, defaults={"value": plan.at})
    days = plan.calendar()
    draft = RuleDraft(TARGET, days.opens_on, days.deadline, ZONE)
    return open_campaign(name=days.name, draft=draft, by=by).slug


def _mark_queued() -> None:
    while mark_outbox():
        pass


def _end(plan: Plan, campaign: Campaign, by: Actor) -> dict[str, Any]:
    """Record that the demo is complete; returns its figures."""
    standings = Standing.objects.filter(campaign=campaign).aggregate(
        counted=Sum("counted", default=0), red=Count("pk", filter=Q(red=True))
    )
    figures = {"employees": plan.employees, "contacts": Contact.objects.count(), "seed": plan.seed}
    with transaction.atomic():
        mark = Setting.objects.select_for_update().get(name=DEMO)
        mark.value["complete"] = True
        mark.save(update_fields=["value"])
        audit("demo.seeded", by=by, kind="campaign", id=campaign.slug, label=campaign.name, detail=figures)
    return figures | {"campaign": campaign.slug} | TreeNode.objects.aggregate(depth=Max("depth")) | standings


@contextmanager
def without_timeouts() -> Iterator[None]:
    """Within the block, transactions of this connection have no statement timeout."""
    # Within a caller's transaction the setting ends with that transaction.
    if connection.in_atomic_block:
        disable_statement_timeout()
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        try:
            yield
        finally:
            cursor.execute("RESET statement_timeout")
