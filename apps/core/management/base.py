"""What every command of Hundred shares: one JSON object or a summary, a progress bar, plain errors, an actor."""

import getpass
import json
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, DataError
from tqdm import tqdm

from apps.core.audit import Actor, audit_origin
from apps.core.closed_periods import BackdatingBlocked
from apps.core.identity_key import verify_identity_key
from apps.core.locks import is_database_unavailable
from apps.core.text import is_storable

# Show a bar for work that takes longer than this many seconds.
BAR_DELAY_SECONDS = 1.0


class AppCommand(BaseCommand):
    """A command with `--json`: standard output then holds exactly one object, and standard error all other text."""

    # A command on an older schema could write rows that the next migration cannot read.
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def execute(self, *args: Any, **options: Any) -> Any:
        """Run the command. Every refusal becomes one CommandError, a sentence with its full stop."""
        try:
            return self._execute(*args, **options)
        except CommandError as error:
            # Raised again unchanged, so that its traceback stays that of the cause.
            if str(error) == with_full_stop(str(error)):
                raise
            raise CommandError(with_full_stop(str(error)), returncode=error.returncode) from error

    def _execute(self, *args: Any, **options: Any) -> Any:
        # Arguments are bytes: Python turns invalid UTF-8 into lone surrogates, which no database takes.
        for name, value in options.items():
            if isinstance(value, str | Path) and not is_storable(str(value)):
                raise CommandError(f"{name} contains characters that are not text: a NUL, or bytes that are not UTF-8.")
        try:
            with audit_origin(f"command {type(self).__module__.rpartition('.')[2]}"):
                result = super().execute(*args, **options)
            # Flush here, where a closed pipe can be handled, and not while Python exits.
            sys.stdout.flush()
            return result
        except (ImproperlyConfigured, BackdatingBlocked) as error:
            raise CommandError(str(error)) from error
        except (DataError, OverflowError) as error:
            raise CommandError(f"A value is out of range: {str(error).partition(chr(10))[0]}.") from error
        except BrokenPipeError:
            # The reader closed the pipe, as `head` does; Python must not flush again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from error
        except DatabaseError as error:
            if not is_database_unavailable(error):
                raise
            raise CommandError(f"the database does not respond: {error}".strip()) from error

    def check(self, *args: Any, **options: Any) -> None:
        super().check(*args, **options)
        # After the system checks, before any work: digests of another key would match nothing.
        verify_identity_key()

    @property
    def actor(self) -> Actor:
        """The operating system user that runs the command."""
        try:
            return Actor(None, f"command line ({getpass.getuser()})")
        except (KeyError, OSError):
            return Actor(None, "command line")

    def print_result(self, options: dict[str, Any], result: dict[str, Any], summary: str) -> None:
        """Print the result: as JSON with `--json`, else as sentences."""
        self.stdout.write(json.dumps(result, ensure_ascii=False, default=str) if options["json"] else summary)

    def warn(self, text: str) -> None:
        """Print a sentence in addition to the result, on standard error."""
        self.stderr.write(self.style.WARNING(with_full_stop(text)))

    @contextmanager
    def progress_bar(self, unit: str, total: int | None = None) -> Iterator[Callable[..., None]]:
        """A progress bar on a terminal after the first second; yields `progress(done, total=None)`."""
        with tqdm(
            total=total, unit=f" {unit}", delay=BAR_DELAY_SECONDS, disable=not sys.stderr.isatty(), leave=False
        ) as bar:

            def progress(done: int, of: int | None = None) -> None:
                if of is not None:
                    bar.total = of
                bar.update(done - bar.n)

            yield progress


def with_full_stop(text: str) -> str:
    text = text.rstrip()
    return text if not text or text.endswith((".", "!", "?", ":", "…")) else f"{text}."


def encoding_advice(candidates: Sequence[str]) -> str:
    """The advice for a file that several encodings can read: the option that names one, and the likely ones."""
    if not candidates:
        return "Name its encoding with --encoding."
    likeliest, *alternatives = candidates
    return (
        f"Name its encoding: --encoding {likeliest}{', or one of ' if alternatives else ''}{', '.join(alternatives)}."
    )


def estimate_entries(path: Path, mark: bytes = b"") -> int | None:
    """Estimate the number of records in a text file, for a progress bar: its line ends, or the occurrences of `mark`.

    None for an unreadable file; the caller gets the reason when it opens the file.
    """
    line_ends = mark_count = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                # A file has one kind of line end; CRLF counts once, because both numbers are equal.
                line_ends += max(chunk.count(b"\n"), chunk.count(b"\r"))
                mark_count += chunk.upper().count(mark) if mark else 0
    except OSError:
        return None
    return mark_count or line_ends


def parse_instant(text: str) -> datetime:
    """An argument that is an ISO 8601 instant with its zone."""
    try:
        # Without a zone the instant would depend on the machine that runs the command.
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is not an instant such as 2026-12-01T00:00:00+08:00") from error
    if at.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} has no zone: add Z or an offset such as +08:00")
    return at


def parse_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a date such as 2026-11-30") from error
