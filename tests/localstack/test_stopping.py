"""Ctrl-C must work at any time; otherwise the user has a stack that never ends."""

import contextlib
import signal

import pytest

from apps.localstack import stop_signals


def test_a_lost_stop_signal_is_noticed_at_the_next_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop_signals, "_stop_requests", [])
    monkeypatch.setattr(stop_signals, "ignore_signals", lambda: None)
    stop_signals.raise_if_stopping()
    # Python drops exceptions raised inside a callback around a fork.
    with contextlib.suppress(stop_signals.Stopped):
        stop_signals._stop(signal.SIGINT, None)
    with pytest.raises(stop_signals.Stopped):
        stop_signals.raise_if_stopping()
