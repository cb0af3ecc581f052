-- name: new_emails
-- New addresses of the load without a request for approval.
SELECT staged_row.line, employee.id, employee.staff_no, employee.name, employee.email, staged_row.email
FROM roster_stage staged_row JOIN roster_employee employee ON employee.id = staged_row.employee_id
WHERE staged_row.email_needs_approval AND NOT staged_row.gives_up_email
  AND NOT EXISTS (
    SELECT 1 FROM accounts_emailchange change
    JOIN accounts_approvalrequest request ON request.id = change.request_id
    WHERE change.employee_id = employee.id AND change.waiting AND change.new_email = staged_row.email
      AND request.expires_at > %(now)s)
ORDER BY employee.staff_no COLLATE "C";

-- name: end_replaced
-- Ends pending changes that the same account has since replaced, and those of expired requests. Another account's file
-- does not end a request: otherwise it could block the approval for ever.
UPDATE accounts_emailchange change SET waiting = false
FROM roster_stage staged_row, accounts_approvalrequest request
WHERE change.employee_id = staged_row.employee_id AND change.waiting AND request.id = change.request_id
  AND (change.new_email <> staged_row.email AND request.requested_by_id IS NOT DISTINCT FROM %(by)s
       OR request.expires_at <= %(now)s);

-- name: apply
UPDATE employees_employee employee SET email = change.new_email, email_unproven = false
FROM accounts_emailchange change
WHERE change.id = ANY(%(changes)s) AND employee.id = change.employee_id;

UPDATE accounts_emailchange SET waiting = false, applied_at = %(now)s WHERE id = ANY(%(changes)s);

UPDATE accounts_account account SET email = employee.email
FROM employees_employee employee
WHERE employee.id = account.employee_id AND employee.id = ANY(%(employees)s);

-- Identities of these people, and of a leaver who held one of the new addresses.
UPDATE employees_employeeidentity SET live = false, ended_at = %(now)s
WHERE kind = 'email' AND live AND (employee_id = ANY(%(employees)s) OR digest = ANY(%(digests)s));
