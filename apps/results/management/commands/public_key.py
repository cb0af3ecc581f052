from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.campaigns.management.campaign_argument import choose_campaign
from apps.core.management.base import AppCommand
from apps.core.signing_key import CannotSign, fingerprint, public_key
from apps.results.result_files import UnknownResult, result_of


class Command(AppCommand):
    help = (
        "Prints, as PEM, the public key that verifies what this installation signs, or with --campaign the one that a "
        "frozen result was signed with."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--campaign", metavar="N", help="the key of this campaign's frozen result")
        parser.add_argument("--result", type=int, metavar="N", help="of an earlier version of it")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["result"] and not options["campaign"]:
            raise CommandError("--result needs --campaign", returncode=2)
        if options["campaign"]:
            try:
                pem = result_of(choose_campaign(options["campaign"]), options["result"]).public_key
            except UnknownResult as unknown:
                raise CommandError(str(unknown)) from unknown
        else:
            try:
                pem = public_key()
            except CannotSign as error:
                raise CommandError(str(error)) from error
        if not options["json"]:
            # Not a sentence: the output is compared and copied.
            self.stderr.write(f"Fingerprint: {fingerprint(pem)}")
        self.print_result(options, {"public_key": pem, "fingerprint": fingerprint(pem)}, pem.strip())
