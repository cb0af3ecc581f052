-- What every standing of a campaign must be, from the facts alone. It shares no code with the program on purpose.
-- Parameters: campaign (id) and at (instant): the state just before it. Rows: staff_no, counted, target, exempt, red.
WITH terms AS (
    SELECT campaign.id AS campaign_id, campaign.snapshot_at, newest.*, least(%(at)s::timestamptz, newest.cutoff_at) AS t
    FROM campaigns_campaign campaign
    CROSS JOIN LATERAL (
        SELECT target, opens_at, cutoff_at, exclusive, confirmed_only, company_domains, scope, prorate_joiners, opens_on,
            deadline FROM campaigns_campaignrule
        WHERE campaign_id = campaign.id ORDER BY version DESC LIMIT 1
    ) newest
    WHERE campaign.id = %(campaign)s
), company_digests AS (
    SELECT DISTINCT identity.kind, identity.digest
    FROM terms, employees_employeeidentity identity
    WHERE identity.employee_id IN (
        SELECT employee_id FROM employees_employment WHERE starts_at < terms.t AND ends_at > terms.opens_at)
), company_contacts AS (
    SELECT contact_id FROM contacts_contactidentity WHERE (kind, digest) IN (SELECT kind, digest FROM company_digests)
    UNION
    SELECT contact_id FROM contacts_contactidentity, terms, unnest(terms.company_domains) AS one
    WHERE domain = one OR right(domain, length(one) + 1) = '.' || one
    UNION
    SELECT id FROM contacts_contact WHERE NOT was_external
), standing_contacts AS (
    SELECT contact.id, contact.employee_id, contact.recorded_at, contact.confirmed_at
    FROM contacts_contact contact, terms
    WHERE contact.recorded_at >= terms.opens_at AND contact.recorded_at < terms.t
      AND (contact.ended_at IS NULL OR contact.ended_at >= terms.t)
      AND (terms.snapshot_at IS NULL OR contact.stored_at <= terms.snapshot_at)
      AND contact.id NOT IN (SELECT contact_id FROM company_contacts)
), claims AS (
    -- Since when each identity of a contact is named in the campaign: instants before the opening claim nobody.
    SELECT contact_id, identity.employee_id, kind, digest,
        CASE WHEN claimed_from < terms.opens_at THEN (
            WITH RECURSIVE chain AS (
                SELECT standing_contacts.id, identity.claimed_from
                UNION ALL
                SELECT replaced.id, named.claimed_from
                FROM chain, contacts_contact successor, contacts_contact replaced, contacts_contactidentity named
                WHERE chain.claimed_from IS NOT NULL AND successor.id = chain.id AND replaced.id = successor.replaces_id
                  AND named.contact_id = replaced.id AND (named.kind, named.digest) = (identity.kind, identity.digest))
            SELECT min(recorded_at) FROM chain JOIN contacts_contact USING (id) WHERE recorded_at >= terms.opens_at)
        ELSE coalesce(claimed_from, recorded_at) END AS at
    FROM terms, standing_contacts JOIN contacts_contactidentity identity ON contact_id = standing_contacts.id
), first_claims AS (
    -- Who named an identity first, and who was the first among all the others.
    SELECT kind, digest, employee_id, min(at) AS at FROM terms, claims
    WHERE at < terms.t GROUP BY kind, digest, employee_id
), claimed_contacts AS (
    SELECT claims.contact_id AS id FROM terms, claims JOIN first_claims USING (kind, digest)
    WHERE first_claims.employee_id <> claims.employee_id AND claims.at < terms.t
      AND (first_claims.at, first_claims.employee_id) < (claims.at, claims.employee_id)
), counts AS (
    SELECT employee_id, count(*) AS counted FROM standing_contacts, terms
    WHERE NOT (terms.confirmed_only AND (confirmed_at IS NULL OR confirmed_at >= terms.t))
      AND NOT (terms.exclusive AND id IN (SELECT id FROM claimed_contacts))
    GROUP BY employee_id
), people AS (
    SELECT person.id, person.staff_no, coalesce(counts.counted, 0) AS counted,
        coalesce((
            SELECT own.target FROM campaigns_adjustment own
            WHERE own.campaign_id = terms.campaign_id AND own.employee_id = person.id AND own.target IS NOT NULL
              AND own.starts_at < terms.t AND terms.t <= least(own.ends_at, own.ended_at) AND own.granted_at > '-infinity'
            ORDER BY own.starts_at DESC, own.id DESC LIMIT 1), (
            -- A joiner's share of the days, in whole contacts upwards. Tests have the company in UTC.
            SELECT ceil(terms.target::numeric * (terms.deadline - first_work.day + 1) / (terms.deadline - terms.opens_on + 1))
            FROM (SELECT min(work.starts_at AT TIME ZONE 'UTC')::date AS day FROM employees_employment work
                WHERE work.employee_id = person.id AND work.ends_at > terms.opens_at
                  AND work.starts_at < terms.cutoff_at) first_work
            WHERE terms.prorate_joiners AND first_work.day > terms.opens_on)::int, terms.target) AS target,
        coalesce((
            SELECT own.exempt FROM campaigns_adjustment own
            WHERE own.campaign_id = terms.campaign_id AND own.employee_id = person.id AND own.exempt IS NOT NULL
              AND own.starts_at < terms.t AND terms.t <= least(own.ends_at, own.ended_at) AND own.granted_at > '-infinity'
            ORDER BY own.starts_at DESC, own.id DESC LIMIT 1), false) AS exempt
    FROM terms, employees_employee person LEFT JOIN counts ON counts.employee_id = person.id
    WHERE person.id IN (
            SELECT employee_id FROM employees_employment WHERE starts_at < terms.t AND terms.t <= ends_at)
      AND (terms.scope = '{}' OR person.id IN (
            SELECT employee_id FROM employees_placement
            WHERE department = ANY(terms.scope) AND starts_at < terms.t AND terms.t <= ends_at))
)
SELECT staff_no, counted, target, exempt, NOT exempt AND counted < target AS red
FROM people ORDER BY staff_no COLLATE "C"
