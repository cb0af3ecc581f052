-- name: record_weekly
-- Employees of one zone who are behind the steady pace.
INSERT INTO core_event (kind, subject, campaign_id, employee_id, data, at)
SELECT 'weekly', %(subject)s, %(campaign)s, standing.employee_id, jsonb_build_object(), %(now)s
FROM standings_standing standing
JOIN employees_employee employee ON employee.id = standing.employee_id AND employee.time_zone = %(zone)s
WHERE standing.campaign_id = %(campaign)s AND standing.red AND {pace} = 'behind';

-- name: record_deadline
-- Employees of one zone who are below their target.
INSERT INTO core_event (kind, subject, campaign_id, employee_id, data, at)
SELECT %(kind)s, %(subject)s, %(campaign)s, standing.employee_id, jsonb_build_object(), %(now)s
FROM standings_standing standing
JOIN employees_employee employee ON employee.id = standing.employee_id AND employee.time_zone = %(zone)s
WHERE standing.campaign_id = %(campaign)s AND standing.red;

-- name: record_team_digest
-- The managers of one zone who have a team today.
INSERT INTO core_event (kind, subject, campaign_id, employee_id, data, at)
SELECT 'team_digest', %(subject)s, %(campaign)s, employee.id, jsonb_build_object(), %(now)s
FROM employees_employee employee
JOIN employees_treenode node ON node.employee_id = employee.id AND node.employed AND node.last > node.first
WHERE employee.time_zone = %(zone)s;

-- name: record_reviews_due
-- Questions whose reply is due soon, each once.
WITH claimed AS (
    INSERT INTO core_job (job, period, detail, done_at)
    SELECT 'review due', id::text, jsonb_build_object(), %(now)s FROM reviews_review
    WHERE state = 'open' AND due_at < %(before)s
    ON CONFLICT (job, period) DO NOTHING
    RETURNING period)
INSERT INTO core_event (kind, subject, campaign_id, data, at)
SELECT 'review_due', 'review:' || review.id, review.campaign_id, jsonb_build_object(), %(now)s
FROM reviews_review review JOIN claimed ON claimed.period = review.id::text;

-- name: record_overdue
-- Requests that have waited for a second person for a day, each once.
WITH waiting AS (
    SELECT 'approval:' || id AS subject, requested_by_id AS asked_by_id, requested_at AS asked_at
    FROM accounts_approvalrequest WHERE decision IS NULL AND expires_at > %(now)s
    UNION ALL
    SELECT 'adjustment:' || id, asked_by_id, asked_at FROM campaigns_adjustmentrequest WHERE decision IS NULL
    UNION ALL
    SELECT 'correction:' || id, asked_by_id, asked_at FROM results_resultcorrection WHERE state = 'asked'),
claimed AS (
    INSERT INTO core_job (job, period, detail, done_at)
    SELECT 'approval overdue', subject, jsonb_build_object(), %(now)s FROM waiting WHERE asked_at < %(before)s
    ON CONFLICT (job, period) DO NOTHING
    RETURNING period)
INSERT INTO core_event (kind, subject, actor_id, data, at)
SELECT 'approval_overdue', waiting.subject, waiting.asked_by_id, jsonb_build_object(), %(now)s
FROM waiting JOIN claimed ON claimed.period = waiting.subject;
