"""The evaluation of contacts and employees as SQL: queries/evaluation.sql, filled with a rule and an instant.

Values are literals quoted by psycopg2, because COPY takes no parameters. So marks, lists, exports and queries as of a
past instant use the same text.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import TextField
from django.db.models.expressions import RawSQL
from psycopg2.sql import SQL

if TYPE_CHECKING:
    from apps.campaigns.models import CampaignRule
from apps.campaigns.population import effective_as_of, population_sql
from apps.core.sql import compose, domain_prefixes, in_domains_sql, statement

_statement = partial(statement, "standings", "evaluation")
EXCLUSION_REASON = _statement("exclusion_reason")
IS_COUNTED = _statement("is_counted")
ENDED = _statement("ended")
NOT_EXTERNAL = _statement("not_external")
UNCONFIRMED = _statement("unconfirmed")
OUTSIDE_PERIOD = _statement("outside_period")
OUTSIDE_CLOSED_PERIOD = _statement("outside_closed_period")
COLLEAGUES = _statement("colleagues")
COMPANY_ADDRESSES = _statement("company_addresses")
IN_MANY_DOMAINS = _statement("in_many_domains")
# With more, the planner compares every contact with each domain.
FEW_DOMAINS = 10
CLAIM, CLAIMED = _statement("claim"), _statement("claimed")
NOTHING_CLAIMED = _statement("nothing_claimed")
JOIN_CLAIMED = _statement("join_claimed")
OF_EMPLOYEES = _statement("of_employees")
OF_CONTACTS = _statement("of_contacts")
OF_EARLIER_CONTACT = _statement("of_earlier_contact")
EVALUATION = _statement("evaluation")
REASON_IN_RESULT = _statement("reason_in_result")
FROZEN_REASONS = _statement("frozen_reasons")
EMPLOYEES_HOLDING_IDENTITY = _statement("employees_holding_identity")
QUEUED_IDENTITIES = _statement("queued_identities")
PENDING = _statement("pending")


def _ended(contact: str, rule: CampaignRule, at: datetime) -> SQL:
    return SQL(compose(ENDED, contact=SQL(contact), as_of=SQL(effective_as_of(rule, at))))


def _outside_period(contact: str, rule: CampaignRule) -> SQL:
    period = {"contact": SQL(contact), "opens_at": rule.opens_at, "cutoff_at": rule.cutoff_at}
    # Before the snapshot no storage time matters: a file received in time may still be recorded.
    snapshot_at = rule.campaign.snapshot_at
    if snapshot_at is None:
        return SQL(compose(OUTSIDE_PERIOD, **period))
    return SQL(compose(OUTSIDE_CLOSED_PERIOD, snapshot_at=snapshot_at, **period))


def _internal(rule: CampaignRule, as_of: str, columns: tuple[str, str], selected: str) -> list[str]:
    """The SELECTs of internal contacts: by an employee's identity, and by a company domain if the rule has any.

    `columns`: the columns of the first and of the second SELECT.
    """
    by_employee, by_domain = columns
    selects = [
        compose(
            COLLEAGUES, columns=SQL(by_employee), as_of=SQL(as_of), opens_at=rule.opens_at, selected=SQL(selected)
        )
    ]  # fmt: skip
    # Without domains the second SELECT would read every identity to find nothing.
    if rule.company_domains:
        domains = SQL(_in_company_domains(domain_prefixes(rule.company_domains)))
        selects.append(
            compose(
                COMPANY_ADDRESSES, columns=SQL(by_domain), in_company_domains=domains, selected=SQL(selected)
            )
        )  # fmt: skip
    return selects


def _in_company_domains(prefixes: list[str]) -> str:
    if len(prefixes) <= FEW_DOMAINS:
        return in_domains_sql("contact_identity.domain", prefixes)
    # The character after the dot at its end ends the range of the values with a prefix.
    return compose(IN_MANY_DOMAINS, lower=prefixes, upper=[f"{prefix[:-1]}/" for prefix in prefixes])


def internal_sql(rule: CampaignRule, at: datetime, employees: str = "", contacts: str = "") -> str:
    """SELECT of (contact_id): the distinct contacts of `employees` (a SELECT of ids) that belong to the company.

    `contacts` replaces `employees`: a SELECT of (employee id, contact id).
    """
    contact_id = "contact_identity.contact_id"
    selected = _selected(employees, contacts)
    return " UNION ".join(_internal(rule, effective_as_of(rule, at), (contact_id, contact_id), selected))


def internal_since_sql(rule: CampaignRule, employees: str) -> str:
    """SELECT of (contact_id, since): the contacts that belong to the company at any as_of later than `since`.

    `employees` is a SELECT of ids. A contact can appear more than once.
    """
    columns = (
        "contact_identity.contact_id, employment.starts_at AS since",
        # A company address belongs to the company at every instant, so its start is before all others.
        "contact_identity.contact_id, '-infinity'::timestamptz",
    )
    # UNION ALL and no DISTINCT: readers compare `since` only, and sorting all contacts of a company costs more than a
    # duplicate.
    return " UNION ALL ".join(_internal(rule, "'infinity'", columns, _selected(employees, "")))


def _selected(employees: str, contacts: str) -> str:
    if contacts:
        return compose(OF_CONTACTS, contacts=SQL(contacts))
    return compose(OF_EMPLOYEES, employees=SQL(employees))


def claimed_sql(rule: CampaignRule, at: datetime, employees: str = "", contacts: str = "") -> str:
    """SELECT of (contact_id): the distinct contacts of `employees` whose person another employee recorded before.

    `contacts` replaces `employees`: a SELECT of (employee id, contact id).
    """
    # Skips the dearest part of the statement: most campaigns are not exclusive.
    if not rule.exclusive:
        return NOTHING_CLAIMED
    # An internal contact claims nothing. Here that is asked about the other employee's contact, not about the own one.
    internal = _internal(rule, effective_as_of(rule, at), ("1", "1"), OF_EARLIER_CONTACT)
    is_internal = SQL(" OR ").join(SQL("EXISTS ({})").format(SQL(match)) for match in internal)
    claims = [
        SQL(compose(CLAIM, identity=SQL(f"{prefix}_identity"), contact=SQL(contact), opens_at=rule.opens_at))
        for prefix, contact in (("contact", "contact"), ("earlier", "earlier_contact"))
    ]
    return compose(
        CLAIMED, claim=claims[0], earlier_claim=claims[1], as_of=SQL(effective_as_of(rule, at)),
        own_ended=_ended("contact", rule, at), ended=_ended("earlier_contact", rule, at),
        outside_period=_outside_period("earlier_contact", rule),
        not_external=SQL(compose(NOT_EXTERNAL, contact=SQL("earlier_contact"), internal=is_internal)),
        selected=SQL(_selected(employees, contacts)),
    )  # fmt: skip


def exclusion_conditions(
    rule: CampaignRule, at: datetime, *, internal: str, claimed: str, contact: str
) -> dict[str, str]:
    """The SQL condition of each exclusion reason on the row `contact`, just before `at`.

    `internal` and `claimed` are conditions: whether internal_sql or claimed_sql contains the contact. Callers select
    only rows with `recorded_at` before as_of.
    """
    as_of = SQL(effective_as_of(rule, at))
    # Decided here and not in SQL: the planner drops a literal `false`, and keeps a condition on a column.
    unconfirmed = compose(UNCONFIRMED, contact=SQL(contact), as_of=as_of) if rule.confirmed_only else "false"
    return {
        "ended": _ended(contact, rule, at).string,
        "outside_period": _outside_period(contact, rule).string,
        "not_external": compose(NOT_EXTERNAL, contact=SQL(contact), internal=SQL(internal)),
        "unconfirmed": unconfirmed,
        "claimed": claimed if rule.exclusive else "false",
    }


def with_exclusion_reason(
    contacts: models.QuerySet, rule: CampaignRule, at: datetime, employees: str
) -> models.QuerySet:
    """Contacts of `employees` (a SELECT of ids) recorded before `at`, each annotated with its `reason`."""
    return contacts.filter(recorded_at__lt=at).annotate(reason=exclusion_reason(rule, at, employees))


def exclusion_reason(rule: CampaignRule, at: datetime, employees: str, *, internal: str = "") -> RawSQL:
    """The exclusion reason of a contact of `employees` (a SELECT of ids) recorded before `at`; '' when it counts.

    `internal` names the relation with internal_since_sql, if the statement has one. For a frozen campaign, with `at`
    at or after the cut-off, the reason comes from the stored result; later facts do not change it.
    """
    # Before the cut-off the facts answer even for a frozen campaign: the result holds no earlier day.
    if at >= rule.cutoff_at and (final := rule.campaign.newest_result) and final.reasons_kept:
        text = compose(
            REASON_IN_RESULT, campaign=rule.campaign_id, outside_period=_outside_period("contacts_contact", rule),
            ended=_ended("contacts_contact", rule, rule.cutoff_at),
        )  # fmt: skip
    else:
        text = exclusion_case_sql(rule, at, employees, "contacts_contact", internal=internal)
    # The text holds literals quoted by psycopg2, and Django's cursor reads a bare % as a placeholder.
    return RawSQL(text.replace("%", "%%"), (), output_field=TextField())  # noqa: S611 # nosec B611


def frozen_reasons_sql(rule: CampaignRule, employees: str) -> str:
    """SELECT of (employee_id, contact_id, reason): the contacts recorded in the period that do not count, and why.

    `employees` is a SELECT of ids. The campaign's `snapshot_at` must be set.
    """
    return compose(
        FROZEN_REASONS, reason=SQL(exclusion_case_sql(rule, rule.cutoff_at, employees, "contact")),
        employees=SQL(employees), outside_period=_outside_period("contact", rule),
    )  # fmt: skip


def exclusion_case_sql(rule: CampaignRule, at: datetime, employees: str, contact: str, *, internal: str = "") -> str:
    """The SQL of the first reason of a contact of `employees` as of `at`, from the facts; '' when it counts.

    `internal` names the relation with internal_since_sql, if the statement has one.
    """
    contacts = SQL(internal_sql(rule, at, employees))
    if internal:
        # A statement that asks at several instants reads the company's contacts once and compares `since` each time.
        since = "SELECT contact_id FROM {relation} WHERE since < {as_of}"
        contacts = SQL(compose(since, relation=SQL(internal), as_of=SQL(effective_as_of(rule, at))))
    one_of = "{contact}.id IN ({contacts})"
    conditions = exclusion_conditions(
        rule, at, contact=contact,
        internal=compose(one_of, contact=SQL(contact), contacts=contacts),
        claimed=compose(one_of, contact=SQL(contact), contacts=SQL(claimed_sql(rule, at, employees))),
    )  # fmt: skip
    return compose(EXCLUSION_REASON, **_parts(conditions))


def evaluation_ctes(rule: CampaignRule, at: datetime, employees: str) -> str:
    """Return the CTEs `people`, `daily` and `evaluated`, computed from the facts alone, in the state just before `at`.

    `evaluated` (employee_id, target, exempt, counted, target_reached_at, last_counted_on) has one row for each of
    `employees` (a SELECT of ids) in the population. `daily` has the counted contacts by local day; the last such day is
    `last_counted_on`. `target_reached_at` is the instant at which the contact that reached the target was recorded.
    """
    # Only the population: contacts of employees who are not in it need no reason.
    chosen = "SELECT employee_id FROM people"
    conditions = exclusion_conditions(
        rule, at, internal="internal.contact_id IS NOT NULL", claimed="claimed.contact_id IS NOT NULL",
        contact="contact",
    )  # fmt: skip
    return compose(
        EVALUATION, population=SQL(population_sql(rule, at, employees)), internal=SQL(internal_sql(rule, at, chosen)),
        claimed=SQL(claimed_sql(rule, at, chosen)), join_claimed=SQL(JOIN_CLAIMED if rule.exclusive else ""),
        as_of=SQL(effective_as_of(rule, at)), time_zone=rule.time_zone,
        is_counted=SQL(compose(IS_COUNTED, **_parts(conditions))),
    )  # fmt: skip


def _parts(conditions: dict[str, str]) -> dict[str, SQL]:
    return {reason: SQL(condition) for reason, condition in conditions.items()}


def employees_holding_identity_sql(identities: str) -> str:
    """SELECT of distinct employee_id: employees whose standing may depend on one of `identities`.

    `identities` is a SELECT of distinct (kind, digest). The result has the employees who recorded the identity, and
    those who share any identity with a contact that has it: when that contact stops claiming, their own contact may
    count.
    """
    return compose(EMPLOYEES_HOLDING_IDENTITY, identities=SQL(identities))


def pending_sql(campaign: int | None = None) -> str:
    """SELECT of (employee_id, queued_at): employees with a pending evaluation, and the instant of their oldest row.

    An employee is pending with an outbox row of their own or for an identity they hold, or in a range that waits to be
    evaluated in this campaign (without `campaign`, in any). A row for an identity gives no `queued_at`: reports
    evaluate those employees from the facts, and no list marks them as updating. Otherwise the writer of the row could
    read from the list which employees hold the identity.
    """
    in_campaign = "true" if campaign is None else compose("run.campaign_id = {campaign}", campaign=campaign)
    # An identity row may concern employees whom its writer cannot know: those who share the person.
    holders = employees_holding_identity_sql(QUEUED_IDENTITIES)
    return compose(PENDING, identity_holders=SQL(holders), in_campaign=SQL(in_campaign))
