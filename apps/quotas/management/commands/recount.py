import sys
from typing import Any

from django.core.management.base import CommandParser

from apps.ledger.management.house import HouseCommand
from apps.quotas.management.choosing import add_campaign, choose_campaign
from apps.quotas.services import follow_time, recount, waiting

SHOWN = 100


class Command(HouseCommand):
    help = "Compares every standing with a recount from the facts. Changes nothing; exits 1 on any difference."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_campaign(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = choose_campaign(options["campaign"])
        follow_time()
        with self.bar("employees") as progress:
            found = recount(campaign, progress)
        listed = [
            {"staff_no": one.staff_no, "fields": one.fields, "stored": one.stored, "recounted": one.recounted}
            for one in found
        ]
        left_out = waiting()
        lines = [f"{len(found)} differences in {campaign.name}."]
        if left_out:
            lines.append(f"{left_out} employees wait for their mark and were not compared.")
        lines += [f"  {one.staff_no} {one.name}: {', '.join(one.fields)}" for one in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"  and {len(found) - SHOWN} more (--json lists them all)")
        told = {"campaign": campaign.slug, "differences": len(found), "waiting": left_out, "employees": listed}
        self.tell(options, told, "\n".join(lines))
        if found:
            sys.exit(1)
