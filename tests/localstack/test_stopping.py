"""Ctrl-C must work at any time; otherwise the user has a stack that never ends."""

import contextlib
import signal

import pytest

from apps.localstack import local_stack


def test_a_lost_stop_signal_is_noticed_at_the_next_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_stack, "_stop_requests", [])
    monkeypatch.setattr(local_stack, "_ignore_signals", lambda: None)
    local_stack.raise_if_stopping()
    # Python drops exceptions raised inside a callback around a fork.
    with contextlib.suppress(local_stack.Stopped):
        local_stack._stop(signal.SIGINT, None)
    with pytest.raises(local_stack.Stopped):
        local_stack.raise_if_stopping()
