"""The format of log lines: time in UTC, level, the part of Hundred and the message; as text or as JSON.

A message cannot imitate a log line. The row that a database error quotes is removed, because it contains names.
"""

import copy
import json
import logging
import os
import re
import sys
import time
from typing import Any

from celery import current_task
from django.core.exceptions import ImproperlyConfigured

from apps.core.request_id import request_id

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
        return _redact(super().format(record))


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


class JsonFormatter(LineFormatter):
    """One JSON object a line, also for a traceback.

    It has a fixed set of keys and no other attribute of a record: Django and Celery attach requests and arguments.
    `fields` in a record's extra is added.
    """

    def format(self, record: logging.LogRecord) -> str:
        extra: dict[str, Any] = getattr(record, "fields", {})
        entry: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _redact(record.getMessage()),
            # Django logs a refused request when its middleware has ended.
            "request_id": _id_of_request(record) or request_id(),
        }
        if current_task:
            entry |= {"task": current_task.name, "task_id": current_task.request.id}
        if frames := getattr(record, "frames", ""):
            entry["traceback"] = _redact(frames)
        elif record.exc_info and getattr(record, "status_code", 500) >= 500:
            entry["traceback"] = _redact(self.formatException(record.exc_info))
        entry |= {key: _redact(value) if isinstance(value, str) else value for key, value in extra.items()}
        # ASCII: other line separators than the line feed stand escaped too.
        return json.dumps({key: value for key, value in entry.items() if value not in ("", None)}, default=str)


def _id_of_request(record: logging.LogRecord) -> str:
    meta: dict[str, str] = getattr(getattr(record, "request", None), "META", {})
    return meta.get("HTTP_X_REQUEST_ID", "")


def _redact(text: str) -> str:
    return PASSWORD_LINK.sub(REDACTED_LINK, QUOTED_BY_POSTGRESQL.sub(REDACTED, text))


FORMATTERS = {"text": "apps.core.log_format.LineFormatter", "json": "apps.core.log_format.JsonFormatter"}


def logging_settings(level: str, log_format: str = "text") -> dict[str, Any]:
    """Django's LOGGING: all lines to standard error, as `text` or `json`."""
    if log_format not in FORMATTERS:
        raise ImproperlyConfigured(f"LOG_FORMAT is {log_format!r}: it is one of {', '.join(FORMATTERS)}.")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": FORMATTERS[log_format],
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


def write_line(logger: str, message: str) -> None:
    """Write a line of JSON to standard error from a signal handler, where another line's lock may be held."""
    record = logging.LogRecord(logger, logging.INFO, "", 0, message, (), None)
    os.write(sys.stderr.fileno(), JsonFormatter().format(record).encode() + b"\n")


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
