-- name: copy_table
DROP TABLE IF EXISTS pg_temp.{copy};
CREATE TEMP TABLE {copy} ON COMMIT DROP AS TABLE {table};
ANALYZE {copy};

-- name: store_changed
INSERT INTO roster_rosterimportbefore (load_id, place, row_id, employee_id, before)
SELECT %(load)s, {table_name}, new_row.id, new_row.{employee_id},
    CASE WHEN old_row.id IS NOT NULL THEN to_jsonb(old_row) - 'password' END
FROM {table} new_row LEFT JOIN {copy} old_row ON old_row.id = new_row.id
WHERE new_row.* IS DISTINCT FROM old_row.*;

-- name: affected_employees
SELECT DISTINCT employee_id FROM roster_rosterimportbefore WHERE load_id = %(load)s;

-- name: identities
SELECT kind, digest FROM employees_employeeidentity
WHERE employee_id IN (SELECT employee_id FROM roster_rosterimportbefore WHERE load_id = %(load)s);

-- name: count_changed_emails
-- Restoring an address needs a second person; the database refuses it otherwise.
SELECT count(*)
FROM roster_rosterimportbefore stored JOIN employees_employee employee ON employee.id = stored.row_id
WHERE stored.load_id = %(load)s AND stored.place = 'employees_employee'
  AND stored.before ->> 'email' <> employee.email;

-- name: changed_employees
SELECT employee.id AS employee_id, false AS is_new, original.name,
    CASE WHEN %(emails)s THEN original.email ELSE employee.email END AS email, employee.email_unproven,
    original.phone, original.time_zone,
    -- A row of a load of before this column existed has none.
    coalesce(original.chat_id, employee.chat_id) AS chat_id
FROM roster_rosterimportbefore stored JOIN employees_employee employee ON employee.id = stored.row_id,
    jsonb_populate_record(NULL::employees_employee, stored.before) original
WHERE stored.load_id = %(load)s AND stored.place = 'employees_employee' AND stored.before IS NOT NULL;

-- name: restore
-- First remove the periods and identities that the load created. The function runs as the owner, because the
-- application may not delete facts.
SELECT roster_take_back(%(load)s);

UPDATE employees_employeeidentity identity SET live = original.live, ended_at = original.ended_at
FROM roster_rosterimportbefore stored,
    jsonb_populate_record(NULL::employees_employeeidentity, stored.before) original
WHERE stored.load_id = %(load)s AND stored.place = 'employees_employeeidentity' AND identity.id = stored.row_id
  AND stored.before IS NOT NULL;

UPDATE employees_employment employment SET starts_at = original.starts_at, ends_at = original.ends_at
FROM roster_rosterimportbefore stored,
    jsonb_populate_record(NULL::employees_employment, stored.before) original
WHERE stored.load_id = %(load)s AND stored.place = 'employees_employment' AND employment.id = stored.row_id
  AND stored.before IS NOT NULL;

UPDATE employees_placement placement
SET starts_at = original.starts_at, ends_at = original.ends_at,
    department = original.department, manager_id = original.manager_id
FROM roster_rosterimportbefore stored,
    jsonb_populate_record(NULL::employees_placement, stored.before) original
WHERE stored.load_id = %(load)s AND stored.place = 'employees_placement' AND placement.id = stored.row_id
  AND stored.before IS NOT NULL;
