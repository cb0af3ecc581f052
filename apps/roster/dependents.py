"""SQL that rejects rows depending on a rejected row; a fixed number of statements for any chain length."""

# Each row may need other rows of the file. One is its manager's row, when the manager is not yet on the roster. Another
# is the row of the present holder of its e-mail, which frees the address.
NEEDS = """
CREATE TEMP TABLE roster_needs ON COMMIT DROP AS
SELECT row.staff_no, holder.staff_no AS needs, holder.name || ' (' || holder.staff_no || ')' AS holder
FROM roster_stage row JOIN employees_employeeidentity held
  ON held.kind = 'email' AND held.live AND held.digest = row.email_digest
JOIN employees_employee holder ON holder.id = held.employee_id AND holder.staff_no <> row.staff_no
WHERE NOT row.gives_up_email
  AND EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = holder.id AND work.ends_at > %(now)s)
UNION ALL
SELECT row.staff_no, row.manager, NULL FROM roster_stage row WHERE %(managers)s AND row.manager <> ''
  AND NOT EXISTS (SELECT 1 FROM employees_employee boss WHERE boss.staff_no = row.manager)
"""
# Use the index for each step of the chain. Without statistics on a new table, the planner may scan it for every row.
BY_INDEX = ["CREATE INDEX ON roster_needs (needs)", "SET LOCAL enable_seqscan = off"]
AS_BEFORE = "SET LOCAL enable_seqscan TO DEFAULT"
# Rows are numbered in search order, so the reported reason is the one found first. `about` as in REFUSE_TAKEN_EMAILS
# and REFUSE_UNKNOWN_MANAGERS.
REFUSE_DEPENDENTS = """
WITH RECURSIVE refused AS (
    SELECT staff_no, needs, holder FROM roster_needs need
    WHERE NOT EXISTS (SELECT 1 FROM roster_stage row WHERE row.staff_no = need.needs)
    UNION
    SELECT need.staff_no, need.needs, need.holder FROM refused CROSS JOIN LATERAL (
        SELECT * FROM roster_needs found WHERE found.needs = refused.staff_no OFFSET 0) need
), numbered AS (SELECT *, row_number() OVER () AS place FROM refused
), reason AS (SELECT DISTINCT ON (staff_no) * FROM numbered ORDER BY staff_no, place)
DELETE FROM roster_stage row USING reason WHERE row.staff_no = reason.staff_no
RETURNING row.line, CASE WHEN reason.holder IS NULL THEN 'manager_staff_no' ELSE 'email' END,
    CASE WHEN reason.holder IS NULL THEN 'unknown_manager' ELSE 'email_taken' END,
    coalesce('the e-mail of ' || reason.holder, ''), coalesce(reason.holder, reason.needs)
"""
