"""Reads the SQL that pg_restore writes in parts: statements to execute and rows to copy, without loading it all."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

# pg_restore writes this above every object; an error message names the object by it.
HEADING = re.compile(rb"^-- (?:Data for )?Name: (?P<name>.*); Type: (?P<type>.*); Schema: .*; Owner: .*\n$")
COPY = re.compile(rb"^(?P<command>COPY .+ FROM stdin);\n$")
END_OF_ROWS = b"\\.\n"
# Commands for psql only.
PSQL_COMMANDS = (b"\\restrict ", b"\\unrestrict ")
# pg_restore always sets it, and PostgreSQL knows it from 17 on. There is nothing to reset.
TRANSACTION_TIMEOUT = b"SET transaction_timeout = 0;\n"
# A server's internal note about a column. Its own pg_dump omits it; an older or newer pg_dump includes it, and the next
# server refuses it. Seen with PostgreSQL 15.20 and the pg_dump of 18.6.
ATTRIBUTE_VERSION = re.compile(rb"^ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \(pg_attver=\d+\);\n$")
CHUNK_BYTES = 1 << 18


class TruncatedError(Exception):
    """pg_restore ended in the middle of a table's rows."""


@dataclass(frozen=True)
class Statements:
    """The statements that create one object."""

    subject: str
    text: str


class Rows:
    """The rows of one table: a file for COPY. Read it to its end before the script goes on."""

    def __init__(
        self, subject: str, command: str, stream: IO[bytes], ahead: deque[bytes], progress: Callable[[], None]
    ) -> None:
        self.subject = subject
        self.command = command
        self.failure: BaseException | None = None
        self._stream = stream
        self._ahead = ahead
        self._progress = progress
        self._ended = False

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """Return more whole lines; nothing at the end. An exception is also stored as `failure`."""
        try:
            return b"" if self._ended else self._next(size)
        except BaseException as error:
            self.failure = error
            raise

    def _next(self, size: int) -> bytes:
        # Whole lines only: COPY of psycopg2 passes them on, and the end of the rows is a line of its own.
        lines = list(self._ahead) or self._stream.readlines(size)
        self._ahead.clear()
        if not lines:
            raise TruncatedError
        self._progress()
        if END_OF_ROWS in lines:
            end = lines.index(END_OF_ROWS)
            # Read too far: these lines are the beginning of the next object.
            self._ahead.extend(lines[end + 1 :])
            self._ended = True
            del lines[end:]
        return b"".join(lines)


def read_script(stream: IO[bytes], server: int, progress: Callable[[], None]) -> Iterator[Statements | Rows]:
    """Yield the script of `stream` in order, for a server of that major version. Reading Rows may raise
    TruncatedError.
    """
    ahead: deque[bytes] = deque()
    subject, lines = "the settings of the session", list[bytes]()
    while line := ahead.popleft() if ahead else stream.readline():
        heading, copy = HEADING.match(line), COPY.match(line)
        if heading or copy:
            yield from _statements(subject, lines)
            lines = []
        if heading:
            subject = f"{heading['type'].decode().lower()} {heading['name'].decode()}"
        elif copy:
            yield Rows(subject, copy["command"].decode(), stream, ahead, progress)
        elif not _is_skipped(line, server):
            lines.append(line)
    yield from _statements(subject, lines)


def _is_skipped(line: bytes, server: int) -> bool:
    return bool(
        line.startswith(PSQL_COMMANDS) or (line == TRANSACTION_TIMEOUT and server < 17) or ATTRIBUTE_VERSION.match(line)
    )


def _statements(subject: str, lines: list[bytes]) -> Iterator[Statements]:
    """Yield nothing for comments and blank lines alone. Comments stay: they may be inside a function."""
    if any(line.strip() and not line.startswith(b"--") for line in lines):
        yield Statements(subject, b"".join(lines).decode())
