"""Count the employees whose counts or targets a roster change alters, in its transaction, before the commit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from psycopg2.sql import SQL

from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.rule_draft import company_domains
from apps.contacts.models import ContactIdentity
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.email_domains import in_domains
from apps.core.identity_key import normalise_identity
from apps.core.sql import compose, fetch_all, sql_literal, statement
from apps.core.time_zones import company_zone
from apps.employees.models import EmployeeIdentity

CHANGED_IDENTITIES = statement("standings", "affected_counts", "changed_identities")
CHANGED_IN_CAMPAIGN = statement("standings", "affected_counts", "changed_in_campaign")
CHANGED_FOR_EVERY_CAMPAIGN = statement("standings", "affected_counts", "changed_for_every_campaign")
CHANGED_TARGETS = statement("standings", "affected_counts", "changed_targets")
JOINERS_AND_LEAVERS = statement("standings", "affected_counts", "joiners_and_leavers")
LEFT_SCOPE = statement("standings", "affected_counts", "left_scope")
IN_CAMPAIGN = statement("standings", "affected_counts", "in_campaign")
IN_RESULT = statement("standings", "affected_counts", "in_result")
RECORDERS = statement("standings", "affected_counts", "recorders")
FUTURE_COLLEAGUES = statement("standings", "affected_counts", "future_colleagues")
# With a longer gap between two employments, a leaver and a joiner are taken for two people.
LEFT_BEFORE = timedelta(days=31)
# So long before its cut-off, an employee who is taken out of a campaign by mistake has no time left to be put back.
LAST_DAYS = timedelta(days=7)


def count_affected_employees(by: Actor) -> int:
    """Count the employees with a contact whose time as a colleague changes in any campaign, or for all campaigns.

    For all campaigns: the person becomes a colleague for the first time, or is no colleague at any time any more.
    """
    rules = CampaignRule.objects.exclude(campaign__state=Campaign.State.CANCELLED)
    # All versions: a query as of a past instant uses the version that was in force then.
    periods = rules.values_list("opens_at", "cutoff_at").distinct()
    changed = [
        CHANGED_IN_CAMPAIGN.format(opens_at=sql_literal(opens_at), cutoff_at=sql_literal(cutoff_at))
        for opens_at, cutoff_at in periods
    ]
    with connection.cursor() as cursor:
        cursor.execute(CHANGED_IDENTITIES)
        cursor.execute(RECORDERS.format(changed="\nUNION\n".join([CHANGED_FOR_EVERY_CAMPAIGN, *changed])))
        return int(cursor.fetchone()[0])


def count_changed_targets(by: Actor) -> int:
    """Count the employees whose target changes with their first day, in an unfinished campaign that pro-rates it.

    Without those who are new to the roster: their first day is not a correction that lowers a target.
    """
    return _count_in_campaigns(CHANGED_TARGETS)


def count_joiners_and_leavers(by: Actor) -> int:
    """Count the people who join or leave a campaign that pro-rates joiners, if `by` alone loaded both (ADR 28).

    Otherwise one HR user could end a staff number and load the same person with a later first day and a lower target.
    Names and addresses prove nothing: HR writes them.
    """
    # The operator's command is trusted, as for addresses.
    return _count_in_campaigns(JOINERS_AND_LEAVERS, by=by.id) if by.id is not None else 0


def _count_in_campaigns(employees: str, **parts: Any) -> int:
    """Count the employees that the SELECT names in any unfinished campaign that pro-rates joiners."""
    rules = _unfinished_rules().filter(prorate_joiners=True)
    return _count_distinct([_in_campaign(employees, rule, parts) for rule in rules])


def _unfinished_rules() -> QuerySet[CampaignRule]:
    """Return the rules of campaigns without a result, in all versions.

    One HR user may change a rule before the opening, load a roster that then has no effect, and change the rule back.
    """
    states = [Campaign.State.DRAFT, Campaign.State.OPEN, Campaign.State.CLOSING]
    return CampaignRule.objects.filter(campaign__state__in=states, campaign__snapshot_at=None).order_by("pk")


def _count_distinct(selects: list[str]) -> int:
    """Count the employees that any of these SELECTs returns."""
    if not selects:
        return 0
    # Most versions of a rule differ only in what the SELECT does not read.
    union = SQL(" UNION ".join(dict.fromkeys(selects)))
    with connection.cursor() as cursor:
        cursor.execute(compose("SELECT count(*) FROM ({any}) affected", any=union))
        return int(cursor.fetchone()[0])


def _in_campaign(employees: str, rule: CampaignRule, parts: dict[str, Any]) -> str:
    times = {"opens_at": rule.opens_at, "cutoff_at": rule.cutoff_at, "leavers_from": rule.opens_at - LEFT_BEFORE}
    left_scope = compose(LEFT_SCOPE, scope=rule.scope, **times) if rule.scope else "SELECT NULL, NULL WHERE false"
    return compose(
        employees, time_zone=company_zone(), opens_on=rule.opens_on, left_scope=SQL(left_scope), **times, **parts
    )


def count_moved_in_campaign(by: Actor) -> int:
    """Count the employees whom another department brings into an unfinished, opened campaign or takes out of it.

    Otherwise one HR user could take a person out of a result, like an exemption, or put people into it as red. The
    operator's command is trusted.
    """
    if by.id is None:
        return 0
    rules = _unfinished_rules().exclude(campaign__state=Campaign.State.DRAFT)
    return _count_distinct(
        [compose(IN_CAMPAIGN, scope=rule.scope, cutoff_at=rule.cutoff_at) for rule in rules if rule.scope]
    )


def count_changed_in_result(by: Actor) -> int:
    """Count the employees whom an employment takes out of a campaign at its cut-off, or brings into it.

    Of campaigns that are frozen, past their cut-off or in their LAST_DAYS. An employee who left before the cut-off and
    is employed again after it counts too: otherwise one HR user could take a person out of a result and give the
    employment back. Of other campaigns, an end or a later first day in their LAST_DAYS: the employee would learn of it
    too late to object. The operator's command is trusted.
    """
    if by.id is None:
        return 0
    now, selects = db_now(), []
    frozen = Campaign.objects.filter(state=Campaign.State.FROZEN).prefetch_related("rules")
    for rule in [*_unfinished_rules(), *(campaign.rule for campaign in frozen)]:
        is_near = rule.opens_at <= now and rule.cutoff_at <= now + LAST_DAYS
        last_days_from = rule.cutoff_at - LAST_DAYS
        times = {
            "opens_at": rule.opens_at, "cutoff_at": rule.cutoff_at, "last_days_from": last_days_from,
            "ends_from": None if is_near else last_days_from,
        }  # fmt: skip
        selects.append(compose(IN_RESULT, scope=rule.scope, **times))
    return _count_distinct(selects)


def count_future_colleagues(by: Actor) -> int:
    """Count the people whose first day is to come, with an identity that an employee may record until then (ADR 63)."""
    unfinished = Campaign.objects.filter(state__in=[Campaign.State.DRAFT, Campaign.State.OPEN])
    lists = [campaign.rule.company_domains for campaign in unfinished.prefetch_related("rules") if campaign.versions]
    # One HR user may open a further campaign with the domains of the settings.
    always = [frozenset(domains) for domains in [company_domains(), *lists]]
    recordable = fetch_all(FUTURE_COLLEAGUES)
    return len(
        {
            employee
            for employee, domain in recordable
            if domain is None or not all(in_domains(domain, domains) for domains in always)
        }
    )


def count_recorders(addresses: Iterable[str]) -> int:
    """Count the employees who have a contact with one of these e-mail addresses. Employees' addresses are left out."""
    digests = {normalise_identity("email", address).digest for address in addresses}
    # An address that an employee has already makes no further contact internal.
    of_employees = EmployeeIdentity.objects.filter(kind="email", digest__in=digests).values_list("digest", flat=True)
    new = digests - {bytes(digest) for digest in of_employees}
    return ContactIdentity.objects.filter(kind="email", digest__in=new).values("employee").distinct().count()
