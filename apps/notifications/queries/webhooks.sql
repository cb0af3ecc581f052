-- name: plan
-- Of events that are being planned, a delivery for each enabled endpoint that wants them. The id of the message depends
-- on the event alone: an event that is planned again after a restore is the same message for its receiver.
INSERT INTO notifications_webhookdelivery
    (endpoint_id, message_id, event_type, subject_key, body, state, attempts, error, created_at, due_at)
SELECT endpoint.id,
    'msg_' || left(encode(sha256(convert_to(concat_ws(
        '|', event.kind, event.subject, extract(EPOCH FROM event.at)), 'UTF8')), 'hex'), 32),
    type.name, event.subject,
    -- Ids, instants and sums; never a name, an address or a text that a person wrote.
    json_build_object('type', type.name, 'timestamp', event.at, 'data',
        CASE
            WHEN event.kind IN ('campaign_opened', 'rule_changed', 'campaign_closing') THEN json_build_object(
                'campaign', campaign.slug, 'rule_version', rule.version, 'target', rule.target,
                'opens_at', rule.opens_at, 'cutoff_at', rule.cutoff_at)
            WHEN event.kind IN ('result_final', 'result_corrected') THEN json_build_object(
                'campaign', campaign.slug, 'result_version', result.version, 'employees', result.rows,
                -- A receiver must not learn of a handful of people.
                'red', CASE WHEN result.rows >= %(least)s AND (result.red = 0 OR result.red >= %(least)s)
                    THEN result.red END,
                'snapshot_at', result.snapshot_at)
            WHEN event.kind = 'roster_applied' THEN json_build_object(
                'roster_import', event.subject, 'created', roster.report -> 'created',
                'updated', roster.report -> 'updated', 'left', roster.report -> 'left')
            WHEN event.kind = 'export_ready' THEN json_build_object(
                'export', event.subject, 'kind', export.kind, 'rows', export.rows)
            WHEN event.kind = 'drift_found' THEN json_build_object(
                'campaign', campaign.slug, 'differences', event.data -> 'differences')
        END)::text,
    'due', 0, '', %(now)s, %(now)s
FROM core_event event
JOIN unnest(%(kinds)s::text[], %(types)s::text[]) AS type (kind, name) ON type.kind = event.kind
JOIN notifications_webhookendpoint endpoint ON endpoint.enabled AND type.name = ANY(endpoint.event_types)
LEFT JOIN campaigns_campaign campaign ON campaign.id = event.campaign_id
LEFT JOIN LATERAL (
    SELECT version, target, opens_at, cutoff_at FROM campaigns_campaignrule any_version
    WHERE any_version.campaign_id = campaign.id
    -- The version that the subject names, or else the newest.
    ORDER BY any_version.version::text = split_part(event.subject, ':', 2) DESC, any_version.version DESC LIMIT 1
) rule ON true
LEFT JOIN LATERAL (
    SELECT version, rows, red, snapshot_at FROM results_frozenresult any_version
    WHERE any_version.campaign_id = campaign.id
    ORDER BY any_version.version::text = split_part(event.subject, ':', 2) DESC, any_version.version DESC LIMIT 1
) result ON true
LEFT JOIN roster_rosterimport roster ON event.kind = 'roster_applied' AND roster.id::text = event.subject
LEFT JOIN exports_export export ON event.kind = 'export_ready' AND export.id::text = event.subject
WHERE event.id = ANY(%(ids)s::bigint[])
  -- For example after a restore: older ones were announced before the backup was needed.
  AND event.at > %(now)s - interval '7 days'
ON CONFLICT DO NOTHING;

-- name: claim
-- Takes deliveries that are due, a few for each endpoint. Another worker takes them again when their claim is older
-- than ten minutes: the first worker has died, and whether the message arrived is unknown.
WITH due AS MATERIALIZED (
    SELECT delivery.id
    FROM notifications_webhookendpoint endpoint
    CROSS JOIN LATERAL (
        SELECT waiting.id FROM notifications_webhookdelivery waiting
        WHERE waiting.endpoint_id = endpoint.id AND waiting.state = 'due' AND waiting.due_at <= %(now)s
          AND (waiting.claimed_at IS NULL OR waiting.claimed_at <= %(now)s - interval '10 minutes')
        -- New ones first: a message that its receiver refuses again and again must not delay the others.
        ORDER BY waiting.attempts, waiting.due_at, waiting.id
        LIMIT %(most)s FOR UPDATE SKIP LOCKED) delivery
    WHERE endpoint.enabled AND (endpoint.paused_until IS NULL OR endpoint.paused_until <= %(now)s))
UPDATE notifications_webhookdelivery delivery SET claimed_at = %(now)s
FROM due WHERE delivery.id = due.id
RETURNING delivery.id;

-- name: finish
-- Guarded: a worker whose claim was taken over by another records nothing.
UPDATE notifications_webhookdelivery
SET state = %(state)s, attempts = attempts + %(attempts)s, claimed_at = NULL, due_at = coalesce(%(due_at)s, due_at),
    status = %(status)s, milliseconds = %(milliseconds)s, error = %(error)s,
    ended_at = CASE WHEN %(state)s <> 'due' THEN %(now)s::timestamptz END
WHERE id = %(id)s AND state = 'due' AND claimed_at = %(claimed_at)s;

-- name: release
UPDATE notifications_webhookdelivery SET claimed_at = NULL
WHERE id = ANY(%(ids)s) AND state = 'due' AND claimed_at = %(claimed_at)s;

-- name: drop_old
-- What has waited for a week, as after a restore or at an endpoint that was disabled.
UPDATE notifications_webhookdelivery SET state = 'failed', error = 'too_old', claimed_at = NULL, ended_at = %(now)s
WHERE state = 'due' AND due_at <= %(now)s - interval '7 days';

-- name: record_success
UPDATE notifications_webhookendpoint SET succeeded_at = %(now)s, failing_since = NULL, paused_until = NULL
WHERE id = %(endpoint)s;

-- name: record_failure
-- The pause is as long as the endpoint has failed, from a minute to an hour; none when it answered.
UPDATE notifications_webhookendpoint
SET failing_since = coalesce(failing_since, %(now)s),
    paused_until = CASE WHEN %(pauses)s THEN %(now)s::timestamptz + least(
        greatest(%(now)s - coalesce(failing_since, %(now)s), interval '1 minute'), interval '1 hour') END
WHERE id = %(endpoint)s
RETURNING failing_since;

-- name: delete_old
DELETE FROM notifications_webhookdelivery WHERE id = ANY(ARRAY(
    SELECT id FROM notifications_webhookdelivery WHERE created_at < %(before)s AND state <> 'due'
    ORDER BY created_at LIMIT %(most)s));
