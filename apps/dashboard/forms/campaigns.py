"""Forms of HR's campaigns. They read the input; the services decide whether it makes a campaign or a rule."""

import re
from collections.abc import Iterable
from typing import Any, Self

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.campaigns.models import CampaignRule
from apps.campaigns.rule_draft import RuleDraft, company_domains
from apps.core.time_zones import company_zone, current_zones, time_zones
from apps.dashboard.forms.adjustments import MAX_TARGET, day_field, reason_field
from apps.dashboard.forms.base import MAX_CHARS, IdempotentForm, RefusableForm, set_choices

# The domains of one company, in a text field.
MAX_DOMAINS_CHARS = 20_000
RULE_FIELDS = ("target", "opens_on", "deadline", "time_zone", "exclusive", "confirmed_only", "scope", "prorate_joiners")


class TermsForm(RefusableForm):
    target = forms.IntegerField(
        label=_("Target"),
        min_value=1,
        max_value=MAX_TARGET,
        help_text=_("Number of contacts that each employee needs."),
    )
    opens_on = day_field(label=_("First day"))
    deadline = day_field(label=_("Deadline: the last day that counts"))
    time_zone = forms.ChoiceField(label=_("Time zone of the campaign"))
    exclusive = forms.BooleanField(
        label=_("A person counts only for the colleague who recorded them first"),
        required=False,
    )
    confirmed_only = forms.BooleanField(
        label=_("A contact counts only once the person has confirmed it"),
        required=False,
    )
    prorate_joiners = forms.BooleanField(
        label=_("Employees who join after the first day have a pro-rata target"),
        required=False,
    )
    scope = forms.MultipleChoiceField(
        label=_("Departments"),
        required=False,
        error_messages={"invalid_choice": _("Choose departments from the list.")},
    )
    company_domains = forms.CharField(
        label=_("Company e-mail domains"),
        required=False,
        max_length=MAX_DOMAINS_CHARS,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=_("One per line. Contacts with an address in one of these domains, or in a subdomain, do not count."),
    )

    def __init__(self, *args: Any, departments: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self.fields["scope"], ((name, name) for name in departments))
        # A rule from before may have a zone under a former name.
        chosen = self.data.get("time_zone") or self.initial.get("time_zone", "UTC")
        offered = {*current_zones(), *({chosen} & time_zones())} - {company_zone()}
        set_choices(self.fields["time_zone"], ((zone, zone) for zone in (company_zone(), *sorted(offered))))

    @classmethod
    def from_rule(cls, rule: Any, departments: Iterable[str]) -> Self:
        initial = {name: getattr(rule, name) for name in RULE_FIELDS}
        initial["company_domains"] = "\n".join(rule.company_domains)
        return cls(initial=initial, departments=departments)

    @property
    def departments(self) -> list[tuple[str, bool]]:
        """Each department that can be chosen, and whether it is."""
        chosen = set(self["scope"].value() or [])
        return [(name, name in chosen) for name, _label in self.fields["scope"].choices]  # type: ignore[attr-defined]

    def clean_company_domains(self) -> list[str]:
        # Pasted from Chinese mail programs the list has full-width commas.
        return [domain for domain in re.split(r"[\s,;，；、]+", self.cleaned_data["company_domains"]) if domain]

    def draft(self) -> RuleDraft:
        return RuleDraft(**{name: self.cleaned_data[name] for name in (*RULE_FIELDS, "company_domains")})

    def as_hidden_fields(self) -> list[str]:
        """The input, as hidden fields of another form on the same page."""
        # Without ids: the visible form on the same page has them already.
        copy = type(self)(self.data, auto_id=False, departments=[name for name, _chosen in self.departments])
        return [field.as_hidden() for field in copy]


class CampaignForm(TermsForm):
    name = forms.CharField(
        label=_("Campaign name"), max_length=MAX_CHARS, help_text=_("The name that all employees see.")
    )
    field_order = ["name"]

    @classmethod
    def with_defaults(cls, departments: Iterable[str], time_zone: str) -> Self:
        initial = {"target": 100, "time_zone": time_zone, "company_domains": "\n".join(company_domains())}
        return cls(initial=initial, departments=departments)

    @classmethod
    def duplicate_of(cls, rule: CampaignRule, departments: Iterable[str]) -> Self:
        """This rule again, without days: a new campaign has its own, and its own name."""
        form = cls.from_rule(rule, departments)
        del form.initial["opens_on"], form.initial["deadline"]
        return form


class ConfirmForm(TermsForm):
    """A rule change, and the version it is based on."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)

    @classmethod
    def from_rule(cls, rule: Any, departments: Iterable[str]) -> Self:
        form = super().from_rule(rule, departments)
        form.initial["seen"] = rule.version
        return form

    def based_on(self, version: int) -> Self:
        """This form again, now based on this version."""
        data: Any = self.data
        self.data = data.copy()
        self.data["seen"] = str(version)  # type: ignore[index]  # a copy of a QueryDict is mutable
        return self


class OpenForm(IdempotentForm):
    """Opens the campaign, once."""


class ChangeForm(IdempotentForm):
    """Changes the rule, once, with a reason."""

    reason = reason_field(_("Reason"), _("All employees in the campaign see it for 14 days."), required=False)


class CancelForm(RefusableForm):
    reason = reason_field(_("Reason"), _("The reason is stored in the audit trail and shown on this page."))
