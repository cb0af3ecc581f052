-- name: enqueue_whole_trail
-- An entry that commits later brings its own row.
INSERT INTO core_auditoutbox (entry_id)
SELECT id FROM core_auditentry
ON CONFLICT (entry_id) DO NOTHING;

-- name: assign_numbers
UPDATE core_auditoutbox
SET sequence = %(last)s + numbered.place
FROM (
    SELECT entry_id, row_number() OVER (ORDER BY entry_id) AS place
    FROM (
        SELECT entry_id FROM core_auditoutbox
        WHERE sequence IS NULL
        ORDER BY entry_id
        LIMIT %(size)s
    ) AS waiting
) AS numbered
WHERE core_auditoutbox.entry_id = numbered.entry_id;
