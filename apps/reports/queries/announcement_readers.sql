-- name: readers_by_department
-- Today's employees of a campaign's scope by department, and how many of them have read the announcement.
SELECT coalesce(node.department, ''), count(*), count(confirmation.id)
FROM employees_treenode node
LEFT JOIN campaigns_announcementread confirmation
    ON confirmation.employee_id = node.employee_id AND confirmation.announcement_id = %(announcement)s
WHERE node.employed AND (cardinality(%(scope)s::text[]) = 0 OR node.department = ANY(%(scope)s::text[]))
GROUP BY 1 ORDER BY 1;
