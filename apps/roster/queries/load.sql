-- name: create_tables
-- Dropped first, because a transaction may load more than one roster.
DROP VIEW IF EXISTS pg_temp.roster_newest;
DROP TABLE IF EXISTS pg_temp.roster_stage, pg_temp.roster_touched, pg_temp.roster_moves, pg_temp.roster_left,
    pg_temp.roster_needs;
CREATE TEMP TABLE roster_stage (
    line int, staff_no text PRIMARY KEY, name text, email text, email_digest bytea, phone text, phone_digest bytea,
    has_phone bool, department text, manager text, time_zone text, starts_at timestamptz, ends_at timestamptz,
    effective_at timestamptz, has_start bool, has_end bool, chat_id text, employee_id bigint, is_new bool DEFAULT false,
    email_needs_approval bool DEFAULT false, gives_up_email bool DEFAULT false
) ON COMMIT DROP;
CREATE TEMP TABLE roster_touched (employee_id bigint, affects_standing bool) ON COMMIT DROP;
CREATE TEMP TABLE roster_left (employee_id bigint) ON COMMIT DROP;
-- The newest employment of each employee in the file, with the first day that the file asks for. A first day inside an
-- earlier period, as after a rehire, does not apply to the newest period.
CREATE TEMP VIEW roster_newest AS
SELECT DISTINCT ON (employment.employee_id)
    employment.id, employment.employee_id, employment.starts_at, employment.ends_at,
    CASE WHEN staged_row.has_start AND coalesce(staged_row.starts_at, '-infinity') >= coalesce(
            lag(employment.ends_at) OVER (PARTITION BY employment.employee_id ORDER BY employment.starts_at),
            '-infinity')
         THEN coalesce(staged_row.starts_at, '-infinity') ELSE employment.starts_at END AS wanted_start
FROM employees_employment employment
JOIN employees_employee employee ON employee.id = employment.employee_id
JOIN roster_stage staged_row ON staged_row.staff_no = employee.staff_no
ORDER BY employment.employee_id, employment.starts_at DESC;

-- name: fill_stage
INSERT INTO roster_stage (
    line, staff_no, name, email, email_digest, phone, phone_digest, has_phone, department, manager, time_zone,
    starts_at, ends_at, effective_at, has_start, has_end, chat_id
)
SELECT line, staff_no, name, email, email_digest, phone, phone_digest, has_phone, department, manager, time_zone,
    starts_at, ends_at, effective_at, has_start, has_end, chat_id
FROM {rows} WHERE valid;
ANALYZE roster_stage;

-- name: emails_need_approval
-- A roster never changes the address of an employee or leaver directly: the new address waits for a second person. This
-- runs before the rejections, because a kept address is not free for another row. Exception: a line that was undone
-- before its number was used.
UPDATE roster_stage staged_row SET email_needs_approval = true
FROM employees_employee employee
WHERE employee.staff_no = staged_row.staff_no AND employee.email <> staged_row.email
  AND (EXISTS (SELECT 1 FROM employees_employment employment WHERE employment.employee_id = employee.id)
       OR accounts_number_used(employee.id));

-- name: write_employees
-- Inserted in the order of staff numbers, so ids do not depend on the order of rows.
INSERT INTO employees_employee (staff_no, name, email, phone, time_zone, chat_id, created_at, email_unproven)
SELECT staff_no, name, email, coalesce(phone, ''), coalesce(time_zone, ''), coalesce(chat_id, ''), %(now)s, %(unproven)s
FROM roster_stage staged_row
WHERE NOT EXISTS (SELECT 1 FROM employees_employee employee WHERE employee.staff_no = staged_row.staff_no)
ORDER BY staff_no;

UPDATE roster_stage staged_row
SET employee_id = employee.id,
    is_new = NOT EXISTS (SELECT 1 FROM employees_employment employment WHERE employment.employee_id = employee.id)
FROM employees_employee employee WHERE employee.staff_no = staged_row.staff_no;

-- Earlier statistics show no employee ids, and the planner would join row by row.
ANALYZE roster_stage;

-- name: changed_employees
-- The columns of the employees that the load changes.
SELECT employee.id AS employee_id, staged_row.is_new, staged_row.name,
    CASE WHEN staged_row.email_needs_approval THEN employee.email ELSE staged_row.email END AS email,
    CASE WHEN staged_row.email_needs_approval OR employee.email = staged_row.email
        THEN employee.email_unproven ELSE %(unproven)s END AS email_unproven,
    CASE WHEN staged_row.has_phone THEN coalesce(staged_row.phone, '') ELSE employee.phone END AS phone,
    coalesce(staged_row.time_zone, employee.time_zone) AS time_zone,
    coalesce(staged_row.chat_id, employee.chat_id) AS chat_id
