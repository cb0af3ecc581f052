import uuid
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from apps.accounts.approvals import ApprovalRefused
from apps.accounts.models import ApprovalRequest
from apps.campaigns.rule_draft import CampaignRefused, RuleDraft
from apps.core.management.base import AppCommand, day
from apps.standings.opening_approvals import open_or_request


class Command(AppCommand):
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
        terms = RuleDraft(
            options["target"], options["opens"], options["deadline"], options["time_zone"], options["exclusive"],
            options["confirmed_only"],
        )  # fmt: skip
        try:
            campaign = open_or_request(
                name=options["name"], terms=terms, slug=options["slug"], key=uuid.uuid4(), by=self.actor
            )
        except (CampaignRefused, ApprovalRefused) as refused:
            raise CommandError(refused.message) from refused
        if isinstance(campaign, ApprovalRequest):
            waits = f"Approval request {campaign.pk} waits for an HR user. The campaign is not open yet."
            self.tell(options, {"approval": str(campaign.pk), "name": campaign.label, "state": "waiting"}, waits)
            return
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
