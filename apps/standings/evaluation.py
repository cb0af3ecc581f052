"""The single SQL expression for the exclusion reason of a contact, and the CTEs that evaluate employees.

`tests/standings/rules_oracle.py` implements the same rules in Python for one contact; a property test compares the two.
Fragments contain their values as literals quoted by psycopg2. Evaluations, lists, exports (COPY takes no parameters)
and queries with an as_of can so share one text.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import TextField
from django.db.models.expressions import RawSQL

if TYPE_CHECKING:
    from apps.campaigns.models import CampaignRule
from apps.campaigns.population import effective_as_of, population_sql
from apps.core.sql import in_domains_sql, sql_literal

# A contact identity (`mine`) belongs to an employee who was employed at any moment between the opening and as_of.
COLLEAGUES = """FROM contacts_contactidentity mine
    JOIN employees_employeeidentity theirs ON theirs.kind = mine.kind AND theirs.digest = mine.digest
    JOIN employees_employment work ON work.employee_id = theirs.employee_id
    WHERE work.starts_at < {at} AND work.ends_at > {opens_at}"""


COMPANY_DOMAINS = "FROM contacts_contactidentity mine WHERE {in_domains}"


# Another employee recorded one of these identities before, and that contact (`other`) is live, in time and external.
# At the same instant the lower employee id wins, the employee who was on the roster first. Contact ids do not decide:
# they only show the order of a feed.
CLAIMS = """FROM contacts_contactidentity mine
    JOIN contacts_contact me ON me.id = mine.contact_id
    JOIN contacts_contactidentity theirs
      ON theirs.kind = mine.kind AND theirs.digest = mine.digest AND theirs.employee_id <> mine.employee_id
    JOIN contacts_contact other ON other.id = theirs.contact_id
    WHERE (other.recorded_at, other.employee_id) < (me.recorded_at, me.employee_id) AND NOT ({no_claim})"""


def _ended(contact: str, rule: CampaignRule, at: datetime) -> str:
    return f"coalesce({contact}.ended_at < {effective_as_of(rule, at)}, false)"


def _outside(contact: str, rule: CampaignRule) -> str:
    recorded, opens_at, cutoff_at = f"{contact}.recorded_at", sql_literal(rule.opens_at), sql_literal(rule.cutoff_at)
    outside = f"{recorded} < {opens_at} OR {recorded} >= {cutoff_at}"
    snapshot_at = rule.campaign.snapshot_at
    return f"({outside} OR {contact}.stored_at > {sql_literal(snapshot_at)})" if snapshot_at else f"({outside})"


def _matches(rule: CampaignRule, at: datetime | None) -> list[str]:
    """The ways an identity `mine` can belong to the company, each as FROM ... WHERE. Without `at`: at any time."""
    look = "'infinity'" if at is None else effective_as_of(rule, at)
    colleagues = COLLEAGUES.format(at=look, opens_at=sql_literal(rule.opens_at))
    if not rule.company_domains:
        return [colleagues]
    return [colleagues, COMPANY_DOMAINS.format(in_domains=in_domains_sql("mine.domain", rule.company_domains))]


def internal_sql(rule: CampaignRule, at: datetime, employees: str = "", contacts: str = "") -> str:
    """SELECT of (contact_id): the distinct contacts of `employees` (a SELECT of ids) that belong to the company.

    `contacts` replaces `employees`: a SELECT of (employee id, contact id).
    """
    theirs = _whose(employees, contacts)
    return " UNION ".join(f"SELECT mine.contact_id {match} AND {theirs}" for match in _matches(rule, at))


def internal_since_sql(rule: CampaignRule, employees: str) -> str:
    """SELECT of (contact_id, since): the contacts that belong to the company at any as_of later than `since`.

    `employees` is a SELECT of ids. A contact can appear more than once.
    """
    colleagues, *domains = _matches(rule, None)
    theirs = _whose(employees, "")
    found = [f"SELECT mine.contact_id, work.starts_at AS since {colleagues} AND {theirs}"]
    found += [f"SELECT mine.contact_id, '-infinity'::timestamptz {match} AND {theirs}" for match in domains]
    return " UNION ALL ".join(found)


def _whose(employees: str, contacts: str) -> str:
    # Compare pairs, as the index stores them. With two separate conditions the planner loops over one of them.
    return f"(mine.employee_id, mine.contact_id) IN ({contacts})" if contacts else f"mine.employee_id IN ({employees})"


def claimed_sql(rule: CampaignRule, at: datetime, employees: str = "", contacts: str = "") -> str:
    """SELECT of (contact_id): the distinct contacts of `employees` whose person another employee recorded before.

    `contacts` replaces `employees`: a SELECT of (employee id, contact id).
    """
    if not rule.exclusive:
        return "SELECT NULL::bigint AS contact_id WHERE false"
    own = "mine.contact_id = other.id AND mine.employee_id = other.employee_id"
    internal = " OR ".join(f"EXISTS (SELECT 1 {match} AND {own})" for match in _matches(rule, at))
    no_claim = f"{_ended('other', rule, at)} OR {_outside('other', rule)} OR other.was_external IS FALSE OR {internal}"
    theirs = _whose(employees, contacts)
    return f"SELECT DISTINCT mine.contact_id {CLAIMS.format(no_claim=no_claim)} AND {theirs}"


def exclusion_conditions(
    rule: CampaignRule, at: datetime, *, internal: str, claimed: str, contact: str
) -> dict[str, str]:
    """The SQL condition of each exclusion reason on the row `contact`, just before `at`, in order of precedence.

    `internal` and `claimed` are conditions: whether internal_sql or claimed_sql contains the contact. No condition is
    ever NULL. Callers select only rows with `recorded_at` before as_of.
    """
    conditions = {
        "ended": _ended(contact, rule, at),
        "outside_period": _outside(contact, rule),
        "not_external": f"({contact}.was_external IS FALSE OR {internal})",
    }
    if rule.confirmed_only:
        conditions["unconfirmed"] = f"coalesce({contact}.confirmed_at >= {effective_as_of(rule, at)}, true)"
    if rule.exclusive:
        conditions["claimed"] = claimed
    return conditions


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
    if at >= rule.cutoff_at and (final := rule.campaign.newest_result) and final.reasons_kept:
        sql_text = _kept_reason(rule)
    else:
        sql_text = exclusion_case_sql(rule, at, employees, "contacts_contact", internal=internal)
    # The text holds literals quoted by psycopg2, and Django's cursor reads a bare % as a placeholder.
    return RawSQL(sql_text.replace("%", "%%"), (), output_field=TextField())  # noqa: S611 # nosec B611


def _kept_reason(rule: CampaignRule) -> str:
    """The reason of a contact in a frozen result. A contact outside the period never counted: facts give its reason."""
    outside, ended = _outside("contacts_contact", rule), _ended("contacts_contact", rule, rule.cutoff_at)
    return f"""CASE WHEN NOT {outside} THEN coalesce((
            SELECT kept.reason FROM results_frozenreason kept WHERE kept.campaign_id = {rule.campaign_id}
              AND kept.employee_id = contacts_contact.employee_id AND kept.contact_id = contacts_contact.id), '')
        WHEN {ended} THEN 'ended' ELSE 'outside_period' END"""


def frozen_reasons_sql(rule: CampaignRule, employees: str) -> str:
    """SELECT of (employee_id, contact_id, reason): the contacts recorded in the period that do not count, and why.

    `employees` is a SELECT of ids. The campaign's `snapshot_at` must be set.
    """
    return f"""SELECT employee_id, contact_id, reason FROM (
        SELECT contact.employee_id, contact.id AS contact_id,
               {exclusion_case_sql(rule, rule.cutoff_at, employees, "contact")} AS reason
        FROM contacts_contact contact
        WHERE contact.employee_id IN ({employees}) AND NOT {_outside("contact", rule)}) judged WHERE reason <> ''"""


def exclusion_case_sql(rule: CampaignRule, at: datetime, employees: str, contact: str, *, internal: str = "") -> str:
    """The SQL of the first reason of a contact of `employees` as of `at`, from the facts; '' when it counts.

    `internal` names the relation with internal_since_sql, if the statement has one.
    """
    known = f"SELECT contact_id FROM {internal} WHERE since < {effective_as_of(rule, at)}" if internal else ""
    conditions = exclusion_conditions(
        rule,
        at,
        internal=f"{contact}.id IN ({known or internal_sql(rule, at, employees)})",
        claimed=f"{contact}.id IN ({claimed_sql(rule, at, employees)})",
        contact=contact,
    )
    whens = " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in conditions.items())
    return f"CASE {whens} ELSE '' END"


def evaluation_ctes(rule: CampaignRule, at: datetime, employees: str) -> str:
    """Return the CTEs `people`, `daily` and `verdict`, computed from the facts alone, in the state just before `at`.

    `verdict` (employee_id, target, exempt, counted, target_reached_at, last_counted_on) has one row for each of
    `employees` (a SELECT of ids) in the population. `daily` has the counted contacts by local day; the last such day is
    `last_counted_on`. `target_reached_at` is the instant at which the contact that reached the target was recorded.
    The SQL searches for it only on the day on which the sum passes the target. The extra hours around that day allow
    for a clock change.
    """
    look, zone = effective_as_of(rule, at), sql_literal(rule.time_zone)
    chosen = "SELECT employee_id FROM people"
    joined = {
        "internal": "(internal.contact_id IS NOT NULL)",
        "claimed": "(claimed.contact_id IS NOT NULL)",
        "contact": "contact",
    }
    # Not `reason = ''`: the planner can estimate the rows of single conditions, but not those of a CASE.
    no_reason = " AND ".join(f"NOT {condition}" for condition in exclusion_conditions(rule, at, **joined).values())
    day = f"(contact.recorded_at AT TIME ZONE {zone})::date"
    claims = "LEFT JOIN claimed ON claimed.contact_id = contact.id" if rule.exclusive else ""
    counting = f"""LEFT JOIN internal ON internal.contact_id = contact.id {claims}
        WHERE contact.recorded_at < {look} AND {no_reason}"""
    return f"""people AS MATERIALIZED ({population_sql(rule, at, employees)}),
    internal AS MATERIALIZED ({internal_sql(rule, at, chosen)}),
    claimed AS MATERIALIZED ({claimed_sql(rule, at, chosen)}),
    daily AS MATERIALIZED (
        SELECT contact.employee_id, {day} AS day, count(*)::int AS count
        FROM people JOIN contacts_contact contact USING (employee_id) {counting}
        GROUP BY 1, 2),
    running AS (
        SELECT employee_id, day, count, (sum(count) OVER (PARTITION BY employee_id ORDER BY day))::int AS total
        FROM daily),
    crossing AS MATERIALIZED (
        SELECT employee_id, running.day, target - (total - count) AS place,
               running.day::timestamp AT TIME ZONE {zone} AS begins
        FROM running JOIN people USING (employee_id) WHERE total >= target AND total - count < target),
    reached AS (
        SELECT contact.employee_id, contact.recorded_at, crossing.place,
               row_number() OVER (PARTITION BY contact.employee_id ORDER BY contact.recorded_at, contact.id) AS nth
        FROM crossing JOIN contacts_contact contact ON contact.employee_id = crossing.employee_id
         AND contact.recorded_at > crossing.begins - interval '3 hours'
         AND contact.recorded_at < crossing.begins + interval '30 hours'
         AND {day} = crossing.day {counting}),
    verdict AS MATERIALIZED (
        SELECT people.employee_id, people.target, people.exempt, coalesce(sums.counted, 0) AS counted,
               reached.recorded_at AS target_reached_at, sums.last_counted_on
        FROM people
        LEFT JOIN (SELECT employee_id, sum(count)::int AS counted, max(day) AS last_counted_on FROM daily GROUP BY 1)
        sums
            USING (employee_id)
        LEFT JOIN reached ON reached.employee_id = people.employee_id AND reached.nth = reached.place)"""


def clean_sql(rule: CampaignRule) -> str:
    """Return the CTE `clean` (employee_id, last_disqualified_at); it follows evaluation_ctes, one row per `verdict`.

    Contacts recorded after that instant are neither internal nor claimed.
    """
    # OFFSET 0 forces one index look-up per contact: the planner overestimates how many contacts are refused.
    return f"""refused AS MATERIALIZED (
        SELECT contact.employee_id, max(contact.recorded_at) AS recorded_at
        FROM (SELECT contact_id FROM internal UNION SELECT contact_id FROM claimed) found
        CROSS JOIN LATERAL (SELECT employee_id, recorded_at FROM contacts_contact WHERE id = found.contact_id OFFSET 0
            ) contact GROUP BY 1),
    clean AS MATERIALIZED (
        SELECT verdict.employee_id, coalesce(refused.recorded_at, {sql_literal(rule.opens_at)}) AS last_disqualified_at
        FROM verdict LEFT JOIN refused USING (employee_id))"""


def employees_holding_identity_sql(notes: str) -> str:
    """SELECT of (employee_id, queued_at), not distinct: employees whose verdict may depend on an identity of `notes`.

    `notes` is a SELECT of (kind, digest, queued_at). The result has the employees who recorded the identity, and those
    who share any identity with a contact that has it: when that contact stops claiming, their own contact may count.
    """
    # OFFSET 0 forces one index look-up after the other. The planner often misestimates the number of notes; if it
    # expects many, it reads all employees' identities for each page.
    return f"""SELECT held.employee_id, note.queued_at FROM ({notes}) note
        CROSS JOIN LATERAL (SELECT employee_id, contact_id FROM contacts_contactidentity met
            WHERE met.kind = note.kind AND met.digest = note.digest OFFSET 0) met
        CROSS JOIN LATERAL (SELECT kind, digest FROM contacts_contactidentity beside
            WHERE beside.employee_id = met.employee_id AND beside.contact_id = met.contact_id OFFSET 0) beside
        CROSS JOIN LATERAL (SELECT employee_id FROM contacts_contactidentity held
            WHERE held.kind = beside.kind AND held.digest = beside.digest OFFSET 0) held"""


def pending_sql(campaign: int | None = None) -> str:
    """SELECT of (employee_id, queued_at): employees with a pending evaluation, and the instant of their oldest row.

    An employee is pending with an outbox row of their own or for an identity they hold, or in a range that waits to be
    evaluated in this campaign (without `campaign`, in any). A row for an identity gives no `queued_at`: reports
    evaluate those employees from the facts, and no list marks them as updating. Otherwise the writer of the row could
    read from the list which employees hold the identity.
    """
    identities = employees_holding_identity_sql(
        "SELECT kind, digest, NULL::timestamptz AS queued_at FROM core_outbox WHERE kind IS NOT NULL"
    )
    of_it = "" if campaign is None else f"AND run.campaign_id = {sql_literal(campaign)}"
    ranges = f"""SELECT person.id AS employee_id, run.started_at FROM standings_markrange part
        JOIN standings_markrun run ON run.id = part.run_id AND run.invalidates {of_it}
        JOIN employees_employee person ON person.id BETWEEN part.first_id AND part.last_id
        WHERE part.state = 'waiting'"""
    return f"""SELECT employee_id, min(queued_at) AS queued_at FROM (
        SELECT employee_id, queued_at FROM core_outbox WHERE employee_id IS NOT NULL
        UNION ALL {identities} UNION ALL {ranges}) noted GROUP BY employee_id"""
