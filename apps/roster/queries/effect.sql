-- name: store_people
-- The state of the affected people before the change. `people` is a SELECT of employee ids; the other placeholders are
-- the tables that hold that state.
DROP TABLE IF EXISTS pg_temp.effect_people, pg_temp.effect_employee, pg_temp.effect_employment,
    pg_temp.effect_placement, pg_temp.effect_employeeidentity;
CREATE TEMP TABLE effect_people ON COMMIT DROP AS
    SELECT DISTINCT employee_id FROM ({people}) affected;
CREATE TEMP TABLE effect_employee ON COMMIT DROP AS
    SELECT id AS employee_id, name, time_zone, chat_id FROM {employee}
    WHERE id IN (SELECT employee_id FROM effect_people);
CREATE TEMP TABLE effect_employment ON COMMIT DROP AS
    SELECT * FROM {employment} WHERE employee_id IN (SELECT employee_id FROM effect_people);
CREATE TEMP TABLE effect_placement ON COMMIT DROP AS
    SELECT * FROM {placement} WHERE employee_id IN (SELECT employee_id FROM effect_people);
CREATE TEMP TABLE effect_employeeidentity ON COMMIT DROP AS
    SELECT * FROM {employeeidentity} WHERE employee_id IN (SELECT employee_id FROM effect_people);
ANALYZE effect_people, effect_employee, effect_employment, effect_placement, effect_employeeidentity;

-- name: periods
-- Compares all periods, past ones included: a late freeze judges by employment at the cut-off. Leaving: no longer
-- employed at some moment. Returning: employed before, and now also at a past moment, or employed again. A person who
-- only stays longer counts as neither.
WITH old_periods AS (
    SELECT employee_id, range_agg(tstzrange(starts_at, ends_at)) AS employed, max(ends_at) AS ends_at
    FROM effect_employment GROUP BY employee_id
), new_periods AS (
    SELECT employee_id, range_agg(tstzrange(starts_at, ends_at)) AS employed, max(ends_at) AS ends_at
    FROM employees_employment JOIN effect_people USING (employee_id) GROUP BY employee_id
)
SELECT
    count(*) FILTER (WHERE NOT isempty(old_periods.employed - coalesce(new_periods.employed, '{}'))) AS leaving,
    count(*) FILTER (WHERE old_periods.employed IS NULL AND new_periods.employed IS NOT NULL) AS joining,
    count(*) FILTER (
        WHERE NOT isempty((new_periods.employed - old_periods.employed) * tstzmultirange(tstzrange(NULL, %(now)s)))
           OR old_periods.ends_at <= %(now)s AND new_periods.ends_at > %(now)s
    ) AS returned
FROM effect_people LEFT JOIN old_periods USING (employee_id) LEFT JOIN new_periods USING (employee_id);

