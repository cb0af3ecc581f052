import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.campaigns.management.campaign_argument import add_campaign, choose_campaign
from apps.core.management.base import AppCommand
from apps.standings.build_summaries import verify_summaries
from apps.standings.recount import compare_everybody, record_drift

SHOWN = 100


class Command(AppCommand):
    help = "Compares every standing with a recount from the facts; exits 1 on any difference that is left."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_campaign(parser)
        parser.add_argument("--repair", action="store_true", help="judge anew whoever differs, then compare again")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = choose_campaign(options["campaign"])
        if campaign.snapshot_at is not None:
            raise CommandError(f"{campaign.name} is being frozen or is: its result stands, and verify_freeze proves it")
        with self.bar("employees") as progress:
            found = compare_everybody(campaign, progress, repairing=options["repair"], by=self.actor)
        left = found
        if options["repair"] and found.differences:
            with self.bar("employees again") as progress:
                left = compare_everybody(campaign, progress)
        sums = verify_summaries(campaign)
        record_drift(campaign, len(left.differences) + sums)
        repaired = len(found.differences) - len(left.differences)
        listed = [
            {"staff_no": one.staff_no, "fields": one.fields, "stored": one.stored, "recounted": one.recounted}
            for one in found.differences
        ]
        compared = found.people - found.waiting
        lines = [f"{len(found.differences)} differences in {campaign.name}; {compared} employees compared."]
        if options["repair"]:
            lines.append(f"{repaired} put right, {len(left.differences)} left.")
        if sums:
            lines.append(f"{sums} sums of the roll-up differed; they are built anew.")
        if found.waiting:
            lines.append(f"{found.waiting} employees wait for their mark and were not compared.")
        lines += [f"  {one.staff_no} {one.name}: {', '.join(one.fields)}" for one in found.differences[:SHOWN]]
        if len(listed) > SHOWN:
            lines.append(f"  and {len(listed) - SHOWN} more (--json lists them all)")
        told = {
            "campaign": campaign.slug, "differences": len(found.differences), "repaired": repaired,
            "compared": compared, "waiting": found.waiting, "sums": sums, "employees": listed,
        }  # fmt: skip
        self.tell(options, told, "\n".join(lines))
        if left.differences or sums:
            sys.exit(1)
