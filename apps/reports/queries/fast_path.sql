-- name: none_pending
NOT EXISTS (SELECT FROM core_outbox {concerned}) AND NOT EXISTS (
    SELECT FROM standings_markrange part JOIN standings_markrun run ON run.id = part.run_id
    WHERE part.state = 'waiting' AND run.invalidates AND run.campaign_id = {campaign})

-- name: guarded
-- One row without a number when the condition is false.
{ctes}
SELECT guard.holds, numbered.* FROM (SELECT {condition} AS holds) guard
LEFT JOIN (SELECT row_number() OVER () AS nth, selected.* FROM ({select}) selected) numbered ON holds ORDER BY nth
