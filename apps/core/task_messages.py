"""The message format that workers accept from the untrusted broker: a Hundred task's name, arguments and expiry, and
the id of the request that caused it.

Celery's messages can say far more: callbacks and chains, time limits, retries, a place for the result; and they can
name any registered task, including Celery's own. This module drops all of that before a message becomes a request. A
writer to the broker can only request work that the database knows of (ADR 66).
"""

import inspect
import json
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_type_hints

from celery.app.task import Task
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu import compression

from apps.core.request_id import is_request_id

logger = logging.getLogger(__name__)
TASK_PREFIX = "apps."
# A valid message has a few hundred bytes: ids and a word.
MAX_BODY_BYTES = 10_000
# A UUID has 36 characters, the longest language code fewer.
MAX_TEXT_CHARS = 40
# PostgreSQL's bigint: a larger number would be an error of the database and not of the message.
MAX_ID = 2**63 - 1
# The exceptions from reading an invalid header or body.
MESSAGE_ERRORS = (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError)


class InvalidMessage(ValueError):
    """The message asks for nothing that a worker does; the text gives the reason without quoting the message."""


class Consumer(CeleryConsumer):
    """Celery's consumer of task messages with a check of each; it receives no events and no remote control.

    Gossip and mingle read broadcasts of other workers, and gossip starts tasks named there. They are off, whatever the
    command line says.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # After the caller's options, so that no command line can switch them on.
        off = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True, "task_events": False}
        super().__init__(*arguments, **options | off)
        refuse_compression()

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Any], None]:
        handle = super().create_task_handler(*arguments, **options)

        def check_and_handle(message: Any) -> None:
            try:
                sanitise_message(message, self.app.tasks)
            except MESSAGE_ERRORS as error:
                self._drop(message, error)
            else:
                handle(message)

        return check_and_handle

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """A message whose bytes could not be unpacked."""
        self._drop(message, exc)

    def _drop(self, message: Any, error: Exception) -> None:
        why = str(error) if isinstance(error, InvalidMessage) else f"it cannot be read ({type(error).__name__})"
        logger.warning("A message of the broker was dropped: %s.", why)
        message.ack_log_error(logger, self.connection_errors)


def sanitise_message(message: Any, tasks: dict[str, Task]) -> None:
    """Reduce the message to its permitted parts. Raises InvalidMessage, or one of UNREADABLE."""
    headers = message.headers
    name, body = headers["task"], message.body
    if not isinstance(name, str) or not name.startswith(TASK_PREFIX) or name not in tasks:
        raise InvalidMessage("it names no task of this program")
    if message.content_type != "application/json" or len(body) > MAX_BODY_BYTES:
        raise InvalidMessage(f"its content is no short JSON ({name})")
    arguments, named, _embedded = json.loads(body)
    if named or not isinstance(arguments, list):
        raise InvalidMessage(f"its arguments have names ({name})")
    _check_arguments(tasks[name], arguments)
    expires = headers.get("expires")
    if expires is not None:
        at = datetime.fromisoformat(expires)
        expires = (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
    # Parsed and written anew: the id becomes part of log lines.
    task_id = str(uuid.UUID(headers["id"]))
    request_id = headers.get("request_id")
    message.headers = {
        "lang": "py", "task": name, "id": task_id, "root_id": task_id, "parent_id": None, "expires": expires,
        "eta": None, "group": None, "retries": 0, "timelimit": [None, None], "shadow": None, "ignore_result": True,
        "argsrepr": "", "kwargsrepr": "", "origin": "", "stamped_headers": None, "stamps": {},
        "request_id": request_id if is_request_id(request_id) else None,
    }  # fmt: skip
    nothing = dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))
    message.body = json.dumps([arguments, {}, nothing]).encode()
    message.content_type, message.content_encoding = "application/json", "utf-8"
    # No reply_to: a worker would send its result to a queue that the writer chose.
    message.properties = {"correlation_id": task_id, "reply_to": None}
    message.delivery_info = {"redelivered": bool(message.delivery_info.get("redelivered"))}


def _check_arguments(task: Task, arguments: list[Any]) -> None:
    """Each argument must match the task's signature: a row's number, a UUID as text, or a word."""
    hints = get_type_hints(task.run)
    parameters = list(inspect.signature(task.run).parameters)
    if len(arguments) != len(parameters):
        raise InvalidMessage(f"it has {len(arguments)} arguments instead of {len(parameters)} ({task.name})")
    for name, value in zip(parameters, arguments, strict=True):
        if not ARGUMENT_CHECKS[hints[name]](value):
            raise InvalidMessage(f"its argument {name} is of another kind ({task.name})")


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_ID


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) <= MAX_TEXT_CHARS and bool(uuid.UUID(value))
    except ValueError:
        return False


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT_CHARS and value.isascii() and value.isprintable()


# By the annotation of a task's parameter. A task with parameters of other types fails at start: KeyError.
ARGUMENT_CHECKS: dict[Any, Callable[[Any], bool]] = {int: _is_number, uuid.UUID | str: _is_uuid, str: _is_word}


def refuse_compression() -> None:
    """Hundred compresses no messages: a compressed one could fill the memory before the check."""
    for kind in compression.encoders():
        compression.register(_refuse, _refuse, kind)


def _refuse(_body: bytes) -> bytes:
    raise InvalidMessage("it is compressed")
