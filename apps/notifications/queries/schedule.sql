-- name: record_weekly
-- Employees of one zone who are behind the steady pace.
INSERT INTO core_event (kind, subject, campaign_id, employee_id, data, at)
SELECT 'weekly', %(subject)s, %(campaign)s, standing.employee_id, jsonb_build_object(), %(now)s
FROM standings_standing standing
JOIN employees_employee employee ON employee.id = standing.employee_id AND employee.time_zone = %(zone)s
WHERE standing.campaign_id = %(campaign)s AND standing.red AND {pace} = 'behind'

-- name: record_deadline
-- Employees of one zone who are below their target.
INSERT INTO core_event (kind, subject, campaign_id, employee_id, data, at)
SELECT %(kind)s, %(subject)s, %(campaign)s, standing.employee_id, jsonb_build_object(), %(now)s
FROM standings_standing standing
JOIN employees_employee employee ON employee.id = standing.employee_id AND employee.time_zone = %(zone)s
WHERE standing.campaign_id = %(campaign)s AND standing.red

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
FROM waiting JOIN claimed ON claimed.period = waiting.subject
