-- name: extra_columns
-- Beside the row: its days, whether the employee ever had a review or an adjustment or has an offer of help, and the
-- campaign's forecast.
ARRAY(SELECT day FROM days WHERE days.employee_id = listed.employee_id ORDER BY day),
ARRAY(SELECT count FROM days WHERE days.employee_id = listed.employee_id ORDER BY day),
EXISTS (SELECT FROM reviews_review review
    WHERE review.campaign_id = {campaign} AND review.employee_id = listed.employee_id),
EXISTS (SELECT FROM campaigns_adjustment adjustment
    WHERE adjustment.campaign_id = {campaign} AND adjustment.employee_id = listed.employee_id),
-- A table of a higher app, so that the first page needs no further query.
EXISTS (SELECT FROM notifications_helpoffer offer
    WHERE offer.employee_id = listed.employee_id AND offer.campaign_id = {campaign} AND offer.state = 'open'),
-- The newest forecast of the campaign: it has nothing of one person.
(SELECT to_jsonb(forecast) FROM forecasts_campaignforecast forecast WHERE forecast.campaign_id = {campaign}
    ORDER BY made_at DESC LIMIT 1)

-- name: status_changes
-- One column of the employee's status changes, newest first.
ARRAY(SELECT change.{column} FROM standings_standingchange change
    WHERE change.campaign_id = {campaign} AND change.employee_id = listed.employee_id
    ORDER BY change.at DESC, change.id DESC)

-- name: contacts
-- Each contact is evaluated once; what is needed of all contacts stands beside the few rows returned.
WITH {internal}evaluated AS MATERIALIZED (
    SELECT contacts_contact.*, {reason} AS reason, {earlier} AS earlier
    FROM contacts_contact WHERE employee_id = {employee}::bigint AND {recorded})
SELECT *, (SELECT array_agg(ARRAY[identity.kind, identity.value] ORDER BY identity.id)
    FROM contacts_contactidentity identity
    WHERE identity.employee_id = {employee}::bigint AND identity.contact_id = numbered.id) AS held
FROM (
    SELECT evaluated.*,
        count(*) FILTER (WHERE reason <> 'ended')
            OVER (ORDER BY recorded_at DESC, id DESC ROWS UNBOUNDED PRECEDING) AS nth,
        row_number() OVER (PARTITION BY reason ORDER BY recorded_at DESC, id DESC) AS nth_of_reason,
        count(*) OVER (PARTITION BY reason) AS of_reason,
        row_number() OVER (PARTITION BY reason, earlier) AS nth_of_change,
        count(*) OVER (PARTITION BY reason, earlier) AS of_change
    FROM evaluated) numbered
WHERE (nth <= {latest} AND reason <> 'ended') OR nth_of_change = 1
    OR (nth_of_reason <= {each} AND reason NOT IN ('', 'ended'))
ORDER BY nth
