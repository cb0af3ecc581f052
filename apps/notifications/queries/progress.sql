-- name: states
-- How many notifications of each kind and channel are in each state; those planned in the last thirty days.
SELECT kind, channel, count(*) FILTER (WHERE state IN ('due', 'sending')) AS waiting,
    count(*) FILTER (WHERE state = 'sent') AS sent, count(*) FILTER (WHERE state = 'dropped') AS dropped,
    count(*) FILTER (WHERE state = 'failed') AS failed, max(created_at) AS planned_at
FROM notifications_notification
WHERE channel <> 'app' AND created_at >= %(now)s - interval '30 days'
GROUP BY kind, channel
ORDER BY max(created_at) DESC, kind, channel;

-- name: reasons
-- Why notifications were not sent, or wait for another attempt.
SELECT kind, channel, state, last_error, count(*) AS number, max(created_at) AS planned_at
FROM notifications_notification
WHERE channel <> 'app' AND last_error <> '' AND state <> 'sent' AND created_at >= %(now)s - interval '30 days'
GROUP BY kind, channel, state, last_error
ORDER BY max(created_at) DESC, kind, channel, state, last_error
LIMIT 100;

-- name: sums_by_sender
-- What each person sent in the last thirty days: reminders, people reminded, and offers of help. No recipient.
SELECT act.sender_id, max(act.sender) AS sender, coalesce(max(employee.staff_no), '') AS staff_no,
    sum(act.reminders)::int AS reminders, sum(act.people)::int AS people, sum(act.offers)::int AS offers
FROM (
    SELECT sender_id, sender_label AS sender, 1 AS reminders, people, 0 AS offers FROM notifications_reminder
    WHERE sent_at >= %(now)s - interval '30 days'
    UNION ALL
    SELECT offered_by_id, offered_by_label, 0, 0, 1 FROM notifications_helpoffer
    WHERE offered_at >= %(now)s - interval '30 days') act
LEFT JOIN accounts_account account ON account.id = act.sender_id
LEFT JOIN employees_employee employee ON employee.id = account.employee_id
GROUP BY act.sender_id
ORDER BY sum(act.people) DESC, sum(act.offers) DESC, act.sender_id
LIMIT 200;
