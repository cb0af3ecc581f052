-- name: claim
-- A claim expires after ten minutes, so that a dead worker does not cost the mail; after a week no further attempt is
-- made.
UPDATE reviews_review SET claimed_at = hundred_clock()
WHERE id = (
    SELECT review.id FROM reviews_review review
    WHERE review.state = 'answered' AND review.notified_at IS NULL
      AND review.closed_at > hundred_clock() - interval '7 days'
      AND (review.claimed_at IS NULL OR review.claimed_at < hundred_clock() - interval '10 minutes')
      -- No mail to a leaver: the address may belong to another person by now.
      AND EXISTS (
        SELECT 1 FROM employees_employment employment
        WHERE employment.employee_id = review.employee_id
          AND in_force(employment.starts_at, employment.ends_at, hundred_clock()))
    -- SKIP LOCKED: several workers may send at once.
    ORDER BY review.closed_at LIMIT 1 FOR NO KEY UPDATE OF review SKIP LOCKED)
RETURNING id;
