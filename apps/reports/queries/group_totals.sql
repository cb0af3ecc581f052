-- name: buckets
-- Employees with equal standing, by group.
SELECT {key}, {label} AS label, {staff_no}, counted, target, exempt, count(*)::int FROM {source} WHERE {where}
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY label

-- name: sub_team_rows
(SELECT listed.*, member.head_id, head.name AS head_name, head.staff_no AS head_no
    FROM listed JOIN ({member}) member USING (employee_id)
    JOIN employees_employee head ON head.id = head_id) member

-- name: members
-- The members of each direct report's team, by today's tree; its lead is no member.
SELECT head.employee_id AS head_id, node.employee_id FROM employees_treenode head
JOIN employees_treenode node ON node.first > head.first AND node.first <= head.last
WHERE head.manager_id = {root}

-- name: past_members
-- The same by the placements at an instant.
SELECT head_id, employee_id FROM (
    WITH RECURSIVE branch (head_id, employee_id) AS (
        SELECT employee_id, employee_id FROM employees_placement head
        WHERE manager_id = {root} AND in_force(starts_at, ends_at, {at})
        UNION ALL
        SELECT branch.head_id, placement.employee_id FROM branch
        JOIN employees_placement placement ON placement.manager_id = branch.employee_id
            AND in_force(placement.starts_at, placement.ends_at, {at}))
    SELECT head_id, employee_id FROM branch) member
WHERE employee_id <> head_id

-- name: frozen_members
-- The same at the cut-off of a frozen campaign.
SELECT head.employee_id AS head_id, node.employee_id FROM results_frozenorgposition head
JOIN results_frozenorgposition node ON node.campaign_id = head.campaign_id
    AND node.first > head.first AND node.first <= head.last
WHERE head.campaign_id = {campaign} AND head.manager_id = {root}
