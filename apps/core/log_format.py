"""The format of log lines: time in UTC, level, the part of Hundred and the message.

A message cannot imitate a log line. The row that a database error quotes is removed, because it contains names.
"""

import copy
import logging
import re
import time
from typing import Any

# From the first such line to the end of that exception: a value may contain line breaks.
# psycopg2 appends what the server sends: DETAIL quotes the row, CONTEXT the COPY line, QUERY the statement.
QUOTED_BY_POSTGRESQL = re.compile(
    r"^(?:DETAIL|CONTEXT|QUERY|LINE \d+):.*?(?=\n\n(?:The above exception was|During handling of the above)|\Z)",
    re.MULTILINE | re.DOTALL,
)
REDACTED = "(removed: it may identify a person)"
# Characters that end a line or control a terminal. A tab is harmless.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

# For a link that sets a password: what follows the page's name, and the token anywhere.
# Django's token: base 36 seconds, a hyphen, 32 hex digits. It may stand alone, as in a query of an error page.
PASSWORD_LINK = re.compile(r"(?<=/set-password/)[^\s\"'<>]+|[0-9a-z]{1,13}-[0-9a-f]{32}(?![0-9a-f])")
REDACTED_LINK = "..."


class RedactingFormatter(logging.Formatter):
    """A formatter that removes the row, the COPY position and the statement that PostgreSQL quotes.

    It also removes what follows `/set-password/`, because that link gives access to an account.
    """

    def format(self, record: logging.LogRecord) -> str:
        return PASSWORD_LINK.sub(REDACTED_LINK, QUOTED_BY_POSTGRESQL.sub(REDACTED, super().format(record)))


class LineFormatter(RedactingFormatter):
    """Escapes control characters in messages. Tracebacks follow below and keep their lines.

    `frames` in a record's extra is a traceback without its message.
    """

    # UTC, because web, worker and database may run in different zones.
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
        return PASSWORD_LINK.sub(REDACTED_LINK, f"{text}\n{frames.rstrip()}" if frames else text)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        # First the row: after escaping, its lines could not be recognised.
        return CONTROL_CHARACTERS.sub(_escape, QUOTED_BY_POSTGRESQL.sub(REDACTED, super().formatMessage(record)))


def logging_settings(level: str) -> dict[str, Any]:
    """Django's LOGGING: all lines to standard error, in this format."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "apps.core.log_format.LineFormatter",
                "fmt": "{asctime} {levelname} {name} {message}",
                "style": "{",
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's own handlers would print each line twice, and only with DEBUG.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # It would reveal which passkey was used; the audit trail has that without its name.
            "fido2": {"level": "WARNING"},
        },
    }


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
