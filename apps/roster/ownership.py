"""Who maintains the roster: files, the API or the company directory, by the setting ROSTER_SOURCE."""

from django.conf import settings
from django.utils.translation import gettext as _

from apps.core.errors import Refused
from apps.roster.models import RosterSource


def roster_source_refusal(source: str) -> str:
    """The sentence that refuses changes of the roster from `source`; empty when that source maintains it."""
    if source == settings.ROSTER_SOURCE:
        return ""
    sentences = {
        RosterSource.FILE: _("The roster is loaded from files (ROSTER_SOURCE=file). Change it there."),
        RosterSource.API: _("A program loads the roster through the API (ROSTER_SOURCE=api). Change it there."),
        RosterSource.SCIM: _("The company directory maintains the roster (ROSTER_SOURCE=scim). Change it there."),
    }
    return sentences[RosterSource(settings.ROSTER_SOURCE)]


def require_roster_source(source: str) -> None:
    """Raise Refused unless `source` maintains the roster: a second one would overwrite the changes of the first."""
    if refusal := roster_source_refusal(source):
        raise Refused("roster_source", refusal, conflict=True)
