"""Periods whose facts may not change, during a freeze and afterwards, and the periods of running campaigns."""

from collections.abc import Callable
from datetime import datetime

from apps.core.models import Setting

# Settings with this prefix name a freeze in progress; while there is one, changes of the past are blocked.
BACKDATING_BLOCKED = "past_is_kept:"
# Settings with this prefix hold the period of a campaign that is closing or frozen: no feed changes its facts.
CLOSED_PERIOD = "past_closed:"
Period = tuple[datetime, datetime]
_open_periods_source: list[Callable[[], list[Period]]] = []


class BackdatingBlocked(RuntimeError):
    """A change of the past while a result is made from it; the caller can retry in a minute."""

    def __init__(self) -> None:
        super().__init__("a campaign is being frozen, so its past cannot change now; start again in a minute")


def block_backdated_writes(name: str, blocked: bool) -> None:
    """Block changes of the past, or allow them again. To block, the caller holds the facts lock exclusively."""
    # A row and not a lock, because a freeze spans many transactions and must survive a restart of the worker.
    if blocked:
        Setting.objects.get_or_create(name=BACKDATING_BLOCKED + name, defaults={"value": True})
    else:
        Setting.objects.filter(name=BACKDATING_BLOCKED + name).delete()


def ensure_backdating_allowed() -> None:
    """Raises BackdatingBlocked while a result is made from the past. The caller holds the facts lock."""
    if Setting.objects.filter(name__startswith=BACKDATING_BLOCKED).exists():
        raise BackdatingBlocked


def close_period(name: str, opens_at: datetime, cutoff_at: datetime) -> None:
    """Block feeds from changing what counted from `opens_at` to `cutoff_at`. The caller holds the facts lock
    exclusively.
    """
    closed = [opens_at.isoformat(), cutoff_at.isoformat()]
    Setting.objects.update_or_create(name=CLOSED_PERIOD + name, defaults={"value": closed})


def closed_periods() -> list[Period]:
    """The periods of `close_period`; the caller holds the facts lock."""
    closed = Setting.objects.filter(name__startswith=CLOSED_PERIOD).order_by("name").values_list("value", flat=True)
    return [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in closed]


def register_open_periods(find: Callable[[], list[Period]]) -> None:
    """Register the function that returns the running periods. A registry, because contacts may not import campaigns."""
    # A list of one, so that the registration of a test replaces the former one.
    _open_periods_source[:] = [find]


def open_periods() -> list[Period]:
    """The periods, from opening to cut-off, of all campaigns whose snapshot does not exist yet."""
    return _open_periods_source[0]()
