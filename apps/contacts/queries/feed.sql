-- name: connected
-- All contacts of an employee that shared identities connect with those looked up, in any number of steps. The
-- recursion goes over identities: over contacts, n that share one identity would take n * n steps. LATERAL with
-- OFFSET 0 forces one index look-up per row: a planner that overestimates the list would read whole tables.
WITH RECURSIVE connected_identity AS (
    SELECT employee_id, kind, decode(hex, 'hex') AS digest
    FROM unnest(%(employees)s::bigint[], string_to_array(%(kinds)s, ','), string_to_array(%(digests)s, ','))
        AS parameter (employee_id, kind, hex)
    UNION
    SELECT shared_identity.employee_id, shared_identity.kind::text, shared_identity.digest FROM connected_identity
    JOIN LATERAL (SELECT * FROM contacts_contactidentity stored
                  WHERE stored.employee_id = connected_identity.employee_id
                  AND stored.kind = connected_identity.kind AND stored.digest = connected_identity.digest OFFSET 0)
        AS identity ON true
    JOIN LATERAL (SELECT * FROM contacts_contactidentity stored WHERE stored.employee_id = identity.employee_id
                  AND stored.contact_id = identity.contact_id OFFSET 0) AS shared_identity ON true),
connected AS (
    SELECT DISTINCT identity.employee_id, identity.contact_id FROM connected_identity
    JOIN LATERAL (SELECT * FROM contacts_contactidentity stored
                  WHERE stored.employee_id = connected_identity.employee_id
                  AND stored.kind = connected_identity.kind AND stored.digest = connected_identity.digest OFFSET 0)
        AS identity ON true),
-- The corrected ones, and what replaced them, as far as it was corrected again: each once, and each end of a chain is
-- then carried back. From each contact to its end, a person who was corrected n times would take n * n steps.
correction AS (
    SELECT contact.id, contact.replaces_id, contact.corrected_at FROM connected
    JOIN LATERAL (SELECT * FROM contacts_contact stored WHERE stored.employee_id = connected.employee_id
                  AND stored.id = connected.contact_id OFFSET 0) AS contact ON contact.corrected_at IS NOT NULL
    UNION
    SELECT successor.id, successor.replaces_id, successor.corrected_at FROM correction
    JOIN LATERAL (SELECT * FROM contacts_contact stored WHERE stored.replaces_id = correction.id OFFSET 0)
        AS successor ON successor.corrected_at IS NOT NULL),
last_correction AS (
    SELECT correction.id, correction.replaces_id, correction.corrected_at FROM correction
    WHERE NOT EXISTS (SELECT FROM contacts_contact stored
                      WHERE stored.replaces_id = correction.id AND stored.corrected_at IS NOT NULL OFFSET 0)
    UNION
    SELECT predecessor.id, predecessor.replaces_id, last_correction.corrected_at FROM last_correction
    JOIN LATERAL (SELECT * FROM contacts_contact stored WHERE stored.id = last_correction.replaces_id OFFSET 0)
        AS predecessor ON predecessor.corrected_at IS NOT NULL),
-- Together by grouping: a join of two lists is n * n steps where the planner expects few rows.
connected_contact AS (
    SELECT max(employee_id) AS employee_id, contact_id, max(corrected_at) AS last_corrected_at
    FROM (SELECT employee_id, contact_id, NULL::timestamptz AS corrected_at FROM connected
          UNION ALL SELECT NULL, id, corrected_at FROM last_correction) AS listed
    GROUP BY contact_id HAVING max(employee_id) IS NOT NULL)
SELECT connected.employee_id, contact.id, contact.name, contact.recorded_at, contact.confirmed_at,
    -- A corrected contact that was merged keeps the time in which the feed may change nothing.
    coalesce(contact.corrected_at, contact.ended_at), contact.end_reason,
    array_agg(identity.kind), array_agg(identity.value), array_agg(identity.digest), array_agg(identity.claimed_from),
    -- When the employee corrected it last, for a corrected contact.
    connected.last_corrected_at
