-- name: state
-- When the sums of this team or company are valid: their tree and instant, and the team's share of all places.
SELECT state.tree, state.as_of,
    coalesce((node.last - node.first)::float8 / (SELECT max(first) FROM employees_treenode), 1)
FROM standings_summarystate state
LEFT JOIN employees_treenode node ON node.employee_id = {manager}
WHERE state.campaign_id = {campaign} AND state.state = 'ready' AND state.tree = {tree_version}
    AND state.as_of > {oldest} AND EXISTS (
        SELECT FROM standings_summarycell cell
        WHERE cell.campaign_id = {campaign} AND cell.kind = 'verdict' AND cell.manager = {manager})

-- name: valid
-- The sums are still of that tree.
EXISTS (SELECT FROM standings_summarystate state WHERE state.campaign_id = {campaign} AND state.state = 'ready'
    AND state.tree = {tree} AND state.tree = {tree_version})

-- name: figures
WITH figure AS (
    SELECT department AS key, day, low, high, exempt, n FROM standings_summarycell
    WHERE campaign_id = {campaign} AND kind = {kind} AND manager = {manager} AND n <> 0)

-- name: heads
WITH figure AS (
    SELECT manager::text AS key, low, high, exempt, n FROM standings_summarycell
    WHERE campaign_id = {campaign} AND kind = 'verdict' AND manager = ANY({heads}) AND n <> 0)

-- name: buckets
SELECT key, key AS label, '' AS staff_no, low, high, exempt, sum(n)::int FROM figure GROUP BY 1, 4, 5, 6 ORDER BY 1

-- name: company_members
SELECT employee_id FROM standings_standing WHERE campaign_id = {campaign}

-- name: team_members
SELECT standing.employee_id FROM standings_standing standing
JOIN employees_treenode node ON node.employee_id = standing.employee_id
WHERE standing.campaign_id = {campaign}
    AND node.first > (SELECT first FROM employees_treenode WHERE employee_id = {manager})
    AND node.first <= (SELECT last FROM employees_treenode WHERE employee_id = {manager})

-- name: member
-- The condition that an employee is in a team. A look-up for each employee, so that the rows can come from an index in
-- the order of a list.
(SELECT node.first > manager.first AND node.first <= manager.last
    FROM employees_treenode node, employees_treenode manager
    WHERE node.employee_id = {employee} AND manager.employee_id = {manager})

-- name: totals
SELECT low, high, exempt, sum(n)::int, ({stalled}), ({under_review}) FROM figure GROUP BY 1, 2, 3 ORDER BY 1

-- name: stalled
-- Red, nothing counted for a week, and employed for as long: a first day of employment moves without a mark.
SELECT greatest(0, (
    SELECT coalesce(sum(n), 0) FROM standings_summarycell
    WHERE campaign_id = {campaign} AND kind = 'quiet' AND manager = {manager} AND day <= {week_ago}) - (
    SELECT count(*) FROM standings_standing standing
    WHERE standing.campaign_id = {campaign} AND red AND coalesce(last_counted_on <= {week_ago}, true) AND {member}
        AND EXISTS (SELECT FROM employees_employment employment
            WHERE employment.employee_id = standing.employee_id AND employment.starts_at >= {begin_week_ago}
                AND (employment.starts_at AT TIME ZONE {zone})::date - 1 > {week_ago}
                AND in_force(employment.starts_at, employment.ends_at, {at}))))

-- name: under_review
SELECT count(*) FROM standings_standing standing
WHERE standing.campaign_id = {campaign} AND standing.employee_id IN ({reviewed}) AND {member}

-- name: progress
-- Contacts that count, the targets of all who are not exempt, and how many people these are.
SELECT coalesce(sum(low::bigint * n), 0)::bigint, coalesce(sum(high::bigint * n) FILTER (WHERE NOT exempt), 0)::bigint,
    coalesce(sum(n), 0)::bigint
FROM figure

-- name: progress_of_standings
-- The same from the standings of a small company, which has no sums; zeros in a large one.
SELECT coalesce(sum(counted), 0)::bigint, coalesce(sum(target) FILTER (WHERE NOT exempt), 0)::bigint, count(*)
FROM standings_standing
WHERE campaign_id = %(campaign)s AND (SELECT coalesce(max(first), 0) FROM employees_treenode) < %(large_company)s
