"""Forms of HR's campaigns. They read the input; the services decide whether it makes a campaign or a rule."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Self

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.campaigns.rule_draft import RuleDraft, company_domains
from apps.core.time_zones import company_zone, time_zones
from apps.dashboard.forms.adjustments import MAX_REASON_CHARS, MAX_TARGET, day_field, reason_field
from apps.dashboard.forms.base import MAX_CHARS, IdempotentForm, RefusableForm

# The domains of one company, in a text field.
MAX_DOMAINS_CHARS = 20_000


@cache
def zones() -> tuple[str, ...]:
    """The time zones of places, by name, and UTC."""
    places = [zone for zone in time_zones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/"))]
    return ("UTC", *sorted(places))


class TermsForm(RefusableForm):
    """The terms of a rule."""

    target = forms.IntegerField(
        label=_("Target"),
        min_value=1,
        max_value=MAX_TARGET,
        help_text=_("How many contacts everybody needs."),
    )
    opens_on = day_field(label=_("First day"))
    deadline = day_field(label=_("Deadline: the last day that counts"))
    time_zone = forms.ChoiceField(label=_("Time zone of the campaign"))
    exclusive = forms.BooleanField(
        label=_("A person counts only for whoever recorded them first"),
        required=False,
    )
    confirmed_only = forms.BooleanField(
        label=_("A contact counts only once the person has confirmed it"),
        required=False,
    )
    scope = forms.MultipleChoiceField(
        label=_("Departments"),
        required=False,
        error_messages={"invalid_choice": _("Choose departments from the list.")},
    )
    company_domains = forms.CharField(
        label=_("Domains of the company's own addresses"),
        required=False,
        max_length=MAX_DOMAINS_CHARS,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=_("One in a line. Contacts with an address in one of them, or in a subdomain, do not count."),
    )

    def __init__(self, *args: Any, departments: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["scope"]
        chosen.choices = [(name, name) for name in departments]
        known: Any = self.fields["time_zone"]
        known.choices = [
            (zone, zone) for zone in sorted({*zones(), company_zone(), self.initial.get("time_zone", "UTC")})
        ]

    @classmethod
    def of(cls, rule: Any, departments: Iterable[str]) -> Self:
        """The form filled in with a rule."""
        names = ("target", "opens_on", "deadline", "time_zone", "exclusive", "confirmed_only", "scope")
        initial = {name: getattr(rule, name) for name in names}
        initial["company_domains"] = "\n".join(rule.company_domains)
        return cls(initial=initial, departments=departments)

    @property
    def departments(self) -> list[tuple[str, bool]]:
        """Each department that can be chosen, and whether it is."""
        chosen = set(self["scope"].value() or [])
        field: Any = self.fields["scope"]
        return [(name, name in chosen) for name, _label in field.choices]

    def clean_company_domains(self) -> list[str]:
        return [domain for domain in re.split(r"[\s,;，；、]+", self.cleaned_data["company_domains"]) if domain]

    def terms(self) -> RuleDraft:
        """The rule draft of a valid form."""
        names = ("target", "opens_on", "deadline", "time_zone", "exclusive", "confirmed_only", "scope")
        values = {name: self.cleaned_data[name] for name in names}
        return RuleDraft(**values, company_domains=self.cleaned_data["company_domains"])

    def carried(self) -> list[str]:
        """The input, as hidden fields of another form on the same page."""
        copy = type(self)(self.data, auto_id=False, departments=[name for name, _chosen in self.departments])
        return [field.as_hidden() for field in copy]


class CampaignForm(TermsForm):
    """A new campaign."""

    name = forms.CharField(label=_("Name"), max_length=MAX_CHARS, help_text=_("As everybody will read it."))
    field_order = ["name"]

    @classmethod
    def empty(cls, departments: Iterable[str]) -> Self:
        """The initial form."""
        initial = {"target": 100, "time_zone": company_zone(), "company_domains": "\n".join(company_domains())}
        return cls(initial=initial, departments=departments)


class ConfirmForm(TermsForm):
    """A rule change, and the version it is based on."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)

    @classmethod
    def of(cls, rule: Any, departments: Iterable[str]) -> Self:
        form = super().of(rule, departments)
        form.initial["seen"] = rule.version
        return form

    def at(self, version: int) -> Self:
        """This form again, now based on this version."""
        typed: Any = self.data
        typed = typed.copy()
        typed["seen"] = str(version)
        self.data = typed
        return self


class OpenForm(IdempotentForm):
    """Opens the campaign, once."""


class ChangeForm(IdempotentForm):
    """Changes the rule, once, with a reason."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=MAX_REASON_CHARS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Everybody of the campaign reads it for 14 days."),
    )


class CancelForm(RefusableForm):
    """The reason for a cancellation."""

    reason = reason_field(_("Reason"), _("It is kept in the audit trail and on this page."))
