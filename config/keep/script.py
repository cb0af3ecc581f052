"""The SQL that pg_restore writes, piece by piece: statements to execute, and rows to copy, without holding them all."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

# What pg_restore writes above every object; the name says in a refusal which one it was.
HEADING = re.compile(rb"^-- (?:Data for )?Name: (?P<name>.*); Type: (?P<type>.*); Schema: .*; Owner: .*\n$")
COPY = re.compile(rb"^(?P<command>COPY .+ FROM stdin);\n$")
END_OF_ROWS = b"\\.\n"
# Words to psql, which we are not.
TO_PSQL = (b"\\restrict ", b"\\unrestrict ")
# pg_restore sets it whatever the server is, and PostgreSQL knows it from 17 on. There is none to be set back.
NOT_BEFORE_17 = b"SET transaction_timeout = 0;\n"
PIECE = 1 << 18


class TruncatedError(Exception):
    """pg_restore ended in the middle of a table's rows."""


@dataclass(frozen=True)
class Statements:
    """What makes one object; executed as it is."""

    subject: str
    text: str


class Rows:
    """The rows of one table: a file for COPY. It has to be read to its end before the script goes on."""

    def __init__(self, subject: str, command: str, stream: IO[bytes], ahead: "deque[bytes]") -> None:
        self.subject = subject
        self.command = command
        self._stream = stream
        self._ahead = ahead
        self._ended = False

    def read(self, size: int = PIECE) -> bytes:
        """Some more rows, whole lines; nothing at the end. Raises TruncatedError."""
        if self._ended:
            return b""
        lines = list(self._ahead) or self._stream.readlines(size)
        self._ahead.clear()
        if not lines:
            raise TruncatedError
        if END_OF_ROWS in lines:
            end = lines.index(END_OF_ROWS)
            self._ahead.extend(lines[end + 1 :])
            self._ended = True
            del lines[end:]
        return b"".join(lines)


def read_script(stream: IO[bytes], server: int) -> Iterator[Statements | Rows]:
    """The script of `stream` in order, for a server of that major version. Reading Rows may raise TruncatedError."""
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
            yield Rows(subject, copy["command"].decode(), stream, ahead)
        elif not line.startswith(TO_PSQL) and (server >= 17 or line != NOT_BEFORE_17):
            lines.append(line)
    yield from _statements(subject, lines)


def _statements(subject: str, lines: list[bytes]) -> Iterator[Statements]:
    """Nothing where there are remarks and blank lines only. Remarks stay: they may stand inside a function."""
    if any(line.strip() and not line.startswith(b"--") for line in lines):
        yield Statements(subject, b"".join(lines).decode())
