import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts.models import ApprovalRequest
from apps.core.management.base import AppCommand, count_entries, name_encoding, sentence
from apps.fileio.csv_reader import UnreadableFile, open_table
from apps.fileio.encodings import UnsureEncoding
from apps.roster.effects import NeedsSecondPerson
from apps.roster.imports import request_file
from apps.roster.loading import RosterRefused, RosterResult, load_roster
from apps.roster.parser import Roster, read_roster

SHOWN_REJECTS = 100


class Command(AppCommand):
    help = (
        "Loads employees from a CSV file: staff_no, name, email and, where there, phone, department, manager_staff_no, "
    )
    help += "time_zone, started_on, left_on, effective_on. The same file again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
        parser.add_argument("--complete", action="store_true", help="who is missing from the file has left")
        parser.add_argument(
            "--encoding",
            default="",
            help="what its bytes mean, such as gb18030 or windows-1250, when they do not say it",
        )
        parser.add_argument(
            "--without-unknown-managers", action="store_true",
            help="load people whose manager is not known without a manager; otherwise they are rejected, with "
            "everybody below them",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            with (
                open_table(file, encoding=options["encoding"]) as table,
                self.bar("rows", count_entries(file)) as progress,
            ):
                roster = read_roster(table, progress)
            roster.without_unknown_managers = options["without_unknown_managers"]
            self._warn_of(roster)
            result = load_roster(
                roster=roster, by=self.actor, complete=options["complete"], dry_run=options["dry_run"],
                file_name=file.name,
            )  # fmt: skip
        except UnsureEncoding as error:
            raise CommandError(
                f"{file}: {sentence(str(error))} {name_encoding(error.candidates)} Nothing was changed."
            ) from error
        except (UnreadableFile, RosterRefused) as error:
            raise CommandError(f"{file}: {sentence(str(error))} Nothing was changed.") from error
        except NeedsSecondPerson as needs:
            raise CommandError(self._request(options)) from needs
        self._warn_of_rows(result)
        if result.addresses and not options["dry_run"]:
            self.warn(f"{result.addresses} new e-mail addresses wait for an HR user: see Company, Approvals.")
        self.tell(options, _json(result, options), _summary(result, options["dry_run"]))
        if result.loaded_nothing:
            sys.exit(1)

    def _request(self, options: dict[str, Any]) -> str:
        """Store the file as a request for a second person; return the next step as a sentence."""
        with options["file"].open("rb") as file:
            content = iter(lambda: file.read(1 << 18), b"")
            request = request_file(
                name=options["file"].name, content=content, encoding=options["encoding"], complete=options["complete"],
                without_unknown_managers=options["without_unknown_managers"], by=self.actor,
            )  # fmt: skip
        if not isinstance(request, ApprovalRequest):
            return f"{options['file']}: one person may not load this alone, and it cannot be requested: {request}"
        return (
            f"{options['file']}: one person may not load this alone. Nothing was changed. It is request {request.pk}: "
            "an HR user approves it under Company, Approvals; without any, `manage.py decide_approval` does."
        )

    def _warn_of(self, roster: Roster) -> None:
        if roster.unknown_columns:
            self.warn(f"ignored columns: {', '.join(roster.unknown_columns)}")

    def _warn_of_rows(self, result: RosterResult) -> None:
        causes = [reject for reject in result.rejects if not reject.cause]
        lines = [f"line {one.line}, {one.column}: {one.reason}{_dependents(one.dependents)}" for one in causes]
        self._list(lines)
        unknown = (f"line {line}: no employee has the number {manager}" for line, manager in result.without_manager)
        self._list([f"{reason}, so this one is loaded without a manager" for reason in unknown])
        if any(one.code == "unknown_manager" for one in causes):
            self.warn("--without-unknown-managers loads them without a manager")

    def _list(self, lines: list[str]) -> None:
        for line in lines[:SHOWN_REJECTS]:
            self.warn(line)
        if len(lines) > SHOWN_REJECTS:
            self.warn(f"and {len(lines) - SHOWN_REJECTS:,} more")


def _dependents(count: int) -> str:
    if count == 1:
        return "; 1 more row depends on it and is not loaded either"
    return f"; {count:,} more rows depend on it and are not loaded either" if count else ""


def _json(result: RosterResult, options: dict[str, Any]) -> dict[str, Any]:
    # Causes first; rows rejected because of another row refer to it.
    ordered = sorted(result.rejects, key=lambda reject: (reject.cause > 0, reject.line))
    rejects = [
        {"line": one.line, "column": one.column, "code": one.code, "reason": one.reason + _dependents(one.dependents)}
        for one in ordered[:SHOWN_REJECTS]
    ]
    without = {"without_manager": len(result.without_manager)} if options["without_unknown_managers"] else {}
    return {**result.counts, **without, "rejects": rejects}


def _summary(result: RosterResult, dry_run: bool) -> str:
    if result.loaded_nothing:
        why = f"all {result.rejected:,} rows were rejected" if result.read else "the file has no rows"
        return f"Nothing {'would be' if dry_run else 'was'} loaded: {why}."
    done = "Would load" if dry_run else "Loaded"
    return (
        f"{done} {result.read} rows: {result.created} created, {result.updated} updated, {result.unchanged} unchanged, "
        f"{result.duplicate} duplicate, {result.rejected} rejected, {result.left} left."
    )
