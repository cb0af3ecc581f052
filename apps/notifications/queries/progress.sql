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
