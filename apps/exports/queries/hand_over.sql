-- name: rows
-- By the key of the index, so that a late page costs as much as the first one.
SELECT employee_id, staff_no, name, email, {verdict} AS verdict, counted, target, remaining, exempt, red
FROM (
    SELECT frozen.*, frozen.employee_id IN ({under_review}) AS under_review
    FROM results_frozenstanding frozen
    WHERE frozen.campaign_id = {campaign} AND frozen.version = {version} AND frozen.employee_id > {after}
) listed
ORDER BY employee_id LIMIT {size}

-- name: changed_rows
-- A correction changes these three values alone; what is made from them is stored with each version.
SELECT employee_id, staff_no, name, email, {verdict} AS verdict, counted, target, remaining, exempt, red,
    json_build_object('counted', counted_before, 'target', target_before, 'remaining', remaining_before,
        'exempt', exempt_before, 'red', red_before) AS before
FROM (
    SELECT frozen.*, frozen.employee_id IN ({under_review}) AS under_review,
        earlier.counted AS counted_before, earlier.target AS target_before, earlier.remaining AS remaining_before,
        earlier.exempt AS exempt_before, earlier.red AS red_before
    FROM results_frozenstanding frozen
    JOIN results_frozenstanding earlier
      ON earlier.campaign_id = frozen.campaign_id AND earlier.version = {since}
        AND earlier.employee_id = frozen.employee_id
    WHERE frozen.campaign_id = {campaign} AND frozen.version = {version} AND frozen.employee_id > {after}
      AND (frozen.counted, frozen.target, frozen.exempt) <> (earlier.counted, earlier.target, earlier.exempt)
) listed
ORDER BY employee_id LIMIT {size}

-- name: withheld
-- The employees whose verdict a review holds open.
SELECT employee_id FROM results_frozenstanding
WHERE campaign_id = {campaign} AND version = {version} AND red AND employee_id IN ({under_review})
ORDER BY employee_id
