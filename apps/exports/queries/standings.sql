-- name: with_manager_names
(SELECT listed.*, manager.name AS manager_name FROM listed
    LEFT JOIN employees_employee manager ON manager.staff_no = listed.manager_staff_no) listed

-- name: frozen_with_manager_names
-- From the result alone, so that a later change of a name does not change its file.
(SELECT listed.*, manager.name AS manager_name FROM listed
    LEFT JOIN results_frozenstanding manager ON manager.campaign_id = {campaign} AND manager.version = {version}
        AND manager.staff_no = listed.manager_staff_no) listed

-- name: days
FROM (SELECT listed.staff_no, listed.name, days.day, days.count,
        (sum(days.count) OVER (PARTITION BY days.employee_id ORDER BY days.day))::int AS total
    FROM days JOIN listed USING (employee_id) WHERE {where}) daily
ORDER BY daily.staff_no, daily.day

-- name: teams
FROM (
    SELECT head.staff_no COLLATE "C" AS staff_no, head.name, coalesce(placement.department, '') AS department,
        coalesce(manager.staff_no, '') AS manager_staff_no,
        manager.name AS manager_name, summed.*
    FROM (
        SELECT head_id, count(*) AS people, count(*) FILTER (WHERE red) AS red,
            count(*) FILTER (WHERE counted >= target) AS at_target, count(*) FILTER (WHERE exempt) AS exempt,
            sum(counted) AS counted, coalesce(sum(remaining) FILTER (WHERE NOT exempt), 0) AS remaining,
            percentile_disc(0.25) WITHIN GROUP (ORDER BY counted) AS quartile_1,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY counted) AS median,
            percentile_disc(0.75) WITHIN GROUP (ORDER BY counted) AS quartile_3
        FROM listed JOIN ({member}) member USING (employee_id)
        WHERE {where} AND {heads} GROUP BY head_id) summed
    JOIN employees_employee head ON head.id = summed.head_id
    LEFT JOIN employees_placement placement ON placement.employee_id = head.id
        AND in_force(placement.starts_at, placement.ends_at, {at})
    LEFT JOIN employees_employee manager ON manager.id = placement.manager_id) team
ORDER BY team.staff_no

-- name: team_members
-- Each employee with every manager above, by the placements of that moment.
SELECT head_id, employee_id FROM (
    WITH RECURSIVE above (head_id, employee_id) AS (
        SELECT manager_id, employee_id FROM employees_placement
        WHERE manager_id IS NOT NULL AND in_force(starts_at, ends_at, {at})
        UNION ALL
        SELECT placement.manager_id, above.employee_id FROM above
        JOIN employees_placement placement ON placement.employee_id = above.head_id
            AND placement.manager_id IS NOT NULL AND in_force(placement.starts_at, placement.ends_at, {at}))
    SELECT head_id, employee_id FROM above) above

-- name: frozen_team_members
-- The same at the cut-off of a frozen campaign.
SELECT head.employee_id AS head_id, node.employee_id FROM results_frozenorgposition head
JOIN results_frozenorgposition node ON node.campaign_id = head.campaign_id
    AND node.first > head.first AND node.first <= head.last
WHERE head.campaign_id = {campaign} AND head.last > head.first

-- name: handover_verdict
CASE WHEN NOT red THEN 'eligible' WHEN under_review THEN 'under_review' ELSE 'not_eligible' END
