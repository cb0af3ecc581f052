-- name: buckets
-- Employees with equal standing, with how many of them are stalled, pending re-evaluation and under review.
SELECT counted, target, exempt, count(*)::int, pace, count(*) FILTER (WHERE {stalled})::int, count(pending_since)::int,
    count(*) FILTER (WHERE under_review)::int
FROM listed WHERE {where} GROUP BY 1, 2, 3, 5
