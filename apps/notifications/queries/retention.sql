-- name: delete_notifications
-- Of running campaigns all stay: a deleted row could be planned again.
DELETE FROM notifications_notification WHERE id = ANY(ARRAY(
    SELECT notification.id FROM notifications_notification notification
    WHERE notification.created_at < %(before)s AND notification.state IN ('sent', 'failed', 'dropped')
      AND NOT EXISTS (
        SELECT FROM campaigns_campaign campaign
        WHERE campaign.id = notification.campaign_id AND campaign.state IN ('draft', 'open', 'closing'))
    ORDER BY notification.created_at LIMIT %(most)s));

-- name: delete_preferences
DELETE FROM notifications_preference preference
WHERE preference.employee_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM employees_employment employment
    WHERE employment.employee_id = preference.employee_id AND employment.ends_at >= %(before)s);
