from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.campaigns.management.campaign_argument import add_campaign, choose_campaign
from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.management.base import AppCommand, parse_instant
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

    _remaining: int | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_campaign(parser)
        parser.add_argument(
            "--feed-until", type=parse_instant, metavar="ISO",
            help="accept the feed of the messaging product until this instant; may be set before the cut-off",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        campaign, until = choose_campaign(options["campaign"], closing=True), options["feed_until"]
        if until:
            if not wait_for_feed(campaign=campaign, until=until, by=self.actor):
                raise CommandError(f"{campaign.name} is {campaign.get_state_display()}, so it cannot wait for a feed")
            # The freeze itself comes later, by the worker or by another call of this command.
            if db_now() < campaign.rule.cutoff_at:
                outcome = {"campaign": campaign.slug, "state": campaign.state, "feed_until": until.isoformat()}
                self.print_result(options, outcome, f"{campaign.name} will be frozen after {until.isoformat()}.")
                return
        try:
            # Only the closing needs an approval; an interrupted freeze goes on without another one.
            if campaign.state == Campaign.State.OPEN and (
                request := close_or_request(campaign=campaign, by=self.actor)
            ):
                outcome = {"campaign": campaign.slug, "state": campaign.state, "approval": str(request.pk)}
                self.print_result(options, outcome, f"Approval request {request.pk} is waiting for an HR user.")
                return
            with self.progress_bar("employees") as progress:
                result = freeze(
                    campaign=campaign, by=self.actor, wait=True, progress=progress, on_unfinished=self._waiting
                )
        except (CutoffNotReached, Refused) as early:
            raise CommandError(str(early)) from early
        if result is None:
            raise CommandError("another process is freezing this campaign")
        # Read again: the campaign at hand has the state from before the freeze.
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
        self.print_result(options, outcome, "\n".join(lines))

    def _waiting(self, remaining: int) -> None:
        # Called at every poll: only a new number is news.
        if remaining != self._remaining:
            self.warn(f"{remaining} submissions from before the cut-off are not recorded yet; waiting for them.")
        self._remaining = remaining
