"""Forms: they read the input and keep it; the services decide what can be recorded."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Self

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest
from django.urls import reverse, reverse_lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from apps.accounts.login_throttling import NO_GUESS, guess_password
from apps.contacts.drafts import Draft
from apps.contacts.pasting import drafts_from_text, lines_of
from apps.core.errors import Refused

MAX_CHARS = 500
MAX_LINES, MAX_PASTED_CHARS = 200, 50_000
IDENTITY_NEEDED = _("Enter a phone number, an e-mail or a handle.")
IDENTITY_FIELDS = ("phone", "email", "handle")


def new_key() -> str:
    return str(uuid.uuid4())


class RefusableForm(forms.Form):
    """A form that shows refusals by the services, each at its field.

    `error_status`: the HTTP status of the page that shows the errors.
    """

    error_status = 422

    def refuse(self, field: str | None, message: str) -> None:
        """Show a refusal at its field; an unknown field means the whole form."""
        self.add_error(field if field in self.fields else None, message)

    def showing_refusals(self, default_field: str | None = None) -> "_ShownRefusals":
        """A refusal inside the `with` block ends it and is shown here, at `default_field` if it names no field."""
        return _ShownRefusals(self, default_field)


class _ShownRefusals:
    # A class and no generator: only the `bool` of `__exit__` lets mypy know that the code after the block is reached.
    def __init__(self, form: RefusableForm, default_field: str | None) -> None:
        self.form, self.default_field = form, default_field

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, Refused):
            return False
        self.form.refuse(error.field or self.default_field, error.message)
        self.form.error_status = 409 if error.conflict else 422
        return True


class IdempotentForm(RefusableForm):
    """A form with an idempotency key: sent twice (a double click, a lost response), it has one effect."""

    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # A key given by the caller wins: a form that comes back must keep the key it was sent with.
        super().__init__(*args, **{**kwargs, "initial": {"key": new_key(), **kwargs.get("initial", {})}})

    def with_new_key(self) -> Self:
        """This form after a refusal: with its old key, the corrected form would count as sent already."""
        self.data = {**{name: self.data.get(name, "") for name in self.fields}, "key": new_key()}
        return self


class QuickAddForm(IdempotentForm):
    """One person or several: an optional name, and a field for a phone, an e-mail or a handle, one per line."""

    name = forms.CharField(label=_("Name (optional)"), required=False, max_length=MAX_CHARS)
    # Without max_length: a browser would silently cut pasted text.
    reach = forms.CharField(
        label=_("Phone, e-mail or handle"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 1}),
        error_messages={"required": IDENTITY_NEEDED},
    )
    failed: Sequence[Any] = ()
    summary = ""
    # What was understood of a text that was refused: perhaps a number that is nearly one.
    understood: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The page has other forms with a field `name`: two elements must not share an id.
        super().__init__(*args, **{"auto_id": "add_%s", **kwargs})
        for field in ("name", "reach"):
            self.fields[field].widget.attrs |= {
                "autocomplete": "off",
                # Phones capitalise the first letter, which would change a handle.
                "autocapitalize": "none" if field == "reach" else "words",
            }
        self.fields["reach"].widget.attrs |= {
            "spellcheck": "false",
            "enterkeyhint": "send",
            "data-enter": "",
            # Says what was understood while the reader types.
            "data-hx-post": reverse("contact-add-preview"),
            "data-hx-trigger": "input changed delay:300ms",
            "data-hx-target": "#understood",
            "data-hx-swap": "innerHTML",
            # Else inherited from the form, whose button stays usable.
            "data-hx-disabled-elt": "unset",
        }

    @classmethod
    def with_failed_lines(cls, failed: Sequence[Any], summary: str) -> Self:
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
                _("At most %(lines)s lines and %(characters)s characters at a time. For more, upload a file instead."),
                params={"lines": MAX_LINES, "characters": f"{MAX_PASTED_CHARS:,}"},
            )
        return text

    @property
    def drafts(self) -> list[Draft]:
        return drafts_from_text(self.cleaned_data["reach"], self.cleaned_data["name"])


def file_field(label: Any, accept: str, *, required: bool = True) -> forms.FileField:
    return forms.FileField(
        label=label,
        required=required,
        widget=forms.FileInput(attrs={"accept": accept}),
        error_messages={"required": _("Choose a file first."), "empty": _("This file is empty.")},
    )


def table_field(*, required: bool = True) -> forms.FileField:
    return file_field(_("A CSV or Excel file"), ".csv,.txt,.tsv,.xlsx,text/csv", required=required)


def private_field(label: Any, *, max_length: int = MAX_CHARS, **options: Any) -> forms.CharField:
    """A field for a person's number or address, which browsers neither complete nor correct."""
    attributes = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    return forms.CharField(label=label, max_length=max_length, widget=forms.TextInput(attrs=attributes), **options)


