from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.employees.imports import Roster, read_roster
from apps.employees.loads import request_file
from apps.employees.models import ApprovalRequest
from apps.employees.roster import RosterRefused, RosterResult, load_roster
from apps.employees.roster_effects import NeedsSecondPerson
from apps.ledger.management.house import HouseCommand
from apps.ledger.tables import UnreadableFile, open_table

SHOWN_REJECTS = 100


class Command(HouseCommand):
    help = (
        "Loads employees from a CSV file: staff_no, name, email and, where there, phone, department, manager_staff_no, "
    )
    help += "time_zone, started_on, left_on, effective_on. The same file again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
        parser.add_argument("--complete", action="store_true", help="who is missing from the file has left")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with open_table(options["file"]) as table, self.bar("rows") as progress:
                roster = read_roster(table, progress)
            self._warn_of(roster)
            result = load_roster(
                roster=roster, by=self.actor, complete=options["complete"], dry_run=options["dry_run"],
                file_name=options["file"].name,
            )  # fmt: skip
        except (UnreadableFile, RosterRefused) as error:
            raise CommandError(f"{options['file']}: {error}. Nothing was changed.") from error
        except NeedsSecondPerson as needs:
            raise CommandError(self._request(options)) from needs
        for reject in result.rejects[:SHOWN_REJECTS]:
            self.warn(f"line {reject.line}, {reject.column}: {reject.reason}")
        if result.addresses and not options["dry_run"]:
            self.warn(f"{result.addresses} new e-mail addresses wait for an HR user: see Company, Approvals.")
        self.tell(options, _json(result), _summary(result, options["dry_run"]))

    def _request(self, options: dict[str, Any]) -> str:
        """Keep the file for a second person: what to do about it, as a sentence."""
        with options["file"].open("rb") as file:
            content = iter(lambda: file.read(1 << 18), b"")
            request = request_file(
                name=options["file"].name, content=content, complete=options["complete"], by=self.actor
            )
        if not isinstance(request, ApprovalRequest):
            return f"{options['file']}: one person may not load this alone, and it cannot be requested: {request}"
        return (
            f"{options['file']}: one person may not load this alone. Nothing was changed. It is request {request.pk}: "
            "an HR user approves it under Company, Approvals; without any, `manage.py decide_approval` does."
        )

    def _warn_of(self, roster: Roster) -> None:
        if roster.unknown_columns:
            self.warn(f"ignored columns: {', '.join(roster.unknown_columns)}")


def _json(result: RosterResult) -> dict[str, Any]:
    told = ("line", "column", "code", "reason")
    rejects = [{name: getattr(reject, name) for name in told} for reject in result.rejects[:SHOWN_REJECTS]]
    return {**result.counts, "rejects": rejects}


def _summary(result: RosterResult, dry_run: bool) -> str:
    done = "Would load" if dry_run else "Loaded"
    return (
        f"{done} {result.read} rows: {result.created} created, {result.updated} updated, {result.unchanged} unchanged, "
        f"{result.duplicate} duplicate, {result.rejected} rejected, {result.left} left."
    )
