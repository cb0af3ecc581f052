-- The digests travel as one text, because binding thousands of byte strings costs more than looking them up. LATERAL
-- with OFFSET 0 forces one index look-up per row: a planner that overestimates the list would read whole tables.

-- name: live
-- The contacts that hold identities of the drafts; under employee 0, identities with an objection; as contact 0, the
-- identities that an employee has recorded, and then ended or corrected, too often within a day.
WITH lookup AS MATERIALIZED (
    SELECT employee_id, kind, decode(hex, 'hex') AS digest
    FROM unnest(%(employees)s::bigint[], string_to_array(%(kinds)s, ','), string_to_array(%(digests)s, ','))
        AS parameter (employee_id, kind, hex)
)
SELECT identity.employee_id, identity.kind, identity.digest, identity.contact_id
FROM lookup
JOIN LATERAL (SELECT * FROM contacts_contactidentity stored WHERE stored.employee_id = lookup.employee_id
              AND stored.kind = lookup.kind AND stored.digest = lookup.digest AND stored.live OFFSET 0) AS identity
    ON true
UNION ALL
SELECT 0::bigint, lookup.kind, lookup.digest, 0::bigint
FROM lookup
JOIN LATERAL (SELECT FROM contacts_suppressedidentity suppressed
              WHERE suppressed.kind = lookup.kind AND suppressed.digest = lookup.digest OFFSET 0) AS objection ON true
UNION ALL
SELECT recorder.employee_id, identity.kind, identity.digest, 0::bigint
FROM (SELECT DISTINCT employee_id FROM lookup) AS recorder
-- Only ended contacts: an employee has an identity live once.
JOIN LATERAL (SELECT * FROM contacts_contact stored WHERE stored.employee_id = recorder.employee_id
              AND stored.recorded_at > hundred_clock() - interval '24 hours' AND stored.ended_at IS NOT NULL
              AND (stored.source NOT IN ('feed', 'demo') OR stored.replaces_id IS NOT NULL) OFFSET 0) AS contact
    ON true
JOIN LATERAL (SELECT * FROM contacts_contactidentity stored WHERE stored.employee_id = recorder.employee_id
              AND stored.contact_id = contact.id OFFSET 0) AS identity ON true
GROUP BY 1, 2, 3
HAVING count(*) >= %(max_repeats)s;

-- name: recorded_today
-- As NormalisedDraft.daily_cost: a contact with many identities takes the place of several.
SELECT contact.employee_id, sum(greatest(1, ceil(identities.number / %(identities_of_one)s::numeric)))::bigint
FROM contacts_contact contact
JOIN LATERAL (SELECT count(*) AS number FROM contacts_contactidentity identity
              WHERE identity.employee_id = contact.employee_id AND identity.contact_id = contact.id) AS identities
    ON true
WHERE contact.employee_id = ANY(%(employees)s)
  AND contact.recorded_at >= %(day_starts_at)s AND contact.recorded_at < %(day_ends_at)s
  AND (contact.source NOT IN ('feed', 'demo') OR contact.replaces_id IS NOT NULL)
GROUP BY 1;

-- name: has_later
-- Whether any contact qualifies for `later`: three index look-ups for a whole batch.
SELECT EXISTS (
        SELECT 1 FROM contacts_contact WHERE employee_id = ANY(%(employees)s) AND recorded_at > %(received_at)s)
    OR EXISTS (
        SELECT 1 FROM contacts_contact WHERE ended_at > %(received_at)s AND employee_id = ANY(%(employees)s))
    OR EXISTS (
        SELECT 1 FROM contacts_contactidentity
        WHERE claimed_from > %(received_at)s AND employee_id = ANY(%(employees)s));

-- name: later
-- Contacts that share an identity with a draft and were recorded, or ended, after the receipt. A file may wait in the
-- queue while its employee continues to record contacts.
WITH lookup AS MATERIALIZED (
    SELECT employee_id, kind, decode(hex, 'hex') AS digest
    FROM unnest(%(employees)s::bigint[], string_to_array(%(kinds)s, ','), string_to_array(%(digests)s, ','))
        AS parameter (employee_id, kind, hex)
)
SELECT identity.employee_id, identity.kind, identity.digest, contact.recorded_at, contact.id, contact.ended_at,
    coalesce(identity.claimed_from, contact.recorded_at)
FROM lookup
JOIN LATERAL (SELECT * FROM contacts_contactidentity stored WHERE stored.employee_id = lookup.employee_id
              AND stored.kind = lookup.kind AND stored.digest = lookup.digest OFFSET 0) AS identity ON true
JOIN LATERAL (SELECT * FROM contacts_contact stored WHERE stored.employee_id = identity.employee_id
              AND stored.id = identity.contact_id OFFSET 0) AS contact
    ON contact.recorded_at > %(received_at)s OR contact.ended_at > %(received_at)s
    OR identity.claimed_from > %(received_at)s;

-- name: keep_claims
-- The claims of a backdated contact stay where they are; `claim` then moves those that the file names.
UPDATE contacts_contactidentity identity SET claimed_from = contact.recorded_at
FROM contacts_contact contact
WHERE contact.id = ANY(%(backdated)s) AND identity.contact_id = contact.id
  AND identity.employee_id = contact.employee_id AND identity.claimed_from IS NULL;

-- name: backdate
-- A contact belongs to the submission from whose receipt it counts: undoing a later file must not end it.
UPDATE contacts_contact
SET recorded_at = %(received_at)s, stored_at = %(now)s, submission_id = %(submission)s, source = %(source)s
WHERE id = ANY(%(backdated)s);

-- name: claim
UPDATE contacts_contactidentity identity SET claimed_from = nullif(%(received_at)s, contact.recorded_at)
FROM unnest(%(contacts)s::bigint[], %(kinds)s::text[], %(digests)s::text[]) AS named_identity (contact_id, kind, hex)
JOIN contacts_contact contact ON contact.id = named_identity.contact_id
WHERE identity.employee_id = contact.employee_id AND identity.contact_id = contact.id
  AND identity.kind = named_identity.kind AND identity.digest = decode(named_identity.hex, 'hex')
  AND contact.recorded_at <= %(received_at)s AND identity.claimed_from > %(received_at)s;

-- name: delete_outcomes
-- The key goes too, so that a later request with it is a new one. The generated columns read the numbers that stay.
UPDATE contacts_submission
SET report = report - '{outcomes,rejects,duplicates}'::text[]
        || jsonb_build_object('handed_in', handed_in, 'duplicate', duplicates),
    key = NULL
WHERE id IN (
    SELECT id FROM contacts_submission
    WHERE done_at < %(before)s AND (report ? 'outcomes' OR source = 'feed' AND report ? 'rejects')
    LIMIT %(batch)s);