FROM connected_contact AS connected
JOIN LATERAL (SELECT * FROM contacts_contact stored WHERE stored.employee_id = connected.employee_id
              AND stored.id = connected.contact_id OFFSET 0) AS contact
    ON contact.end_reason IS DISTINCT FROM 'merged' OR contact.corrected_at IS NOT NULL
JOIN LATERAL (SELECT * FROM contacts_contactidentity stored WHERE stored.employee_id = connected.employee_id
              AND stored.contact_id = connected.contact_id OFFSET 0) AS identity ON true
GROUP BY 1, 2, 3, 4, 5, 6, 7, connected.last_corrected_at ORDER BY contact.recorded_at, contact.id;

-- name: sightings
SELECT contact_id, id, keys, seen_at, confirmed_at, ended_at FROM contacts_sighting
WHERE contact_id = ANY(%(contacts)s) ORDER BY id;

-- name: change_contacts
UPDATE contacts_contact contact
SET recorded_at = change.recorded_at, confirmed_at = change.confirmed_at, ended_at = change.ended_at,
    name = CASE WHEN contact.name = '' THEN change.name ELSE contact.name END,
    end_reason = CASE WHEN change.ended_at IS NULL THEN NULL
        ELSE coalesce(change.end_reason, contact.end_reason, 'withdrawn') END
FROM unnest(%(contact_id)s::bigint[], %(recorded_at)s::timestamptz[], %(confirmed_at)s::timestamptz[],
    %(ended_at)s::timestamptz[], %(name)s::text[], %(end_reason)s::text[])
    AS change (contact_id, recorded_at, confirmed_at, ended_at, name, end_reason)
WHERE contact.id = change.contact_id;

-- name: add_identities
INSERT INTO contacts_contactidentity (employee_id, contact_id, kind, value, domain, digest, live)
SELECT contact.employee_id, contact.id, new_identity.kind, new_identity.value, nullif(new_identity.domain, ''),
    decode(new_identity.hex, 'hex'), contact.live
FROM unnest(%(contact_id)s::bigint[], %(kind)s::text[], %(value)s::text[], %(domain)s::text[], %(digest)s::text[])
    AS new_identity (contact_id, kind, value, domain, hex)
JOIN contacts_contact contact ON contact.id = new_identity.contact_id;

-- name: set_claims
UPDATE contacts_contactidentity identity SET claimed_from = claim.claimed_from
FROM unnest(%(employee_id)s::bigint[], %(contact_id)s::bigint[], %(kind)s::text[], %(digest)s::text[],
    %(claimed_from)s::timestamptz[]) AS claim (employee_id, contact_id, kind, hex, claimed_from)
WHERE identity.employee_id = claim.employee_id AND identity.contact_id = claim.contact_id
  AND identity.kind = claim.kind AND identity.digest = decode(claim.hex, 'hex');

-- name: add_sightings
INSERT INTO contacts_sighting (employee_id, contact_id, keys, seen_at, confirmed_at, ended_at)
SELECT employee_id, contact_id, string_to_array(keys, ','), seen_at, confirmed_at, ended_at
FROM unnest(%(employee_id)s::bigint[], %(contact_id)s::bigint[], %(keys)s::text[], %(seen_at)s::timestamptz[],
    %(confirmed_at)s::timestamptz[], %(ended_at)s::timestamptz[])
    AS new_sighting (employee_id, contact_id, keys, seen_at, confirmed_at, ended_at);

-- name: change_sightings
UPDATE contacts_sighting sighting
SET contact_id = change.contact_id, confirmed_at = change.confirmed_at, ended_at = change.ended_at
FROM unnest(%(sighting_id)s::bigint[], %(contact_id)s::bigint[], %(confirmed_at)s::timestamptz[],
    %(ended_at)s::timestamptz[]) AS change (sighting_id, contact_id, confirmed_at, ended_at)
WHERE sighting.id = change.sighting_id;
