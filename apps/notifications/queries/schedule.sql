-- name: record_weekly
-- Employees of one zone who are behind the steady pace. Those whose standing is about to be evaluated again may have
-- enough: the sender decides, and the list in the application shows nothing. The job is done for this day.
INSERT INTO core_event (kind, subject, campaign_id, employee_id, data, at)
SELECT 'weekly', %(subject)s, %(campaign)s, standing.employee_id,
    CASE WHEN pending.employee_id IS NULL THEN jsonb_build_object() ELSE jsonb_build_object('pending', true) END,
    %(now)s
FROM standings_standing standing
JOIN employees_employee employee ON employee.id = standing.employee_id AND employee.time_zone = %(zone)s
LEFT JOIN (SELECT DISTINCT queued.employee_id FROM ({pending}) queued) pending USING (employee_id)
WHERE standing.campaign_id = %(campaign)s AND standing.red AND {pace} = 'behind';

-- name: record_deadline
-- Employees of one zone who are below their target; those whose standing is about to be evaluated again as above.
INSERT INTO core_event (kind, subject, campaign_id, employee_id, data, at)
SELECT %(kind)s, %(subject)s, %(campaign)s, standing.employee_id,
    CASE WHEN pending.employee_id IS NULL THEN jsonb_build_object() ELSE jsonb_build_object('pending', true) END,
    %(now)s
FROM standings_standing standing
JOIN employees_employee employee ON employee.id = standing.employee_id AND employee.time_zone = %(zone)s
LEFT JOIN (SELECT DISTINCT queued.employee_id FROM ({pending}) queued) pending USING (employee_id)
WHERE standing.campaign_id = %(campaign)s AND standing.red;

-- name: record_team_digest
-- The managers of one zone with people of the campaign below them today.
INSERT INTO core_event (kind, subject, campaign_id, employee_id, data, at)
SELECT 'team_digest', %(subject)s, %(campaign)s, employee.id, jsonb_build_object(), %(now)s
FROM employees_employee employee
JOIN employees_treenode node ON node.employee_id = employee.id AND node.employed AND node.last > node.first
WHERE employee.time_zone = %(zone)s AND EXISTS (
    SELECT FROM employees_treenode member
    JOIN standings_standing standing
        ON standing.campaign_id = %(campaign)s AND standing.employee_id = member.employee_id
    WHERE member.first > node.first AND member.first <= node.last);

-- name: record_company_digest
-- The HR accounts of one zone; those without an employee are in the company's.
INSERT INTO core_event (kind, subject, campaign_id, account_id, data, at)
SELECT 'company_digest', %(subject)s, %(campaign)s, account.id, jsonb_build_object(), %(now)s
FROM accounts_role role
JOIN accounts_account account ON account.id = role.account_id
LEFT JOIN employees_employee employee ON employee.id = account.employee_id
WHERE role.role = 'hr' AND coalesce(employee.time_zone, '') = %(zone)s;

-- name: record_deputies_over
-- Deputyships that have reached their last instant; ending one earlier records its event at once.
WITH claimed AS (
    INSERT INTO core_job (job, period, detail, done_at)
    SELECT 'deputy ended', id::text, jsonb_build_object(), %(now)s FROM accounts_deputyship
    WHERE ended_at IS NULL AND ends_at <= %(now)s AND ends_at > %(now)s - interval '2 days'
    ON CONFLICT (job, period) DO NOTHING
    RETURNING period)
INSERT INTO core_event (kind, subject, employee_id, data, at)
SELECT 'deputy_ended', deputyship.id::text, person.id, jsonb_build_object(), %(now)s
FROM accounts_deputyship deputyship
JOIN claimed ON claimed.period = deputyship.id::text
JOIN employees_employee person ON person.id IN (deputyship.manager_id, deputyship.deputy_id);

-- name: record_reviews_due
-- Review requests whose reply is due soon, each once.
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
-- Requests that have waited for a second person for a day, each once; those of one account and day in one notice.
WITH waiting AS (
    SELECT 'approval:' || id AS period, 'approvals' AS subject_kind, requested_by_id AS asked_by_id,
        requested_at AS asked_at
    FROM accounts_approvalrequest WHERE decision IS NULL AND expires_at > %(now)s
    UNION ALL
    SELECT 'adjustment:' || id, 'adjustments', asked_by_id, asked_at FROM campaigns_adjustmentrequest
    WHERE decision IS NULL
    UNION ALL
    SELECT 'correction:' || id, 'corrections', asked_by_id, asked_at FROM results_resultcorrection
    WHERE state = 'asked'
    UNION ALL
    SELECT 'announcement:' || announcement.id, 'announcements', announcement.requested_by_id, announcement.requested_at
    FROM campaigns_announcement announcement
    JOIN campaigns_campaign campaign ON campaign.id = announcement.campaign_id AND campaign.state IN ('draft', 'open')
    WHERE announcement.published_at IS NULL AND announcement.withdrawn_at IS NULL),
claimed AS (
    INSERT INTO core_job (job, period, detail, done_at)
    SELECT 'approval overdue', period, jsonb_build_object(), %(now)s FROM waiting WHERE asked_at < %(before)s
    ON CONFLICT (job, period) DO NOTHING
    RETURNING period)
INSERT INTO core_event (kind, subject, actor_id, data, at)
SELECT DISTINCT 'approval_overdue',
    concat_ws(':', waiting.subject_kind, coalesce(waiting.asked_by_id, 0), to_char(%(now)s::timestamptz, 'YYYY-MM-DD')),
    waiting.asked_by_id, jsonb_build_object(), %(now)s::timestamptz
FROM waiting JOIN claimed ON claimed.period = waiting.period;

-- name: record_announcements
-- Announcements that have begun to be shown, each once. Of those shown since before the opening the notification about
-- the opening informs.
WITH claimed AS (
    INSERT INTO core_job (job, period, detail, done_at)
    SELECT 'announcement shown', announcement.id::text, jsonb_build_object(), %(now)s
    FROM campaigns_announcement announcement
    JOIN campaigns_campaign campaign ON campaign.id = announcement.campaign_id AND campaign.state = 'open'
    JOIN LATERAL (
        SELECT opens_at, cutoff_at FROM campaigns_campaignrule
        WHERE campaign_id = campaign.id ORDER BY version DESC LIMIT 1) rule ON true
    WHERE announcement.published_at IS NOT NULL AND announcement.withdrawn_at IS NULL
      AND announcement.shown_from <= %(now)s AND announcement.shown_from > %(now)s - interval '2 days'
      AND announcement.shown_from > rule.opens_at AND rule.cutoff_at > %(now)s
    ON CONFLICT (job, period) DO NOTHING
    RETURNING period)
INSERT INTO core_event (kind, subject, campaign_id, data, at)
SELECT 'announcement', announcement.campaign_id || ':' || announcement.version, announcement.campaign_id,
    jsonb_build_object(), %(now)s
FROM campaigns_announcement announcement JOIN claimed ON claimed.period = announcement.id::text;
