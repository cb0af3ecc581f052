-- The rows of employees that a load or an undo changes. They are written last, after every check, because recording
-- waits for them.

-- name: create
DROP VIEW IF EXISTS pg_temp.roster_employee;
DROP TABLE IF EXISTS pg_temp.roster_changed;
CREATE TEMP TABLE roster_changed ON COMMIT DROP AS SELECT changed.* FROM ({changed}) changed;
ANALYZE roster_changed;
-- All employees as they will be.
CREATE TEMP VIEW roster_employee AS
SELECT employee.id, employee.staff_no, coalesce(changed.name, employee.name) AS name,
    coalesce(changed.email, employee.email) AS email, coalesce(changed.phone, employee.phone) AS phone,
    coalesce(changed.time_zone, employee.time_zone) AS time_zone,
    coalesce(changed.chat_id, employee.chat_id) AS chat_id
FROM employees_employee employee LEFT JOIN roster_changed changed ON changed.employee_id = employee.id;

-- name: record_chat_changes
-- An event for each employee whose chat account changes, before the rows are written. Each change is a subject of its
-- own, also one to an account of before. It holds the account, because another change may follow before its notice
-- leaves.
INSERT INTO core_event (kind, subject, employee_id, data)
SELECT 'chat_changed', gen_random_uuid()::text, employee.id, jsonb_build_object('chat_id', changed.chat_id)
FROM employees_employee employee JOIN roster_changed changed ON changed.employee_id = employee.id
WHERE NOT changed.is_new AND changed.chat_id <> employee.chat_id;

-- name: write
-- In the order of ids, in which all writers lock.
SELECT count(*) FROM (
    SELECT employee.id FROM employees_employee employee JOIN roster_changed changed ON changed.employee_id = employee.id
    WHERE changed.is_new = %(is_new)s ORDER BY employee.id FOR NO KEY UPDATE OF employee
) locked;

UPDATE employees_employee employee
SET name = changed.name, email = changed.email, email_unproven = changed.email_unproven, phone = changed.phone,
    time_zone = changed.time_zone, chat_id = changed.chat_id
FROM roster_changed changed WHERE employee.id = changed.employee_id AND changed.is_new = %(is_new)s;

-- name: write_accounts
UPDATE accounts_account account SET email = changed.email, display_name = changed.name
FROM roster_changed changed
WHERE account.employee_id = changed.employee_id
  AND (account.email, account.display_name) <> (changed.email, changed.name);
