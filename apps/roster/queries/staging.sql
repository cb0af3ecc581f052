-- name: create
DROP TABLE IF EXISTS pg_temp.{earlier_rows};
CREATE TEMP TABLE {rows} (
    line int, staff_no text, name text, email text, email_digest bytea, phone text, phone_digest bytea,
    has_phone bool, department text, manager text, time_zone text, starts_at timestamptz, ends_at timestamptz,
    effective_at timestamptz, has_start bool, has_end bool, chat_id text, valid bool,
    content text
);

-- name: copy
COPY {rows} (
    line, staff_no, name, email, email_digest, phone, phone_digest, has_phone, department, manager, time_zone,
    starts_at, ends_at, effective_at, has_start, has_end, chat_id, valid,
    content
) FROM STDIN;

-- name: contents
-- The person and the values of rows, for a user who corrects them. A row that could not be read has its text.
SELECT line, staff_no, name, coalesce(content, concat_ws(' · ', nullif(email, ''), nullif(phone, ''),
    nullif(department, ''), nullif(manager, ''), nullif(time_zone, ''),
    CASE WHEN isfinite(starts_at) THEN to_char(starts_at AT TIME ZONE %(zone)s, 'YYYY-MM-DD') END,
    CASE WHEN isfinite(ends_at)
        THEN to_char((ends_at - interval '1 microsecond') AT TIME ZONE %(zone)s, 'YYYY-MM-DD') END,
    nullif(chat_id, '')))
FROM {rows} WHERE line = ANY(%(lines)s) ORDER BY line;

-- name: disagreement
-- The first row that differs from the first row of the same person.
WITH repeated AS (
    SELECT staff_no, min(line) AS line FROM {rows} WHERE valid GROUP BY staff_no HAVING count(*) > 1
)
SELECT first_row.line, later_row.line, first_row.staff_no, first_row.name
FROM repeated
JOIN {rows} first_row ON first_row.staff_no = repeated.staff_no AND first_row.line = repeated.line
JOIN {rows} later_row ON later_row.staff_no = repeated.staff_no AND later_row.valid AND later_row.line > repeated.line
WHERE (
    later_row.name, later_row.email, later_row.email_digest, later_row.phone, later_row.phone_digest,
    later_row.has_phone, later_row.department, later_row.manager, later_row.time_zone, later_row.starts_at,
    later_row.ends_at, later_row.effective_at, later_row.has_start, later_row.has_end, later_row.chat_id
) IS DISTINCT FROM (
    first_row.name, first_row.email, first_row.email_digest, first_row.phone, first_row.phone_digest,
    first_row.has_phone, first_row.department, first_row.manager, first_row.time_zone, first_row.starts_at,
    first_row.ends_at, first_row.effective_at, first_row.has_start, first_row.has_end, first_row.chat_id
)
ORDER BY later_row.line LIMIT 1;

-- name: drop_repeated
DELETE FROM {rows} later_row
USING (
    SELECT staff_no, min(line) AS line FROM {rows} WHERE valid GROUP BY staff_no HAVING count(*) > 1
) repeated
WHERE later_row.staff_no = repeated.staff_no AND later_row.valid AND later_row.line > repeated.line;

-- name: shared_emails
-- Without leavers, because a leaver's address may belong to another person now.
SELECT email_digest, line, staff_no, name FROM {rows}
WHERE valid AND (ends_at IS NULL OR ends_at > %(now)s)
  AND email_digest IN (
    SELECT email_digest FROM {rows} WHERE valid AND (ends_at IS NULL OR ends_at > %(now)s)
    GROUP BY email_digest HAVING count(*) > 1)
ORDER BY line;

-- name: unknown_managers
SELECT DISTINCT staged_row.manager FROM {rows} staged_row
WHERE staged_row.valid AND staged_row.manager <> ''
  AND NOT EXISTS (
    SELECT 1 FROM {rows} manager_row WHERE manager_row.valid AND manager_row.staff_no = staged_row.manager)
  AND NOT EXISTS (SELECT 1 FROM employees_employee manager WHERE manager.staff_no = staged_row.manager);

-- name: replace_manager_names
UPDATE {rows} staged_row SET manager = resolved.staff_no
FROM unnest(%(names)s::text[], %(staff_numbers)s::text[]) AS resolved (name, staff_no)
WHERE staged_row.valid AND staged_row.manager = resolved.name;
