-- name: changed_identities
-- `effect_recorded`: the identities of the changed employees that are also a contact's identity, ended contacts included,
-- because a query with an earlier as_of counts them. `effect_employed`: the employment periods of all employees who
-- have or had these identities, before and after the change. The other `effect_` tables hold the state before the change
-- (apps/roster/effects.py).
DROP TABLE IF EXISTS pg_temp.effect_recorded, pg_temp.effect_employed;
CREATE TEMP TABLE effect_recorded ON COMMIT DROP AS
SELECT kind, digest FROM (
    SELECT kind, digest FROM effect_employeeidentity
    UNION SELECT kind, digest FROM employees_employeeidentity JOIN effect_people USING (employee_id)) changed
WHERE EXISTS (
    SELECT FROM contacts_contactidentity identity WHERE identity.kind = changed.kind AND identity.digest = changed.digest);
ANALYZE effect_recorded;
CREATE TEMP TABLE effect_employed ON COMMIT DROP AS
SELECT kind, digest, true AS was, false AS is_now, starts_at, ends_at FROM effect_recorded
JOIN effect_employeeidentity USING (kind, digest) JOIN effect_employment USING (employee_id)
UNION ALL
SELECT kind, digest, changed.employee_id IS NULL, true, starts_at, ends_at FROM effect_recorded
JOIN employees_employeeidentity identity USING (kind, digest) JOIN employees_employment USING (employee_id)
LEFT JOIN effect_people changed ON changed.employee_id = identity.employee_id;
ANALYZE effect_employed;

-- name: changed_in_campaign
-- A query as of T treats a contact as a colleague if the person was employed at any moment between the opening and T.
-- That holds for every T after the first such moment. If the change moves this moment, some query of the campaign gives
-- another answer. This includes frozen campaigns, whose earlier days are counted from the facts.
SELECT kind, digest FROM effect_employed WHERE starts_at < {cutoff_at} AND ends_at > {opens_at} GROUP BY 1, 2
HAVING min(greatest(starts_at, {opens_at})) FILTER (WHERE was)
    IS DISTINCT FROM min(greatest(starts_at, {opens_at})) FILTER (WHERE is_now)

-- name: changed_for_every_campaign
-- For campaigns that open later: a person who never was a colleague becomes one, or the reverse.
SELECT kind, digest FROM effect_employed GROUP BY 1, 2 HAVING bool_or(was) <> bool_or(is_now)

-- name: recorders
SELECT count(DISTINCT identity.employee_id) FROM ({changed}) changed
JOIN contacts_contactidentity identity ON identity.kind = changed.kind AND identity.digest = changed.digest

-- name: changed_targets
-- The first day that pro-rates a target, not before the campaign's, before and after the change. Who leaves before a
-- campaign opens has no target in it, unless the first day is only put off. A returner had an earlier first day, a person
-- new to the roster had none.
SELECT employee_id FROM (
    SELECT employee_id, (
            SELECT (min(starts_at) AT TIME ZONE {time_zone})::date FROM effect_employment old_period
            WHERE old_period.employee_id = effect_people.employee_id
              AND ends_at > {opens_at} AND starts_at < {cutoff_at}) AS before, (
            SELECT (min(starts_at) AT TIME ZONE {time_zone})::date FROM employees_employment period
            WHERE period.employee_id = effect_people.employee_id
              AND ends_at > {opens_at} AND starts_at < {cutoff_at}) AS after
    FROM effect_people) first_day
WHERE CASE WHEN before IS NULL THEN after > {opens_on}
        AND EXISTS (SELECT FROM effect_employment earlier WHERE earlier.employee_id = first_day.employee_id)
      WHEN after IS NULL THEN {opens_at} <= hundred_clock() OR EXISTS (
        SELECT FROM employees_employment later
        WHERE later.employee_id = first_day.employee_id AND later.starts_at >= {cutoff_at})
      ELSE greatest(before, {opens_on}) <> greatest(after, {opens_on}) END

