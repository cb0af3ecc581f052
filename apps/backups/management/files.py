"""The parts that the backup commands share: their FILE argument, their errors and the summary of a manifest."""

from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from apps.backups.archive import SECRETS, BackupError


def add_file(parser: CommandParser, help: str) -> None:
    parser.add_argument("file", metavar="FILE", type=_file_argument, help=help)


def _file_argument(text: str) -> Path:
    if not text.strip():
        raise ArgumentTypeError("name the backup file; with make: FILE=hundred.backup")
    return Path(text).expanduser().absolute()


@contextmanager
def command_errors(stopped: str) -> Iterator[None]:
    """End the command with a sentence for every error of the block; `stopped` is the sentence for Ctrl-C."""
    try:
        yield
    except BackupError as error:
        raise CommandError(str(error)) from error
    except DatabaseError as error:
        raise CommandError(f"The database reported an error, and nothing was changed: {str(error).strip()}") from error
    except KeyboardInterrupt:
        raise CommandError(stopped) from None


def summary(manifest: dict[str, Any]) -> dict[str, Any]:
    """The part of a manifest that administrators and monitoring use."""

    def rows(table: str) -> int:
        return int(manifest["tables"].get(table, {"rows": 0})["rows"])

    return {
        "made_at": manifest["made_at"],
        "installation": manifest["installation"],
        "employees": rows("employees_employee"),
        "contacts": rows("contacts_contact"),
        "campaigns": manifest["campaigns"],
        "results": manifest.get("results", []),
        "digest": manifest["digest"],
        "secrets": SECRETS in manifest["members"],
    }


def summary_lines(report: dict[str, Any]) -> list[str]:
    """The lines of a summary: totals, the standings of each campaign, every frozen result and the digests."""
    lines = [f"  employees {report['employees']}, contacts {report['contacts']}, campaigns {len(report['campaigns'])}"]
    final = {item["campaign"] for item in report["results"]}
    lines += [
        f"  {item['campaign']} ({item['state']}): {item['red']} of {item['standings']} red, digest {item['digest']}"
        for item in report["campaigns"]
        if item["campaign"] not in final
    ]
    lines += [
        f"  {item['campaign']}, final result {item['version']}: {item['red']} of {item['rows']} red, "
        f"digest {item['digest']}" + ("" if item["signed"] else ", DIFFERENT from what was signed")
        for item in report["results"]
    ]
    return [*lines, f"  digest of everything {report['digest']}"]
