"""Pauses of channels: until when a service has asked to wait, for all workers."""

from __future__ import annotations

from datetime import datetime

from apps.core.models import Setting

PAUSED = "channel paused:"


def pause(channel: str, until: datetime) -> None:
    Setting.objects.update_or_create(name=f"{PAUSED}{channel}", defaults={"value": until.timestamp()})


def is_paused(channel: str, now: datetime) -> bool:
    until = Setting.objects.filter(name=f"{PAUSED}{channel}").values_list("value", flat=True).first()
    return until is not None and now.timestamp() < until
