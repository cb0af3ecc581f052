import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.ledger.management.house import HouseCommand
from apps.quotas.freeze.files import verify_here
from apps.quotas.freeze.proof import NotReadable


class Command(HouseCommand):
    help = (
        "Proves that a CSV is a frozen result, or names its first line that is not. Without options it looks beside "
        "the file for FILE.sig, else compares with the results stored here; scripts/verify.py does it with no database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--signature", type=Path, metavar="FILE.sig")
        parser.add_argument("--public-key", type=Path, metavar="PEM", help="else the key stored with the result")

    def handle(self, *args: Any, **options: Any) -> None:
        beside = options["file"].with_name(options["file"].name + ".sig")
        signature = options["signature"] or (beside if beside.exists() else None)
        try:
            verdict = verify_here(
                options["file"].read_bytes(),
                signature.read_bytes() if signature else None,
                options["public_key"].read_bytes() if options["public_key"] else None,
            )
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        except NotReadable as error:
            raise CommandError(str(error)) from error
        told = {"verified": verdict.verified, "code": verdict.code, "line": verdict.line, "sentence": verdict.sentence}
        self.tell(options, told, verdict.sentence)
        if not verdict.verified:
            sys.exit(1)
