-- name: results
-- An older schema, which a backup may bring, has no column canonical_form: all of its results have the first form.
SELECT result.campaign_id, campaign.slug, result.version, result.rule_version, result.cutoff_at, result.signature,
    result.public_key, coalesce((to_jsonb(result) ->> 'canonical_form')::int, 1)
FROM results_frozenresult result JOIN campaigns_campaign campaign ON campaign.id = result.campaign_id
ORDER BY campaign.slug COLLATE "C", result.version;

-- name: rows
SELECT {columns}, red FROM results_frozenstanding
WHERE campaign_id = %(campaign)s AND version = %(version)s ORDER BY staff_no COLLATE "C";
