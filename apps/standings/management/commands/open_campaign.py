import uuid
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from apps.accounts.models import ApprovalRequest
from apps.campaigns.rule_draft import RuleDraft
from apps.core.errors import Refused
from apps.core.management.base import AppCommand, parse_date
from apps.standings.opening_approvals import open_or_request


class Command(AppCommand):
    help = "Opens a campaign. The deadline is the last day that counts, to its end, in the campaign's time zone."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", required=True)
        parser.add_argument("--target", type=int, default=100, help="counted contacts each employee needs (100)")
        parser.add_argument("--opens", type=parse_date, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--deadline", type=parse_date, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--time-zone", default=settings.TIME_ZONE, help="IANA name, such as Asia/Shanghai")
        parser.add_argument(
            "--exclusive", action="store_true", help="a person counts only for the employee who recorded them first"
        )
        parser.add_argument("--confirmed-only", action="store_true", help="only confirmed contacts count")
        parser.add_argument(
            "--prorate-joiners",
            action="store_true",
            help="a pro-rata target for employees who join after the first day",
        )
        parser.add_argument("--slug", default="", help="short name for addresses; made from the name")

    def handle(self, *args: Any, **options: Any) -> None:
        draft = RuleDraft(
            options["target"], options["opens"], options["deadline"], options["time_zone"], options["exclusive"],
            options["confirmed_only"], prorate_joiners=options["prorate_joiners"],
        )  # fmt: skip
        try:
            campaign = open_or_request(
                name=options["name"], draft=draft, slug=options["slug"], key=uuid.uuid4(), by=self.actor
            )
        except Refused as refused:
            raise CommandError(refused.message) from refused
        if isinstance(campaign, ApprovalRequest):
            waits = f"Approval request {campaign.pk} is waiting for an HR user. The campaign is not open yet."
            self.print_result(
                options, {"approval": str(campaign.pk), "name": campaign.label, "state": "waiting"}, waits
            )
            return
        rule = campaign.rule
        report = {
            "campaign": campaign.slug, "name": campaign.name, "target": rule.target, "state": campaign.state,
            "opens_at": rule.opens_at.isoformat(), "cutoff_at": rule.cutoff_at.isoformat(),
            "backdated": campaign.backdated,
        }  # fmt: skip
        late = (
            " Its deadline has passed, so it is not frozen automatically: run freeze_campaign, or close it on its page."
        )
        self.print_result(
            options,
            report,
            f"Opened {campaign.name} ({campaign.slug}): {rule.target} contacts from {rule.opens_on} to the end of "
            f"{rule.deadline} in {rule.time_zone}.{late if campaign.backdated else ''}",
        )
