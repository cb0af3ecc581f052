"""Forms of corrections of a frozen result."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms.base import MAX_CHARS, RefusableForm, person_field
from apps.results.corrections import CorrectionDraft


class EvidenceForm(RefusableForm):
    """The reason and the evidence of a correction of a frozen result."""

    reason = forms.CharField(label=_("Reason"), max_length=MAX_CHARS, widget=forms.Textarea(attrs={"rows": 2}))
    evidence = forms.CharField(
        label=_("Evidence: what proves it, and where it is stored"),
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class CorrectionForm(EvidenceForm):
    """A correction of a frozen result: reason, evidence, and the new standings of a few employees.

    An empty number keeps that part of a standing.
    """

    MAX_PEOPLE = 5

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Flat fields, no formset: one page with few people and one error list.
        for index in range(self.MAX_PEOPLE):
            self.fields[f"staff_no_{index}"] = person_field(_("Name, staff number or e-mail"), required=index == 0)
            self.fields[f"counted_{index}"] = forms.IntegerField(label=_("Counted"), required=False, min_value=0)
            self.fields[f"target_{index}"] = forms.IntegerField(label=_("Target"), required=False, min_value=1)
            self.fields[f"exempt_{index}"] = forms.ChoiceField(
                label=_("Exempt"), required=False, choices=[("", _("unchanged")), ("yes", _("yes")), ("no", _("no"))]
            )

    def refuse(self, field: str | None, message: str) -> None:
        # The service names the whole list: the message stands at its first field.
        super().refuse("staff_no_0" if field == "people" else field, message)

    @property
    def people(self) -> list[list[forms.BoundField]]:
        names = ("staff_no", "counted", "target", "exempt")
        return [[self[f"{name}_{index}"] for name in names] for index in range(self.MAX_PEOPLE)]

    @property
    def named_fields(self) -> list[str]:
        """The fields that name an employee, of a valid form."""
        return [name for name in map("staff_no_{}".format, range(self.MAX_PEOPLE)) if self.cleaned_data[name]]

    def drafts(self, staff_nos: Iterable[str]) -> list[CorrectionDraft]:
        """`staff_nos`: of the employees that `named_fields` name, in their order."""
        values, exempt = self.cleaned_data, {"yes": True, "no": False}
        drafts = []
        for name, staff_no in zip(self.named_fields, staff_nos, strict=True):
            index = name.removeprefix("staff_no_")
            counted, target = values[f"counted_{index}"], values[f"target_{index}"]
            drafts.append(CorrectionDraft(staff_no, counted, target, exempt.get(values[f"exempt_{index}"])))
        return drafts
