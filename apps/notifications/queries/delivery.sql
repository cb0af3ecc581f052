-- name: claim
-- Takes notifications that are due, for one batch. Another worker takes them again when their claim is older than ten
-- minutes and nothing was begun: the first worker has died.
WITH due AS MATERIALIZED (
    SELECT id FROM notifications_notification
    WHERE state = 'due' AND channel = %(channel)s AND due_at <= %(now)s
      AND (claimed_at IS NULL OR claimed_at <= %(now)s - interval '10 minutes')
    -- Notices of rights first: a company's reminders must not delay them.
    ORDER BY CASE WHEN kind = ANY(%(urgent)s::text[]) THEN 0 ELSE 1 END, due_at, id
    LIMIT %(most)s FOR UPDATE SKIP LOCKED)
UPDATE notifications_notification notification SET claimed_at = %(now)s
FROM due WHERE notification.id = due.id
RETURNING notification.id;

-- name: facts
-- What the text of each notification needs, and what decides whether it is still sent. The columns are the fields of
-- apps.notifications.facts.Facts.
SELECT notification.id, notification.kind, notification.subject_key, notification.data, notification.attempts,
    CASE WHEN notification.employee_id IS NULL THEN 'a' || notification.account_id
        ELSE 'e' || notification.employee_id END AS recipient,
    notification.created_at, notification.claimed_at,
    coalesce(employee.name, nullif(account.display_name, ''), account.login) AS name,
    coalesce(employee.email, account.email, '') AS address, coalesce(employee.chat_id, '') AS chat_id,
    -- As apps.accounts.password_reset.has_unproven_email: one HR user alone may have given a mailbox of their own.
    -- A sign-in at the company's provider proves it too.
    CASE WHEN employee.email_unproven AND (employee.email IS DISTINCT FROM account.proven_email)
          AND NOT EXISTS (SELECT FROM accounts_providersubject subject WHERE subject.account_id = account.id)
        THEN accounts_number_used(employee.id) ELSE false END AS address_unproven,
    notification.employee_id, notification.campaign_id, coalesce(node.last > node.first, false) AS has_team,
    coalesce(employee.time_zone, '') AS zone, coalesce(account.language, '') AS language,
    employee.id IS NULL OR EXISTS (
        SELECT FROM employees_employment employment
        WHERE employment.employee_id = employee.id
          AND in_force_from(employment.starts_at, employment.ends_at, %(now)s)) AS employed,
    coalesce(account.is_active, true) AS active,
    EXISTS(SELECT FROM accounts_role role WHERE role.account_id = account.id AND role.role = 'hr') AS is_hr,
    coalesce(employee_preference.enabled, account_preference.enabled, true) AS enabled,
    pending.employee_id IS NOT NULL AS pending,
    -- The subject names what waits for a decision: one thing, such as `review:17`, or whatever an account has requested
    -- in an hour or on a day, such as `adjustments:3:2026-11-23T04`. Earlier versions named the request: `approval:7`.
    CASE split_part(notification.subject_key, ':', 1)
        WHEN 'approval' THEN NOT EXISTS (
            SELECT FROM accounts_approvalrequest request
            WHERE request.id::text = split_part(notification.subject_key, ':', 2)
              AND request.decision IS NULL AND request.expires_at > %(now)s)
        WHEN 'approvals' THEN NOT EXISTS (
            SELECT FROM accounts_approvalrequest request
            WHERE coalesce(request.requested_by_id, 0)::text = split_part(notification.subject_key, ':', 2)
              AND request.decision IS NULL AND request.expires_at > %(now)s)
        WHEN 'adjustments' THEN NOT EXISTS (
            SELECT FROM campaigns_adjustmentrequest request
            WHERE request.asked_by_id::text = split_part(notification.subject_key, ':', 2)
              AND request.decision IS NULL)
        WHEN 'corrections' THEN NOT EXISTS (
            SELECT FROM results_resultcorrection request
            WHERE request.asked_by_id::text = split_part(notification.subject_key, ':', 2) AND request.state = 'asked')
        WHEN 'adjustment' THEN NOT EXISTS (
            SELECT FROM campaigns_adjustmentrequest request
            WHERE request.id::text = split_part(notification.subject_key, ':', 2) AND request.decision IS NULL)
        WHEN 'announcements' THEN NOT EXISTS (
            SELECT FROM campaigns_announcement request
            WHERE request.requested_by_id::text = split_part(notification.subject_key, ':', 2)
              AND request.published_at IS NULL AND request.withdrawn_at IS NULL)
        WHEN 'review' THEN NOT EXISTS (
            SELECT FROM reviews_review review
            WHERE review.id::text = split_part(notification.subject_key, ':', 2) AND review.state = 'open')
        WHEN 'correction' THEN NOT EXISTS (
            SELECT FROM results_resultcorrection request
            WHERE request.id::text = split_part(notification.subject_key, ':', 2) AND request.state = 'asked')
        WHEN 'help' THEN coalesce(offer.state <> 'open', true)
        ELSE false END AS decided,
    notification.kind = 'turned_red' AND EXISTS (
        SELECT FROM notifications_notification later_fall
        WHERE later_fall.employee_id = notification.employee_id AND later_fall.kind = notification.kind
          AND later_fall.channel = notification.channel AND later_fall.campaign_id = notification.campaign_id
          AND later_fall.id > notification.id) AS fell_again,
    announcement.version AS announcement_version,
    EXISTS(
        SELECT FROM campaigns_announcementread confirmation
        WHERE confirmation.announcement_id = announcement.id
          AND confirmation.employee_id = notification.employee_id) AS announcement_read,
    -- The notification of the opening is sent after the announcement began to be shown, or waits.
    notification.kind = 'announcement' AND EXISTS (
        SELECT FROM notifications_notification opening
        WHERE opening.employee_id = notification.employee_id AND opening.account_id IS NULL
          AND opening.kind = 'campaign_opened' AND opening.subject_key = notification.campaign_id::text
          AND opening.channel = notification.channel
          AND (opening.state IN ('due', 'sending') OR opening.sent_at >= announcement.shown_from)) AS in_opening,
    coalesce(reminder.sender_label, offer.offered_by_label) AS sender, reminder.sender_role, reminder.text_en,
    reminder.text_zh, offer.kind AS help_kind,
    deputy.name AS deputy, represented.name AS deputy_of, deputyship.starts_at AS deputy_from,
    deputyship.ends_at AS deputy_until, coalesce(deputyship.ended_at, deputyship.ends_at) <= %(now)s AS deputy_over,
    campaign.name AS campaign, coalesce(campaign.slug, '') AS slug, coalesce(campaign.state, '') AS campaign_state,
    campaign.snapshot_at, rule.opens_at, rule.cutoff_at, rule.deadline, rule.time_zone AS campaign_zone,
    coalesce(frozen.counted, standing.counted) AS counted, coalesce(frozen.target, standing.target) AS target,
    coalesce(frozen.exempt, standing.exempt) AS exempt, coalesce(frozen.red, standing.red) AS red
