-- name: give_up_emails
-- A leaver's address is free; another holder in the file or on the roster keeps it.
UPDATE roster_stage staged_row SET gives_up_email = true
FROM (
    SELECT DISTINCT ON (email_digest) email_digest, coalesce(ends_at, 'infinity') AS ends_at, staff_no
    FROM roster_stage WHERE NOT email_needs_approval
    ORDER BY email_digest, coalesce(ends_at, 'infinity') DESC, staff_no DESC
) latest
WHERE staged_row.ends_at <= %(now)s AND latest.email_digest = staged_row.email_digest
  AND (latest.ends_at, latest.staff_no) > (staged_row.ends_at, staged_row.staff_no);

UPDATE roster_stage staged_row SET gives_up_email = true
WHERE staged_row.ends_at <= %(now)s
  AND EXISTS (
    SELECT 1 FROM employees_employeeidentity identity
    JOIN employees_employee holder ON holder.id = identity.employee_id
    JOIN employees_employment employment ON employment.employee_id = holder.id AND employment.ends_at > %(now)s
    WHERE identity.kind = 'email' AND identity.live AND identity.digest = staged_row.email_digest
      AND holder.staff_no <> staged_row.staff_no
      AND NOT EXISTS (
        SELECT 1 FROM roster_stage holder_row
        WHERE holder_row.staff_no = holder.staff_no AND NOT holder_row.email_needs_approval));

-- name: reject_ends_before_starts
-- Of periods that still run, and of ended periods that both dates correct. Without a last day in the row the known one
-- stays, as of an employee who leaves tomorrow and is to return later.
DELETE FROM roster_stage staged_row USING roster_newest newest, employees_employee employee
WHERE employee.id = newest.employee_id AND staged_row.staff_no = employee.staff_no
  AND (newest.ends_at > %(now)s
       OR staged_row.ends_at <= %(now)s AND coalesce(staged_row.starts_at, '-infinity') < newest.ends_at)
  AND CASE WHEN staged_row.has_end THEN coalesce(staged_row.ends_at, 'infinity') ELSE newest.ends_at END
      <= newest.wanted_start
RETURNING staged_row.line, CASE WHEN staged_row.has_end THEN 'left_on' ELSE 'started_on' END,
    CASE WHEN staged_row.has_end THEN 'left_before_start' ELSE 'starts_after_end' END,
    CASE WHEN staged_row.has_end THEN 'left before the known first day of '
        ELSE 'starts after the known last day of ' END || employee.name, employee.name;

-- name: reject_numbers_with_at
-- A staff number becomes a lower-case sign-in name, and a name with an @ is an address.
DELETE FROM roster_stage staged_row
WHERE staged_row.staff_no LIKE '%%@%%'
  AND NOT EXISTS (SELECT 1 FROM employees_employee employee WHERE employee.staff_no = staged_row.staff_no)
RETURNING staged_row.line, 'staff_no', 'staff_no_sign', 'a staff number has no @', '';

-- name: reject_taken_logins
-- A new number must not match another person's sign-in.
WITH new_row AS MATERIALIZED (
    SELECT line, lower(staff_no) AS login,
        first_value(line) OVER same_login AS first_line, first_value(staff_no) OVER same_login AS first_staff_no
    FROM roster_stage staged_row
    WHERE NOT EXISTS (SELECT 1 FROM employees_employee employee WHERE employee.staff_no = staged_row.staff_no)
    WINDOW same_login AS (PARTITION BY lower(staff_no) ORDER BY line)
), conflict AS (
    SELECT new_row.line, employee.staff_no AS holder
    FROM new_row JOIN employees_employee employee ON lower(employee.staff_no) = new_row.login
    UNION ALL
    SELECT new_row.line, account.login FROM new_row JOIN accounts_account account USING (login)
    UNION ALL
    SELECT line, first_staff_no FROM new_row WHERE first_line < line
)
DELETE FROM roster_stage staged_row
USING (SELECT line, min(holder) AS holder FROM conflict GROUP BY line) conflict
WHERE staged_row.line = conflict.line
RETURNING staged_row.line, 'staff_no', 'staff_no_taken',
    'the same sign-in name as ' || conflict.holder, conflict.holder;

-- name: reject_taken_emails
DELETE FROM roster_stage staged_row USING employees_employeeidentity identity, employees_employee holder
WHERE identity.kind = 'email' AND identity.live AND identity.digest = staged_row.email_digest
  AND holder.id = identity.employee_id AND holder.staff_no <> staged_row.staff_no AND NOT staged_row.gives_up_email
  AND NOT EXISTS (
    SELECT 1 FROM roster_stage holder_row
    WHERE holder_row.staff_no = holder.staff_no
      AND (staged_row.email_needs_approval OR NOT holder_row.email_needs_approval))
  AND EXISTS (
    SELECT 1 FROM employees_employment employment
    WHERE employment.employee_id = holder.id AND employment.ends_at > %(now)s)
RETURNING staged_row.line, 'email', 'email_taken', 'the e-mail of ' || holder.name || ' (' || holder.staff_no || ')',
    holder.name || ' (' || holder.staff_no || ')';

-- name: reject_unknown_managers
-- The last column is only the manager; `unknown_managers.explained` adds the text when all rejects are known.
DELETE FROM roster_stage staged_row
WHERE staged_row.manager <> ''
  AND NOT EXISTS (SELECT 1 FROM roster_stage manager_row WHERE manager_row.staff_no = staged_row.manager)
  AND NOT EXISTS (SELECT 1 FROM employees_employee manager WHERE manager.staff_no = staged_row.manager)
