"""Forms: they read the input and keep it; the services decide what can be recorded."""

import uuid
from collections.abc import Sequence
from typing import Any, Self

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from apps.contacts.drafts import Draft
from apps.contacts.pasting import drafts_from_text, lines_of
from apps.results.corrections import CorrectionDraft

MAX_CHARS = 500
MAX_LINES, MAX_PASTED_CHARS = 200, 50_000
IDENTITY_NEEDED = _("A phone number, an e-mail or a handle is needed.")
IDENTITY_FIELDS = ("phone", "email", "handle")


def new_key() -> str:
    """The idempotency key of one filled-in form."""
    return str(uuid.uuid4())


class RefusableForm(forms.Form):
    """A form that shows refusals by the services, each at its field."""

    def refuse(self, field: str | None, message: str) -> None:
        """Show a refusal at its field; an unknown field means the whole form."""
        self.add_error(field if field in self.fields else None, message)


class IdempotentForm(RefusableForm):
    """A form with an idempotency key: sent twice (a double click, a lost response), it has one effect."""

    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "initial": {"key": new_key(), **kwargs.get("initial", {})}})

    def refused(self) -> Self:
        """This form after a refusal, with a new key, so that the corrected form is processed."""
        self.data = {**{name: self.data.get(name, "") for name in self.fields}, "key": new_key()}
        return self


class QuickAddForm(IdempotentForm):
    """One person or several: an optional name, and a field for a phone, an e-mail or a handle, one per line."""

    name = forms.CharField(label=_("Name"), required=False, max_length=MAX_CHARS)
    # Without max_length: a browser would silently cut pasted text.
    reach = forms.CharField(
        label=_("Phone, e-mail or handle"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 1}),
        error_messages={"required": IDENTITY_NEEDED},
    )
    failed: Sequence[Any] = ()
    summary = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "add_%s", **kwargs})
        for field in ("name", "reach"):
            self.fields[field].widget.attrs |= {
                "autocomplete": "off",
                "autocapitalize": "none" if field == "reach" else "words",
            }
        self.fields["reach"].widget.attrs |= {"spellcheck": "false", "enterkeyhint": "send", "data-enter": ""}

    @classmethod
    def holding(cls, failed: Sequence[Any], summary: str) -> Self:
        """A new form; after a pasted list it contains the failed lines (`text` of each), to be corrected."""
        form = cls(initial={"reach": "\n".join(failure.text for failure in failed)})
        form.failed, form.summary = failed, summary
        if failed:
            form.fields["reach"].widget.attrs |= {"aria-invalid": "true", "aria-describedby": "add_failed"}
        return form

    def clean_reach(self) -> str:
        text: str = self.cleaned_data["reach"]
        # Checked first: a megabyte of line ends is a million lines.
        too_long = len(text) > MAX_PASTED_CHARS
        lines = [] if too_long else lines_of(text)
        if not lines and not too_long:
            raise forms.ValidationError(IDENTITY_NEEDED)
        if too_long or len(lines) > MAX_LINES:
            raise forms.ValidationError(
                _("At most %(lines)s lines and %(characters)s characters at once: for more, upload a file instead."),
                params={"lines": MAX_LINES, "characters": f"{MAX_PASTED_CHARS:,}"},
            )
        return text

    @property
    def drafts(self) -> list[Draft]:
        """The drafts in a valid form."""
        return drafts_from_text(self.cleaned_data["reach"], self.cleaned_data["name"])


class UploadForm(RefusableForm):
    """A file of contacts."""

    file = forms.FileField(
        label=_("A CSV or vCard file"),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,.vcf,.vcard,text/csv,text/vcard"}),
        error_messages={
            "required": _("Choose a file first."),
            "empty": _("This file is empty."),
        },
    )


class RosterForm(RefusableForm):
    """HR's roster file."""

    file = forms.FileField(
        label=_("A CSV or Excel file"),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,.xlsx,text/csv"}),
        error_messages={"required": _("Choose a file first."), "empty": _("This file is empty.")},
    )


class RenameForm(RefusableForm):
    name = forms.CharField(label=_("Name"), max_length=MAX_CHARS, required=False)


class CorrectForm(RefusableForm):
    """The identities of a contact: at least one, each of a different kind."""

    phone = forms.CharField(label=_("Phone"), required=False, max_length=MAX_CHARS)
    email = forms.CharField(label=_("E-mail"), required=False, max_length=MAX_CHARS)
    handle = forms.CharField(label=_("Handle"), required=False, max_length=MAX_CHARS)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not self.identities():
            self.add_error("phone", _("At least one of phone, e-mail and handle is needed."))
        return cleaned

    def identities(self) -> tuple[tuple[str, str], ...]:
        """The filled-in fields as (kind, text as typed)."""
        return tuple((kind, self.cleaned_data[kind]) for kind in IDENTITY_FIELDS if self.cleaned_data.get(kind))


class CorrectionForm(RefusableForm):
    """A correction of a frozen result: reason, evidence, and the new standings of a few employees.

    An empty number keeps that part of a standing.
    """

    PEOPLE = 5
    reason = forms.CharField(label=_("Reason"), max_length=MAX_CHARS, widget=forms.Textarea(attrs={"rows": 2}))
    evidence = forms.CharField(
        label=_("Evidence: what shows it, and where it is kept"),
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for place in range(self.PEOPLE):
            self.fields[f"staff_no_{place}"] = forms.CharField(
                label=_("Staff number"), required=place == 0, max_length=MAX_CHARS
            )
            self.fields[f"counted_{place}"] = forms.IntegerField(label=_("Counted"), required=False, min_value=0)
            self.fields[f"target_{place}"] = forms.IntegerField(label=_("Target"), required=False, min_value=1)
            self.fields[f"exempt_{place}"] = forms.ChoiceField(
                label=_("Exempt"), required=False, choices=[("", _("as it is")), ("yes", _("yes")), ("no", _("no"))]
            )

    @property
    def people(self) -> list[list[forms.BoundField]]:
        """The fields of each employee in turn."""
        names = ("staff_no", "counted", "target", "exempt")
        return [[self[f"{name}_{place}"] for name in names] for place in range(self.PEOPLE)]

    def wanted(self) -> list[CorrectionDraft]:
        """The filled-in corrections."""
        values, exempt = self.cleaned_data, {"yes": True, "no": False}
        return [
            CorrectionDraft(
                values[f"staff_no_{place}"], values[f"counted_{place}"], values[f"target_{place}"],
                exempt.get(values[f"exempt_{place}"]),
            )
            for place in range(self.PEOPLE)
            if values[f"staff_no_{place}"]
        ]  # fmt: skip


class SignInForm(AuthenticationForm):
    """Django's form, with the application's label for the name."""

    error_messages = {
        "invalid_login": _("This staff number or e-mail and this password do not belong together."),
        "inactive": _("This account is closed."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Staff number or e-mail")


class ForgottenForm(RefusableForm):
    """The account whose password is forgotten."""

    username = forms.CharField(
        label=_("Staff number or e-mail"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
