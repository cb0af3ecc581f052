"""The id of the request that caused a log line: from the proxy, through the web process, to the tasks of workers."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from celery import current_task

# Part of log lines, and written by others: neither line breaks nor quotes, nor a text short enough for a name.
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_request_id: ContextVar[str] = ContextVar("request_id", default="")


def is_request_id(text: Any) -> bool:
    return isinstance(text, str) and REQUEST_ID.fullmatch(text) is not None


def new_request_id() -> str:
    return uuid.uuid4().hex


def request_id() -> str:
    """The id of the current request, or of the request that asked for the current task; empty for beat and commands."""
    if known := _request_id.get():
        return known
    return (current_task.request.get("request_id") or "") if current_task else ""


@contextmanager
def request_id_scope(chosen: str) -> Iterator[None]:
    token = _request_id.set(chosen)
    try:
        yield
    finally:
        _request_id.reset(token)
