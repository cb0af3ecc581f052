"""Forms of announcements. They read the input; the services decide what can be requested or published."""

from typing import Any, Self

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.campaigns.announcements import (
    MAX_SPEAKER_CHARS,
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    AnnouncementDraft,
)
from apps.campaigns.models import Announcement
from apps.dashboard.forms.adjustments import reason_field
from apps.dashboard.forms.base import IdempotentForm, RefusableForm

TEXT_FIELDS = ("title_en", "text_en", "title_zh", "text_zh", "speaker", "speaker_title_en", "speaker_title_zh")


class ProseField(forms.CharField):
    """A text of several lines."""

    def __init__(self, label: Any, help_text: Any = "") -> None:
        widget = forms.Textarea(attrs={"rows": 8})
        super().__init__(label=label, max_length=MAX_TEXT_CHARS, widget=widget, help_text=help_text)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        # Without the limit: a browser would silently cut pasted text.
        return {name: value for name, value in super().widget_attrs(widget).items() if name != "maxlength"}


class AnnouncementForm(RefusableForm):
    """A version of the announcement; `shown_from` is read in the time zone in force."""

    title_en = forms.CharField(label=_("Title in English"), max_length=MAX_TITLE_CHARS)
    text_en = ProseField(
        _("Text in English"), _("Plain text. An empty line begins a paragraph; https addresses become links.")
    )
    title_zh = forms.CharField(label=_("Title in Chinese"), max_length=MAX_TITLE_CHARS)
    text_zh = ProseField(_("Text in Chinese"))
    speaker = forms.CharField(
        label=_("Signed by"), max_length=MAX_SPEAKER_CHARS, help_text=_("The name shown under the text.")
    )
    speaker_title_en = forms.CharField(
        label=_("Position in English (optional)"), required=False, max_length=MAX_SPEAKER_CHARS
    )
    speaker_title_zh = forms.CharField(
        label=_("Position in Chinese (optional)"), required=False, max_length=MAX_SPEAKER_CHARS
    )
    shown_from = forms.DateTimeField(
        label=_("Shown from (optional)"),
        required=False,
        # Browsers accept a preset time only in ISO format, whatever the language of the page.
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": _("This is not a valid date and time.")},
        help_text=_("In the time zone of the campaign. Empty: as soon as another HR user publishes it."),
    )

    @classmethod
    def from_version(cls, announcement: Announcement) -> Self:
        """The text of a version again, to be changed."""
        return cls(initial={name: getattr(announcement, name) for name in TEXT_FIELDS})

    def draft(self) -> AnnouncementDraft:
        return AnnouncementDraft(**{name: self.cleaned_data[name] for name in (*TEXT_FIELDS, "shown_from")})

    def as_hidden_fields(self) -> list[str]:
        """The input, as hidden fields of another form on the same page."""
        # Without ids: the visible form on the same page has them already.
        copy = type(self)(self.data, auto_id=False)
        return [field.as_hidden() for field in copy]


class RequestForm(IdempotentForm):
    """Requests the publication, once."""


class WithdrawForm(RefusableForm):
    reason = reason_field(_("Reason"), _("HR and auditors see it. Employees do not."))
