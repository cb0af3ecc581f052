-- name: churned_early
FROM contacts_contact contact
WHERE contact.ended_at >= {opens_at} AND contact.ended_at < {at} AND contact.recorded_at >= {opens_at}
    AND contact.ended_at <= contact.recorded_at + interval '{days} days' AND {stored} AND {ended_in_result}

-- name: ended_in_result
EXISTS (SELECT FROM results_frozenreason reason WHERE reason.campaign_id = {campaign}
    AND reason.employee_id = contact.employee_id AND reason.contact_id = contact.id AND reason.reason = 'ended')

-- name: submissions
FROM contacts_submission submission
WHERE submission.source <> {feed} AND submission.received_at >= {opens_at} AND submission.received_at < {at}
