-- name: delete_reads
-- While the campaign runs they stay: without its confirmation a text would be shown again.
DELETE FROM campaigns_announcementread WHERE id = ANY(ARRAY(
    SELECT confirmation.id FROM campaigns_announcementread confirmation
    JOIN campaigns_announcement announcement ON announcement.id = confirmation.announcement_id
    JOIN campaigns_campaign campaign ON campaign.id = announcement.campaign_id
    WHERE confirmation.read_at < %(before)s AND campaign.state IN ('frozen', 'cancelled')
    LIMIT %(most)s));
