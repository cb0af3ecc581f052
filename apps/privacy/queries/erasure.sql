-- name: contacts_of_person
-- All contacts with these digests, and the contacts that corrected them or that they corrected.
WITH RECURSIVE requested AS (
    SELECT kind, decode(hex, 'hex') AS digest
    FROM unnest(%(kinds)s::text[], %(digests)s::text[]) AS identity (kind, hex)
), matched AS (
    SELECT identity.employee_id, identity.contact_id AS id
    FROM contacts_contactidentity identity JOIN requested USING (kind, digest)
    UNION
    SELECT linked.employee_id, linked.id
    FROM matched
    JOIN LATERAL (
        SELECT newer.employee_id, newer.id FROM contacts_contact newer WHERE newer.replaces_id = matched.id
        UNION ALL
        SELECT older.employee_id, older.id
        FROM contacts_contact contact JOIN contacts_contact older ON older.id = contact.replaces_id
        WHERE contact.id = matched.id
    ) linked ON true
)
SELECT employee_id, id FROM matched ORDER BY employee_id, id;

-- name: contacts_that_mention
SELECT employee_id, id FROM contacts_contact
WHERE name IS NOT NULL AND id <> ALL(%(contacts)s::bigint[]) AND normalize(name, NFKC) ~* ANY(%(patterns)s);

-- name: own_contacts_that_mention
SELECT employee_id, id FROM contacts_contact
WHERE employee_id = %(employee)s AND name IS NOT NULL AND id <> ALL(%(contacts)s::bigint[])
  AND normalize(name, NFKC) ~* ANY(%(patterns)s);

-- name: blank_contacts
WITH blanked (employee_id, id) AS (
    SELECT * FROM unnest(%(employees)s::bigint[], %(contacts)s::bigint[])
), blanked_identity AS (
    UPDATE contacts_contactidentity identity
    SET value = NULL, domain = CASE WHEN identity.domain = ANY(%(domains)s::text[]) THEN identity.domain END
    FROM blanked WHERE identity.employee_id = blanked.employee_id AND identity.contact_id = blanked.id
    RETURNING identity.contact_id, identity.domain
)
UPDATE contacts_contact contact
SET name = NULL,
    was_external = CASE
        WHEN EXISTS (
            SELECT FROM blanked_identity
            WHERE blanked_identity.contact_id = contact.id AND blanked_identity.domain IS NOT NULL)
        THEN contact.was_external ELSE coalesce(contact.was_external, true) END
FROM blanked WHERE contact.employee_id = blanked.employee_id AND contact.id = blanked.id;

-- name: reviews_that_mention
SELECT id, question ~* ANY(%(patterns)s), answer ~* ANY(%(patterns)s)
FROM (
    SELECT id, normalize(text, NFKC) AS question, normalize(answer_text, NFKC) AS answer FROM reviews_review
) review
WHERE question ~* ANY(%(patterns)s) OR answer ~* ANY(%(patterns)s);

-- name: names_that_mention
SELECT id FROM {table} WHERE normalize({column_name}, NFKC) ~* ANY(%(patterns)s) ORDER BY id;

-- name: own_names_that_mention
SELECT id FROM {table}
WHERE {owner_column} = %(account)s AND normalize({column_name}, NFKC) ~* ANY(%(patterns)s)
ORDER BY id;

-- name: rows_that_mention
SELECT id FROM {table} WHERE normalize({column_name}::text, NFKC) ~* ANY(%(patterns)s) ORDER BY id;

-- name: entries_that_mention
-- The entries about contacts, nearly all of them, hold ids, codes and instants: no text that could name a person.
SELECT id FROM {table}
WHERE subject_kind <> 'contact' AND normalize({column_name}::text, NFKC) ~* ANY(%(patterns)s)
ORDER BY id;
