from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.campaigns.management.campaign_argument import choose_campaign
from apps.core.management.base import AppCommand, parse_date
from apps.forecasts.finished_campaigns import trials
from apps.forecasts.model.backtest import Trial, backtest, trial_of
from apps.forecasts.model.backtest_report import as_json, as_text
from apps.forecasts.model.history import History
from apps.forecasts.model.history_file import UnusableFile, read_history


class Command(AppCommand):
    help = "Shows how right the forecast would have been for finished campaigns, or for campaigns in files."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--campaign", help="only this finished campaign, by its name or short name")
        parser.add_argument(
            "--file", nargs=4, action="append", default=[], metavar=("FILE", "OPENS", "DEADLINE", "TARGET"),
            help="a campaign in a CSV file with the columns person and day; a later --file has the one before as its"
            " former campaign",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"] and options["campaign"]:
            raise CommandError("give either --campaign or --file", returncode=2)
        if options["file"]:
            chosen = _in_files(options["file"])
        else:
            chosen = trials(choose_campaign(options["campaign"]) if options["campaign"] else None)
        results = []
        with self.progress_bar("campaigns") as progress:
            for trial in chosen:
                results.append((trial, backtest(trial)))
                progress(len(results))
        if not results:
            raise CommandError("no such campaign has finished; try files with --file")
        report = {"campaigns": [as_json(trial, found) for trial, found in results]}
        self.print_result(options, report, "\n\n".join(as_text(trial, found) for trial, found in results))


def _in_files(files: list[list[str]]) -> Iterator[Trial]:
    former: tuple[str, History] | None = None
    for path, opens, deadline, target in files:
        name = f"{Path(path).name} {opens} to {deadline}"
        history = _read(path, opens, deadline, target)
        yield trial_of(name, history)
        if former:
            yield trial_of(f"{name}, after {former[0]}", history, former[1])
        former = name, history


def _read(path: str, opens: str, deadline: str, target: str) -> History:
    first, last = _day(opens), _day(deadline)
    if last < first:
        raise CommandError(f"the deadline {deadline} is before the opening {opens}", returncode=2)
    if not target.isdecimal() or int(target) < 1:
        raise CommandError(f"{target!r} is not a target, a whole number from 1", returncode=2)
    try:
        return read_history(Path(path), first, last, int(target))
    except UnusableFile as error:
        raise CommandError(str(error)) from error


def _day(text: str) -> date:
    try:
        return parse_date(text)
    except ArgumentTypeError as error:
        raise CommandError(str(error), returncode=2) from error
