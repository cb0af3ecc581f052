"""Labels for corrections of a result: the state of a request."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from apps.dashboard.labels import base
from apps.results import corrections
from apps.results.models import ResultCorrection

State = ResultCorrection.State
STATES: dict[str, tuple[base.Text, str, str]] = {
    "being_created": (_("being created"), "", "loader"),
    "expired": (_("expired"), "", "clock-alert"),
    State.ASKED: (_("requested"), "amber", "hourglass"),
    State.GRANTED: (_("approved"), "green", "check"),
    State.REFUSED: (_("refused"), "", "x"),
    State.WITHDRAWN: (_("withdrawn"), "", "undo-2"),
}


def state_of(correction: ResultCorrection, now: datetime, *, is_being_created: bool = False) -> base.Badge:
    """Requested until it is decided or expires; `is_being_created` while its version of the result is missing."""
    code = "being_created" if is_being_created else correction.state
    if code == State.ASKED and not corrections.is_open(correction, now):
        code = "expired"
    return base.Badge(code, *STATES[code])
