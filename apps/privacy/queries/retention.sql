-- name: due
-- Expired contacts: in no period that a campaign retains, or in no period in use and recorded by a leaver. An employee
-- who has worked here since `left_before` is not a leaver. The roster must also have reported the end before it, so
-- that a backdated end erases nothing. An employee without any employment, after an undone import, is not a leaver
-- either.
SELECT contact.employee_id, contact.id FROM contacts_contact contact
WHERE contact.name IS NOT NULL AND contact.id > %(after)s
  AND (contact.recorded_at < %(before)s
       AND NOT EXISTS (
        SELECT FROM unnest(%(retained_from)s::timestamptz[], %(retained_until)s::timestamptz[])
            AS retained (starts_at, ends_at)
        WHERE in_force_from(retained.starts_at, retained.ends_at, contact.recorded_at))
    OR NOT EXISTS (
        SELECT FROM unnest(%(used_from)s::timestamptz[], %(used_until)s::timestamptz[]) AS used (starts_at, ends_at)
        WHERE in_force_from(used.starts_at, used.ends_at, contact.recorded_at))
       AND contact.employee_id IN (
        SELECT employment.employee_id FROM employees_employment employment
        GROUP BY employment.employee_id
        HAVING max(greatest(employment.ends_at, employment.ended_recorded_at)) <= %(left_before)s));

-- name: next_due
SELECT employee_id, id FROM ({due}) due ORDER BY id LIMIT %(batch)s;

-- name: count_due
SELECT count(*) FROM ({due}) due;

-- name: unused_digests
-- A digest has 32 bytes; its random replacement has 16. The digest of a current employee stays: it is the employee's
-- own identity, and the roster has it too.
SELECT DISTINCT identity.kind, identity.digest
FROM contacts_contactidentity identity
JOIN contacts_contact contact ON contact.employee_id = identity.employee_id AND contact.id = identity.contact_id
WHERE contact.name IS NULL AND octet_length(identity.digest) = 32 AND contact.recorded_at < %(before)s
  AND NOT EXISTS (
    SELECT FROM unnest(%(retained_from)s::timestamptz[], %(retained_until)s::timestamptz[])
        AS retained (starts_at, ends_at)
    WHERE in_force_from(retained.starts_at, retained.ends_at, contact.recorded_at))
  AND NOT EXISTS (
    SELECT FROM employees_employeeidentity own_identity
    WHERE own_identity.kind = identity.kind AND own_identity.digest = identity.digest)
  AND NOT EXISTS (
    SELECT FROM core_outbox queued WHERE queued.kind = identity.kind AND queued.digest = identity.digest)
  AND NOT EXISTS (
    SELECT FROM contacts_contactidentity same_identity
    JOIN contacts_contact same_contact
        ON same_contact.employee_id = same_identity.employee_id AND same_contact.id = same_identity.contact_id
    WHERE same_identity.kind = identity.kind AND same_identity.digest = identity.digest
      AND (same_contact.name IS NOT NULL OR same_contact.recorded_at >= %(before)s
           OR EXISTS (
            SELECT FROM unnest(%(retained_from)s::timestamptz[], %(retained_until)s::timestamptz[])
                AS retained (starts_at, ends_at)
            WHERE in_force_from(retained.starts_at, retained.ends_at, same_contact.recorded_at))))
LIMIT %(batch)s;

-- name: holders
SELECT DISTINCT identity.employee_id
FROM contacts_contactidentity identity
JOIN unnest(%(kinds)s::text[], %(digests)s::text[]) AS unused (kind, hex)
    ON identity.kind = unused.kind AND identity.digest = decode(unused.hex, 'hex');

-- name: replace_digests
-- All identities with the same digest get the same replacement, so claims and duplicates stay the same.
WITH replacement AS MATERIALIZED (
    SELECT kind, decode(hex, 'hex') AS digest, uuid_send(gen_random_uuid()) AS new_digest
    FROM unnest(%(kinds)s::text[], %(digests)s::text[]) AS unused (kind, hex)
)
UPDATE contacts_contactidentity identity SET digest = replacement.new_digest
FROM replacement WHERE identity.kind = replacement.kind AND identity.digest = replacement.digest;

-- name: blank_submissions
-- The fields of a submission that could still name a person.
UPDATE contacts_submission
SET file_name = '',
    report = CASE WHEN report ? 'rejects' THEN jsonb_set(report, '{rejects}', '[]') ELSE report END
WHERE id IN (
    SELECT submission.id FROM contacts_submission submission
    WHERE submission.received_at < %(before)s AND submission.state <> 'received'
      AND (submission.file_name <> '' OR jsonb_array_length(coalesce(submission.report -> 'rejects', '[]')) > 0)
      AND NOT EXISTS (
        SELECT FROM unnest(%(retained_from)s::timestamptz[], %(retained_until)s::timestamptz[])
            AS retained (starts_at, ends_at)
        WHERE in_force_from(retained.starts_at, retained.ends_at, submission.received_at))
    LIMIT %(batch)s);
