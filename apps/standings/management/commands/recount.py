import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.campaigns.management.campaign_argument import add_campaign, choose_campaign
from apps.core.management.base import AppCommand
from apps.standings.build_summaries import verify_summaries
from apps.standings.recount import compare_all, record_drift

MAX_PRINTED = 100


class Command(AppCommand):
    help = "Compares every standing with a recount from the facts; exits with 1 if a difference remains."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_campaign(parser)
        parser.add_argument(
            "--repair", action="store_true", help="evaluate differing employees again, then compare again"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = choose_campaign(options["campaign"])
        if campaign.snapshot_at is not None:
            raise CommandError(f"{campaign.name} is being frozen or is frozen: verify_freeze proves its result")
        with self.progress_bar("employees") as progress:
            result = compare_all(campaign, progress, repairing=options["repair"], by=self.actor)
        remaining = result
        if options["repair"] and result.differences:
            with self.progress_bar("employees again") as progress:
                remaining = compare_all(campaign, progress)
        sums = verify_summaries(campaign)
        record_drift(campaign, len(remaining.differences) + sums)
        repaired = len(result.differences) - len(remaining.differences)
        listed = [
            {"staff_no": line.staff_no, "fields": line.fields, "stored": line.stored, "recounted": line.recounted}
            for line in result.differences
        ]
        compared = result.people - result.waiting
        lines = [f"{len(result.differences)} differences in {campaign.name}; {compared} employees compared."]
        if options["repair"]:
            lines.append(f"{repaired} repaired, {len(remaining.differences)} left.")
        if sums:
            lines.append(f"{sums} sums of the summaries differed and were rebuilt.")
        if result.waiting:
            lines.append(f"{result.waiting} employees are waiting for their mark and were not compared.")
        lines += [
            f"  {line.staff_no} {line.name}: {', '.join(line.fields)}" for line in result.differences[:MAX_PRINTED]
        ]
        if len(listed) > MAX_PRINTED:
            lines.append(f"  and {len(listed) - MAX_PRINTED} more (--json lists them all)")
        report = {
            "campaign": campaign.slug, "differences": len(result.differences), "repaired": repaired,
            "compared": compared, "waiting": result.waiting, "sums": sums, "employees": listed,
        }  # fmt: skip
        self.print_result(options, report, "\n".join(lines))
        if remaining.differences or sums:
            sys.exit(1)
