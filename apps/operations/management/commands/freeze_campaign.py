from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts.approvals import ApprovalRefused
from apps.campaigns.management.campaign_argument import add_campaign, choose_campaign
from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.management.base import AppCommand, instant
from apps.results.close_submissions import CutoffNotReached, refused_at_closing
from apps.results.closing_approvals import close_or_request
from apps.results.freeze import freeze, wait_for_feed
from apps.reviews.services import red_under_review


class Command(AppCommand):
    help = (
        "Closes a campaign whose cut-off has passed and stores its final, signed result. It is safe to repeat: an "
        "interrupted run continues where it ended. Under `make run` and on servers, campaigns that were opened before "
        "their cut-off are frozen automatically. Others need the approval of an HR user."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_campaign(parser)
        parser.add_argument(
            "--feed-until", type=instant, metavar="ISO",
            help="accept the feed of the messaging product until this instant; may be set before the cut-off",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        campaign, until = choose_campaign(options["campaign"], closing=True), options["feed_until"]
        if until:
            if not wait_for_feed(campaign=campaign, until=until, by=self.actor):
                raise CommandError(f"{campaign.name} is {campaign.get_state_display()}: it waits for no feed")
            if db_now() < campaign.rule.cutoff_at:
                outcome = {"campaign": campaign.slug, "state": campaign.state, "feed_until": until.isoformat()}
                self.tell(options, outcome, f"{campaign.name} will be frozen after {until.isoformat()}.")
                return
        try:
            if campaign.state == Campaign.State.OPEN and (
                request := close_or_request(campaign=campaign, by=self.actor)
            ):
                outcome = {"campaign": campaign.slug, "state": campaign.state, "approval": str(request.pk)}
                self.tell(options, outcome, f"Approval request {request.pk} waits for an HR user.")
                return
            with self.bar("employees") as progress:
                result = freeze(campaign=campaign, by=self.actor, wait=True, progress=progress, waiting=self._waiting)
        except (CutoffNotReached, ApprovalRefused) as early:
            raise CommandError(str(early)) from early
        if result is None:
            raise CommandError("another process freezes this campaign")
        refused = refused_at_closing(Campaign.objects.get(pk=campaign.pk))
        outcome = {
            "campaign": campaign.slug, "state": "frozen", "employees": result.rows, "red": result.red,
            "cutoff": result.cutoff_at.isoformat(), "snapshot_at": result.snapshot_at.isoformat(),
            "frozen_at": result.frozen_at.isoformat(), "result_version": result.version, "digest": result.digest,
            "refused": [{"staff_no": item.staff_no, "received_at": item.received_at} for item in refused],
            "red_under_review": (under_review := red_under_review(result)),
        }  # fmt: skip
        lines = [f"{campaign.name} is frozen: {result.rows} standings, {result.red} red. Digest {result.digest}."]
        lines += [f"  refused: submission of {item.name} at {item.received_at.isoformat()}" for item in refused]
        lines += [f"  under review, not yet final: {number}" for number in under_review]
        self.tell(options, outcome, "\n".join(lines))

    def _waiting(self, remaining: int) -> None:
        if remaining != getattr(self, "_left", None):
            self.warn(f"{remaining} submissions of before the cut-off are not recorded yet; waiting for them.")
        self._remaining = remaining
