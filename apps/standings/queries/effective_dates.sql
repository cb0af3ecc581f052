-- Facts whose day falls into the window [since, until). A fact dated B is in force as of every instant after B, so the
-- window is half-open.

-- name: employment_and_placement
SELECT employee_id FROM employees_employment WHERE starts_at >= %(since)s AND starts_at < %(until)s
UNION
SELECT employee_id FROM employees_employment WHERE ends_at >= %(since)s AND ends_at < %(until)s
UNION
-- Only the starts: where one placement ends, the next one begins, or the employment ends.
SELECT employee_id FROM employees_placement WHERE starts_at >= %(since)s AND starts_at < %(until)s

-- name: adjustments
SELECT employee_id FROM campaigns_adjustment
WHERE starts_at >= %(since)s AND starts_at < %(until)s AND granted_at IS NOT NULL
UNION
SELECT employee_id FROM campaigns_adjustment
WHERE ends_at >= %(since)s AND ends_at < %(until)s AND granted_at IS NOT NULL

-- name: record_endings
-- An adjustment that ends before its campaign is over; its employee is notified. Planning follows within seconds.
INSERT INTO core_event (kind, subject, campaign_id, employee_id, data, at)
SELECT 'adjustment_ended', adjustment.request_id || ':over', adjustment.campaign_id, adjustment.employee_id, '{}',
    %(until)s
FROM campaigns_adjustment adjustment
JOIN campaigns_campaign campaign ON campaign.id = adjustment.campaign_id AND campaign.state = 'open'
WHERE adjustment.ends_at >= %(since)s AND adjustment.ends_at < %(until)s
  AND adjustment.granted_at IS NOT NULL AND adjustment.ended_at IS NULL
  AND adjustment.ends_at < (
    SELECT rule.cutoff_at FROM campaigns_campaignrule rule
    WHERE rule.campaign_id = campaign.id ORDER BY rule.version DESC LIMIT 1)

-- name: opened_campaigns
-- Any version may open in the window; an evaluation too many is harmless, a missing one is not.
SELECT DISTINCT campaign.id
FROM campaigns_campaign campaign
JOIN campaigns_campaignrule rule ON rule.campaign_id = campaign.id
WHERE campaign.state = 'open' AND rule.opens_at >= %(since)s AND rule.opens_at < %(until)s

-- name: queue_identities
-- A colleague who joins makes other employees' contacts internal, so their holders must be evaluated again.
INSERT INTO core_outbox (kind, digest)
SELECT kind, digest FROM employees_employeeidentity WHERE employee_id = ANY(%(employees)s)
