from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts.approvals import ApprovalRefused
from apps.campaigns.management.campaign_argument import add_campaign, choose_campaign
from apps.campaigns.rule_draft import CampaignRefused
from apps.core.management.base import AppCommand
from apps.standings.campaign_approvals import cancel_or_request


class Command(AppCommand):
    help = "Cancels a campaign that is not being closed yet. Its contacts stay; nobody is judged by it any more. "
    help += "Where somebody has a counted contact, it waits for an HR user's approval."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_campaign(parser)
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = choose_campaign(options["campaign"])
        try:
            request = cancel_or_request(campaign=campaign, reason=options["reason"], by=self.actor)
        except (CampaignRefused, ApprovalRefused) as refused:
            raise CommandError(refused.message) from refused
        if request:
            told = {"campaign": campaign.slug, "state": campaign.state, "approval": str(request.pk)}
            self.tell(options, told, f"Approval request {request.pk} waits for an HR user. Nothing is cancelled yet.")
            return
        self.tell(options, {"campaign": campaign.slug, "state": "cancelled"}, f"Cancelled {campaign.name}.")
