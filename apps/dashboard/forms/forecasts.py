"""The form of "What if?" on `/`."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

ERRORS = ("required", "invalid", "min_value", "max_value")


class PerDayForm(forms.Form):
    """How many contacts a day from today on: a whole number up to `limit`."""

    def __init__(self, data: Mapping[str, Any], *, limit: int) -> None:
        super().__init__(data)
        message = _("Contacts a day: enter a whole number from 0 to %(limit)s.") % {"limit": limit}
        self.fields["per_day"] = forms.IntegerField(
            min_value=0, max_value=limit, error_messages=dict.fromkeys(ERRORS, message)
        )
