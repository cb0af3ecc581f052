"""Progress of long work, the same on every page: label, state, and time left.

A page with progress includes `_progress_head.html` in its head, `_progress_text.html` in its content and
`_progress_scripts.html` at its end. The part that follows the work is a `.work` element that polls every second. It
holds `_progress.html` with a ProgressView and, at the end, a result in tiles.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from apps.dashboard.views.page_context import PageContext, render

# htmx stops polling at this status.
STOP_POLLING = 286


@dataclass(frozen=True)
class ProgressView:
    """`counted` is the state in the work's own unit; `more` follows the sentence that one can leave the page.

    Before the work has begun, `total` is None and the bar has no length.
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
    return ProgressView(title, _("It starts in a moment."), more=more)


def seconds_left(done: int, total: int | None, began: datetime, advanced: datetime | None) -> int | None:
    """At the pace so far; None before there is one."""
    # An estimate from nothing would jump; the page shows none.
    if not done or not total or advanced is None:
        return None
    return round((advanced - began).total_seconds() * (total - done) / done)


def render_progress(scope: PageContext, template: str, context: dict[str, Any], *, running: bool) -> HttpResponse:
    """The part of a page that follows long work, for polling."""
    return render(scope, template, context, status=200 if running else STOP_POLLING)
