"""The five commands on the real stream of calls, and what somebody else counted on it."""

import csv
from pathlib import Path
from typing import Any

from tests import plugin
from tests.commands import run

CALLS = plugin.SHARED / "data" / "calls"
IN_2004 = {"name": "Calls 2004", "deadline": "2004-11-30", "counted": "counted_2004_11_30", "red": "red_2004_11_30"}
IN_2005 = {"name": "Calls 2005", "deadline": "2005-07-31", "counted": "counted_2005_07_31", "red": "red_2005_07_31"}


def open_and_mark(campaign: dict[str, str]) -> dict[str, Any]:
    name, deadline = campaign["name"], campaign["deadline"]
    run("open_campaign", "--name", name, "--opens", "2004-01-01", "--deadline", deadline, "--time-zone", "UTC")
    return run("mark_standings", "--campaign", name)


def exported(name: str, folder: Path, *options: str) -> list[dict[str, str]]:
    """The rows of the standings CSV of a campaign."""
    output = folder / "standings.csv"
    run("export_standings", "--campaign", name, "--output", output, *options)
    with output.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def truth(campaign: dict[str, str]) -> list[tuple[str, str, str]]:
    with (CALLS / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["staff_no"], row[campaign["counted"]], row[campaign["red"]]) for row in csv.DictReader(file)]
    return sorted(rows)


def said(rows: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(row["staff_no"], row["counted"], row["red"]) for row in rows]


def load(contacts: Path, roster: Path = CALLS / "roster.csv") -> dict[str, Any]:
    run("import_roster", roster)
    return run("import_contacts", contacts, "--trust-times")
