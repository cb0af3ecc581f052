from argparse import ArgumentTypeError
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.contacts.columns import ROLES
from apps.contacts.import_report import ImportResult
from apps.contacts.imports import import_contacts
from apps.contacts.reading import FORMATS, VCARD, is_vcards
from apps.core.management.base import AppCommand, encoding_advice, estimate_entries, with_full_stop
from apps.employees.models import Employee
from apps.fileio.errors import UnreadableFile, UnsureEncoding


def _columns(text: str) -> dict[str, str]:
    pairs = [pair.rpartition("=") for pair in text.split(",")]
    wrong = [pair for pair in pairs if not pair[1] or not pair[0].strip() or pair[2].strip() not in ROLES]
    if wrong:
        raise ArgumentTypeError(f"{''.join(wrong[0])!r} is not a column with its meaning, such as Direct=phone")
    return {name.strip(): role.strip() for name, _equals, role in pairs}


class Command(AppCommand):
    help = (
        "Records contacts from a CSV, XLSX or vCard file, for --employee or for the staff_no (or employee_email) of "
        "each row. Files that address books, mail programs and phones export are understood. Importing the same file "
        "again records nothing twice and continues an interrupted run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--employee", metavar="STAFF_NO", help="whose contacts these are")
        parser.add_argument("--format", choices=FORMATS, default="auto", help="what kind of file it is")
        parser.add_argument(
            "--encoding",
            default="",
            help="its encoding, such as gb18030 or windows-1250, if it cannot be detected",
        )
        parser.add_argument(
            "--columns", type=_columns, metavar="NAME=ROLE,...",
            help="the meaning of columns whose names are not recognised, such as Direct=phone; leave the part after = "
            f"empty to ignore a column, otherwise one of {', '.join(ROLES[:-1])}",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="report what would happen and record nothing")
        parser.add_argument(
            "--trust-times", action="store_true", help="an operator's feed: read recorded_at, confirmed_at and ended_at"
        )
        parser.add_argument(
            "--rejects", type=Path, metavar="FILE", help="write the rejected rows here, to be corrected"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        employee, file = self._employee(options["employee"]), options["file"]
        try:
            with ExitStack() as stack:
                raw, rejects = stack.enter_context(file.open("rb")), None
                if options["rejects"]:
                    if options["rejects"].exists() and options["rejects"].samefile(file):
                        raise CommandError("--rejects would overwrite the file itself: name another one")
                    rejects = stack.enter_context(options["rejects"].open("wb"))
                mark = b"BEGIN:VCARD" if options["format"] == VCARD or is_vcards(raw) else b""
                progress = stack.enter_context(self.progress_bar("rows", estimate_entries(file, mark)))
                result = import_contacts(
                    raw=raw, by=self.actor, employee=employee, format=options["format"], encoding=options["encoding"],
                    columns=options["columns"], trust_times=options["trust_times"], dry_run=options["dry_run"],
                    file_name=file.name, rejects=rejects.write if rejects else None, progress=progress,
                )  # fmt: skip
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        except UnsureEncoding as error:
            raise CommandError(f"{file}: {with_full_stop(str(error))} {encoding_advice(error.candidates)}") from error
        except UnreadableFile as error:
            raise CommandError(f"{file}: {error}") from error
        self._report(options, result)

    def _report(self, options: dict[str, Any], result: ImportResult) -> None:
        if result.continued_at:
            self.warn(f"continued at row {result.continued_at + 1}, where an earlier run of this file ended")
        if result.unknown_columns:
            self.warn(f"ignored columns: {', '.join(result.unknown_columns)}")
        for reject in result.rejects:
            where = f"line {reject['line']}" + (f", {reject['column']}" if reject["column"] else "")
            self.warn(f"{where}: {reject['reason']}")
        report = result.as_json()
        if more := report["rejected"] - len(result.rejects):
            self.warn(f"and {more:,} more{'' if options['rejects'] else ' (--rejects FILE writes them all)'}")
        if result.incomplete:
            self.warn(f"{result.incomplete} contacts had an invalid name, phone, e-mail or handle, which was left out")
        done = "Would read" if options["dry_run"] else "Read"
        summary = (
            f"{done} {report['read']} rows: {report['created']} created, {report['updated']} updated, "
            f"{report['duplicate']} duplicate, {report['rejected']} rejected."
        )
        self.print_result(options, report, summary)

    def _employee(self, staff_no: str | None) -> Employee | None:
        if staff_no is None:
            return None
        try:
            return Employee.objects.get_by_staff_no(staff_no)
        except Employee.DoesNotExist as error:
            raise CommandError(f"no employee has the number {staff_no}") from error
