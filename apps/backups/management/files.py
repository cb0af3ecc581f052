"""What the commands for backups share: their argument, and what they tell of a manifest."""

from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from apps.backups.archive import SECRETS, BackupError


def add_file(parser: CommandParser, help: str) -> None:
    """The argument FILE."""
    parser.add_argument("file", metavar="FILE", type=_named, help=help)


def _named(text: str) -> Path:
    if not text.strip():
        raise ArgumentTypeError("which file? With make: FILE=hundred.backup")
    return Path(text).expanduser().absolute()


@contextmanager
def plainly(stopped: str) -> Iterator[None]:
    """What goes wrong in the block ends the command with a sentence; `stopped` is that for Ctrl-C."""
    try:
        yield
    except BackupError as error:
        raise CommandError(str(error)) from error
    except DatabaseError as error:
        raise CommandError(f"The database refused it, and nothing was changed: {str(error).strip()}") from error
    except KeyboardInterrupt:
        raise CommandError(stopped) from None


def summary(manifest: dict[str, Any]) -> dict[str, Any]:
    """The part of a manifest that people and their monitors ask for."""

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


def listed(told: dict[str, Any]) -> list[str]:
    """The lines of a summary: what is held, the verdicts of each campaign, every frozen result, and the digests."""
    lines = [f"  employees {told['employees']}, contacts {told['contacts']}, campaigns {len(told['campaigns'])}"]
    final = {one["campaign"] for one in told["results"]}
    lines += [
        f"  {one['campaign']} ({one['state']}): {one['red']} of {one['standings']} red, digest {one['digest']}"
        for one in told["campaigns"]
        if one["campaign"] not in final
    ]
    lines += [
        f"  {one['campaign']}, final result {one['version']}: {one['red']} of {one['rows']} red, digest {one['digest']}"
        + ("" if one["signed"] else ", NOT what was signed")
        for one in told["results"]
    ]
    return [*lines, f"  digest of everything {told['digest']}"]
