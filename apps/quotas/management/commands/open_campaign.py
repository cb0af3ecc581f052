from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from apps.ledger.management.house import HouseCommand, day
from apps.quotas.services import CampaignRefused, open_campaign


class Command(HouseCommand):
    help = "Opens a campaign. The deadline is the last day that counts, to its end, in the campaign's time zone."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", required=True)
        parser.add_argument("--target", type=int, default=100, help="counted contacts everyone needs (100)")
        parser.add_argument("--opens", type=day, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--deadline", type=day, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--time-zone", default=settings.TIME_ZONE, help="IANA name, such as Asia/Shanghai")
        parser.add_argument("--exclusive", action="store_true", help="who recorded a person first, counts them")
        parser.add_argument("--confirmed-only", action="store_true", help="only confirmed contacts count")
        parser.add_argument("--slug", default="", help="short name for addresses; made from the name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            campaign = open_campaign(
                name=options["name"], target=options["target"], opens_on=options["opens"],
                deadline=options["deadline"], time_zone=options["time_zone"], exclusive=options["exclusive"],
                confirmed_only=options["confirmed_only"], slug=options["slug"], by=self.actor,
            )  # fmt: skip
        except CampaignRefused as refused:
            raise CommandError(refused.message) from refused
        rule = campaign.rule
        told = {
            "campaign": campaign.slug, "name": campaign.name, "target": rule.target, "state": campaign.state,
            "opens_at": rule.opens_at.isoformat(), "cutoff_at": rule.cutoff_at.isoformat(),
            "backdated": campaign.backdated,
        }  # fmt: skip
        late = " Its deadline has passed: it is frozen by hand alone, with freeze_campaign or on its page."
        self.tell(
            options,
            told,
            f"Opened {campaign.name} ({campaign.slug}): {rule.target} contacts from {rule.opens_on} to the end of "
            f"{rule.deadline} in {rule.time_zone}.{late if campaign.backdated else ''}",
        )
