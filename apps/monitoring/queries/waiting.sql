-- name: waiting
-- What waits for a worker, by kind: how much, and since when the oldest waits or has not advanced.
SELECT 'outbox' AS work, count(*) AS n, min(queued_at) AS since FROM core_outbox
UNION ALL SELECT 'ranges', count(*), min(run.started_at)
    FROM standings_markrange mark_range JOIN standings_markrun run ON run.id = mark_range.run_id
    WHERE mark_range.state = 'waiting'
UNION ALL SELECT 'previews', count(*), min(asked_at) FROM core_filepreview WHERE state = 'waiting'
UNION ALL SELECT 'submissions', count(*), min(coalesce(advanced_at, received_at)) FROM contacts_submission
    WHERE state = 'received'
UNION ALL SELECT 'roster_loads', count(*), min(advanced_at) FROM roster_rosterimport
    WHERE state IN ('previewing', 'confirmed')
UNION ALL SELECT 'directory', count(*), min(changed_at) FROM roster_directoryuser WHERE state = 'waiting'
UNION ALL SELECT 'exports', count(*), min(asked_at) FROM exports_export WHERE state = 'waiting'
UNION ALL SELECT 'events', count(*), min(at) FROM core_event
UNION ALL SELECT 'security_mails', count(*), min(at) FROM accounts_securityevent WHERE sent_at IS NULL
-- The age of the lowest id: the ages of all would read as many rows of the trail.
UNION ALL SELECT 'audit_stream', waiting.n, entry.at
    FROM (SELECT count(*) AS n, min(entry_id) AS first_id FROM core_auditoutbox) waiting
    LEFT JOIN core_auditentry entry ON entry.id = waiting.first_id;
