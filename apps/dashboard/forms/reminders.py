"""The forms of reminders: what is sent, and the texts that managers may choose."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms.base import IdempotentForm, RefusableForm, set_choices
from apps.dashboard.forms.reviews import TextField
from apps.notifications.models import ReminderText
from apps.notifications.reminders.approved_texts import MAX_TEXT_CHARS, MAX_TITLE_CHARS
from apps.notifications.reminders.id_sets import MAX_CHARS, IdSet
from apps.notifications.reminders.sending import Draft

# The choice of HR's own text.
OWN = "own"
CHANGED = _("The list has changed. Check it again.")


class ReminderForm(IdempotentForm):
    """`seen`: the recipients that the page showed."""

    text = forms.ChoiceField(
        label=_("Text"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a text."), "invalid_choice": _("Choose a text.")},
    )
    text_en = TextField(label=_("Your text in English"), rows=4, most=MAX_TEXT_CHARS, required=False)
    text_zh = TextField(label=_("Your text in Chinese"), rows=4, most=MAX_TEXT_CHARS, required=False)
    seen = forms.CharField(max_length=MAX_CHARS, widget=forms.HiddenInput, error_messages={"required": CHANGED})

    def __init__(self, *args: Any, texts: Iterable[ReminderText], writes_own: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.texts = {str(text.pk): text for text in texts}
        keys = [*self.texts, OWN] if writes_own else [*self.texts]
        set_choices(self.fields["text"], [(key, key) for key in keys])
        if not writes_own:
            del self.fields["text_en"], self.fields["text_zh"]

    def clean_seen(self) -> IdSet:
        try:
            return IdSet.decode(self.cleaned_data["seen"])
        except ValueError as error:
            raise forms.ValidationError(CHANGED) from error

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("text") == OWN:
            for name in ("text_en", "text_zh"):
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, _("Write the text in both languages."))
        return cleaned

    @property
    def draft(self) -> Draft:
        if self.cleaned_data["text"] != OWN:
            return Draft(self.texts[self.cleaned_data["text"]])
        return Draft(None, self.cleaned_data["text_en"], self.cleaned_data["text_zh"])


class ReminderTextForm(RefusableForm):
    """An approved text, in both languages."""

    title = forms.CharField(
        label=_("Title"), max_length=MAX_TITLE_CHARS, help_text=_("For senders. Recipients do not see it.")
    )
    text_en = TextField(label=_("Text in English"), rows=4, most=MAX_TEXT_CHARS)
    text_zh = TextField(label=_("Text in Chinese"), rows=4, most=MAX_TEXT_CHARS)