FROM roster_stage staged_row JOIN employees_employee employee ON employee.id = staged_row.employee_id
WHERE employee.name <> staged_row.name
   OR NOT staged_row.email_needs_approval AND employee.email <> staged_row.email
   OR staged_row.has_phone AND employee.phone <> coalesce(staged_row.phone, '')
   OR employee.time_zone <> coalesce(staged_row.time_zone, employee.time_zone)
   OR employee.chat_id <> coalesce(staged_row.chat_id, employee.chat_id);

-- name: touch_changed_employees
INSERT INTO roster_touched SELECT employee_id, false FROM roster_changed;

-- name: end_identities
WITH inherited AS (
    -- The address of a leaver is given to another employee: the rejections left no other case.
    UPDATE employees_employeeidentity identity SET live = false, ended_at = %(now)s
    FROM roster_stage staged_row
    WHERE identity.kind = 'email' AND identity.live AND identity.digest = staged_row.email_digest
      AND NOT staged_row.email_needs_approval AND NOT staged_row.gives_up_email
      AND identity.employee_id <> staged_row.employee_id
      AND NOT EXISTS (
        SELECT 1 FROM roster_stage holder_row
        WHERE holder_row.employee_id = identity.employee_id AND NOT holder_row.email_needs_approval)
), staged_identity AS (
    SELECT employee_id, 'email' AS kind, email_digest AS digest FROM roster_stage
    WHERE NOT email_needs_approval AND NOT gives_up_email
    UNION ALL
    SELECT employee_id, 'phone', phone_digest FROM roster_stage WHERE phone IS NOT NULL
)
UPDATE employees_employeeidentity identity SET live = false, ended_at = %(now)s
FROM roster_stage staged_row
WHERE identity.employee_id = staged_row.employee_id AND identity.live
  AND CASE identity.kind WHEN 'email' THEN NOT staged_row.email_needs_approval ELSE staged_row.has_phone END
  AND NOT EXISTS (
    SELECT 1 FROM staged_identity
    WHERE staged_identity.employee_id = identity.employee_id AND staged_identity.kind = identity.kind
      AND staged_identity.digest = identity.digest);

-- name: insert_identities
INSERT INTO employees_employeeidentity (employee_id, kind, value, digest, live, started_at, ended_at)
SELECT employee_id, kind, value, digest, live, %(now)s, CASE WHEN NOT live THEN %(now)s END
FROM (
    SELECT employee_id, 'email' AS kind, email AS value, email_digest AS digest, NOT gives_up_email AS live
    FROM roster_stage WHERE NOT email_needs_approval
    UNION ALL
    SELECT employee_id, 'phone', phone, phone_digest, true FROM roster_stage WHERE phone IS NOT NULL
) staged_identity
WHERE NOT EXISTS (
    SELECT 1 FROM employees_employeeidentity identity
    WHERE (identity.live OR NOT staged_identity.live) AND identity.employee_id = staged_identity.employee_id
      AND identity.kind = staged_identity.kind AND identity.digest = staged_identity.digest)
RETURNING kind, digest;

-- name: write_employments
-- Joiners.
INSERT INTO employees_employment (employee_id, starts_at, ends_at)
SELECT employee_id, coalesce(starts_at, '-infinity'), coalesce(ends_at, 'infinity') FROM roster_stage WHERE is_new;

-- The newest period takes the dates when it still runs, or when both dates correct an ended period.
WITH staged_period AS (
    SELECT newest.id, newest.wanted_start AS starts_at,
        CASE WHEN staged_row.has_end THEN coalesce(staged_row.ends_at, 'infinity') ELSE newest.ends_at END AS ends_at
    FROM roster_newest newest JOIN roster_stage staged_row USING (employee_id)
    WHERE NOT staged_row.is_new
      AND (newest.ends_at > %(now)s
           OR staged_row.ends_at <= %(now)s AND coalesce(staged_row.starts_at, '-infinity') < newest.ends_at)
), changed AS (
    UPDATE employees_employment employment
    SET starts_at = staged_period.starts_at, ends_at = staged_period.ends_at
    FROM staged_period
    WHERE employment.id = staged_period.id
      AND (staged_period.starts_at, staged_period.ends_at) <> (employment.starts_at, employment.ends_at)
    RETURNING employment.employee_id
)
INSERT INTO roster_touched SELECT employee_id, true FROM changed;

