"""How a line of the log looks: when, in UTC; how grave; which part of the house; what.

Nothing told can pretend to be a line, and what a database adds to a refusal, the whole row with its names, is left out.
"""

from __future__ import annotations

import copy
import logging
import re
import time

# From the first such line to the end of that exception: a value may have line breaks of its own.
ADDED = re.compile(
    r"^(?:DETAIL|CONTEXT|QUERY|LINE \d+):.*?(?=\n\n(?:The above exception was|During handling of the above)|\Z)",
    re.MULTILINE | re.DOTALL,
)
LEFT_OUT = "(left out: it may say who somebody is)"
# What ends a line, or a terminal obeys. A tab is only wide.
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

# Of a link that sets a password: what stands behind the page's name, and its token wherever it stands.
LINK = re.compile(r"(?<=/set-password/)[^\s\"'<>]+|[0-9a-z]{1,13}-[0-9a-f]{32}(?![0-9a-f])")
LINK_LEFT_OUT = "..."


class WithoutRows(logging.Formatter):
    """Formats as any other, and leaves out what PostgreSQL says of the row, its place in a COPY or the statement.

    Also what stands behind `/set-password/`: it would open somebody's account.
    """

    def format(self, record: logging.LogRecord) -> str:
        return LINK.sub(LINK_LEFT_OUT, ADDED.sub(LEFT_OUT, super().format(record)))


class Line(WithoutRows):
    """Escapes control characters in what is told. Tracebacks stand below it and keep their lines.

    `frames` in a record's extra is a traceback whose message is left out.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        if getattr(record, "status_code", 500) < 500:
            # Django traces what a request is refused for: where in the program that was is nobody's question.
            record = copy.copy(record)
            record.exc_info = record.exc_text = None
        text = super().format(record)
        frames: str = getattr(record, "frames", "")
        return LINK.sub(LINK_LEFT_OUT, f"{text}\n{frames.rstrip()}" if frames else text)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        # The row first: escaped, its lines could not be told apart any more.
        return CONTROL.sub(_escaped, ADDED.sub(LEFT_OUT, super().formatMessage(record)))


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
