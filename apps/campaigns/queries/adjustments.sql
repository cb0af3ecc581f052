-- name: has_other_adjustment
-- Whether `employee` has a granted current or future adjustment from another request than {request}. Undecided ones do
-- not count: otherwise one HR user keeps all others from adjusting anyone by requests that are never decided.
EXISTS (
    SELECT 1 FROM campaigns_adjustment adjustment
    WHERE adjustment.employee_id = employee.id AND adjustment.campaign_id = {campaign} AND adjustment.left_out = ''
      AND adjustment.request_id <> {request}
      AND (adjustment.ended_at IS NULL OR adjustment.ended_at >= {as_of}) AND adjustment.ends_at >= {as_of}
      AND adjustment.granted_at IS NOT NULL)

-- name: requested_targets
-- The fields of apps.campaigns.adjustments.bulk_targets.BulkTarget, in order.
SELECT employee.id, employee.staff_no, employee.name, coalesce(position.department, ''), (
        SELECT (min(starts_at) AT TIME ZONE %(time_zone)s)::date FROM employees_employment
        WHERE employee_id = employee.id AND ends_at > %(opens_at)s AND starts_at < %(cutoff_at)s),
    %(target)s, adjustment.target, adjustment.exempt, adjustment.starts_at, adjustment.ends_at, adjustment.ended_at,
    adjustment.left_out
FROM campaigns_adjustment adjustment
JOIN employees_employee employee ON employee.id = adjustment.employee_id
LEFT JOIN employees_treenode position ON position.employee_id = employee.id
WHERE adjustment.request_id = %(request)s
ORDER BY employee.staff_no COLLATE "C"

-- name: store_targets
INSERT INTO campaigns_adjustment (request_id, campaign_id, employee_id, target, exempt, starts_at, ends_at, left_out)
SELECT %(request)s, %(campaign)s, listed.*, ''
-- Arrays: one statement with five values, whatever the length of the list.
FROM unnest(%(employees)s::bigint[], %(targets)s::int[], %(exemptions)s::boolean[], %(starts)s::timestamptz[],
    %(ends)s::timestamptz[]) AS listed

-- name: store_skipped
UPDATE campaigns_adjustment SET left_out = skipped_employee.reason
FROM unnest(%(employees)s::bigint[], %(reasons)s::text[]) AS skipped_employee(id, reason)
WHERE request_id = %(request)s AND employee_id = skipped_employee.id AND left_out = ''

-- name: grant
-- One instant for all, which equals the decision's: a trigger compares the two.
UPDATE campaigns_adjustment SET granted_at = %(now)s WHERE request_id = %(request)s AND left_out = ''
RETURNING employee_id

-- name: revoke
UPDATE campaigns_adjustment SET ended_at = %(now)s
WHERE request_id = %(request)s AND employee_id = ANY(%(employees)s) AND granted_at IS NOT NULL AND ended_at IS NULL
RETURNING employee_id

-- name: audit_employees
-- One audit entry for each employee: the audit trail of an employee then shows what changed the target.
INSERT INTO core_auditentry
    (at, actor_id, actor_label, action, subject_kind, subject_id, subject_label, detail, origin)
SELECT hundred_clock(), %(actor)s, %(label)s, %(action)s, 'employee', employee.staff_no,
    employee.name || ' (' || employee.staff_no || ')',
    %(detail)s::jsonb || jsonb_build_object('target', adjustment.target, 'exempt', adjustment.exempt), %(origin)s
FROM campaigns_adjustment adjustment
JOIN employees_employee employee ON employee.id = adjustment.employee_id
WHERE adjustment.request_id = %(request)s AND adjustment.employee_id = ANY(%(employees)s)

-- name: lock_role
SELECT account.employee_id
FROM accounts_role role
JOIN accounts_account account ON account.id = role.account_id
-- No row: the account has lost the role, or was closed, since the page was loaded.
WHERE account.id = %(account)s AND role.role = 'hr' AND account.is_active
FOR NO KEY UPDATE OF role

-- name: prorated_target
-- target x days left / all days, rounded up, at least 1. Calendar days, including the first day and the deadline.
greatest(({target}::bigint * least({deadline} - {first_day} + 1, {days}) + {days} - 1) / {days}, 1)::int

-- name: joiner_target
-- The campaign's target, or that of a joiner pro rata. The first day comes from the roster, in the company's time zone.
(SELECT CASE WHEN joined.day > {opens_on} THEN {prorated_target} ELSE {target} END
FROM (
    SELECT (min(starts_at) AT TIME ZONE {time_zone})::date AS day FROM employees_employment
    WHERE employee_id = employee.id AND ends_at > {opens_at} AND starts_at < {cutoff_at}) joined)

-- name: unadjusted_targets
SELECT employee.id, {target} FROM ({employees}) listed JOIN employees_employee employee ON employee.id = listed.id

-- name: late_joiners
-- The first day of work comes from the roster. It is a day in the company's time zone, in which the roster's dates
-- became instants.
SELECT employee.id, employee.staff_no, employee.name, coalesce(placement.department, '') AS department, joined.day,
    {prorated_target}, {has_other_adjustment}
FROM ({population}) population
JOIN employees_employee employee ON employee.id = population.employee_id
JOIN (
    SELECT employee_id, (min(starts_at) AT TIME ZONE {time_zone})::date AS day FROM employees_employment
    WHERE ends_at > {opens_at} AND starts_at < {cutoff_at} GROUP BY 1
) joined USING (employee_id)
LEFT JOIN employees_placement placement
  ON placement.employee_id = employee.id AND in_force(placement.starts_at, placement.ends_at, {as_of})
-- Who started on the first day keeps the full target, and needs no adjustment.
WHERE joined.day > {joined_after} AND {prorated_target} < {target} AND {in_department}
ORDER BY employee.staff_no COLLATE "C"

-- name: find_employees
-- Staff numbers first: a text is matched as an e-mail address only when no employee has it as staff number.
SELECT named.text, employee.id
FROM unnest(%(texts)s::text[]) AS named(text)
JOIN employees_employee employee ON employee.staff_no = named.text
UNION ALL
SELECT named.text, employee.id
FROM unnest(%(texts)s::text[]) AS named(text)
JOIN employees_employee employee ON lower(employee.email) = lower(named.text)
WHERE NOT EXISTS (SELECT 1 FROM employees_employee numbered WHERE numbered.staff_no = named.text)

-- name: employee_facts
SELECT employee.id, employee.staff_no, employee.name, coalesce(placement.department, ''),
    population.employee_id IS NOT NULL, {has_other_adjustment}
FROM ({employees}) listed
JOIN employees_employee employee ON employee.id = listed.id
LEFT JOIN ({population}) population ON population.employee_id = employee.id
LEFT JOIN employees_placement placement
  ON placement.employee_id = employee.id AND in_force(placement.starts_at, placement.ends_at, {as_of})
