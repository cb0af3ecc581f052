from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from apps.core.clock import db_now
from apps.core.management.base import AppCommand, parse_instant
from apps.privacy.retention import count_expired, erase_expired, retained_campaigns


class Command(AppCommand):
    help = "Erases contacts whose retention period has ended, as the worker does every day; --dry-run only counts them."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="report what would be erased, and when")
        parser.add_argument("--at", type=parse_instant, help="with --dry-run: what would be erased then")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["at"] and not options["dry_run"]:
            raise CommandError("--at needs --dry-run")
        at = options["at"] or db_now()
        campaigns = [
            {"campaign": status.campaign.slug, "until": status.until.isoformat(), "over": status.is_over(at),
             "unsettled": status.unsettled, "contacts": status.contacts()}
            for status in retained_campaigns()
        ]  # fmt: skip
        days = {"retention_days": settings.RETENTION_DAYS, "leaver_days": settings.RETENTION_LEAVER_DAYS}
        if options["dry_run"]:
            due = count_expired(at)
            lines = [f"{due} contacts would be erased."]
            lines += [
                f"  {status['campaign']}: kept until {status['until']}; {status['contacts']} contacts"
                for status in campaigns
            ]
            self.print_result(
                options, {"dry_run": True, "contacts": due, "campaigns": campaigns, **days}, "\n".join(lines)
            )
            return
        counts = erase_expired(at)
        if counts is None:
            raise CommandError("another process is erasing now; nothing was done")
        result = {"dry_run": False, "contacts": counts[0], "digests": counts[1], "campaigns": campaigns, **days}
        self.print_result(options, result, f"{counts[0]} contacts erased, {counts[1]} digests deleted.")