-- name: moving
-- Another manager or department at any moment. The first placement begins with the employment, which `periods`
-- compares. A new manager for the future also moves everyone below to another team. Of nested movers, only the
-- uppermost counts, so each person counts once.
WITH old_placements AS (
    SELECT employee_id, array_agg((manager_id, department)::text ORDER BY starts_at) AS placed,
        (array_agg(starts_at ORDER BY starts_at))[2:] AS moved_at,
        array_agg(manager_id ORDER BY starts_at) FILTER (WHERE ends_at > %(now)s) AS managers
    FROM effect_placement GROUP BY employee_id
), new_placements AS (
    SELECT employee_id, array_agg((manager_id, department)::text ORDER BY starts_at) AS placed,
        (array_agg(starts_at ORDER BY starts_at))[2:] AS moved_at,
        array_agg(manager_id ORDER BY starts_at) FILTER (WHERE ends_at > %(now)s) AS managers
    FROM employees_placement JOIN effect_people USING (employee_id) GROUP BY employee_id
), mover AS (
    SELECT employee_id, (old_placements.managers IS DISTINCT FROM new_placements.managers) AS has_new_manager
    FROM old_placements JOIN new_placements USING (employee_id)
    WHERE (old_placements.placed, old_placements.moved_at) IS DISTINCT FROM
          (new_placements.placed, new_placements.moved_at)
), team AS (
    SELECT node.first, node.last,
        max(node.last) OVER (ORDER BY node.first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered
    FROM mover JOIN employees_treenode node USING (employee_id) WHERE mover.has_new_manager
), moved AS (
    SELECT node.employee_id FROM team JOIN employees_treenode node ON node.first BETWEEN team.first AND team.last
    WHERE team.covered IS NULL OR team.first > team.covered
    UNION
    SELECT employee_id FROM mover
)
SELECT count(*) FROM moved;

-- name: renaming
-- Another name of a person who was employed before.
SELECT count(*)
FROM effect_employee old_employee JOIN roster_employee employee ON employee.id = old_employee.employee_id
WHERE old_employee.name <> employee.name
  AND EXISTS (SELECT 1 FROM effect_employment employment WHERE employment.employee_id = employee.id);

-- name: time_zones
-- A time zone also changes the deadlines on the employee's own page.
SELECT count(*)
FROM effect_employee old_employee JOIN roster_employee employee ON employee.id = old_employee.employee_id
WHERE old_employee.time_zone <> employee.time_zone
  AND EXISTS (SELECT 1 FROM effect_employment employment WHERE employment.employee_id = employee.id);

-- name: chat_ids
-- Another chat account receives the employee's reminders, also the first one.
SELECT count(*)
FROM effect_employee old_employee JOIN roster_employee employee ON employee.id = old_employee.employee_id
WHERE old_employee.chat_id <> employee.chat_id
  AND EXISTS (SELECT 1 FROM effect_employment employment WHERE employment.employee_id = employee.id);

-- name: phones
-- New phones and addresses of people on the roster: from then on, no employee's contact with one of them counts.
SELECT count(DISTINCT identity.employee_id)
FROM effect_employee JOIN employees_employeeidentity identity USING (employee_id)
WHERE NOT EXISTS (
    SELECT 1 FROM effect_employeeidentity old_identity
    WHERE old_identity.employee_id = identity.employee_id AND old_identity.kind = identity.kind
      AND old_identity.digest = identity.digest);

-- name: role_changes
-- Any change of employment or name of role holders or the acting account, who could be second persons. Also of the
-- acting account's department: a campaign may be for some departments, and no one decides on the own standing.
SELECT count(*)
FROM effect_people
JOIN accounts_account account USING (employee_id)
JOIN roster_employee employee ON employee.id = employee_id
LEFT JOIN effect_employee old_employee USING (employee_id)
WHERE (account.id = %(by)s OR EXISTS (SELECT 1 FROM accounts_role role WHERE role.account_id = account.id))
  AND (old_employee.name IS DISTINCT FROM employee.name
       OR (SELECT array_agg((starts_at, ends_at)::text ORDER BY starts_at) FROM effect_employment old_employment
           WHERE old_employment.employee_id = employee.id)
          IS DISTINCT FROM
          (SELECT array_agg((starts_at, ends_at)::text ORDER BY starts_at) FROM employees_employment employment
           WHERE employment.employee_id = employee.id)
       OR account.id = %(by)s AND
          (SELECT array_agg((starts_at, department)::text ORDER BY starts_at) FROM effect_placement old_placement
           WHERE old_placement.employee_id = employee.id)
          IS DISTINCT FROM
          (SELECT array_agg((starts_at, department)::text ORDER BY starts_at) FROM employees_placement placement
           WHERE placement.employee_id = employee.id));

-- name: used_numbers
-- Employees without any employment, as after an undo, whose contacts or account are in use. Otherwise the next line
-- with the number would take them over.
WITH unemployed AS MATERIALIZED (
    SELECT employee_id FROM effect_people
    WHERE EXISTS (
        SELECT 1 FROM effect_employment old_employment WHERE old_employment.employee_id = effect_people.employee_id)
      AND NOT EXISTS (
        SELECT 1 FROM employees_employment employment WHERE employment.employee_id = effect_people.employee_id)
)
SELECT count(*) FROM unemployed WHERE accounts_number_used(employee_id);

-- name: numbers_of_new_form
-- The new staff numbers whose form no earlier number has: A001 and B017 have one form, a999.
WITH new_number AS (
    SELECT
        id, staff_no, translate(
            lower(staff_no), 'abcdefghijklmnopqrstuvwxyz0123456789', 'aaaaaaaaaaaaaaaaaaaaaaaaaa9999999999'
        ) AS form
    FROM employees_employee
    WHERE id IN (SELECT employee_id FROM effect_people) AND id NOT IN (SELECT employee_id FROM effect_employee)
), new_form AS (
    SELECT form FROM (SELECT DISTINCT form FROM new_number) forms
    WHERE NOT EXISTS (
        SELECT FROM employees_employee earlier
        WHERE translate(
            lower(earlier.staff_no), 'abcdefghijklmnopqrstuvwxyz0123456789', 'aaaaaaaaaaaaaaaaaaaaaaaaaa9999999999'
        ) = forms.form
          AND earlier.id NOT IN (SELECT id FROM new_number))
)
SELECT staff_no FROM new_number WHERE form IN (SELECT form FROM new_form);

-- name: people_of_load
-- New people, changed people, and people missing from a complete file.
SELECT employee_id FROM roster_stage WHERE is_new
UNION ALL SELECT employee_id FROM roster_touched
UNION ALL SELECT employee_id FROM roster_left;

-- name: shared_addresses
-- Returners who keep an address that another employee has by now: feeds count for the other, and no password link is
-- sent to either. One HR user could so take an employee's address away.
SELECT count(*) FROM effect_people
JOIN roster_employee returner ON returner.id = effect_people.employee_id
WHERE EXISTS (
    SELECT 1 FROM employees_employment employment
    WHERE employment.employee_id = returner.id AND employment.ends_at > %(now)s)
  AND NOT EXISTS (
    SELECT 1 FROM effect_employment employment
    WHERE employment.employee_id = returner.id AND employment.ends_at > %(now)s)
  AND EXISTS (
    SELECT 1 FROM roster_employee holder JOIN employees_employment employment ON employment.employee_id = holder.id
    WHERE holder.email = returner.email AND holder.id <> returner.id AND employment.ends_at > %(now)s);
