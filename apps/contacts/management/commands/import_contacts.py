from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.contacts.imports import import_contacts
from apps.employees.models import Employee
from apps.ledger.management.house import HouseCommand
from apps.ledger.tables import UnreadableFile, open_table


class Command(HouseCommand):
    help = (
        "Records contacts from a CSV file with the columns name and phone, email or handle, for --employee or for the "
    )
    help += "staff_no (or employee_email) of each row. The same file again records nothing twice."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--employee", metavar="STAFF_NO", help="whose contacts these are")
        parser.add_argument("--format", choices=["auto", "csv"], default="auto", help="what kind of file it is")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and record nothing")
        parser.add_argument(
            "--trust-times", action="store_true", help="an operator's feed: read recorded_at, confirmed_at and ended_at"
        )
        parser.add_argument(
            "--rejects", type=Path, metavar="FILE", help="write the rejected rows here, to be corrected"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self._employee(options["employee"])
        try:
            with ExitStack() as stack:
                table, rejects = stack.enter_context(open_table(options["file"])), None
                if options["rejects"]:
                    if options["rejects"].exists() and options["rejects"].samefile(options["file"]):
                        raise CommandError("--rejects would overwrite the file itself: name another one")
                    rejects = stack.enter_context(options["rejects"].open("w", encoding="utf-8-sig", newline=""))
                progress = stack.enter_context(self.bar("rows"))
                result = import_contacts(
                    table=table, by=self.actor, employee=employee,
                    trust_times=options["trust_times"], dry_run=options["dry_run"], file_name=options["file"].name,
                    rejects=rejects, progress=progress,
                )  # fmt: skip
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        except UnreadableFile as error:
            raise CommandError(f"{options['file']}: {error}") from error
        if result.unknown_columns:
            self.warn(f"ignored columns: {', '.join(result.unknown_columns)}")
        for reject in result.rejects:
            self.warn(f"line {reject['line']}, {reject['column']}: {reject['reason']}")
        told = result.as_json()
        done = "Would read" if options["dry_run"] else "Read"
        self.tell(
            options,
            told,
            f"{done} {told['read']} rows: {told['created']} created, {told['updated']} updated, "
            f"{told['duplicate']} duplicate, {told['rejected']} rejected.",
        )

    def _employee(self, staff_no: str | None) -> Employee | None:
        if staff_no is None:
            return None
        try:
            return Employee.objects.by_staff_no(staff_no)
        except Employee.DoesNotExist as error:
            raise CommandError(f"no employee has the number {staff_no}") from error
