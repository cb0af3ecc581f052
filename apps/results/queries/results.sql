-- name: store_rows
-- Version 1: the standings as of the cut-off, with the counted contacts of each day.
{standings},
by_day AS (
    SELECT employee_id, array_agg(day ORDER BY day) AS days, array_agg(count ORDER BY day) AS counts
    FROM days
    GROUP BY employee_id)
INSERT INTO results_frozenstanding (campaign_id, version, employee_id, staff_no, name, email, department,
    manager_staff_no, counted, target, exempt, pace, target_reached_at, days, counts)
SELECT {campaign}, 1, employee_id, staff_no, name, email, department, manager_staff_no, counted, target, exempt, pace,
    target_reached_at, coalesce(by_day.days, ARRAY[]::date[]), coalesce(by_day.counts, ARRAY[]::int[])
FROM listed
LEFT JOIN by_day USING (employee_id)

-- name: store_tree
{tree}
INSERT INTO results_frozenorgposition (campaign_id, employee_id, manager_id, first, last)
SELECT {campaign}, employee_id, manager_id, first, last FROM tree

-- name: store_reasons
INSERT INTO results_frozenreason (campaign_id, employee_id, contact_id, reason)
SELECT {campaign}, employee_id, contact_id, reason FROM ({reasons}) frozen_reason

-- name: copy_rows
-- The rows of the version before, with the corrected values. A corrected row has no date of reaching the target.
INSERT INTO results_frozenstanding (campaign_id, version, employee_id, staff_no, name, email, department,
    manager_staff_no, counted, target, exempt, pace, target_reached_at, days, counts)
SELECT campaign_id, {version}, employee_id, staff_no, name, email, department, manager_staff_no, counted, target,
    -- The stored pace is kept for all others: computing it anew could differ from what was signed.
    exempt, CASE WHEN corrected THEN {pace} ELSE pace END, CASE WHEN corrected THEN NULL ELSE target_reached_at END,
    days, counts
FROM (
    SELECT standing.campaign_id, standing.employee_id, standing.staff_no, standing.name, standing.email,
        standing.department, standing.manager_staff_no, standing.pace, standing.target_reached_at, standing.days,
        standing.counts,
        line.id IS NOT NULL AND (line.counted, line.target) <> (standing.counted, standing.target) AS corrected,
        coalesce(line.counted, standing.counted) AS counted, coalesce(line.target, standing.target) AS target,
        coalesce(line.exempt, standing.exempt) AS exempt
    FROM results_frozenstanding standing
    LEFT JOIN results_correctionline line
      ON line.employee_id = standing.employee_id AND line.correction_id = {correction}
    WHERE standing.campaign_id = {campaign} AND standing.version = {version} - 1
      AND standing.employee_id BETWEEN {first} AND {last}
) corrected_standing

-- name: corrected_employees
-- The employees whose line a version changed.
SELECT line.employee_id
FROM results_correctionline line
JOIN results_frozenstanding before ON before.campaign_id = %(campaign)s AND before.version = %(version)s - 1
    AND before.employee_id = line.employee_id
WHERE line.correction_id = %(correction)s
  AND (line.counted, line.target, line.exempt) <> (before.counted, before.target, before.exempt)

-- name: chunks
SELECT min(employee_id), max(employee_id), count(*)
FROM (
    SELECT employee_id, (row_number() OVER (ORDER BY employee_id) - 1) / %(size)s AS chunk
    FROM results_frozenstanding
    WHERE campaign_id = %(campaign)s AND version = %(version)s
) numbered
GROUP BY chunk
ORDER BY chunk

-- name: late_facts
SELECT employee.staff_no, employee.name, count(*), max(stored_at)
FROM contacts_contact contact
JOIN employees_employee employee ON employee.id = contact.employee_id
-- Ended contacts are left out: they would not have counted either.
WHERE stored_at > %(snapshot_at)s AND recorded_at >= %(opens_at)s AND recorded_at < %(cutoff_at)s
  AND (ended_at IS NULL OR ended_at >= %(cutoff_at)s)
GROUP BY employee.id
ORDER BY 3 DESC, 1
-- A page for people; more than that is a failed feed, and not a matter of single corrections.
LIMIT 200
