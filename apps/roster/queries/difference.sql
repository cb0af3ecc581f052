-- name: state
-- Every employee, with the placement at the time the load would move the person. The employment is a lateral look-up
-- per employee: right after a load the planner has no statistics, and would scan all periods for each employee.
SELECT employee.id AS employee_id, employee.staff_no, employee.name, employee.email, employee.phone,
    coalesce(placement.department, '') AS department, coalesce(manager.staff_no, '') AS manager, employee.time_zone,
    CASE WHEN isfinite(newest.starts_at)
        THEN to_char(newest.starts_at AT TIME ZONE %(zone)s, 'YYYY-MM-DD') ELSE '' END AS started_on,
    CASE WHEN isfinite(newest.ends_at)
        THEN to_char((newest.ends_at - interval '1 microsecond') AT TIME ZONE %(zone)s, 'YYYY-MM-DD')
        ELSE '' END AS left_on, employee.chat_id,
    coalesce(newest.ends_at, '-infinity') AS ends_at, coalesce(newest.periods, 0) AS periods,
    coalesce(manager.name, '') AS manager_name
FROM {employees} employee
LEFT JOIN roster_stage staged_row ON staged_row.staff_no = employee.staff_no
LEFT JOIN employees_placement placement ON placement.employee_id = employee.id
    AND in_force_from(placement.starts_at, placement.ends_at, coalesce(staged_row.effective_at, %(now)s))
LEFT JOIN {employees} manager ON manager.id = placement.manager_id
LEFT JOIN LATERAL (
    SELECT starts_at, ends_at, count(*) OVER () AS periods FROM employees_employment employment
    WHERE employment.employee_id = employee.id ORDER BY starts_at DESC LIMIT 1
) newest ON true;

-- name: store_state
DROP TABLE IF EXISTS pg_temp.roster_before;
CREATE TEMP TABLE roster_before ON COMMIT DROP AS SELECT * FROM ({state}) state;
CREATE INDEX ON roster_before (employee_id);
ANALYZE roster_before;

-- name: changes
-- One row per changed employee; the pairs of columns are in the order of diff.FIELDS.
SELECT coalesce(staged_row.line, 0), new_state.staff_no,
    coalesce(old_state.name, ''), new_state.name,
    coalesce(old_state.email, ''), new_state.email,
    coalesce(old_state.phone, ''), new_state.phone,
    coalesce(old_state.department, ''), new_state.department,
    coalesce(old_state.manager, ''), new_state.manager,
    coalesce(old_state.time_zone, ''), new_state.time_zone,
    coalesce(old_state.started_on, ''), new_state.started_on,
    coalesce(old_state.left_on, ''), new_state.left_on,
    coalesce(old_state.chat_id, ''), new_state.chat_id,
    CASE WHEN isfinite(staged_row.effective_at)
        THEN to_char(staged_row.effective_at AT TIME ZONE %(zone)s, 'YYYY-MM-DD') ELSE '' END,
    coalesce(old_state.periods, 0), new_state.periods,
    new_state.ends_at < coalesce(old_state.ends_at, 'infinity') AS ends_sooner,
    coalesce(old_state.manager_name, ''), new_state.manager_name
FROM ({state}) new_state
LEFT JOIN roster_before old_state USING (employee_id)
LEFT JOIN roster_stage staged_row ON staged_row.staff_no = new_state.staff_no
WHERE (new_state.name, new_state.email, new_state.phone, new_state.department, new_state.manager, new_state.time_zone,
       new_state.started_on, new_state.left_on, new_state.chat_id, new_state.ends_at, new_state.periods)
    IS DISTINCT FROM
      (old_state.name, old_state.email, old_state.phone, old_state.department, old_state.manager, old_state.time_zone,
       old_state.started_on, old_state.left_on, old_state.chat_id, old_state.ends_at, old_state.periods)
ORDER BY new_state.staff_no COLLATE "C";
