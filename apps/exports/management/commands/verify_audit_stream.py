import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from apps.core.management.base import AppCommand
from apps.exports.audit_stream.streaming import stored_position
from apps.exports.audit_stream.verification import verify


class Command(AppCommand):
    help = (
        "Checks received lines of AUDIT_STREAM, and names the first gap or change. It reads several files one after "
        "the other, the oldest first; - is standard input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("files", type=Path, nargs="+", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        sent = stored_position()
        finding = verify(_lines(options["files"]), sent)
        text = finding.problem or (
            f"Entries {finding.first} to {finding.last} are complete and unchanged; {finding.repeated} repeated lines."
        )
        if not finding.problem and sent and sent.stream == finding.stream and sent.sequence > finding.last:
            text += f" Hundred has sent up to {sent.sequence}."
        self.print_result(options, finding.as_json, text)
        if finding.problem:
            sys.exit(1)


def _lines(files: list[Path]) -> Iterator[str]:
    for file in files:
        if str(file) == "-":
            yield from sys.stdin
        else:
            with file.open(encoding="utf-8", errors="replace") as lines:
                yield from lines
