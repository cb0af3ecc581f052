"""Labels for reminders: why a person of the list is not reminded, and in which language a mail is."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.dashboard.labels import base

LEFT_OUT: dict[str, base.Text] = {
    "left": _("has left the company"),
    "no_access": _("has no access to Hundred"),
    "exempt": _("is exempt from the target"),
    "reached": _("is at target"),
    "under_review": _("has asked HR for a review"),
    "recent": _("was reminded within the last 24 hours"),
    "twice": _("was reminded twice within seven days"),
}


# Whether an account has access is between its owner, HR and the operator.
FOR_MANAGERS = LEFT_OUT | {"no_access": _("cannot be reminded now")}


def left_out_labels(*, for_hr: bool) -> dict[str, base.Text]:
    return LEFT_OUT if for_hr else FOR_MANAGERS


def language_label(code: str) -> base.Text:
    """The language of a person's mails; all languages where it is unknown."""
    return dict(settings.LANGUAGES).get(code) or _("all languages")
