from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.campaigns.management.campaign_argument import add_campaign, choose_campaign
from apps.campaigns.models import Campaign
from apps.contacts.services.submissions import finish_abandoned
from apps.core.clock import db_now
from apps.core.management.base import AppCommand
from apps.standings.effective_dates import process_effective_dates
from apps.standings.process_runs import mark_all, sweep


class Command(AppCommand):
    help = (
        "Evaluates all employees of a campaign from the facts, in this process, with the service the Celery job calls."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_campaign(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = choose_campaign(options["campaign"])
        if not Campaign.objects.to_mark(db_now()).filter(pk=campaign.pk).exists():
            raise CommandError(f"{campaign.name} is {campaign.get_state_display()} or has not opened yet")
        process_effective_dates()
        finish_abandoned(db_now())
        # All employees of this campaign first, so that the output has every change. Then the outbox, in every campaign.
        with self.progress_bar("employees") as progress:
            mark = mark_all(campaign, progress)
        sweep()
        report = {
            "campaign": campaign.slug, "employees": mark.employees, "counted": mark.counted, "red": mark.red,
            "turned_red": mark.turned_red, "turned_green": mark.turned_green, "as_of": db_now().isoformat(),
        }  # fmt: skip
        self.print_result(
            options,
            report,
            f"Marked {mark.employees} employees of {campaign.name}: {mark.red} red, "
            f"{mark.employees - mark.red} not red; {mark.counted} counted contacts. "
            f"{mark.turned_red} turned red, {mark.turned_green} are no longer red.",
        )
