import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import AppCommand
from apps.exports.verify_stored import verify_part_here, verify_stored
from apps.results.verification import UnreadableResultFile, opened, write_clean_file

# The value of --part without a file.
STORED = Path()


class Command(AppCommand):
    help = (
        "Proves that a CSV is a frozen result or a hand-over, or names its first line that is not. Without options it "
        "looks beside the file for FILE.sig, else compares with the results stored here; scripts/verify.py does it "
        "with no database. With --part the file may hold some rows of the result only, such as one team's."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--part", type=Path, nargs="?", const=STORED, metavar="WHOLE.csv",
            help="FILE holds some rows of this whole result; without a name, of one that is stored here",
        )  # fmt: skip
        parser.add_argument("--signature", type=Path, metavar="FILE.sig", help="else the whole CSV with .sig behind it")
        parser.add_argument("--public-key", type=Path, metavar="PEM", help="else the key stored with the result")
        parser.add_argument(
            "--clean", type=Path, metavar="OUT.csv", help="where to write what is proved and nothing else"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        part = options["part"]
        if part == STORED and options["signature"]:
            raise CommandError("--signature belongs to a whole result: name it behind --part")
        whole: Path | None = options["file"] if part is None else part if part != STORED else None
        try:
            key, signature = _bytes(options["public_key"]), _bytes(options["signature"] or (whole and _beside(whole)))
            with opened(options["file"]) as raw:
                if part is None:
                    verdict = verify_stored(raw, signature, key)
                else:
                    with opened(whole) if whole else nullcontext() as whole_file:
                        verdict = verify_part_here(raw, whole_file, signature, key)
                if options["clean"] and verdict.covered_is_proved:
                    write_clean_file(verdict, options["clean"])
        except UnreadableResultFile as error:
            raise CommandError(str(error)) from error
        self.tell(options, verdict.as_json, verdict.sentence)
        if not verdict.verified:
            sys.exit(1)


def _beside(file: Path) -> Path | None:
    """The signature file next to a CSV, when there is one."""
    beside = file.parent / f"{file.name}.sig"
    return beside if beside.exists() else None


def _bytes(file: Path | None) -> bytes | None:
    return file.read_bytes() if file else None
