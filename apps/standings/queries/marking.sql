-- name: mark
-- Stores the evaluation of the {employees}: writes only what differs, and records each change of status. The columns are
-- the fields of apps.standings.marking.Mark.
WITH chosen AS MATERIALIZED ({employees}),
{evaluation},
-- All parts of one statement see the same snapshot: `stored` keeps the rows from before the changes below.
stored AS (
    SELECT * FROM standings_standing
    WHERE campaign_id = {campaign} AND employee_id IN (SELECT id FROM chosen)),
stored_days AS MATERIALIZED (
    SELECT * FROM standings_dailycount
    WHERE campaign_id = {campaign} AND employee_id IN (SELECT id FROM chosen)),
changed AS (
    SELECT evaluated.*, is_red(evaluated.counted, evaluated.target, evaluated.exempt) AS red, stored.red AS was_red,
        {status_since} AS status_since
    FROM evaluated
    LEFT JOIN stored USING (employee_id)
    -- Writes only what differs: an unchanged row costs no new row version, and most evaluations change nothing.
    WHERE stored.id IS NULL
       OR stored.target_reached_at IS DISTINCT FROM evaluated.target_reached_at
       OR stored.last_counted_on IS DISTINCT FROM evaluated.last_counted_on
       OR (stored.counted, stored.target, stored.exempt) <> (evaluated.counted, evaluated.target, evaluated.exempt)),
removed AS (
    DELETE FROM standings_standing
    WHERE id IN (SELECT id FROM stored)
      -- Not in the population any more: employment, department or rule has changed. The history of status keeps its
      -- rows.
      AND NOT EXISTS (SELECT 1 FROM people WHERE people.employee_id = standings_standing.employee_id)
    RETURNING employee_id),
removed_days AS (
    DELETE FROM standings_dailycount
    WHERE id IN (
        SELECT id FROM stored_days LEFT JOIN daily USING (employee_id, day) WHERE daily.day IS NULL)
    RETURNING employee_id),
changed_days AS (
    INSERT INTO standings_dailycount (campaign_id, employee_id, day, count)
    SELECT {campaign}, employee_id, day, daily.count
    FROM daily
    LEFT JOIN stored_days USING (employee_id, day)
    WHERE stored_days.count IS DISTINCT FROM daily.count
    -- Updates instead of DELETE and INSERT: both would see the old row, and the INSERT would fail.
    ON CONFLICT (campaign_id, employee_id, day) DO UPDATE SET count = excluded.count
    RETURNING employee_id),
-- The previous figures of each changed employee, for the summaries. Nothing is inserted for a campaign without them.
summary_deltas AS (
    INSERT INTO standings_summarydelta (campaign_id, employee_id, counted, target, exempt, days, counts)
    SELECT {campaign}, employee_id, stored.counted, stored.target, stored.exempt,
        coalesce(previous.days, ARRAY[]::date[]), coalesce(previous.counts, ARRAY[]::int[])
    FROM (
        SELECT employee_id FROM changed
        UNION SELECT employee_id FROM removed
        UNION SELECT employee_id FROM removed_days
        UNION SELECT employee_id FROM changed_days
    ) affected
    LEFT JOIN stored USING (employee_id)
    LEFT JOIN (
        SELECT employee_id, array_agg(day) AS days, array_agg(count) AS counts FROM stored_days GROUP BY 1
    ) previous USING (employee_id)
    WHERE EXISTS (
        SELECT FROM standings_summarystate
        WHERE campaign_id = {campaign} AND state IN ('building', 'ready'))),
written AS (
    INSERT INTO standings_standing (campaign_id, employee_id, counted, target, exempt, target_reached_at, status_since,
        verdict_changed_at, last_counted_on)
    SELECT {campaign}, employee_id, counted, target, exempt, target_reached_at, status_since, {now},
        last_counted_on
    FROM changed
    ON CONFLICT (campaign_id, employee_id) DO UPDATE SET
        counted = excluded.counted, target = excluded.target, exempt = excluded.exempt,
        target_reached_at = excluded.target_reached_at, last_counted_on = excluded.last_counted_on,
        verdict_changed_at = CASE
            WHEN standings_standing.target_reached_at IS DISTINCT FROM excluded.target_reached_at
              OR (standings_standing.counted, standings_standing.target, standings_standing.exempt)
                <> (excluded.counted, excluded.target, excluded.exempt)
            THEN excluded.verdict_changed_at
            ELSE standings_standing.verdict_changed_at END,
        status_since = CASE
            WHEN standings_standing.red = is_red(excluded.counted, excluded.target, excluded.exempt)
            THEN standings_standing.status_since
            ELSE excluded.status_since END),
