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
SELECT sending.sender_id, max(sending.sender) AS sender, coalesce(max(employee.staff_no), '') AS staff_no,
    sum(sending.reminders)::int AS reminders, sum(sending.people)::int AS people, sum(sending.offers)::int AS offers
FROM (
    SELECT sender_id, sender_label AS sender, 1 AS reminders, people, 0 AS offers FROM notifications_reminder
    WHERE sent_at >= %(now)s - interval '30 days'
    UNION ALL
    SELECT offered_by_id, offered_by_label, 0, 0, 1 FROM notifications_helpoffer
    WHERE offered_at >= %(now)s - interval '30 days') sending
LEFT JOIN accounts_account account ON account.id = sending.sender_id
LEFT JOIN employees_employee employee ON employee.id = account.employee_id
GROUP BY sending.sender_id
ORDER BY sum(sending.people) DESC, sum(sending.offers) DESC, sending.sender_id
LIMIT 200;
