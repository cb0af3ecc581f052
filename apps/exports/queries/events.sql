-- name: flips
FROM (SELECT listed.staff_no, listed.name, change.* FROM standings_standingchange change
    JOIN listed ON listed.employee_id = change.employee_id
    WHERE change.campaign_id = {campaign} AND change.at < {now}
        AND listed.employee_id IN (SELECT employee_id FROM listed WHERE {where})) change
ORDER BY change.staff_no, change.at, change.id

-- name: reviews
FROM (SELECT id, employee_id, asked_at, due_at,
        CASE WHEN closed_at < {now} THEN state ELSE 'open' END AS state,
        CASE WHEN closed_at < {now} THEN answer_kind END AS answer_kind,
        CASE WHEN closed_at < {now} THEN answered_by_label ELSE '' END AS answered_by_label,
        CASE WHEN closed_at < {now} THEN closed_at END AS closed_at
    FROM reviews_review WHERE campaign_id = {campaign} AND asked_at < {now}) review
JOIN employees_employee employee ON employee.id = review.employee_id
ORDER BY review.asked_at, review.id

-- name: actors
-- The staff number behind each account; accounts without an employee have none.
SELECT account.id AS account_id, employee.staff_no FROM accounts_account account
JOIN employees_employee employee ON employee.id = account.employee_id

-- name: adjustment_requests
WITH actor AS NOT MATERIALIZED ({actors}),
request AS (
    SELECT id, kind, kind_text, reason, joined_after, file_name, asked_by_label, asked_at, ends_id,
        (SELECT staff_no FROM actor WHERE account_id = asked_by_id) AS asked_by_staff_no,
        CASE WHEN decided_at < {now} THEN (SELECT staff_no FROM actor WHERE account_id = decided_by_id) END
            AS decided_by_staff_no,
        CASE WHEN decided_at < {now} THEN decision END AS decision,
        CASE WHEN decided_at < {now} THEN decided_at END AS decided_at,
        CASE WHEN decided_at < {now} THEN decided_by_label ELSE '' END AS decided_by_label,
        CASE WHEN decided_at < {now} THEN note ELSE '' END AS note
    FROM campaigns_adjustmentrequest WHERE campaign_id = {campaign} AND asked_at < {now}),
adjustment AS (
    SELECT id, request_id, employee_id, target, exempt, starts_at, ends_at, left_out,
        CASE WHEN granted_at < {now} THEN granted_at END AS granted_at,
        CASE WHEN ended_at < {now} THEN ended_at END AS ended_at
    FROM campaigns_adjustment WHERE campaign_id = {campaign})

-- name: adjustments
FROM adjustment JOIN request ON request.id = adjustment.request_id
JOIN employees_employee employee ON employee.id = adjustment.employee_id
LEFT JOIN request ending ON ending.ends_id = adjustment.request_id AND ending.decision = 'granted'
    AND ending.decided_at = adjustment.ended_at
ORDER BY adjustment.request_id, employee.staff_no COLLATE "C"

-- name: adjustment_state
CASE WHEN request.decision IS NULL THEN 'waiting' WHEN request.decision <> 'granted' THEN request.decision
    WHEN adjustment.granted_at IS NULL THEN 'left_out' WHEN adjustment.ended_at < {at} THEN 'ended'
    WHEN in_force(adjustment.starts_at, adjustment.ends_at, {at}) THEN 'in_force'
    WHEN adjustment.starts_at >= {at} THEN 'later' ELSE 'over' END

-- name: leaver_contacts
WITH leaver AS MATERIALIZED (
    SELECT employee_id, max(ends_at) AS left_at FROM employees_employment WHERE starts_at < {at} GROUP BY 1
    HAVING max(ends_at) < {at} AND max(ends_at) > {opens_at}),
counting AS (
    SELECT employee_id, count(*) AS counted FROM contacts_contact contact
    WHERE employee_id IN (SELECT employee_id FROM leaver) AND recorded_at < {at} AND {reason} = '' GROUP BY 1)

-- name: leavers
FROM leaver JOIN employees_employee employee ON employee.id = leaver.employee_id
LEFT JOIN employees_placement placement ON placement.employee_id = leaver.employee_id
    AND in_force(placement.starts_at, placement.ends_at, leaver.left_at)
LEFT JOIN employees_employee manager ON manager.id = placement.manager_id
LEFT JOIN counting ON counting.employee_id = leaver.employee_id
WHERE {scope}
ORDER BY employee.staff_no COLLATE "C"

-- name: roster_changes
FROM (
    SELECT employment.employee_id, employment.starts_at AS at, 'joined' AS change, NULL::bigint AS former_id,
        placement.id AS placement_id
    FROM employees_employment employment
    LEFT JOIN employees_placement placement ON placement.employee_id = employment.employee_id
        AND in_force_from(placement.starts_at, placement.ends_at, employment.starts_at)
    WHERE {since} <= employment.starts_at AND employment.starts_at < {now} AND employment.starts_at < 'infinity'
    UNION ALL
    SELECT employment.employee_id, employment.ends_at, 'left', placement.id, NULL
    FROM employees_employment employment
    LEFT JOIN employees_placement placement ON placement.employee_id = employment.employee_id
        AND in_force(placement.starts_at, placement.ends_at, employment.ends_at)
    WHERE {since} <= employment.ends_at AND employment.ends_at < {now} AND employment.ends_at < 'infinity'
    UNION ALL
    SELECT placement.employee_id, placement.starts_at, 'moved', former.id, placement.id
    FROM employees_placement placement
    JOIN employees_placement former ON former.employee_id = placement.employee_id
        AND former.ends_at = placement.starts_at
    WHERE {since} <= placement.starts_at AND placement.starts_at < {now} AND placement.starts_at < 'infinity') change
JOIN employees_employee employee ON employee.id = change.employee_id
LEFT JOIN employees_placement former ON former.id = change.former_id
LEFT JOIN employees_employee former_manager ON former_manager.id = former.manager_id
LEFT JOIN employees_placement placement ON placement.id = change.placement_id
LEFT JOIN employees_employee manager ON manager.id = placement.manager_id
ORDER BY change.at, employee.staff_no COLLATE "C", change.change
