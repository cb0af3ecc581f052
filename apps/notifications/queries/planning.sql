-- name: zones
-- The zones of the roster; the empty one is the company's.
SELECT DISTINCT time_zone FROM employees_employee UNION SELECT '';

-- name: take
-- Locks events until the transaction ends. Not those of an unknown kind: during an update a newer process may have
-- recorded them.
SELECT id FROM core_event WHERE kind = ANY(%(known)s::text[])
ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED;

-- name: plan
-- Deletes these events and plans a notification for each recipient, kind and channel, in one statement: no event is
-- lost, and none is planned twice. The columns: events taken, notifications planned, notifications to send.
WITH event AS (
    DELETE FROM core_event WHERE id = ANY(%(ids)s::bigint[]) RETURNING *),
-- One row for a kind and channel (apps.notifications.kinds). `by_chat`: the kind also goes by chat.
kind AS (
    SELECT * FROM unnest(%(codes)s::text[], %(audiences)s::text[], %(channels)s::text[], %(switchable)s::boolean[],
        %(by_chat)s::boolean[]) AS kind (code, audience, channel, switchable, by_chat)),
-- From when a notification that is planned now may be sent in each zone (apps.notifications.quiet_hours).
zone AS (
    SELECT * FROM unnest(%(zones)s::text[], %(allowed_at)s::timestamptz[]) AS zone (name, allowed_at)),
-- How many changes of this employee's chat account stand before this one.
same_batch AS (
    SELECT id AS event_id, row_number() OVER (PARTITION BY employee_id ORDER BY id) - 1 AS earlier
    FROM event WHERE kind = 'chat_changed'),
audience AS (SELECT DISTINCT event.id AS event_id, kind.audience FROM event JOIN kind ON kind.code = event.kind),
recipient AS (
    SELECT event.id AS event_id, employee.id AS employee_id, NULL::bigint AS account_id
    FROM event JOIN audience ON audience.event_id = event.id AND audience.audience IN ('employee', 'manager')
    JOIN employees_employee employee ON employee.id = event.employee_id
    UNION ALL
    -- The employee where the account has one: a person is one recipient.
    SELECT event.id, account.employee_id, CASE WHEN account.employee_id IS NULL THEN account.id END
    FROM event JOIN audience ON audience.event_id = event.id AND audience.audience = 'account'
    JOIN accounts_account account ON account.id = event.account_id
    UNION ALL
    SELECT event.id, account.employee_id, CASE WHEN account.employee_id IS NULL THEN account.id END
    FROM event JOIN audience ON audience.event_id = event.id AND audience.audience = 'hr'
    JOIN accounts_role role ON role.role = 'hr'
    JOIN accounts_account account ON account.id = role.account_id AND account.id IS DISTINCT FROM event.actor_id
        -- A digest names its account, because mornings differ.
        AND (event.account_id IS NULL OR event.account_id = account.id)
    UNION ALL
    SELECT event.id, node.employee_id, NULL
    FROM event JOIN audience ON audience.event_id = event.id AND audience.audience = 'campaign'
    JOIN LATERAL (
        SELECT scope FROM campaigns_campaignrule WHERE campaign_id = event.campaign_id ORDER BY version DESC LIMIT 1
    ) rule ON true
    -- Of a changed rule also those in the scope before. The subject names the campaign and the new version.
    LEFT JOIN campaigns_campaignrule rule_before
        ON event.kind = 'rule_changed' AND rule_before.campaign_id = event.campaign_id
        AND (rule_before.version + 1)::text = split_part(event.subject, ':', 2)
    JOIN employees_treenode node ON node.employed AND (
        cardinality(rule.scope) = 0 OR node.department = ANY(rule.scope)
        OR cardinality(rule_before.scope) = 0 OR node.department = ANY(rule_before.scope))
    UNION ALL
    SELECT event.id, standing.employee_id, NULL
    FROM event JOIN audience ON audience.event_id = event.id AND audience.audience = 'result'
    JOIN results_frozenstanding standing ON standing.campaign_id = event.campaign_id
        AND standing.version = (
            SELECT max(version) FROM results_frozenresult result WHERE result.campaign_id = event.campaign_id)),
planned AS (
    INSERT INTO notifications_notification
        (employee_id, account_id, campaign_id, kind, subject_key, channel, state, data, created_at, due_at, sent_at)
    SELECT recipient.employee_id, recipient.account_id, event.campaign_id, kind.code, event.subject, kind.channel,
        -- In the application a notification needs no sending.
        CASE WHEN kind.channel = 'app' THEN 'sent' ELSE 'due' END, event.data, %(now)s,
        CASE WHEN kind.channel = 'app' THEN %(now)s ELSE coalesce(zone.allowed_at, %(now)s) END,
        CASE WHEN kind.channel = 'app' THEN %(now)s END
    FROM recipient
    JOIN event ON event.id = recipient.event_id
    JOIN kind ON kind.code = event.kind
    LEFT JOIN same_batch ON same_batch.event_id = event.id
    LEFT JOIN employees_employee employee ON employee.id = recipient.employee_id
    LEFT JOIN zone ON zone.name = coalesce(employee.time_zone, '')
    LEFT JOIN notifications_preference employee_preference
        ON kind.switchable AND employee_preference.employee_id = recipient.employee_id
        AND employee_preference.kind = kind.code AND employee_preference.channel = kind.channel
    LEFT JOIN notifications_preference account_preference
        ON kind.switchable AND account_preference.account_id = recipient.account_id
        AND account_preference.kind = kind.code AND account_preference.channel = kind.channel
    LEFT JOIN notifications_preference email_preference ON kind.channel = 'chat'
        AND email_preference.employee_id = recipient.employee_id AND email_preference.kind = kind.code
        AND email_preference.channel = 'email'
    -- By default chat takes the place of e-mail for those whose account the roster names
    -- (apps.notifications.preferences).
    WHERE coalesce(employee_preference.enabled, account_preference.enabled, CASE kind.channel
        WHEN 'chat' THEN coalesce(employee.chat_id, '') <> '' AND coalesce(email_preference.enabled, true)
        WHEN 'email' THEN NOT (kind.by_chat AND coalesce(employee.chat_id, '') <> '')
        ELSE true END)
      -- For example after a restore: older ones were planned before the backup was needed.
      AND event.at > %(now)s - interval '7 days'
      -- A reminder that is not certain yet: the sender decides, and nothing is in the list.
      AND NOT (kind.channel = 'app' AND event.data ? 'pending')
      -- An employee who ends and restores one contact all day would fill the queue of mails, where these kinds are
      -- first; so would HR with loads that change a chat account.
      AND (event.kind NOT IN ('turned_red', 'chat_changed')
        OR CASE event.kind WHEN 'turned_red' THEN %(most_falls)s ELSE %(most_chat_changes)s END > (
        SELECT count(*) FROM notifications_notification earlier
        WHERE earlier.employee_id = recipient.employee_id AND earlier.kind = event.kind
          AND earlier.campaign_id IS NOT DISTINCT FROM event.campaign_id AND earlier.channel = kind.channel
          AND earlier.created_at > %(now)s - interval '1 day')
        + coalesce(same_batch.earlier, 0))
    -- The notification of an event that was recorded twice is planned already.
    ON CONFLICT DO NOTHING
    RETURNING channel)
SELECT (SELECT count(*) FROM event), count(*), count(*) FILTER (WHERE channel <> 'app') FROM planned;
