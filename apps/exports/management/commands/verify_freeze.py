import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import AppCommand
from apps.exports.verify_stored import verify_stored, verify_stored_part
from apps.results.verification import UnreadableResultFile, opened, write_clean_file

# The value of --part without a file.
STORED = Path()


class Command(AppCommand):
    help = (
        "Verifies that a CSV is a frozen result or a hand-over, or names the first line that differs. Without options, "
        "it uses FILE.sig beside the file, or else the results stored here; scripts/verify.py does the same without a "
        "database. With --part, the file may contain only some rows of the result, such as one team's."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--part", type=Path, nargs="?", const=STORED, metavar="WHOLE.csv",
            help="FILE contains some rows of this whole result; without a value: of a result stored here",
        )  # fmt: skip
        parser.add_argument(
            "--signature", type=Path, metavar="FILE.sig", help="default: the name of the whole CSV with .sig appended"
        )
        parser.add_argument("--public-key", type=Path, metavar="PEM", help="default: the key stored with the result")
        parser.add_argument("--clean", type=Path, metavar="OUT.csv", help="write only the proved content here")

    def handle(self, *args: Any, **options: Any) -> None:
        part = options["part"]
        if part == STORED and options["signature"]:
            raise CommandError("--signature belongs to a whole result: name it after --part")
        whole: Path | None = options["file"] if part is None else part if part != STORED else None
        try:
            key, signature = _bytes(options["public_key"]), _bytes(options["signature"] or (whole and _beside(whole)))
            with opened(options["file"]) as raw:
                if part is None:
                    finding = verify_stored(raw, signature, key)
                else:
                    with opened(whole) if whole else nullcontext() as whole_file:
                        finding = verify_stored_part(raw, whole_file, signature, key)
                if options["clean"] and finding.covered_is_proved:
                    write_clean_file(finding, options["clean"])
        except UnreadableResultFile as error:
            raise CommandError(str(error)) from error
        self.print_result(options, finding.as_json, finding.sentence)
        if not finding.verified:
            sys.exit(1)


def _beside(file: Path) -> Path | None:
    beside = file.parent / f"{file.name}.sig"
    return beside if beside.exists() else None


def _bytes(file: Path | None) -> bytes | None:
    return file.read_bytes() if file else None