-- name: joiners_and_leavers
-- The people of this change who join a campaign with a lower target, or leave it, where one account alone loaded both: any
-- joiner may be any of the leavers under a new number. `alone`: the times of the loads that this account made without a
-- second person, and of all undos, which record anew the ends that they bring back; the change itself comes after the last.
SELECT employee_id FROM (
    WITH roster_change AS (
        SELECT id, digest, actor_id, at, lag(at, 1, '-infinity') OVER (ORDER BY at) AS after
        FROM (
            SELECT id, digest, actor_id, done_at AS at FROM roster_rosterimport WHERE state = 'done'
            UNION ALL
            SELECT NULL, NULL, {by}, undone_at FROM roster_rosterimport WHERE undone_at IS NOT NULL
        ) load_or_undo
    ), alone AS (
        SELECT after, at AS until FROM roster_change
        WHERE actor_id = {by} AND NOT EXISTS (
            SELECT FROM accounts_approvalrequest request
            WHERE request.kind = 'roster_load' AND request.subject = roster_change.id::text
              AND request.payload ->> 'digest' = roster_change.digest AND request.decision = 'approved')
        UNION ALL
        SELECT coalesce(max(at), '-infinity'), 'infinity' FROM roster_change
    ), new_person AS (
        SELECT employee_id FROM effect_people
        WHERE employee_id NOT IN (SELECT employee_id FROM effect_employment)
    ), joiner AS (
        SELECT employee.id AS employee_id, employee.id IN (TABLE new_person) AS is_new
        FROM employees_employee employee
        JOIN (
            SELECT employee_id, (min(starts_at) AT TIME ZONE {time_zone})::date AS first_day
            FROM employees_employment WHERE ends_at > {opens_at} AND starts_at < {cutoff_at} GROUP BY employee_id
        ) joined ON joined.employee_id = employee.id
        -- Not the row's creation: an undo of the load leaves the row, and takes the identities back.
        CROSS JOIN LATERAL (
            SELECT min(started_at) AS at FROM employees_employeeidentity WHERE employee_id = employee.id
        ) loaded
        WHERE first_day > {opens_on}
          AND (employee.id IN (TABLE new_person)
               OR EXISTS (SELECT FROM alone WHERE loaded.at > after AND loaded.at <= until))
    ), leaver AS (
        SELECT employee_id, bool_or(until = 'infinity') AS is_new
        FROM employees_employment ended
        JOIN alone ON ended.ended_recorded_at > alone.after AND ended.ended_recorded_at <= alone.until
        WHERE ends_at > {leavers_from} AND ends_at < {cutoff_at}
          AND NOT EXISTS (
            SELECT FROM employees_employment period WHERE period.employee_id = ended.employee_id
              AND in_force(period.starts_at, period.ends_at, {cutoff_at}))
        GROUP BY employee_id
        UNION ALL
        {left_scope}
    )
    SELECT employee_id FROM (TABLE joiner UNION TABLE leaver) affected
    WHERE is_new AND EXISTS (SELECT FROM joiner JOIN leaver ON leaver.employee_id <> joiner.employee_id)
) joiners_and_leavers

-- name: left_scope
-- People who moved out of the departments of the campaign. A placement does not record who loaded it.
SELECT employee_id, changed.employee_id IS NOT NULL AND EXISTS (
        SELECT FROM effect_placement old_placement WHERE old_placement.employee_id = placement.employee_id
          AND in_force(old_placement.starts_at, old_placement.ends_at, {cutoff_at})
          AND old_placement.department = ANY({scope})) AS is_new
FROM employees_placement placement LEFT JOIN effect_people changed USING (employee_id)
WHERE department = ANY({scope}) AND ends_at > {leavers_from} AND ends_at < {cutoff_at}
  AND NOT EXISTS (
    SELECT FROM employees_placement last_placement WHERE last_placement.employee_id = placement.employee_id
      AND in_force(last_placement.starts_at, last_placement.ends_at, {cutoff_at})
      AND last_placement.department = ANY({scope}))

-- name: in_campaign
-- People on the roster before, whom another department brings into the scope or takes out of it, at the cut-off or at any
-- instant from now to it. Employment is not compared: a person who leaves and returns in another department also moves.
SELECT employee_id
FROM effect_placement old_placement JOIN employees_placement placement USING (employee_id)
WHERE in_force(old_placement.starts_at, old_placement.ends_at, {cutoff_at})
  AND in_force(placement.starts_at, placement.ends_at, {cutoff_at})
  AND (old_placement.department = ANY({scope})) <> (placement.department = ANY({scope}))
UNION
SELECT employee_id
FROM effect_placement old_placement JOIN employees_placement placement USING (employee_id)
WHERE (old_placement.department = ANY({scope})) <> (placement.department = ANY({scope}))
  AND greatest(old_placement.starts_at, placement.starts_at, hundred_clock())
    < least(old_placement.ends_at, placement.ends_at, {cutoff_at})

