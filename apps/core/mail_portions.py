"""Mails leave in short portions: a slow mail server, or a flood of requests, keeps no worker from its other tasks.

One worker sends at a time (apps.operations.tasks.send_mails). It sends every kind of mail in turn, so no kind waits
until another is empty.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

# No mail of a portion is begun later than this.
PORTION_SECONDS = 4.0


def mail_portion(most: int) -> Iterator[int]:
    """Number the mails of one portion: one at least, `most` at most."""
    end = time.monotonic() + PORTION_SECONDS
    for number in range(most):
        if number and time.monotonic() > end:
            return
        yield number
