-- name: all_employees
SELECT id FROM employees_employee

-- name: population
-- (employee_id, target, exempt) of the {employees} in scope: employed and in one of the rule's departments.
-- The adjustment that began last decides.
SELECT employee.id AS employee_id, coalesce(adjusted_target.target, {target}) AS target,
    coalesce(exemption.exempt, false) AS exempt
FROM employees_employee employee
LEFT JOIN (
    -- Target and exemption are decided separately: a later target does not end an exemption.
    SELECT DISTINCT ON (employee_id) employee_id, target FROM campaigns_adjustment
    WHERE campaign_id = {campaign} AND target IS NOT NULL AND granted_at IS NOT NULL
      AND in_force(starts_at, ends_at, {as_of}) AND (ended_at IS NULL OR ended_at >= {as_of})
    ORDER BY employee_id, starts_at DESC, id DESC
) adjusted_target ON adjusted_target.employee_id = employee.id
LEFT JOIN (
    SELECT DISTINCT ON (employee_id) employee_id, exempt FROM campaigns_adjustment
    WHERE campaign_id = {campaign} AND exempt IS NOT NULL AND granted_at IS NOT NULL
      AND in_force(starts_at, ends_at, {as_of}) AND (ended_at IS NULL OR ended_at >= {as_of})
    ORDER BY employee_id, starts_at DESC, id DESC
) exemption ON exemption.employee_id = employee.id
WHERE employee.id IN ({employees})
  -- EXISTS: an employee can have two employments that touch, and must be counted once.
  AND EXISTS (
    SELECT 1 FROM employees_employment employment
    WHERE employment.employee_id = employee.id AND in_force(employment.starts_at, employment.ends_at, {as_of}))
  AND {in_scope}

-- name: in_scope
EXISTS (
    SELECT 1 FROM employees_placement placement
    WHERE placement.employee_id = employee.id AND in_force(placement.starts_at, placement.ends_at, {as_of})
      AND placement.department = ANY({scope}))
