"""The form that names a deputy. The services decide who may be named, and for how long."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms.adjustments import day_field
from apps.dashboard.forms.base import IdempotentForm


def _person(label: Any, help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=200,
        help_text=help_text,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


class DeputyForm(IdempotentForm):
    """The deputy, the first and last day; for HR also the manager."""

    manager = _person(_("For which manager"), _("Staff number or e-mail address."))
    deputy = _person(_("Who stands in"), _("Staff number or e-mail address, in full."))
    starts_on = day_field(label=_("First day"), required=False, help_text=_("Empty: from now on."))
    until = day_field(label=_("Last day"), help_text=_("It ends by itself at the end of this day."))

    def __init__(self, *args: Any, company: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not company:
            del self.fields["manager"]
