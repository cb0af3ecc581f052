from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.ledger.management.house import HouseCommand
from apps.quotas.management.choosing import add_campaign, choose_campaign
from apps.quotas.services import CampaignRefused, cancel_campaign


class Command(HouseCommand):
    help = "Cancels a campaign that is not being closed yet. Its contacts stay; nobody is judged by it any more."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_campaign(parser)
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = choose_campaign(options["campaign"])
        try:
            cancel_campaign(campaign=campaign, reason=options["reason"], by=self.actor)
        except CampaignRefused as refused:
            raise CommandError(refused.message) from refused
        self.tell(options, {"campaign": campaign.slug, "state": "cancelled"}, f"Cancelled {campaign.name}.")