FROM notifications_notification notification
LEFT JOIN employees_employee employee ON employee.id = notification.employee_id
LEFT JOIN employees_treenode node ON node.employee_id = employee.id
LEFT JOIN accounts_account account ON account.id = coalesce(notification.account_id, (
    SELECT id FROM accounts_account WHERE employee_id = notification.employee_id))
-- Two joins, so that an index serves each.
LEFT JOIN notifications_preference employee_preference ON employee_preference.employee_id = notification.employee_id
    AND employee_preference.kind = notification.kind AND employee_preference.channel = notification.channel
LEFT JOIN notifications_preference account_preference
    ON account_preference.employee_id IS NULL AND account_preference.account_id = notification.account_id
    AND account_preference.kind = notification.kind AND account_preference.channel = notification.channel
LEFT JOIN notifications_reminder reminder
    ON reminder.id = CASE WHEN notification.subject_key ~ '^reminder:[0-9]+$'
        THEN split_part(notification.subject_key, ':', 2)::bigint END
LEFT JOIN notifications_helpoffer offer
    ON offer.id = CASE WHEN notification.subject_key ~ '^help:[0-9]+$'
        THEN split_part(notification.subject_key, ':', 2)::bigint END
LEFT JOIN accounts_deputyship deputyship
    ON notification.kind IN ('deputy_named', 'deputy_ended') AND deputyship.id::text = notification.subject_key
