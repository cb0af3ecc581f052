from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.campaigns.management.campaign_argument import add_campaign, choose_campaign
from apps.core.errors import Refused
from apps.core.management.base import AppCommand
from apps.standings.campaign_approvals import cancel_or_request


class Command(AppCommand):
    help = "Cancels a campaign that is not being closed yet. Its contacts stay; it no longer evaluates employees. "
    help += "Once a contact was recorded in its period, the cancellation needs an HR user's approval."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_campaign(parser)
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = choose_campaign(options["campaign"])
        try:
            request = cancel_or_request(campaign=campaign, reason=options["reason"], by=self.actor)
        except Refused as refused:
            raise CommandError(refused.message) from refused
        if request:
            waiting = {"campaign": campaign.slug, "state": campaign.state, "approval": str(request.pk)}
            self.print_result(
                options, waiting, f"Approval request {request.pk} is waiting for an HR user. Nothing is cancelled yet."
            )
            return
        self.print_result(options, {"campaign": campaign.slug, "state": "cancelled"}, f"Cancelled {campaign.name}.")
