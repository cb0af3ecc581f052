"""Ctrl-C must be heard whatever the supervisor was doing; otherwise a person is left with a house that never ends."""

import contextlib
import signal

import pytest

from config import local


def test_a_stop_whose_exception_was_lost_is_found_at_the_next_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_asked_to_stop", [])
    monkeypatch.setattr(local, "_ignore_signals", lambda: None)
    local.stop_if_asked()
    # Python drops what is raised inside a callback around a fork.
    with contextlib.suppress(local.Stopped):
        local._stop(signal.SIGINT, None)
    with pytest.raises(local.Stopped):
        local.stop_if_asked()
