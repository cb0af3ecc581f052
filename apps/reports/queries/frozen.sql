-- name: sources
-- The CTEs of a report from one version of a frozen result: its rows, and the tree at the cut-off.
WITH chosen AS MATERIALIZED ({chosen}),
{earlier}frozen AS MATERIALIZED (
    SELECT standing.* FROM results_frozenstanding standing
    WHERE standing.campaign_id = {campaign} AND standing.version = {version}
        AND standing.employee_id IN (SELECT id FROM chosen)),
current AS (SELECT employee_id, counted, target, exempt, target_reached_at FROM frozen),
days AS (SELECT employee_id, day, count FROM frozen, unnest(frozen.days, frozen.counts) AS counted_on (day, count)),
listed AS (
    SELECT frozen.employee_id, counted, target, exempt, target_reached_at, NULL::timestamptz AS status_since,
        {frozen_at} AS verdict_changed_at, NULL::timestamptz AS pending_since,
        frozen.days[cardinality(frozen.days)] AS last_counted_on, staff_no COLLATE "C" AS staff_no, name, email,
        department, manager_staff_no, red, remaining, pace, NULL::integer AS quiet_days, true AS active_recently,
        coalesce(node.last > node.first, false) AS has_team, {under_review} AS under_review, {changes}
    FROM frozen LEFT JOIN results_frozenorgposition node
        ON node.campaign_id = {campaign} AND node.employee_id = frozen.employee_id
    {join_earlier})
