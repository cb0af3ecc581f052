-- Over the CTEs of a report (apps/standings/base_query.py): what a forecast needs of all people, without the exempt.

-- name: totals
-- The contacts by day that has gone, and on how many days of persons they were recorded.
SELECT day, sum(count)::bigint, count(*) FROM days JOIN current USING (employee_id)
WHERE NOT current.exempt AND day < {today} GROUP BY 1

-- name: people
-- Everybody in the order of the org tree: id, place, department, the counted contacts and the target, and of the days
-- that have gone those without files, in all and since the day on which the recent pace begins.
SELECT current.employee_id, coalesce(node.first, 0), coalesce(node.department, ''), current.counted, current.target,
    coalesce(gone.steady, 0)::int, coalesce(gone.recent, 0)::int
FROM current
LEFT JOIN employees_treenode node ON node.employee_id = current.employee_id
LEFT JOIN (
    SELECT employee_id, sum(least(count, {file_size})) AS steady,
        sum(least(count, {file_size})) FILTER (WHERE day >= {begins}) AS recent
    FROM days WHERE day < {today} GROUP BY 1
) gone ON gone.employee_id = current.employee_id
WHERE NOT current.exempt ORDER BY 2, 1

-- name: teams
-- Every manager's place, and that of the last employee below.
SELECT employee_id, first, last FROM employees_treenode WHERE last - first >= {smallest} ORDER BY first
