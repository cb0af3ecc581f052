"""The tables of campaigns: their rules, their announcements, and the adjustments for individual employees."""

from apps.campaigns.models.adjustment import Adjustment, AdjustmentRequest
from apps.campaigns.models.announcement import Announcement, AnnouncementRead
from apps.campaigns.models.campaign import Campaign, CampaignRule

__all__ = ["Adjustment", "AdjustmentRequest", "Announcement", "AnnouncementRead", "Campaign", "CampaignRule"]
