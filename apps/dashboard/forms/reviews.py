"""The two forms of a review: the question, and the answer."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms.base import IdempotentForm, RefusableForm, set_choices

MAX_CHARS = 4_000
REASON = "reason"


def numbers(values: Iterable[str]) -> set[int]:
    """Ids as a form sends them. An invalid number becomes an id that does not exist, and is refused as such."""
    # Eighteen digits fit into a bigint; more would be an error of the database, not of the form.
    return {int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else 0 for value in values}


class TextField(forms.CharField):
    """A text of several lines. Its limit is checked here: a browser would silently cut pasted text."""

    def __init__(self, *, rows: int, most: int = MAX_CHARS, **options: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows}), **options)
        self.most = most

    def validate(self, value: str) -> None:
        super().validate(value)
        if len(value) > self.most:
            message = _("Use at most %(most)s characters. This text has %(count)s.")
            raise forms.ValidationError(message, params={"most": f"{self.most:,}", "count": f"{len(value):,}"})


class ReviewForm(IdempotentForm):
    """The question for HR. The ticked contacts are read separately; the service decides which can be ticked."""

    text = TextField(
        label=_("What should HR check?"),
        rows=5,
        error_messages={"required": _("Describe what HR should check.")},
        help_text=_(
            "HR reads this text. Do not name any contact. HR does not need the names, and does not see the "
            "names of the contacts you tick."
        ),
    )


class AnswerForm(RefusableForm):
    """A reason, or a decision by HR for this employee, as `adjustment:12`."""

    answer = forms.ChoiceField(
        label=_("Type of answer"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the type of answer."), "invalid_choice": _("Choose the type of answer.")},
    )
    text = TextField(label=_("Your answer"), rows=5, required=False)

    def __init__(self, *args: Any, choices: list[tuple[str, Any]], **options: Any) -> None:
        super().__init__(*args, **{"initial": {"answer": REASON}, **options})
        set_choices(self.fields["answer"], choices)

    @property
    def kind(self) -> str:
        return str(self.cleaned_data["answer"].partition(":")[0])

    @property
    def subject_id(self) -> int | None:
        """The id of the decision; None for a reason."""
        number = self.cleaned_data["answer"].partition(":")[2]
        return int(number) if number else None
