"""The format of log lines: time in UTC, level, the part of Hundred and the message.

A message cannot imitate a log line. The row that a database error quotes is removed, because it contains names.
"""

from __future__ import annotations

import copy
import logging
import re
import time

# From the first such line to the end of that exception: a value may contain line breaks.
ADDED = re.compile(
    r"^(?:DETAIL|CONTEXT|QUERY|LINE \d+):.*?(?=\n\n(?:The above exception was|During handling of the above)|\Z)",
    re.MULTILINE | re.DOTALL,
)
LEFT_OUT = "(removed: it may identify a person)"
# Characters that end a line or control a terminal. A tab is harmless.
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

# For a link that sets a password: what follows the page's name, and the token anywhere.
LINK = re.compile(r"(?<=/set-password/)[^\s\"'<>]+|[0-9a-z]{1,13}-[0-9a-f]{32}(?![0-9a-f])")
LINK_LEFT_OUT = "..."


class WithoutRows(logging.Formatter):
    """A formatter that removes the row, the COPY position and the statement that PostgreSQL quotes.

    It also removes what follows `/set-password/`, because that link gives access to an account.
    """

    def format(self, record: logging.LogRecord) -> str:
        return LINK.sub(LINK_LEFT_OUT, ADDED.sub(LEFT_OUT, super().format(record)))


class Line(WithoutRows):
    """Escapes control characters in messages. Tracebacks follow below and keep their lines.

    `frames` in a record's extra is a traceback without its message.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        if getattr(record, "status_code", 500) < 500:
            # Django adds a traceback to refused requests; where the code refused them is of no interest.
            record = copy.copy(record)
            record.exc_info = record.exc_text = None
        text = super().format(record)
        frames: str = getattr(record, "frames", "")
        return LINK.sub(LINK_LEFT_OUT, f"{text}\n{frames.rstrip()}" if frames else text)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        # First the row: after escaping, its lines could not be recognised.
        return CONTROL.sub(_escaped, ADDED.sub(LEFT_OUT, super().formatMessage(record)))


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
