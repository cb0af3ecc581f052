from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from apps.core.clock import db_now
from apps.core.management.base import AppCommand, instant
from apps.privacy.retention import count_expired, forget_expired, retained_campaigns


class Command(AppCommand):
    help = "Erases contacts whose time is over, as the worker does every day; --dry-run only counts them."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what would be erased, and from when on")
        parser.add_argument("--at", type=instant, help="with --dry-run: what would be erased then")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["at"] and not options["dry_run"]:
            raise CommandError("--at looks ahead: give it with --dry-run")
        at = options["at"] or db_now()
        kept = [
            {"campaign": one.campaign.slug, "until": one.until.isoformat(), "over": one.over(at),
             "unsettled": one.unsettled, "contacts": one.contacts()}
            for one in retained_campaigns()
        ]  # fmt: skip
        days = {"retention_days": settings.RETENTION_DAYS, "leaver_days": settings.RETENTION_LEAVER_DAYS}
        if options["dry_run"]:
            due = count_expired(at)
            lines = [f"{due} contacts would be erased."]
            lines += [f"  {one['campaign']}: kept until {one['until']}; {one['contacts']} contacts" for one in kept]
            self.tell(options, {"dry_run": True, "contacts": due, "campaigns": kept, **days}, "\n".join(lines))
            return
        done = forget_expired(at)
        if done is None:
            raise CommandError("another process is just erasing; nothing was done here")
        told = {"dry_run": False, "contacts": done[0], "digests": done[1], "campaigns": kept, **days}
        self.tell(options, told, f"{done[0]} contacts erased, {done[1]} digests forgotten.")
