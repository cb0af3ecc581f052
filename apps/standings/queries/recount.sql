-- name: recount
-- Compares the stored standings of the {employees} with the facts. One statement has one snapshot: a fact that is not
-- recounted yet has its outbox row, and the employee is left out. Returns the number of employees left out with each
-- difference, and once without any.
WITH {evaluation},
pending_employee AS MATERIALIZED (
    SELECT DISTINCT employee_id FROM ({pending}) pending WHERE employee_id IN ({employees})),
recounted AS (
    SELECT evaluated.employee_id, counted, target, exempt, target_reached_at, last_counted_on,
        -- An employee without days must not differ by NULL. The literal '{}' would be a placeholder of this file.
        coalesce(by_day.days, jsonb_build_object()) AS days
    FROM evaluated
    LEFT JOIN (
        SELECT employee_id, jsonb_object_agg(day, count) AS days FROM daily GROUP BY 1
    ) by_day USING (employee_id)),
stored AS (
    SELECT standing.employee_id, counted, target, exempt, target_reached_at, last_counted_on,
        coalesce(by_day.days, jsonb_build_object()) AS days
    FROM standings_standing standing
    LEFT JOIN (
        SELECT employee_id, jsonb_object_agg(day, count) AS days FROM standings_dailycount
        WHERE campaign_id = {campaign} AND employee_id IN ({employees}) GROUP BY 1
    ) by_day USING (employee_id)
    WHERE campaign_id = {campaign} AND employee_id IN ({employees})),
difference AS (
    SELECT employee.id, employee.staff_no, employee.name, to_jsonb(stored) - 'employee_id' AS stored,
        to_jsonb(recounted) - 'employee_id' AS recounted
    FROM stored
    -- FULL: a standing too many and a missing one are drift as well.
    FULL JOIN recounted USING (employee_id)
    JOIN employees_employee employee ON employee.id = employee_id
    -- As JSON: one comparison of all columns that also names, in Python, the ones that differ.
    WHERE to_jsonb(stored) IS DISTINCT FROM to_jsonb(recounted)
      AND employee_id NOT IN (SELECT employee_id FROM pending_employee))
SELECT pending_count.count, difference.*
FROM (SELECT count(*) AS count FROM pending_employee) pending_count
LEFT JOIN difference ON true
ORDER BY staff_no
