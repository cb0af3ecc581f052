-- name: contacts
SELECT (recorded_at AT TIME ZONE {zone})::date AS day, source, count(*)::int FROM contacts_contact
WHERE employee_id IN ({members}) AND recorded_at >= {opens_at} AND recorded_at < {until} AND {stored}
GROUP BY 1, 2 ORDER BY 1, 2

-- name: company_contacts
-- The same for the whole company: pre-counted quarters of an hour, plus the contacts of the last one.
SELECT (at AT TIME ZONE {zone})::date AS day, source, sum(n)::int FROM (
    SELECT quarter AS at, source, n FROM contacts_intakecount WHERE quarter >= {opens_at} AND quarter < {last_quarter}
    UNION ALL
    SELECT recorded_at, source, 1 FROM contacts_contact
    WHERE recorded_at >= {last_quarter} AND recorded_at < {until}) intake
GROUP BY 1, 2 HAVING sum(n) > 0 ORDER BY 1, 2
