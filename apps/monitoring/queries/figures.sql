-- name: outbox_rows
-- PostgreSQL counts the rows of a table for its own statistics: a counter in a table would make writers wait.
SELECT coalesce(n_tup_ins, 0), coalesce(n_tup_del, 0) FROM pg_stat_user_tables WHERE relid = 'core_outbox'::regclass;

-- name: recounts
-- When the last recount of each campaign ended.
SELECT campaign_id, max(finished_at) FROM standings_markrun
WHERE work = 'recount' AND finished_at IS NOT NULL GROUP BY campaign_id;

-- name: notifications
-- Each part has an index: what waits, what a worker is sending, and what was created in the last hour; of that the
-- newest, so that a message to a million people does not exceed the time limit.
SELECT channel, state, count(*), min(due_at) FILTER (WHERE due_at <= %(now)s) AS due_since
FROM notifications_notification WHERE state = 'due' GROUP BY channel, state
UNION ALL
SELECT channel, state, count(*), min(claimed_at) FROM notifications_notification
WHERE state = 'sending' GROUP BY channel, state
UNION ALL
SELECT channel, state, count(*), NULL FROM (
    SELECT channel, state FROM notifications_notification WHERE created_at > %(now)s - interval '1 hour'
    ORDER BY created_at DESC LIMIT 100000) newest
WHERE state NOT IN ('due', 'sending') GROUP BY channel, state;

-- name: webhooks
-- Without disabled endpoints: an operator has switched them off.
SELECT 'due', count(*), min(delivery.due_at) FILTER (WHERE delivery.due_at <= %(now)s)
FROM notifications_webhookdelivery delivery
JOIN notifications_webhookendpoint endpoint ON endpoint.id = delivery.endpoint_id AND endpoint.enabled
WHERE delivery.state = 'due'
UNION ALL
SELECT state, count(*), NULL FROM notifications_webhookdelivery
WHERE created_at > %(now)s - interval '1 hour' AND state <> 'due' GROUP BY state;

-- name: sign_in_failures
-- The trail has at most one entry a minute for each account and address, so a flood of guesses costs no more here.
SELECT substr(action, length('account.') + 1), count(*) FROM core_auditentry
WHERE at > %(now)s - interval '15 minutes'
  AND (action = ANY(%(actions)s::text[])
      OR action LIKE 'account.not\_signed\_on\_%%' AND action <> 'account.not_signed_on_cancelled')
GROUP BY action;

-- name: storage
SELECT count(*), coalesce(sum(size), 0), pg_database_size(current_database()) FROM core_storedfile;

-- name: database
-- A role sees the transactions of its own sessions only, which are those of Hundred.
SELECT current_setting('server_version'), current_setting('max_connections')::integer, count(*),
    coalesce(extract(EPOCH FROM max(clock_timestamp() - xact_start) FILTER (WHERE pid <> pg_backend_pid())), 0)::float8
FROM pg_stat_activity WHERE datname = current_database();
