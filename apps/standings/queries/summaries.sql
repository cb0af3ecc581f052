-- name: valid
-- The campaign has valid sums, made for the current org tree.
EXISTS (SELECT FROM standings_summarystate state
    WHERE state.campaign_id = %(campaign)s AND state.state = 'ready' AND state.tree = {tree_version})

-- name: cells
-- CTEs; the last one, `cell`, has the sums of the CTE `figure`: for each department of the company (manager 0), and for
-- each large team and each direct report of its manager. Figures of one direct manager are summed first: few rows then
-- meet the managers above.
direct AS MATERIALIZED (
    SELECT kind, grouping(manager_id) = 1 AS by_department, manager_id, department, day, low, high, exempt, sum(n) AS n
    FROM (
        SELECT figure.*, node.manager_id, coalesce(node.department, '') AS department
        FROM figure LEFT JOIN employees_treenode node USING (employee_id)) placed
    GROUP BY GROUPING SETS (
        (kind, department, day, low, high, exempt), (kind, manager_id, day, low, high, exempt))
    -- Deltas subtract and add; where both cancel out there is nothing to store.
    HAVING sum(n) <> 0),
above (manager_id, above_id) AS (
    SELECT DISTINCT manager_id, manager_id FROM direct WHERE manager_id IS NOT NULL
    UNION ALL
    SELECT above.manager_id, node.manager_id FROM above JOIN employees_treenode node ON node.employee_id = above.above_id
    WHERE node.manager_id IS NOT NULL),
large AS MATERIALIZED (
    SELECT above.manager_id, above.above_id FROM above JOIN employees_treenode node ON node.employee_id = above.above_id
    LEFT JOIN employees_treenode manager ON manager.employee_id = node.manager_id
    -- The team itself, or that of the manager above: a page shows a large team with its direct sub-teams.
    WHERE greatest(node.last - node.first, manager.last - manager.first) >= %(large_team)s),
cell AS (
    SELECT kind, 0 AS manager, department, day, low, high, exempt, n FROM direct WHERE by_department
    UNION ALL
    SELECT kind, large.above_id, '', day, low, high, exempt, sum(n) FROM direct JOIN large USING (manager_id)
    GROUP BY 1, 2, 4, 5, 6, 7 HAVING sum(n) <> 0)

-- name: build
-- One statement has one snapshot: the sums contain a change exactly when the statement deletes its delta.
WITH RECURSIVE taken AS (DELETE FROM standings_summarydelta WHERE campaign_id = %(campaign)s RETURNING id),
standing AS NOT MATERIALIZED (
    SELECT employee_id, counted, target, exempt FROM standings_standing WHERE campaign_id = %(campaign)s),
daily AS NOT MATERIALIZED (SELECT employee_id, day, count FROM standings_dailycount WHERE campaign_id = %(campaign)s),
figure AS NOT MATERIALIZED ({figures}),
{cells},
added AS (
    INSERT INTO standings_summarycell (campaign_id, kind, manager, department, day, low, high, exempt, n)
    SELECT %(campaign)s, cell.* FROM cell ORDER BY 2, 3, 4, 5, 6, 7, 8 RETURNING n)
SELECT {tree_version}, count(*) FROM added

-- name: add_changes
WITH RECURSIVE taken AS (DELETE FROM standings_summarydelta WHERE campaign_id = %(campaign)s RETURNING *),
-- The oldest delta has the figures that the sums still contain; those in between were never summed.
former AS MATERIALIZED (SELECT DISTINCT ON (employee_id) * FROM taken ORDER BY employee_id, id),
former_standing AS (SELECT employee_id, counted, target, exempt FROM former WHERE counted IS NOT NULL),
former_daily AS (SELECT employee_id, day, count FROM former, unnest(days, counts) AS counted_on (day, count)),
standing AS MATERIALIZED (
    SELECT employee_id, counted, target, exempt FROM standings_standing
    WHERE campaign_id = %(campaign)s AND employee_id IN (SELECT employee_id FROM former)),
daily AS MATERIALIZED (
    SELECT employee_id, day, count FROM standings_dailycount
    WHERE campaign_id = %(campaign)s AND employee_id IN (SELECT employee_id FROM former)),
figure AS ({former_figures} UNION ALL {figures}),
{cells}
INSERT INTO standings_summarycell (campaign_id, kind, manager, department, day, low, high, exempt, n)
SELECT %(campaign)s, cell.* FROM cell ORDER BY 2, 3, 4, 5, 6, 7, 8
ON CONFLICT (campaign_id, kind, manager, department, day, low, high, exempt)
    -- A row may become 0 and stays: a DELETE would need a second statement, and the next build drops it.
    DO UPDATE SET n = standings_summarycell.n + excluded.n

-- name: differing
-- How many sums differ from the stored standings, each employee in the state before the oldest delta.
WITH RECURSIVE former AS MATERIALIZED (
    SELECT DISTINCT ON (employee_id) * FROM standings_summarydelta WHERE campaign_id = %(campaign)s
    ORDER BY employee_id, id),
standing AS NOT MATERIALIZED (
    SELECT employee_id, counted, target, exempt FROM standings_standing
    WHERE campaign_id = %(campaign)s AND employee_id NOT IN (SELECT employee_id FROM former)
    UNION ALL SELECT employee_id, counted, target, exempt FROM former WHERE counted IS NOT NULL),
daily AS NOT MATERIALIZED (
    SELECT employee_id, day, count FROM standings_dailycount
    WHERE campaign_id = %(campaign)s AND employee_id NOT IN (SELECT employee_id FROM former)
    UNION ALL SELECT employee_id, day, count FROM former, unnest(days, counts) AS counted_on (day, count)),
figure AS NOT MATERIALIZED ({figures}),
{cells},
stored AS (
    SELECT kind, manager, department, day, low, high, exempt, n FROM standings_summarycell
    WHERE campaign_id = %(campaign)s AND n <> 0)
SELECT count(*) FROM cell FULL JOIN stored USING (kind, manager, department, day, low, high, exempt)
-- Invalid sums differ as a matter of course; they are no drift.
WHERE cell.n IS DISTINCT FROM stored.n AND {valid}

-- name: oldest_change
SELECT least(%(now)s, min(queued_at)) FROM core_outbox
