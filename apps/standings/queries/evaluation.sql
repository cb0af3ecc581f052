-- What counts: the exclusion reasons of a contact, and the evaluation of employees from the facts alone, as of {as_of}:
-- in the state just before it. tests/standings/rules_oracle.py has the same rules in Python for one contact; a property
-- test compares the two. Values are literals, because COPY takes no parameters.

-- A contact has the first reason of this list that applies. No condition is ever NULL.

-- name: exclusion_reason
CASE WHEN {ended} THEN 'ended'
    WHEN {outside_period} THEN 'outside_period'
    WHEN {not_external} THEN 'not_external'
    WHEN {unconfirmed} THEN 'unconfirmed'
    WHEN {claimed} THEN 'claimed'
    ELSE '' END

-- name: is_counted
-- Not `reason = ''`: the planner can estimate the rows of single conditions, but not those of a CASE.
NOT {ended} AND NOT {outside_period} AND NOT {not_external} AND NOT {unconfirmed} AND NOT {claimed}

-- name: ended
-- Strictly before, as every comparison with as_of: a contact that ends at that instant still counts in it.
coalesce({contact}.ended_at < {as_of}, false)

-- name: outside_period
({contact}.recorded_at < {opens_at} OR {contact}.recorded_at >= {cutoff_at})

-- name: outside_closed_period
-- The result is a snapshot: contacts stored after it are outside the period, whenever they were recorded.
({contact}.recorded_at < {opens_at} OR {contact}.recorded_at >= {cutoff_at} OR {contact}.stored_at > {snapshot_at})

-- name: not_external
({contact}.was_external IS FALSE OR {internal})

-- name: unconfirmed
-- NULL means never confirmed, and a confirmation at as_of or later does not count yet.
coalesce({contact}.confirmed_at >= {as_of}, true)

-- Contacts that belong to the company: `internal` is the UNION of the two statements below.

-- name: colleagues
-- An identity belongs to an employee who was employed at any moment between the opening and {as_of}.
SELECT {columns}
FROM contacts_contactidentity contact_identity
JOIN employees_employeeidentity employee_identity
  ON employee_identity.kind = contact_identity.kind AND employee_identity.digest = contact_identity.digest
JOIN employees_employment employment ON employment.employee_id = employee_identity.employee_id
-- Not in_force at {as_of}: who was a colleague once in the campaign stays internal, or leaving would make contacts
-- count.
WHERE employment.starts_at < {as_of} AND employment.ends_at > {opens_at} AND {selected}

-- name: company_addresses
SELECT {columns}
FROM contacts_contactidentity contact_identity
WHERE {in_company_domains} AND {selected}

-- name: in_many_domains
-- Each domain is looked up in the index. Compared with a thousand domains, a million contacts take an hour.
contact_identity.domain IN (
    SELECT indexed.domain
    FROM unnest({lower}, {upper}) AS company (lower, upper)
    JOIN contacts_contactidentity indexed
      ON reverse('.' || indexed.domain) COLLATE "C" >= company.lower
     AND reverse('.' || indexed.domain) COLLATE "C" < company.upper
    WHERE indexed.domain IS NOT NULL)

-- name: claim
-- The instant from which a contact claims one of its identities in this campaign. A corrected contact keeps the first
-- instant, but an instant before the opening claims no person: then the first of the corrected contacts in the period
-- does. `claimed_from` is NULL where a contact claims from its own start, so the corrections before it do not matter.
CASE WHEN {identity}.claimed_from >= {opens_at} THEN {identity}.claimed_from
    WHEN {identity}.claimed_from IS NULL OR {contact}.replaces_id IS NULL THEN {contact}.recorded_at
    ELSE (
        WITH RECURSIVE corrected AS (
            SELECT {contact}.recorded_at, {contact}.replaces_id, {identity}.claimed_from
            UNION ALL
            SELECT old_contact.recorded_at, old_contact.replaces_id, old_identity.claimed_from
            FROM corrected
            JOIN contacts_contact old_contact ON old_contact.id = corrected.replaces_id
            JOIN contacts_contactidentity old_identity
              ON old_identity.employee_id = old_contact.employee_id AND old_identity.contact_id = old_contact.id
             AND old_identity.kind = {identity}.kind AND old_identity.digest = {identity}.digest
            WHERE corrected.claimed_from IS NOT NULL)
        SELECT coalesce(min(recorded_at) FILTER (WHERE recorded_at >= {opens_at}), {contact}.recorded_at)
        FROM corrected) END

