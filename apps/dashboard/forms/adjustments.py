"""Forms of HR's adjustments. They read the input; the services decide what can be requested or approved."""

from collections.abc import Iterable
from typing import Any, Self

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.campaigns.models import AdjustmentRequest
from apps.dashboard.forms.base import IdempotentForm, RefusableForm, person_field, set_choices, table_field

MAX_TARGET, MAX_REASON_CHARS, MAX_KIND_CHARS = 1_000_000, 1_000, 100
# About sixty thousand lines of an adjustment file.
MAX_LIST_BYTES = 2_000_000
TARGET, EXEMPT = "target", "exempt"
REASON_HELP = _("The person sees this on their own page. Managers do not see it.")


def day_field(**options: Any) -> forms.DateField:
    """A date field as a browser's date picker sends it."""
    return forms.DateField(
        # Browsers accept a preset date only in ISO format, whatever the language of the page.
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("This is not a valid date.")},
        **options,
    )


def reason_field(label: Any, help_text: Any, *, required: bool = True) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 3})
    return forms.CharField(
        label=label, max_length=MAX_REASON_CHARS, widget=widget, help_text=help_text, required=required
    )


class _KindFields(forms.Form):
    kind = forms.ChoiceField(label=_("Category"), choices=AdjustmentRequest.Kind.choices)
    kind_text = forms.CharField(label=_("Description (for “Other”)"), required=False, max_length=MAX_KIND_CHARS)


class KindForm(_KindFields, RefusableForm):
    reason = reason_field(
        _("Reason"), _("Every employee on the list sees this on their own page. Managers do not see it.")
    )


class ListForm(RefusableForm):
    """A list of employees to adjust, as a file or pasted."""

    file = table_field(required=False)
    pasted = forms.CharField(
        label=_("Or paste lines, column names first"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        sent, pasted = cleaned.get("file"), cleaned.get("pasted", "")
        if not self.errors and not sent and not pasted.strip():
            self.add_error("file", _("Choose a file, or paste the lines."))
        if sent and pasted.strip():
            self.add_error("pasted", _("Upload a file or paste the lines, but not both."))
        if sent and sent.size > MAX_LIST_BYTES:
            self.add_error("file", _("This file is larger than 2 MB."))
        # `replace`: a lone surrogate, which a browser can send, has no UTF-8.
        if len(pasted.encode("utf-8", "replace")) > MAX_LIST_BYTES:
            self.add_error("pasted", _("These lines are larger than 2 MB."))
        return cleaned

    def content(self) -> Iterable[bytes]:
        if sent := self.cleaned_data["file"]:
            return sent.chunks()
        return [self.cleaned_data["pasted"].encode("utf-8", "replace")]

    @property
    def name(self) -> str:
        """The name of the list; pasted lines have none of their own."""
        sent = self.cleaned_data["file"]
        return str(sent.name if sent else _("pasted lines"))


class AskForm(_KindFields, IdempotentForm):
    """Another target, or an exemption, for one employee."""

    person = person_field(_("Who"), help_text=_("Name, staff number or e-mail address."))
    what = forms.ChoiceField(
        label=pgettext_lazy("form of an adjustment", "What changes"),
        choices=[(TARGET, _("another target")), (EXEMPT, _("exempt: never red"))],
    )
    target = forms.IntegerField(
        label=_("New target"),
        required=False,
        min_value=1,
        max_value=MAX_TARGET,
        help_text=_("Leave empty for an exemption."),
    )
    starts_on = day_field(label=_("First day"), required=False, help_text=_("Leave empty to start at the opening."))
    ends_on = day_field(
        label=_("Last day"),
        required=False,
        help_text=_(
            "Leave empty for no end. An adjustment that ends before the deadline does not apply at the deadline."
        ),
    )
    reason = reason_field(_("Reason"), REASON_HELP)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("what") == TARGET and cleaned.get("target") is None and "target" not in self.errors:
            self.add_error("target", _("Enter the new target."))
        # A number left over in the hidden field must not become a target.
        if cleaned.get("what") == EXEMPT:
            cleaned["target"] = None
        return cleaned


class RuleForm(RefusableForm):
    """The employees of a rule: all that joined after a day, of one department or of all."""

    joined_after = day_field(
        label=_("Joined after"), help_text=_("Employees who joined on this day are not on the list.")
    )
    department = forms.ChoiceField(label=_("Department"), required=False)

    def __init__(self, *args: Any, departments: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self.fields["department"], [("", _("All departments")), *((name, name) for name in departments)])


class ReasonForm(IdempotentForm):
    """The reason, for a list or for an end."""

    reason = reason_field(_("Reason"), REASON_HELP)


class RefuseForm(RefusableForm):
    note = reason_field(_("Reason for refusal"), _("Only HR sees this."))

    def for_operators(self) -> Self:
        """This form for a request that operators see too."""
        self.fields["note"].help_text = _("Only HR and operators see this.")
        return self