-- Rehires: a leaver whom the file lists as employed gets a new period.
WITH newest AS (
    SELECT employee_id, max(employment.ends_at) AS ended_at
    FROM employees_employment employment JOIN roster_stage staged_row USING (employee_id)
    WHERE NOT staged_row.is_new GROUP BY employee_id
), rehired AS (
    INSERT INTO employees_employment (employee_id, starts_at, ends_at)
    SELECT employee_id,
        CASE WHEN staged_row.starts_at >= newest.ended_at THEN staged_row.starts_at ELSE %(now)s END,
        coalesce(staged_row.ends_at, 'infinity')
    FROM roster_stage staged_row JOIN newest USING (employee_id)
    WHERE newest.ended_at <= %(now)s
      AND (staged_row.ends_at IS NULL OR staged_row.ends_at > %(now)s OR staged_row.starts_at >= newest.ended_at)
    RETURNING employee_id
)
INSERT INTO roster_touched SELECT employee_id, true FROM rehired;

-- name: write_placements
INSERT INTO employees_placement (employee_id, department, manager_id, starts_at, ends_at)
SELECT staged_row.employee_id, coalesce(staged_row.department, ''), manager.id, '-infinity', 'infinity'
FROM roster_stage staged_row LEFT JOIN employees_employee manager ON manager.staff_no = staged_row.manager
WHERE staged_row.is_new;

CREATE TEMP TABLE roster_moves ON COMMIT DROP AS
SELECT placement.id, staged_row.employee_id, placement.starts_at, placement.ends_at,
    coalesce(staged_row.effective_at, %(now)s) AS moves_at,
    coalesce(staged_row.department, placement.department) AS department,
    CASE WHEN staged_row.manager IS NULL THEN placement.manager_id ELSE manager.id END AS manager_id
FROM roster_stage staged_row
JOIN employees_placement placement ON placement.employee_id = staged_row.employee_id
    AND in_force_from(placement.starts_at, placement.ends_at, coalesce(staged_row.effective_at, %(now)s))
LEFT JOIN employees_employee manager ON manager.staff_no = staged_row.manager
WHERE NOT staged_row.is_new
  AND (coalesce(staged_row.department, placement.department) <> placement.department
       OR staged_row.manager IS NOT NULL AND manager.id IS DISTINCT FROM placement.manager_id);

UPDATE employees_placement placement SET ends_at = move.moves_at
FROM roster_moves move WHERE placement.id = move.id AND move.starts_at < move.moves_at;

UPDATE employees_placement placement SET department = move.department, manager_id = move.manager_id
FROM roster_moves move WHERE placement.id = move.id AND move.starts_at = move.moves_at;

INSERT INTO employees_placement (employee_id, department, manager_id, starts_at, ends_at)
SELECT employee_id, department, manager_id, moves_at, ends_at FROM roster_moves WHERE starts_at < moves_at;

INSERT INTO roster_touched SELECT employee_id, true FROM roster_moves;

-- name: end_missing_employments
-- People missing from a complete file left the day before, or now if they started today. A rejected number in other
-- letter case still counts as a mention.
WITH ended AS (
    UPDATE employees_employment employment
    SET ends_at = CASE WHEN employment.starts_at < %(left_at)s THEN %(left_at)s ELSE %(now)s END
    FROM employees_employee employee
    WHERE employee.id = employment.employee_id AND in_force(employment.starts_at, employment.ends_at, %(now)s)
      AND employment.ends_at > %(now)s
      AND NOT EXISTS (
        SELECT 1 FROM {rows} mentioned_row WHERE lower(mentioned_row.staff_no) = lower(employee.staff_no))
    RETURNING employment.employee_id
)
INSERT INTO roster_left SELECT employee_id FROM ended;

-- name: identities_of_touched
SELECT kind, digest FROM employees_employeeidentity
WHERE employee_id IN (SELECT employee_id FROM roster_touched WHERE affects_standing);

-- name: identities_of_leavers
SELECT kind, digest FROM employees_employeeidentity WHERE employee_id IN (SELECT employee_id FROM roster_left);

-- name: counts
SELECT count(*), count(*) FILTER (WHERE is_new), (
    SELECT count(DISTINCT employee_id) FROM roster_touched touched
    WHERE NOT EXISTS (
        SELECT 1 FROM roster_stage joiner WHERE joiner.is_new AND joiner.employee_id = touched.employee_id)
)
FROM roster_stage;

-- name: employees_to_reevaluate
SELECT employee_id FROM roster_stage WHERE is_new
UNION ALL
SELECT employee_id FROM roster_touched touched
WHERE affects_standing
  AND NOT EXISTS (SELECT 1 FROM roster_stage joiner WHERE joiner.is_new AND joiner.employee_id = touched.employee_id);

-- name: loader_leaves
-- Whether the account that loads the file would have no employment left.
SELECT EXISTS(
    SELECT 1 FROM accounts_account account
    WHERE account.id = %(by)s AND account.employee_id IS NOT NULL
      AND NOT EXISTS (
        SELECT 1 FROM employees_employment employment
        WHERE employment.employee_id = account.employee_id
          AND in_force_from(employment.starts_at, employment.ends_at, %(now)s))
);
