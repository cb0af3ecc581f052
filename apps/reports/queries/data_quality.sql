-- name: facts
member AS {materialized} ({members}),
fact AS MATERIALIZED (
    SELECT 'ended' AS kind, contact.employee_id, count(*) AS n {early_churn} AND {contact_filter} GROUP BY 2
    UNION ALL
    SELECT 'submitted', submission.employee_id, sum(submission.handed_in) {submissions} AND {submission_filter}
    GROUP BY 2
    UNION ALL
    SELECT 'duplicates', submission.employee_id, sum(submission.duplicates) {submissions} AND {submission_filter}
    GROUP BY 2)

-- name: fact_sums
SELECT kind, sum(n) FROM fact {joined} GROUP BY 1
-- A file for many employees belongs to no team: only the company's indicator includes it.
UNION ALL
SELECT 'submitted', sum(submission.handed_in) {submissions} AND submission.employee_id IS NULL AND {is_company}
UNION ALL
SELECT 'duplicates', sum(submission.duplicates) {submissions} AND submission.employee_id IS NULL AND {is_company}

-- name: recent
UNION ALL
SELECT 'recent', sum(days.count) FROM days JOIN member USING (employee_id) WHERE days.day >= {yesterday}

-- name: each_fact
-- The brackets force a look-up for each employee with a fact: a join would read all members, however few have one.
WHERE (SELECT true FROM member WHERE member.employee_id = fact.employee_id)