RETURNING staged_row.line, 'manager_staff_no', 'unknown_manager', '', staged_row.manager;

-- name: clear_unknown_managers
WITH unknown AS (
    SELECT line, manager FROM roster_stage staged_row
    WHERE staged_row.manager <> ''
      AND NOT EXISTS (SELECT 1 FROM roster_stage manager_row WHERE manager_row.staff_no = staged_row.manager)
      AND NOT EXISTS (SELECT 1 FROM employees_employee manager WHERE manager.staff_no = staged_row.manager)
)
UPDATE roster_stage staged_row SET manager = '' FROM unknown WHERE staged_row.line = unknown.line
RETURNING staged_row.line, unknown.manager;

-- name: create_needs
-- Each row may need other rows of the file. One is its manager's row, when the manager is not yet on the roster.
-- Another is the row of the present holder of its e-mail, which frees the address.
CREATE TEMP TABLE roster_needs ON COMMIT DROP AS
SELECT staged_row.staff_no, holder.staff_no AS needs, holder.name || ' (' || holder.staff_no || ')' AS holder
FROM roster_stage staged_row
JOIN employees_employeeidentity identity
    ON identity.kind = 'email' AND identity.live AND identity.digest = staged_row.email_digest
JOIN employees_employee holder ON holder.id = identity.employee_id AND holder.staff_no <> staged_row.staff_no
WHERE NOT staged_row.gives_up_email
  AND EXISTS (
    SELECT 1 FROM employees_employment employment
    WHERE employment.employee_id = holder.id AND employment.ends_at > %(now)s)
UNION ALL
SELECT staged_row.staff_no, staged_row.manager, NULL
FROM roster_stage staged_row
WHERE %(managers)s AND staged_row.manager <> ''
  AND NOT EXISTS (SELECT 1 FROM employees_employee manager WHERE manager.staff_no = staged_row.manager);
CREATE INDEX ON roster_needs (needs);

-- name: reject_dependents
-- One statement for any length of chain. It uses the index for each step: without statistics on a new table, the
-- planner may scan it for every row.
SET LOCAL enable_seqscan = off;
-- Rows are numbered in search order, so the reported reason is the one found first. The last column is as in
-- reject_taken_emails and reject_unknown_managers.
WITH RECURSIVE rejected AS (
    SELECT staff_no, needs, holder FROM roster_needs need
    WHERE NOT EXISTS (SELECT 1 FROM roster_stage needed_row WHERE needed_row.staff_no = need.needs)
    UNION
    SELECT need.staff_no, need.needs, need.holder
    FROM rejected
    CROSS JOIN LATERAL (
        SELECT * FROM roster_needs WHERE roster_needs.needs = rejected.staff_no OFFSET 0
    ) need
), numbered AS (
    SELECT *, row_number() OVER () AS search_order FROM rejected
), reason AS (
    SELECT DISTINCT ON (staff_no) * FROM numbered ORDER BY staff_no, search_order
)
DELETE FROM roster_stage staged_row USING reason WHERE staged_row.staff_no = reason.staff_no
RETURNING staged_row.line, CASE WHEN reason.holder IS NULL THEN 'manager_staff_no' ELSE 'email' END,
    CASE WHEN reason.holder IS NULL THEN 'unknown_manager' ELSE 'email_taken' END,
    coalesce('the e-mail of ' || reason.holder, ''), coalesce(reason.holder, reason.needs);

-- name: deepest_employee
-- A new employee with 128 new managers above in a chain: too many levels, or a cycle. Each step doubles the distance;
-- the trigger on placements would walk level by level.
WITH above_1 AS (
    SELECT staff_no, manager FROM roster_stage staged_row
    WHERE manager <> ''
      AND NOT EXISTS (SELECT 1 FROM employees_employee employee WHERE employee.staff_no = staged_row.staff_no)
), above_2 AS (
    SELECT near.staff_no, far.manager FROM above_1 near JOIN above_1 far ON far.staff_no = near.manager
), above_4 AS (
    SELECT near.staff_no, far.manager FROM above_2 near JOIN above_2 far ON far.staff_no = near.manager
), above_8 AS (
    SELECT near.staff_no, far.manager FROM above_4 near JOIN above_4 far ON far.staff_no = near.manager
), above_16 AS (
    SELECT near.staff_no, far.manager FROM above_8 near JOIN above_8 far ON far.staff_no = near.manager
), above_32 AS (
    SELECT near.staff_no, far.manager FROM above_16 near JOIN above_16 far ON far.staff_no = near.manager
), above_64 AS (
    SELECT near.staff_no, far.manager FROM above_32 near JOIN above_32 far ON far.staff_no = near.manager
), above_128 AS (
    SELECT near.staff_no, far.manager FROM above_64 near JOIN above_64 far ON far.staff_no = near.manager
)
SELECT staff_no FROM above_128 ORDER BY staff_no LIMIT 1;

-- name: managers_above
-- The managers above one employee, nearest first, up to the allowed depth.
WITH RECURSIVE chain AS (
    SELECT staff_no, manager, 0 AS level FROM roster_stage WHERE staff_no = %(staff_no)s
    UNION ALL
    SELECT manager_row.staff_no, manager_row.manager, chain.level + 1
    FROM chain JOIN roster_stage manager_row ON manager_row.staff_no = chain.manager
    WHERE chain.level < 100
)
SELECT staff_no FROM chain ORDER BY level;
