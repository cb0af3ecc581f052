-- name: roster
-- Of two periods that have not ended, the later one is what the roster says.
FROM (
    SELECT DISTINCT ON (employee_id) employee_id, starts_at, ends_at FROM employees_employment
    WHERE ends_at > {now} ORDER BY employee_id, starts_at DESC) employment
JOIN employees_employee employee ON employee.id = employment.employee_id
LEFT JOIN employees_placement placement ON placement.employee_id = employment.employee_id
    AND in_force_from(placement.starts_at, placement.ends_at, {now})
LEFT JOIN employees_employee manager ON manager.id = placement.manager_id
ORDER BY employee.staff_no COLLATE "C"
