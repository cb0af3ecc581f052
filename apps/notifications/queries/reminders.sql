-- name: candidates
-- The people of a list with the reason why a person is not reminded now; empty: is reminded. Follows the CTEs of a
-- standings report.
, candidate AS (
    SELECT listed.employee_id, listed.staff_no, listed.name, employee.time_zone AS zone,
        coalesce(account.language, '') AS language, last_reminder.last_at,
        CASE
            WHEN NOT EXISTS (
                SELECT FROM employees_employment employment
                WHERE employment.employee_id = listed.employee_id
                  AND in_force_from(employment.starts_at, employment.ends_at, {now})) THEN 'left'
            WHEN NOT coalesce(account.is_active, true) OR account.id IS NULL AND employee.email = '' THEN 'no_access'
            WHEN listed.exempt THEN 'exempt'
            WHEN NOT listed.red THEN 'reached'
            -- NULL for a reader who may not know it (ADR 29).
            WHEN listed.under_review THEN 'under_review'
            WHEN last_reminder.last_at > {now} - interval '24 hours' THEN 'recent'
            WHEN last_reminder.previous_at > {now} - interval '7 days' THEN 'twice'
            ELSE '' END AS reason
    FROM (SELECT * FROM listed WHERE {where}) listed
    JOIN employees_employee employee ON employee.id = listed.employee_id
    LEFT JOIN accounts_account account ON account.employee_id = listed.employee_id
    LEFT JOIN notifications_lastreminder last_reminder ON last_reminder.employee_id = listed.employee_id)

-- name: preview
SELECT employee_id, staff_no, name, zone, language, last_at, reason FROM candidate ORDER BY name, staff_no

-- name: send
-- The limits are part of the write, so they hold for concurrent senders too: a row that another sender has just written
-- is waited for and then compared. All senders take the rows in one order, so none waits for another in a circle.
-- A person under review gets no reminder, and still counts as reminded: a manager sees when a member was last reminded,
-- and must not learn of the review from a gap (ADR 29).
-- The columns: people reminded, and people who are not among those that the preview showed.
, seen AS (SELECT {first}::bigint AS first, {bits}::bytea AS bits),
reminded AS (
    INSERT INTO notifications_lastreminder AS last_reminder (employee_id, last_at)
    SELECT employee_id, {now} FROM candidate WHERE reason IN ('', 'under_review') ORDER BY employee_id
    ON CONFLICT (employee_id) DO UPDATE SET last_at = excluded.last_at, previous_at = last_reminder.last_at
    WHERE last_reminder.last_at <= excluded.last_at - interval '24 hours'
      AND coalesce(last_reminder.previous_at <= excluded.last_at - interval '7 days', true)
    RETURNING employee_id),
recorded AS (
    INSERT INTO core_event (kind, subject, campaign_id, employee_id, data, at)
    SELECT 'reminder', {subject}, {campaign}, employee_id, jsonb_build_object(), {now}
    FROM reminded
    WHERE employee_id NOT IN ({under_review}))
SELECT count(*)::int, count(*) FILTER (WHERE NOT CASE
    WHEN employee_id BETWEEN seen.first AND seen.first + 8 * octet_length(seen.bits) - 1
    THEN get_bit(seen.bits, employee_id - seen.first) = 1 ELSE false END)::int
FROM reminded JOIN candidate USING (employee_id) CROSS JOIN seen
WHERE candidate.reason = ''