-- name: claimed
-- Another employee named an identity earlier, and that contact is live, in time and external. The instant belongs to the
-- identity: a contact that is moved back keeps the instants of the identities that the earlier file did not name. At the
-- same instant the lower employee id wins, the employee who was on the roster first. Contact ids do not decide: they
-- only show the order of a feed.
-- The own contacts are read first, without the ended ones, whose reason is known: one person recorded and ended a
-- thousand times by two employees would be a million pairs.
-- Then each identity is read once, however many of the employees hold it: one colleague may have ended hundreds of
-- contacts with it. Its first two claimants are enough, because at least one of them is another employee.
-- DISTINCT: several identities of a contact may be claimed, by several employees.
WITH named AS MATERIALIZED (
    SELECT contact.id AS contact_id, contact.employee_id, contact_identity.kind, contact_identity.digest,
        {claim} AS claimed_from
    FROM contacts_contactidentity contact_identity
    JOIN contacts_contact contact ON contact.id = contact_identity.contact_id
    -- A corrected contact has claims from before it was recorded: without its own instant, a person corrected a
    -- thousand times has as many contacts as of a day before.
    WHERE {selected} AND {claim} < {as_of} AND contact.recorded_at < {as_of} AND NOT {own_ended}
    OFFSET 0),
named_identity AS MATERIALIZED (
    SELECT kind, digest, max(claimed_from) AS last_claimed_from,
        min(employee_id) AS lowest_employee, max(employee_id) AS highest_employee
    FROM named
    GROUP BY 1, 2),
claimant AS (
    SELECT earlier_identity.kind, earlier_identity.digest, earlier_contact.employee_id,
        min({earlier_claim}) AS claimed_from
    FROM named_identity
    JOIN contacts_contactidentity earlier_identity
      ON earlier_identity.kind = named_identity.kind AND earlier_identity.digest = named_identity.digest
     -- Nearly all identities have one employee, whose own rows need no look-up of their contact.
     AND (earlier_identity.employee_id <> named_identity.lowest_employee
          OR earlier_identity.employee_id <> named_identity.highest_employee)
    JOIN contacts_contact earlier_contact ON earlier_contact.id = earlier_identity.contact_id
    WHERE {earlier_claim} <= named_identity.last_claimed_from
      AND earlier_contact.recorded_at < {as_of} AND NOT ({ended} OR {outside_period} OR {not_external})
    GROUP BY 1, 2, 3),
ranked AS (
    SELECT claimant.*, row_number() OVER (PARTITION BY kind, digest ORDER BY claimed_from, employee_id) AS position
    FROM claimant),
-- MATERIALIZED: the planner expects one row, and would rank the claimants again for each named contact.
earliest AS MATERIALIZED (
    SELECT kind, digest, employee_id, claimed_from FROM ranked WHERE position <= 2)
SELECT DISTINCT named.contact_id
FROM named
JOIN earliest USING (kind, digest)
WHERE earliest.employee_id <> named.employee_id
  AND (earliest.claimed_from, earliest.employee_id) < (named.claimed_from, named.employee_id)

-- name: nothing_claimed
-- For campaigns that are not exclusive. It has the columns of `claimed`, so that callers need no second form.
SELECT NULL::bigint AS contact_id WHERE false

-- name: of_employees
contact_identity.employee_id IN ({employees})

-- name: of_contacts
-- Compare pairs, as the index stores them. With two separate conditions the planner loops over one of them.
(contact_identity.employee_id, contact_identity.contact_id) IN ({contacts})

-- name: of_earlier_contact
contact_identity.contact_id = earlier_contact.id AND contact_identity.employee_id = earlier_contact.employee_id

-- name: evaluation
-- `evaluated` has one row for each of the employees in the population.
-- MATERIALIZED throughout: inlined, the planner estimates one row and loops over all contacts.
people AS MATERIALIZED ({population}),
internal AS MATERIALIZED ({internal}),
claimed AS MATERIALIZED ({claimed}),
-- The counted contacts by local day.
daily AS MATERIALIZED (
    SELECT contact.employee_id, (contact.recorded_at AT TIME ZONE {time_zone})::date AS day, count(*)::int AS count
    FROM people
    JOIN contacts_contact contact USING (employee_id)
    LEFT JOIN internal ON internal.contact_id = contact.id {join_claimed}
    WHERE contact.recorded_at < {as_of} AND {is_counted}
    GROUP BY 1, 2),
-- The day on which the sum passes the target, and which of the day's contacts reaches it. Only the contacts around that
-- day are read again; the extra hours allow for a clock change.
running AS (
    SELECT employee_id, day, count, (sum(count) OVER (PARTITION BY employee_id ORDER BY day))::int AS total
    FROM daily),
crossing AS MATERIALIZED (
    SELECT employee_id, running.day, target - (total - count) AS rank,
        running.day::timestamp AT TIME ZONE {time_zone} AS begins
    FROM running
    JOIN people USING (employee_id)
    -- One day at most: the sum passes the target once, because counts are positive.
    WHERE total >= target AND total - count < target),
