from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.employees.approval_workflow import ApprovalRefused
from apps.ledger.management.house import AppCommand
from apps.quotas.management.choosing import add_campaign, choose_campaign
from apps.quotas.services import CampaignRefused
from apps.quotas.services.campaign_approvals import cancel_or_request


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