LEFT JOIN employees_employee deputy ON deputy.id = deputyship.deputy_id
LEFT JOIN employees_employee represented ON represented.id = deputyship.manager_id
LEFT JOIN campaigns_campaign campaign ON campaign.id = notification.campaign_id
LEFT JOIN LATERAL (
    SELECT id, version, shown_from FROM campaigns_announcement
    WHERE campaign_id = campaign.id AND published_at IS NOT NULL AND withdrawn_at IS NULL AND shown_from <= %(now)s
    ORDER BY version DESC LIMIT 1) announcement ON notification.kind IN ('announcement', 'campaign_opened')
LEFT JOIN LATERAL (
    SELECT opens_at, cutoff_at, deadline, time_zone FROM campaigns_campaignrule
    WHERE campaign_id = campaign.id ORDER BY version DESC LIMIT 1) rule ON true
LEFT JOIN standings_standing standing
    ON standing.campaign_id = campaign.id AND standing.employee_id = notification.employee_id
LEFT JOIN LATERAL (
    -- A frozen campaign's numbers are those of its newest result.
    SELECT counted, target, exempt, red FROM results_frozenstanding frozen_standing
    WHERE frozen_standing.campaign_id = campaign.id AND frozen_standing.employee_id = notification.employee_id
    ORDER BY version DESC LIMIT 1) frozen ON campaign.state = 'frozen'
LEFT JOIN (
    SELECT DISTINCT pending.employee_id FROM ({pending}) pending
    WHERE pending.employee_id IN (SELECT employee_id FROM notifications_notification WHERE id = ANY(%(ids)s))
) pending ON pending.employee_id = notification.employee_id AND campaign.state <> 'frozen'
WHERE notification.id = ANY(%(ids)s)
ORDER BY CASE WHEN notification.kind = ANY(%(urgent)s::text[]) THEN 0 ELSE 1 END, notification.due_at, notification.id;

-- name: begin
-- Guarded: a worker whose claim was taken over by another does not send.
UPDATE notifications_notification SET state = 'sending'
WHERE id = %(id)s AND state = 'due' AND claimed_at = %(claimed_at)s;

-- name: finish
UPDATE notifications_notification
SET state = %(state)s, last_error = %(error)s, attempts = attempts + %(attempts)s, claimed_at = NULL,
    due_at = coalesce(%(due_at)s, due_at),
    sent_at = CASE WHEN %(state)s = 'sent' THEN %(now)s::timestamptz END
WHERE id = %(id)s AND state = %(from_state)s AND claimed_at = %(claimed_at)s;

-- name: replace_by_email
-- A notification that chat has not delivered goes by e-mail, unless its recipient switched that off.
INSERT INTO notifications_notification
    (employee_id, account_id, campaign_id, kind, subject_key, channel, state, data, created_at, due_at)
SELECT employee_id, account_id, campaign_id, kind, subject_key, 'email', 'due', data, created_at, %(now)s
FROM notifications_notification WHERE id = %(id)s AND channel = 'chat' AND state = 'failed'
ON CONFLICT DO NOTHING;

-- name: release_lost
-- Notifications whose worker died while it sent them. Whether the message left is unknown: only a notice that is sent
-- at least once is sent again, with the same Message-ID.
UPDATE notifications_notification
SET claimed_at = NULL, last_error = 'worker_lost', attempts = attempts + 1,
    state = CASE WHEN kind = ANY(%(at_least_once)s::text[]) AND attempts < %(most)s THEN 'due' ELSE 'failed' END
WHERE state = 'sending' AND claimed_at <= %(now)s - interval '10 minutes';