-- name: in_result
-- People on the roster before, who are in the campaign's population at the cut-off either before or after the change; and
-- people who had left before the cut-off, and are employed again after it. With {ends_from}, of all these only people whose
-- employment now ends between that instant and the cut-off. And people whose employment now ends in the last days before
-- the cut-off, and did not before: a load may first end it earlier, and another one put the end off. And people on
-- the roster before, one of whose employments now begins in these days: they can do nothing until then.
SELECT employee_id FROM (
    WITH was AS (
        SELECT employee_id FROM effect_employment employment
        WHERE in_force(employment.starts_at, employment.ends_at, {cutoff_at})
          AND (cardinality({scope}) = 0 OR employee_id IN (
            SELECT placement.employee_id FROM effect_placement placement
            WHERE in_force(placement.starts_at, placement.ends_at, {cutoff_at})
              AND placement.department = ANY({scope})))
    ), is_now AS (
        SELECT employee_id FROM employees_employment employment JOIN effect_people USING (employee_id)
        WHERE in_force(employment.starts_at, employment.ends_at, {cutoff_at})
          AND employee_id IN (SELECT old_employment.employee_id FROM effect_employment old_employment)
          AND (cardinality({scope}) = 0 OR employee_id IN (
            SELECT placement.employee_id FROM employees_placement placement JOIN effect_people USING (employee_id)
            WHERE in_force(placement.starts_at, placement.ends_at, {cutoff_at})
              AND placement.department = ANY({scope})))
    ), old_end AS (
        SELECT employee_id, max(ends_at) AS ends_at FROM effect_employment GROUP BY employee_id
    ), new_end AS (
        SELECT employee_id, max(ends_at) AS ends_at
        FROM employees_employment JOIN effect_people USING (employee_id) GROUP BY employee_id
    )
    SELECT employee_id FROM (
        (TABLE was EXCEPT TABLE is_now) UNION (TABLE is_now EXCEPT TABLE was)
        UNION
        SELECT employee_id FROM old_end JOIN new_end USING (employee_id)
        WHERE old_end.ends_at > {opens_at} AND old_end.ends_at < {cutoff_at} AND new_end.ends_at > {cutoff_at}
    ) changed
    WHERE {ends_from} IS NULL OR employee_id IN (
        SELECT new_end.employee_id FROM new_end WHERE new_end.ends_at BETWEEN {ends_from} AND {cutoff_at})
    UNION
    SELECT employee_id FROM old_end JOIN new_end USING (employee_id)
    WHERE new_end.ends_at >= {last_days_from} AND new_end.ends_at < {cutoff_at}
      AND NOT (old_end.ends_at >= {last_days_from} AND old_end.ends_at < {cutoff_at})
      AND (cardinality({scope}) = 0 OR employee_id IN (
        SELECT placement.employee_id FROM employees_placement placement JOIN effect_people USING (employee_id)
        WHERE in_force(placement.starts_at, placement.ends_at, new_end.ends_at) AND placement.department = ANY({scope})))
    UNION
    SELECT employee_id FROM employees_employment new_employment JOIN effect_people USING (employee_id)
    WHERE new_employment.starts_at > {last_days_from} AND new_employment.starts_at < {cutoff_at}
      AND employee_id IN (SELECT old_employment.employee_id FROM effect_employment old_employment)
      AND (employee_id, new_employment.starts_at) NOT IN (
        SELECT old_employment.employee_id, old_employment.starts_at FROM effect_employment old_employment)
) changed_in_result

-- name: future_colleagues
-- (employee, domain of an address) for the new phones and addresses of people whose employment begins later, and for all of
-- people whose first day is new. Until then, others may record them as a contact, which stops counting on the first day.
SELECT DISTINCT employee_id, CASE identity.kind WHEN 'email' THEN substring(identity.value FROM '[^@]*$') END
FROM effect_people
JOIN employees_employment employment USING (employee_id)
JOIN employees_employeeidentity identity USING (employee_id)
WHERE employment.starts_at > hundred_clock()
  AND NOT EXISTS (
    SELECT FROM effect_employment old_employment JOIN effect_employeeidentity old_identity USING (employee_id)
    WHERE old_employment.employee_id = employment.employee_id AND old_employment.starts_at = employment.starts_at
      AND old_identity.kind = identity.kind AND old_identity.digest = identity.digest);