reached AS (
    SELECT contact.employee_id, contact.recorded_at, crossing.rank,
        -- The id breaks ties of one instant, as a file of many contacts has them, so that the same contact is found
        -- each time.
        row_number() OVER (PARTITION BY contact.employee_id ORDER BY contact.recorded_at, contact.id) AS rank_on_day
    FROM crossing
    JOIN contacts_contact contact
      ON contact.employee_id = crossing.employee_id
     -- No clock change moves the ends of a local day by more than these margins; the day itself is compared below.
     AND contact.recorded_at > crossing.begins - interval '3 hours'
     AND contact.recorded_at < crossing.begins + interval '30 hours'
     AND (contact.recorded_at AT TIME ZONE {time_zone})::date = crossing.day
    LEFT JOIN internal ON internal.contact_id = contact.id {join_claimed}
    WHERE contact.recorded_at < {as_of} AND {is_counted}),
evaluated AS MATERIALIZED (
    SELECT people.employee_id, people.target, people.exempt, coalesce(sums.counted, 0) AS counted,
        reached.recorded_at AS target_reached_at, sums.last_counted_on
    FROM people
    LEFT JOIN (
        SELECT employee_id, sum(count)::int AS counted, max(day) AS last_counted_on FROM daily GROUP BY 1
    ) sums USING (employee_id)
    -- NULL while the target is not reached: a constraint of the standing requires exactly that.
    LEFT JOIN reached ON reached.employee_id = people.employee_id AND reached.rank_on_day = reached.rank)

-- name: join_claimed
LEFT JOIN claimed ON claimed.contact_id = contact.id

-- name: reason_in_result
-- A contact outside the period never counted, so the result has no reason for it: facts give it.
CASE WHEN NOT {outside_period} THEN coalesce((
        SELECT frozen_reason.reason FROM results_frozenreason frozen_reason
        -- No row: the contact counted. Storing only the others keeps this table small.
        WHERE frozen_reason.campaign_id = {campaign} AND frozen_reason.employee_id = contacts_contact.employee_id
          AND frozen_reason.contact_id = contacts_contact.id), '')
    WHEN {ended} THEN 'ended'
    ELSE 'outside_period' END

-- name: frozen_reasons
SELECT employee_id, contact_id, reason
FROM (
    SELECT contact.employee_id, contact.id AS contact_id, {reason} AS reason
    FROM contacts_contact contact
    -- Contacts outside the period never counted; their reason needs no proof.
    WHERE contact.employee_id IN ({employees}) AND NOT {outside_period}
) reasoned
WHERE reason <> ''

-- name: employees_holding_identity
-- Each step keeps distinct rows and looks up each of them once: one person recorded and ended a thousand times has a
-- thousand contacts with the same identities, and without this the cost grows with the square of the repeats.
-- OFFSET 0 forces one index look-up after the other. The planner often misestimates the number of changed identities; if
-- it expects many, it reads all employees' identities for each page.
WITH changed AS MATERIALIZED ({identities}),
touched AS MATERIALIZED (
    SELECT DISTINCT contact.employee_id, contact.contact_id
    FROM changed
    CROSS JOIN LATERAL (
        SELECT employee_id, contact_id FROM contacts_contactidentity
        WHERE kind = changed.kind AND digest = changed.digest OFFSET 0
    ) contact),
-- A change of a contact queues all its identities, so usually none is left to look up.
shared AS MATERIALIZED (
    SELECT identity_of_contact.kind, identity_of_contact.digest
    FROM touched
    CROSS JOIN LATERAL (
        SELECT kind, digest FROM contacts_contactidentity
        WHERE employee_id = touched.employee_id AND contact_id = touched.contact_id OFFSET 0
    ) identity_of_contact
    EXCEPT SELECT kind, digest FROM changed)
SELECT employee_id FROM touched
UNION
SELECT related_identity.employee_id
FROM shared
CROSS JOIN LATERAL (
    SELECT employee_id FROM contacts_contactidentity
    WHERE kind = shared.kind AND digest = shared.digest OFFSET 0
) related_identity

-- name: queued_identities
SELECT DISTINCT kind, digest FROM core_outbox WHERE kind IS NOT NULL

-- name: pending
-- The oldest row: a page says since when a standing is updating.
SELECT employee_id, min(queued_at) AS queued_at
FROM (
    SELECT employee_id, queued_at FROM core_outbox WHERE employee_id IS NOT NULL
    UNION ALL
    -- NULL and not the row's instant: see pending_sql, which would otherwise show who holds the identity.
    SELECT employee_id, NULL::timestamptz FROM ({identity_holders}) holder
    UNION ALL
    -- Ranges replace a million outbox rows: all employees are pending from the start of the run.
    SELECT employee.id AS employee_id, run.started_at
    FROM standings_markrange mark_range
    JOIN standings_markrun run ON run.id = mark_range.run_id AND run.invalidates AND {in_campaign}
    JOIN employees_employee employee ON employee.id BETWEEN mark_range.first_id AND mark_range.last_id
    WHERE mark_range.state = 'waiting'
) pending
GROUP BY employee_id
