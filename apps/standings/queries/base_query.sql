-- The rows of a report. apps/standings/base_query.py says what each CTE has.

-- name: base
WITH {before}chosen AS MATERIALIZED ({chosen}),
{earlier}{standings},
listed AS (
    -- COLLATE "C": the same order on every machine, which signed files and page cursors rely on.
    SELECT current.*, employee.staff_no COLLATE "C" AS staff_no, employee.name, employee.email,
        coalesce(placement.department, '') AS department, coalesce(manager.staff_no, '') AS manager_staff_no,
        is_red(counted, target, exempt) AS red, greatest(target - counted, 0) AS remaining, {pace} AS pace,
        {quiet_days} AS quiet_days, coalesce(last_counted_on > {week_ago}, false) AS active_recently,
        {has_team} AS has_team, {under_review} AS under_review, {changes}
    FROM current
    -- An inner join is safe: employees are never deleted.
    JOIN employees_employee employee ON employee.id = current.employee_id
    {join_placement}
    LEFT JOIN employees_employee manager ON manager.id = placement.manager_id
    {join_hire}
    {join_earlier})

-- name: historical_standings
-- All employees are evaluated from the facts; no instant of a change is known.
{evaluation},
current AS (
    SELECT employee_id, counted, target, exempt, target_reached_at, last_counted_on,
        NULL::timestamptz AS status_since, NULL::timestamptz AS verdict_changed_at, NULL::timestamptz AS pending_since
    FROM evaluated),
days AS (SELECT employee_id, day, count FROM daily)

-- name: current_standings
-- The cached standings; employees with a pending evaluation are evaluated from the facts in the same statement.
pending_employee AS MATERIALIZED (
    SELECT pending.employee_id, pending.queued_at FROM ({pending}) pending
    WHERE pending.employee_id IN (SELECT id FROM chosen)),
{evaluation},
current AS (
    SELECT employee_id, counted, target, exempt, target_reached_at, last_counted_on, status_since, verdict_changed_at,
        NULL::timestamptz AS pending_since
    FROM standings_standing
    WHERE campaign_id = {campaign} AND employee_id IN (SELECT id FROM chosen)
      -- NOT IN is safe here, because employee_id is never NULL; the planner hashes it.
      AND employee_id NOT IN (SELECT employee_id FROM pending_employee)
    UNION ALL
    SELECT evaluated.employee_id, evaluated.counted, evaluated.target, evaluated.exempt, evaluated.target_reached_at,
        evaluated.last_counted_on, standing.status_since, standing.verdict_changed_at, pending_employee.queued_at
    FROM evaluated
    JOIN pending_employee USING (employee_id)
    -- LEFT: a pending employee may be new and have no standing yet.
    LEFT JOIN standings_standing standing
      ON standing.campaign_id = {campaign} AND standing.employee_id = evaluated.employee_id),
days AS (
    SELECT employee_id, day, count FROM standings_dailycount
    WHERE campaign_id = {campaign} AND employee_id IN (SELECT id FROM chosen)
      AND employee_id NOT IN (SELECT employee_id FROM pending_employee)
    UNION ALL
    SELECT employee_id, day, count FROM daily)

-- name: nothing_pending
SELECT NULL::bigint AS employee_id, NULL::timestamptz AS queued_at WHERE false

-- name: cached_standings
-- As if no evaluation were pending, which the caller checks in the same statement.
current AS (
    SELECT employee_id, counted, target, exempt, target_reached_at, last_counted_on, status_since, verdict_changed_at,
        NULL::timestamptz AS pending_since
    FROM standings_standing
    WHERE campaign_id = {campaign} AND employee_id IN (SELECT id FROM chosen)),
days AS (
    SELECT employee_id, day, count FROM standings_dailycount
    WHERE campaign_id = {campaign} AND employee_id IN (SELECT id FROM chosen))

-- name: join_historical_placement
LEFT JOIN employees_placement placement
  ON placement.employee_id = employee.id AND in_force(placement.starts_at, placement.ends_at, {as_of})

-- name: historical_has_team
EXISTS (
    SELECT 1 FROM employees_placement report
    WHERE report.manager_id = employee.id AND in_force(report.starts_at, report.ends_at, {as_of}))

-- name: join_current_placement
LEFT JOIN employees_treenode placement ON placement.employee_id = employee.id

-- name: current_has_team
coalesce(placement.last > placement.first, false)

-- name: earlier
-- The same people evaluated as of an earlier instant. The names of the evaluation are its own: they hide no outer one.
earlier AS MATERIALIZED (WITH {evaluation}
    SELECT employee_id AS earlier_id, counted AS earlier_counted, target AS earlier_target FROM evaluated),

-- name: join_earlier
LEFT JOIN earlier ON earlier_id = {standing}.employee_id

-- name: changes
-- Who was not in the campaign then comes from 0.
earlier_counted AS counted_before, counted - coalesce(earlier_counted, 0) AS change,
CASE WHEN counted >= target AND coalesce(earlier_counted < earlier_target, true) THEN 'reached'
    WHEN counted < target AND earlier_counted >= earlier_target THEN 'fell_back' END AS turned

-- name: no_changes
NULL::integer AS counted_before, NULL::integer AS change, NULL::text AS turned

-- The local day on which a late joiner's employment began, the one in force at {as_of}. A late joiner began after the
-- campaign's first day.

-- name: hire_day
(
    SELECT max((employment.starts_at AT TIME ZONE {time_zone})::date)
    FROM employees_employment employment
    WHERE employment.starts_at >= {second_day} AND in_force(employment.starts_at, employment.ends_at, {as_of})
      AND employment.employee_id = employee.id)

-- name: join_hire
LEFT JOIN (
    SELECT employment.employee_id, max((employment.starts_at AT TIME ZONE {time_zone})::date) AS day
    FROM employees_employment employment
    WHERE employment.starts_at >= {second_day} AND in_force(employment.starts_at, employment.ends_at, {as_of})
    GROUP BY 1
) hire ON hire.employee_id = employee.id

-- name: pace
-- As rules.pace, with the numbers in whole microseconds.
-- Multiplied out: a division would round, and SQL and Python could disagree at the edge.
CASE WHEN counted >= target THEN 'done'
    WHEN counted::numeric * {counted_factor} >= target::numeric * {elapsed}::numeric + target::numeric * {length}
        THEN 'ahead'
    WHEN counted::numeric * {counted_factor} < target::numeric * {elapsed}::numeric - target::numeric * {length}
        THEN 'behind'
    ELSE 'on_pace' END

-- name: quiet_days
-- The whole days since the last counted contact, today included. Without one the count starts on the campaign's first
-- day, or on the employee's first day if that is later.
greatest({today} - greatest(last_counted_on, greatest({opens_on}, {hire_day}) - 1), 0)
