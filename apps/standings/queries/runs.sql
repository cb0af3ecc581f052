-- name: store_ranges
-- A range also covers unused ids between its employees. An employee added after the last id gets an outbox row from the
-- import that adds them.
INSERT INTO standings_markrange (run_id, first_id, last_id, state, attempts, result)
SELECT %(run)s, min(id), max(id), 'waiting', 0, '{}'
FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(size)s AS range_number FROM employees_employee) numbered
GROUP BY range_number
ORDER BY range_number

-- name: claim_due_ranges
-- Stamps the ranges in the same statement, so that two sweeps do not enqueue one range twice. A range whose worker died
-- is due again after one interval.
UPDATE standings_markrange SET enqueued_at = %(now)s
WHERE id IN (
    SELECT id FROM standings_markrange
    WHERE state = 'waiting' AND greatest(enqueued_at, claimed_at, '-infinity') < %(before)s
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id

-- name: record_attempt
-- Nothing is updated while another worker holds the range.
UPDATE standings_markrange SET attempts = attempts + 1, claimed_at = hundred_clock()
WHERE id IN (
    SELECT id FROM standings_markrange WHERE id = %(range)s AND state = 'waiting' FOR UPDATE SKIP LOCKED)
