-- name: stored
-- Employees with a valid stored standing that also meet the conditions, in the order of an index.
SELECT person.id FROM employees_employee person
JOIN standings_standing standing ON standing.employee_id = person.id
WHERE standing.campaign_id = {campaign} AND {member} AND person.id NOT IN (SELECT employee_id FROM pending)
    AND {condition}
ORDER BY {order} LIMIT {size}

-- name: pending
SELECT person.id FROM employees_employee person
WHERE person.id IN (SELECT employee_id FROM pending) AND {member}
