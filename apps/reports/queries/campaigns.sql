-- name: frozen_people
SELECT DISTINCT ON (campaign_id) campaign_id, rows FROM results_frozenresult WHERE campaign_id = ANY({frozen})
ORDER BY campaign_id, version DESC
