"""Ctrl-C and other stop signals: noticed at any time, and ignored while the stop goes on."""

import signal
from types import FrameType
from typing import NoReturn

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_stop_requests: list[int] = []


class Stopped(BaseException):
    """A stop signal arrived: not an error, and no handler may swallow it."""


def handle_signals() -> None:
    """Raise Stopped when a stop signal arrives."""
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)


def ignore_signals() -> None:
    """A stop has already begun and ends by itself."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def raise_if_stopping() -> None:
    """Called in every wait: an exception raised during one of Python's own callbacks, as around a fork, is lost."""
    if _stop_requests:
        raise Stopped


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    ignore_signals()
    _stop_requests.append(number)
    raise Stopped
