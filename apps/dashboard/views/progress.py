"""Long work that somebody waits for, told everywhere in the same words: what it is, how far, how long still.

A page that shows some includes `_work_head.html` in its head, `_work_said.html` in its content and `_work_scripts.html`
at its end. The part that follows the work is a `.work` that asks for itself every second: it holds `_work.html` with a
`Work`, and when that is over a result in tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _


@dataclass(frozen=True)
class ProgressView:
    """`counted` says how far in the work's own unit, `more` follows the sentence that says one can leave.

    `total` is None, and the bar without a length, while it has not begun.
    """

    title: str
    counted: str
    done: int = 0
    total: int | None = None
    seconds_left: int | None = None
    more: str = ""

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0


def not_begun(title: str, more: str = "") -> ProgressView:
    """Work that waits for a worker."""
    return ProgressView(title, _("It begins in a moment."), more=more)


def seconds_left(done: int, total: int | None, began: datetime, advanced: datetime | None) -> int | None:
    """At the pace so far; None before there is one."""
    if not done or not total or advanced is None:
        return None
    return round((advanced - began).total_seconds() * (total - done) / done)
