-- name: delete_notifications
-- Of running campaigns all stay: a deleted row could be planned again.
DELETE FROM notifications_notification WHERE id = ANY(ARRAY(
    SELECT notification.id FROM notifications_notification notification
    WHERE notification.created_at < %(before)s AND notification.state IN ('sent', 'failed', 'dropped')
      AND NOT EXISTS (
        SELECT FROM campaigns_campaign campaign
        WHERE campaign.id = notification.campaign_id AND campaign.state IN ('draft', 'open', 'closing'))
    ORDER BY notification.created_at LIMIT %(most)s));

-- name: delete_reminders
-- Not before their notifications, which show the text.
DELETE FROM notifications_reminder reminder
WHERE reminder.sent_at < %(before)s AND NOT EXISTS (
    SELECT FROM campaigns_campaign campaign
    WHERE campaign.id = reminder.campaign_id AND campaign.state IN ('draft', 'open', 'closing'));

-- name: delete_last_reminders
DELETE FROM notifications_lastreminder WHERE last_at < %(before)s;

-- name: delete_help_offers
DELETE FROM notifications_helpoffer offer
WHERE offer.offered_at < %(before)s AND NOT EXISTS (
    SELECT FROM campaigns_campaign campaign
    WHERE campaign.id = offer.campaign_id AND campaign.state IN ('draft', 'open', 'closing'));

-- name: delete_preferences
DELETE FROM notifications_preference preference
WHERE preference.employee_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM employees_employment employment
    WHERE employment.employee_id = preference.employee_id AND employment.ends_at >= %(before)s);
