-- name: claim
-- A claim lapses after ten minutes, so a killed worker causes at most one duplicate mail. Events expire after a week.
UPDATE accounts_securityevent SET claimed_at = hundred_clock()
WHERE id = (
    SELECT event.id FROM accounts_securityevent event
    -- The account with the fewest events first: many of one account keep back no other owner's notice.
    JOIN (
        SELECT id, count(*) OVER (PARTITION BY account_id) AS events FROM accounts_securityevent
        WHERE kind <> 'password_link' AND sent_at IS NULL
    ) waiting ON waiting.id = event.id
    WHERE event.at > hundred_clock() - interval '7 days'
      AND (event.claimed_at IS NULL OR event.claimed_at < hundred_clock() - interval '10 minutes')
    ORDER BY waiting.events, event.at, event.id LIMIT 1 FOR UPDATE OF event SKIP LOCKED)
RETURNING id;

-- name: claim_link
UPDATE accounts_securityevent SET claimed_at = hundred_clock()
WHERE id = (
    SELECT event.id FROM accounts_securityevent event
    WHERE event.kind = 'password_link'
      AND (event.claimed_at IS NULL OR event.claimed_at < hundred_clock() - interval '10 minutes')
    ORDER BY event.at, event.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id;
