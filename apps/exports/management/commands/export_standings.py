import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.campaigns.management.campaign_argument import add_campaign, choose_campaign
from apps.core.clock import db_now
from apps.core.management.base import AppCommand, parse_instant
from apps.exports.standings_export import write_standings
from apps.reports.standings_report import Standings
from apps.results.result_files import UnknownResult, result_of, signature_file
from apps.standings.models import Standing
from apps.standings.report_people import WholeCompany


class Command(AppCommand):
    help = "Writes the standings of a campaign as CSV, now or as of any past instant, recounted from the facts."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_campaign(parser)
        parser.add_argument("--as-of", type=parse_instant, metavar="ISO", help="the state just before this instant")
        parser.add_argument("--result", type=int, metavar="N", help="an earlier version of a frozen result")
        parser.add_argument("--output", type=Path, metavar="FILE", help="where to write; default: standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign, as_of, output = choose_campaign(options["campaign"]), options["as_of"], options["output"]
        if as_of and as_of > db_now():
            raise CommandError("--as-of is in the future")
        if options["json"] and not output:
            raise CommandError("--json needs --output: standard output holds the CSV", returncode=2)
        try:
            result = result_of(campaign, options["result"]) if options["result"] else None
        except UnknownResult as unknown:
            raise CommandError(str(unknown)) from unknown
        # Without sums: scripts compare these totals with the lines.
        standings = Standings(
            campaign, WholeCompany(), as_of=as_of, result=result, show_reviews=True, use_summaries=False
        )
        if not output:
            # On a terminal the lines themselves show the progress, and a bar would mix with them.
            write = write_standings if sys.stdout.isatty() else self._write
            write(standings, sys.stdout.buffer.write)
            return
        try:
            _write_whole(output, lambda write: self._write(standings, write))
            if standings.result:
                signature = signature_file(standings.result)
                _write_whole(output.with_name(output.name + ".sig"), lambda write: write(signature))
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from error
        totals = standings.totals()
        report = {
            "campaign": campaign.slug, "employees": totals.people, "counted": totals.counted, "red": totals.red,
            "as_of": standings.now.isoformat(), "output": str(output),
        }  # fmt: skip
        summary = f"Wrote {totals.people} standings, {totals.red} red, to {output}."
        if standings.result:
            final = standings.result
            report |= {"frozen_at": final.frozen_at.isoformat(), "result_version": final.version}
            report["digest"] = final.digest
            summary += (
                f" Final result, version {final.version}, frozen {final.frozen_at.isoformat()}, digest {final.digest}."
            )
        self.print_result(options, report, summary)

    def _write(self, standings: Standings, write: Callable[[bytes], object]) -> None:
        # About as many lines as there are standings now: an exact count of a past instant costs as much as the file.
        people = Standing.objects.filter(campaign=standings.campaign).count()
        with self.progress_bar("employees", people) as progress:
            # PostgreSQL writes the lines, a cell never has a line end, and the first line is the header.
            lines = -1

            def count(piece: bytes) -> None:
                nonlocal lines
                write(piece)
                lines += piece.count(b"\n")
                progress(max(lines, 0))

            write_standings(standings, count)


def _write_whole(output: Path, fill: Callable[[Callable[[bytes], object]], object]) -> None:
    """Write a temporary file first: a file of this name is always complete."""
    handle, name = tempfile.mkstemp(dir=output.parent or ".", prefix=f".{output.name}.")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file.write)
        # A temporary file is readable by its owner alone.
        part.chmod(0o644)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
