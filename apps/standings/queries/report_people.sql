-- The team of {employee}, everyone below, in three org trees.

-- name: small_team
-- For an interval between two subqueries the planner expects 1/200 of the company and uses index look-ups.
SELECT position.employee_id AS id
FROM employees_treenode position
WHERE position.first > (SELECT first FROM employees_treenode WHERE employee_id = {employee}::bigint)
  AND position.first <= (SELECT last FROM employees_treenode WHERE employee_id = {employee}::bigint)

-- name: large_team
-- The same rows. For a join the planner expects 1/9 and reads all rows, which is faster for half of the company.
SELECT position.employee_id AS id
FROM employees_treenode position
JOIN employees_treenode manager ON position.first > manager.first AND position.first <= manager.last
WHERE manager.employee_id = {employee}::bigint

-- name: historical_team
SELECT id FROM (
    -- UNION ALL ends, because a roster with a cycle is refused. The nested set cannot answer: it describes today only.
    WITH RECURSIVE below(id) AS (
        SELECT employee_id FROM employees_placement
        WHERE manager_id = {employee} AND in_force(starts_at, ends_at, {as_of})
        UNION ALL
        SELECT placement.employee_id
        FROM below
        JOIN employees_placement placement
          ON placement.manager_id = below.id AND in_force(placement.starts_at, placement.ends_at, {as_of}))
    SELECT id FROM below
) below

-- name: frozen_team
-- As it was at the cut-off of a frozen campaign.
SELECT position.employee_id AS id
-- Stored with the result, because a roster change may alter the placements of that day later.
FROM results_frozenorgposition position
JOIN results_frozenorgposition manager
  ON manager.campaign_id = position.campaign_id
 AND position.first > manager.first AND position.first <= manager.last
WHERE position.campaign_id = {campaign} AND manager.employee_id = {employee}

-- name: visible_part
-- Of a past team, those whom the reader saw then or sees today.
SELECT id FROM ({team}) team WHERE id IN ({visible})