def person_field(label: Any, *, teams: bool = False, **options: Any) -> forms.CharField:
    """A field that names an employee, with suggestions (static/js/people.js); `teams`: only people with a team."""
    field = private_field(label, max_length=200, **options)
    field.widget.attrs["data-people"] = format_lazy("{}{}", reverse_lazy("people"), "?teams=yes" if teams else "")
    return field


def set_choices(field: forms.Field, choices: Iterable[Any]) -> None:
    field.choices = list(choices)  # type: ignore[attr-defined]  # every field here is one with choices


class UploadForm(RefusableForm):
    file = file_field(_("A CSV, Excel or vCard file"), ".csv,.txt,.tsv,.xlsx,.vcf,.vcard,text/csv,text/vcard")


class RosterForm(RefusableForm):
    file = table_field()


class RenameForm(RefusableForm):
    name = forms.CharField(label=_("Name"), max_length=MAX_CHARS, required=False)


class CorrectForm(RefusableForm):
    """The identities of a contact: at least one, each of a different kind."""

    phone = forms.CharField(label=_("Phone"), required=False, max_length=MAX_CHARS)
    email = forms.CharField(label=_("E-mail"), required=False, max_length=MAX_CHARS)
    handle = forms.CharField(label=_("Handle"), required=False, max_length=MAX_CHARS)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if not self.errors and not self.identities():
            self.add_error("phone", _("Enter a phone number, an e-mail or a handle."))
        return cleaned

    def identities(self) -> tuple[tuple[str, str], ...]:
        """The filled-in fields as (kind, text as typed)."""
        return tuple((kind, self.cleaned_data[kind]) for kind in IDENTITY_FIELDS if self.cleaned_data.get(kind))


class BoundedPasswords:
    """Gives Django's password fields a limit, so that no hash or comparison reads a megabyte."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.CharField) and field.max_length is None:
                field.validators.append(MaxLengthValidator(MAX_CHARS))
                # Set for readers of the field alone. As an attribute of the input, a browser would cut a password.
                field.max_length = MAX_CHARS


class NewPasswordForm(BoundedPasswords, SetPasswordForm):
    pass


class ChangePasswordForm(BoundedPasswords, PasswordChangeForm):
    pass


class SignInForm(BoundedPasswords, AuthenticationForm):
    request: HttpRequest
    error_messages = {
        "invalid_login": _("Staff number, e-mail or password is wrong."),
        "inactive": _("This account is closed."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Staff number or e-mail")
        self.guess = NO_GUESS

    def clean(self) -> dict[str, Any]:
        """Count the guess, then check it. Raises TooManyGuesses."""
        # Before the check, so that parallel guesses cannot slip under the limit; by the very name that is checked,
        # because another spelling of it would have another counter.
        self.guess = guess_password(self.request, self.cleaned_data.get("username") or "")
        return super().clean()


class ForgottenForm(RefusableForm):
    username = forms.CharField(
        label=_("Staff number or e-mail"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