status_changes AS (
    INSERT INTO standings_standingchange (campaign_id, employee_id, at, red, counted, target, exempt, cause)
    -- `was_red` is NULL for a new standing, and then nothing is written: a first evaluation is no change of status.
    SELECT {campaign}, employee_id, {now}, red, counted, target, exempt, {cause} FROM changed WHERE was_red <> red
    RETURNING red),
-- What employees are notified of; not of a repair, whose cause is in the past. With many new contacts at once, only the
-- highest milestone is recorded.
milestones AS (
    INSERT INTO core_event (kind, subject, campaign_id, employee_id, data)
    SELECT DISTINCT ON (employee_id) milestone.kind, {campaign}::text, {campaign}, employee_id, jsonb_build_object()
    FROM changed
    JOIN stored USING (employee_id)
    JOIN (VALUES ('milestone_50', 5), ('milestone_90', 9), ('milestone_100', 10)) AS milestone(kind, tenths)
        ON stored.counted * 10 < stored.target * milestone.tenths
        AND changed.counted * 10 >= changed.target * milestone.tenths
    WHERE {cause} = 'mark' AND NOT changed.exempt
    ORDER BY employee_id, milestone.tenths DESC),
-- The subject has the instant: each fall is notified, also after one whose notice was dropped.
fallen AS (
    INSERT INTO core_event (kind, subject, campaign_id, employee_id, data)
    SELECT 'turned_red', concat({campaign}, ':', {now}), {campaign}, employee_id, jsonb_build_object(
        'was_counted', stored.counted, 'counted', changed.counted, 'was_target', stored.target,
        'target', changed.target, 'was_exempt', stored.exempt)
    FROM changed JOIN stored USING (employee_id)
    WHERE {cause} = 'mark' AND changed.red AND NOT changed.was_red)
SELECT count(*) AS employees, coalesce(sum(counted), 0) AS counted,
    count(*) FILTER (WHERE is_red(counted, target, exempt)) AS red,
    -- From RETURNING, because this SELECT cannot see what the statement inserts.
    (SELECT count(*) FROM status_changes WHERE red) AS turned_red,
    (SELECT count(*) FROM status_changes WHERE NOT red) AS turned_green,
    (SELECT count(*) FROM changed) AS written
FROM evaluated

-- name: status_since
-- A changed status dates from this evaluation: no fact says at which instant a count crossed the target downwards. A first
-- evaluation may come late: who never reached the target is red since the opening, or since the first day at work.
CASE WHEN stored.id IS NOT NULL THEN {now}
    WHEN is_red(evaluated.counted, evaluated.target, evaluated.exempt) THEN least({now}, greatest({opens_at}, (
        SELECT max(employment.starts_at) FROM employees_employment employment
        WHERE employment.employee_id = evaluated.employee_id AND employment.starts_at < {now})))
    ELSE coalesce(evaluated.target_reached_at, {now}) END

-- name: status_since_repaired
-- A repair that restores the evaluated of the last change also restores its instant: nothing has happened since then.
coalesce((
    SELECT CASE WHEN last_change.red = is_red(evaluated.counted, evaluated.target, evaluated.exempt) THEN last_change.at END
    FROM standings_standingchange last_change
    WHERE last_change.campaign_id = {campaign} AND last_change.employee_id = evaluated.employee_id
      -- Repairs do not count: a wrong status that a recount put right never happened.
      AND last_change.cause = 'mark'
    ORDER BY last_change.at DESC, last_change.id DESC LIMIT 1), {now})

-- name: given_identities
SELECT kind, digest FROM unnest(%(kinds)s::text[], %(digests)s::bytea[])
AS identity(kind, digest)
