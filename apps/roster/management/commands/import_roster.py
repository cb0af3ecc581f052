import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import AppCommand, encoding_advice, estimate_entries, with_full_stop
from apps.fileio.csv_reader import open_table
from apps.fileio.errors import UnreadableFile, UnsureEncoding
from apps.roster.effects import NeedsSecondPerson
from apps.roster.import_processing import request_file
from apps.roster.load_checks import UnloadableRoster
from apps.roster.loading import RosterResult, load_roster
from apps.roster.models import RosterSource
from apps.roster.ownership import roster_source_refusal
from apps.roster.parser import Roster, read_roster

SHOWN_REJECTS = 100


class Command(AppCommand):
    help = "Loads employees from a CSV file: staff_no, name, email and optionally phone, department, manager_staff_no, "
    help += "time_zone, started_on, left_on, chat_id, effective_on. The same file again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="report what would change, and change nothing")
        parser.add_argument(
            "--complete", action="store_true", help="employees missing from this file are recorded as leavers"
        )
        encoding = "its encoding, such as gb18030 or windows-1250, if it cannot be detected"
        parser.add_argument("--encoding", default="", help=encoding)
        parser.add_argument(
            "--without-unknown-managers", action="store_true",
            help="load people whose manager is unknown without a manager; otherwise they are rejected, with "
            "everyone below them",
        )  # fmt: skip
        parser.add_argument(
            "--clear-empty", action="store_true",
            help="an empty cell clears the value of the employee; otherwise it changes nothing",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        if not options["dry_run"] and (refusal := roster_source_refusal(RosterSource.FILE)):
            raise CommandError(f"{refusal} Nothing was changed.")
        try:
            with (
                open_table(file, encoding=options["encoding"]) as table,
                self.progress_bar("rows", estimate_entries(file)) as progress,
            ):
                roster = read_roster(table, progress, clear_empty=options["clear_empty"])
            roster.without_unknown_managers = options["without_unknown_managers"]
            self._warn_of(roster)
            result = load_roster(
                roster=roster, by=self.actor, complete=options["complete"], dry_run=options["dry_run"],
                file_name=file.name,
            )  # fmt: skip
        except UnsureEncoding as error:
            raise CommandError(
                f"{file}: {with_full_stop(str(error))} {encoding_advice(error.candidates)} Nothing was changed."
            ) from error
        except (UnreadableFile, UnloadableRoster) as error:
            raise CommandError(f"{file}: {with_full_stop(str(error))} Nothing was changed.") from error
        except NeedsSecondPerson as needs:
            raise CommandError(self._request(options)) from needs
        self._warn_of_rows(roster, result)
        if result.addresses and not options["dry_run"]:
            self.warn(f"{result.addresses} new e-mail addresses are waiting for an HR user: see Company, Approvals.")
        self.print_result(options, _json(result, options), _summary(result, options["dry_run"]))
        if result.loaded_nothing:
            sys.exit(1)

    def _request(self, options: dict[str, Any]) -> str:
        """Store the file as a request for a second person; return the next step as a sentence."""
        alone = f"{options['file']}: this load needs a second person"
        with options["file"].open("rb") as file:
            content = iter(lambda: file.read(1 << 18), b"")
            try:
                request = request_file(
                    name=options["file"].name, content=content, encoding=options["encoding"],
                    complete=options["complete"], without_unknown_managers=options["without_unknown_managers"],
                    clear_empty=options["clear_empty"], by=self.actor,
                )  # fmt: skip
            except UnloadableRoster as error:
                return f"{alone}, and {error}"
        return (
            f"{alone}. Nothing was changed. It is request {request.pk}: an HR user approves it under Company, "
            "Approvals; if no HR user can, the operator runs `manage.py decide_approval`."
        )

    def _warn_of(self, roster: Roster) -> None:
        if roster.unknown_columns:
            self.warn(f"ignored columns: {', '.join(roster.unknown_columns)}")

    def _warn_of_rows(self, roster: Roster, result: RosterResult) -> None:
        causes = [reject for reject in result.rejects if not reject.cause]
        listed = [reject.line for reject in causes[:SHOWN_REJECTS]]
        people = {line: (staff_no, name) for line, staff_no, name, _content in roster.staged.contents(listed)}
        lines = [
            f"line {reject.line}{_who(*people.get(reject.line, ('', '')))}, {reject.column}: {reject.reason}"
            f"{_dependents(reject.dependents)}"
            for reject in causes
        ]
        self._list(lines)
        unknown = (f"line {line}: no employee has the number {manager}" for line, manager in result.without_manager)
        self._list([f"{reason}, so this one is loaded without a manager" for reason in unknown])
        if any(reject.code == "unknown_manager" for reject in causes):
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


def _who(staff_no: str, name: str) -> str:
    text = f"{name} ({staff_no})" if name and staff_no else name or staff_no
    return f", {text}" if text else ""


def _json(result: RosterResult, options: dict[str, Any]) -> dict[str, Any]:
    # Causes first; rows rejected because of another row refer to it.
    ordered = sorted(result.rejects, key=lambda reject: (reject.cause > 0, reject.line))
    rejects = [
        {name: getattr(reject, name) for name in ("line", "column", "code")}
        | {"reason": reject.reason + _dependents(reject.dependents)}
        for reject in ordered[:SHOWN_REJECTS]
    ]
    without = {"without_manager": len(result.without_manager)} if options["without_unknown_managers"] else {}
    cleared = {"cleared": _cleared(result)} if options["clear_empty"] else {}
    return {**result.counts, **without, **cleared, "rejects": rejects}


def _cleared(result: RosterResult) -> dict[str, int]:
    """How many values of each field become empty; counted with --clear-empty."""
    return result.difference.cleared if result.difference else {}


def _summary(result: RosterResult, dry_run: bool) -> str:
    if result.loaded_nothing:
        why = f"all {result.rejected:,} rows were rejected" if result.read else "the file has no rows"
        return f"Nothing {'would be' if dry_run else 'was'} loaded: {why}."
    done = "Would load" if dry_run else "Loaded"
    cleared = ", ".join(f"{count:,} {field}" for field, count in sorted(_cleared(result).items()))
    return (
        f"{done} {result.read} rows: {result.created} created, {result.updated} updated, {result.unchanged} unchanged, "
        f"{result.duplicate} duplicate, {result.rejected} rejected, {result.left} left."
        + (f" Cleared: {cleared}." if cleared else "")
    )
