-- The effect of a change of a campaign on all employees, evaluated from the facts.

-- name: rule_change_impact
-- The columns are the fields of apps.standings.rule_changes.RuleChangeImpact.
SELECT count(before) AS people_before, count(after) AS people,
    count(*) FILTER (WHERE before.red) AS red_before, count(*) FILTER (WHERE after.red) AS red,
    count(*) FILTER (WHERE after.red AND NOT before.red) AS turned_red,
    count(*) FILTER (WHERE before.red AND NOT after.red) AS turned_not_red,
    count(*) FILTER (WHERE before IS NULL) AS entered, count(*) FILTER (WHERE before IS NULL AND after.red) AS entered_red,
    count(*) FILTER (WHERE after IS NULL) AS departed, count(*) FILTER (WHERE after IS NULL AND before.red) AS departed_red,
    count(*) FILTER (WHERE after.exempt OR after.target <> {target}) AS keep_own_terms,
    count(*) FILTER (WHERE after.counted <> before.counted) AS recounted,
    count(*) FILTER (WHERE after.target > before.target AND NOT after.exempt) AS raised
FROM (
    WITH {evaluation_before}
    SELECT employee_id, target, exempt, counted, is_red(counted, target, exempt) AS red FROM evaluated
) before
-- FULL: a change of scope lets employees enter and leave.
FULL JOIN (
    WITH {evaluation_after}
    SELECT employee_id, target, exempt, counted, is_red(counted, target, exempt) AS red FROM evaluated
) after USING (employee_id)

-- name: people_and_red
WITH {evaluation}
SELECT count(*), count(*) FILTER (WHERE is_red(counted, target, exempt)) FROM evaluated

-- name: people_with_contacts
-- Every stored contact counts, ended or not. Otherwise a user could end employments or contacts and then cancel alone.
SELECT count(*) FROM employees_employee employee
WHERE EXISTS (
    SELECT FROM contacts_contact contact
    WHERE contact.employee_id = employee.id
      AND contact.recorded_at >= %(opened)s AND contact.recorded_at < %(cut_off)s)
