"""The tables of campaigns: what each one asks for, and who is asked for something else."""

from apps.campaigns.models.adjustment import Adjustment, AdjustmentRequest
from apps.campaigns.models.campaign import Campaign, CampaignRule

__all__ = ["Adjustment", "AdjustmentRequest", "Campaign", "CampaignRule"]
